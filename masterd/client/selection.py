"""Which jobs a command is about: ids, filters, statuses.

Source: Ganeti 3.0.2 lib/client/gnt_job.py, lib/qlang.py (rules and texts).
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from masterd.client.filter_text import looks_like_filter, parse_filter
from masterd.errors import ECode, OpPrereqError
from masterd.job.status import FINAL, JobStatus

PENDING: Final = frozenset({JobStatus.QUEUED, JobStatus.WAITING, JobStatus.CANCELING})
FINISHED: Final = FINAL

#: Fields of `list` when nothing is said.
DEFAULT_FIELDS: Final = ("id", "status", "summary")

#: Fields of `list --json` when nothing is said: those whose size does not depend on what the job
#: was given and gave, and for which the daemon reads neither logs nor the archive.
CHEAP_FIELDS: Final = (
    *("id", "status", "priority", "summary", "received_ts", "start_ts", "end_ts"),
    *("opstatus", "opstart", "opexec", "opend"),
)


def parse_job_id(text: str) -> int:
    """Return a job id.

    Raises:
        OpPrereqError: the text is no number.
    """
    try:
        return int(text)
    except ValueError as error:
        raise OpPrereqError(f"Invalid job ID passed: {error}", ECode.INVAL) from None


def parse_job_ids(texts: Sequence[str]) -> list[int]:
    """Return job ids; all are checked before anything is done with one."""
    return [parse_job_id(text) for text in texts]


def parse_fields(selected: str | None, default: Sequence[str]) -> list[str]:
    """Return the fields of `-o`: comma-separated, with "+" in front added to the default ones."""
    if selected is None:
        return list(default)
    if selected.startswith("+"):
        return [*default, *selected[1:].split(",")]
    return selected.split(",")


def any_of(field: str, values: Collection[object]) -> list[Any] | None:
    """Return the filter for a field with one of some values; none: no filter."""
    if not values:
        return None
    return ["|", *(["==", field, value] for value in values)]


def status_filter(statuses: frozenset[JobStatus] | None) -> list[Any] | None:
    """Return the filter for jobs in one of some statuses, in the order of their names."""
    return any_of("status", sorted(str(status) for status in statuses or ()))


def list_filter(
    arguments: Sequence[str], *, force_filter: bool, statuses: frozenset[JobStatus] | None
) -> list[Any] | None:
    """Return the filter of `list`: ids, or one filter text, and statuses.

    Raises:
        OpPrereqError: an id is none, or `force_filter` without exactly one argument.
        FilterTextError: the filter text is wrong.
    """
    by_status = status_filter(statuses)
    if force_filter or (len(arguments) == 1 and looks_like_filter(arguments[0])):
        if len(arguments) != 1:
            raise OpPrereqError("Exactly one argument must be given as a filter", ECode.INVAL)
        named: list[Any] | None = parse_filter(arguments[0])
    else:
        named = any_of("id", parse_job_ids(arguments))
    if named is None or by_status is None:
        return named or by_status
    return ["&", named, by_status]
