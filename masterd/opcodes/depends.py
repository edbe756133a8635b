"""Dependencies on other jobs, as an opcode states them. Pure.

A dependency is `[job id, [status, ...]]`: the other job has to end first, in one of the statuses;
an empty list means any. A negative id counts back from the job itself: -1 is the job submitted just
before it. A submission turns it into the real id, and only real ids are stored.

Source: Ganeti 3.0.2, luxid's answers to relative ids.
"""

from typing import Annotated, Literal

from masterd.opcodes import checks
from masterd.opcodes.annotations import check_for
from masterd.opcodes.errors import OpCodeError

#: How a job may have ended.
FinalStatus = Literal["canceled", "error", "success"]

Dependency = tuple[int, tuple[FinalStatus, ...]]

_DEPENDENCY = checks.all_of(
    checks.any_of(checks.list_of(checks.ANYTHING), checks.TUPLE),
    checks.length(2),
    checks.items(
        checks.any_of(checks.JOB_ID, checks.RELATIVE_JOB_ID),
        checks.list_of(check_for(FinalStatus)),
    ),
)

Dependencies = tuple[Annotated[Dependency, _DEPENDENCY], ...]


def resolve_depends(depends: Dependencies | None, job_id: int) -> Dependencies | None:
    """Return the dependencies of job `job_id`, relative ids replaced by real ones.

    Raises:
        OpCodeError: a relative id points before the first job there ever was.
    """
    if depends is None:
        return None
    return tuple((_real(number, job_id), statuses) for number, statuses in depends)


def is_relative(depends: Dependencies | None) -> bool:
    """Tell whether real ids are still missing."""
    return any(number < 0 for number, _ in depends or ())


def _real(number: int, job_id: int) -> int:
    if number >= 0:
        return number
    real = job_id + number
    if real < 1:
        raise OpCodeError(
            f"Invalid value for job ID '{real}': relative id {number} of job {job_id}"
        )
    return real
