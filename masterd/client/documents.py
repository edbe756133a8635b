"""What `--json` prints: documents for programs.

Times stand as pairs, as everywhere in Ganeti, and beside them (`NAME_rfc3339`) as text in the form
of RFC 3339, in UTC. Following a job gives one document a line, so that each can be used at once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from masterd.client.failure import Failure
from masterd.client.follow import SilentReporter
from masterd.errors import EXIT_SUCCESS

#: Fields that hold a time, or one for each opcode.
TIMES: Final = frozenset({"received_ts", "start_ts", "end_ts", "opstart", "opexec", "opend"})

_SUFFIX: Final = "_rfc3339"


def rfc3339(value: object) -> str | None:
    """Return a pair of seconds and microseconds as text; None for what is no such pair."""
    match value:
        case [int(seconds), int(microseconds)]:
            try:
                time = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
            except (ValueError, OverflowError, OSError):
                return None
            return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case _:
            return None


def with_times(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's values by field, with each time as text behind it."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        found[name] = value
        if name in TIMES:
            many = name.startswith("op") and isinstance(value, list)
            found[name + _SUFFIX] = [rfc3339(each) for each in value] if many else rfc3339(value)
    return found


def ended(job_id: int, failure: Failure | None) -> dict[str, Any]:
    """Return how following a job ended."""
    return {
        "event": "end",
        "id": job_id,
        "success": failure is None,
        "error": None if failure is None else failure.text,
        "exit_code": EXIT_SUCCESS if failure is None else failure.exit_code,
    }


class JsonReporter(SilentReporter):
    """Writes a document a line for every line of the log and every change."""

    def __init__(self, job_id: int, output: TextIO) -> None:
        self._job_id = job_id
        self._output = output

    def log(self, time: Sequence[int], kind: str, message: object) -> None:
        text = rfc3339(list(time))
        self._write("log", time=time, time_rfc3339=text, kind=kind, message=message)

    def state(self, status: str, opcode_statuses: Sequence[str], *, changed: bool) -> None:
        if changed:
            self._write("status", status=status, opstatus=opcode_statuses)

    def _write(self, event: str, **values: object) -> None:
        document = {"event": event, "id": self._job_id, **values}
        print(json.dumps(document), file=self._output, flush=True)
