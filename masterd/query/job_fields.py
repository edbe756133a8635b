"""The `job` resource: its 16 fields, from a job and its log.

Source: queryfields.json, job; answers of a running 3.0.2 luxid (descriptions, cells of missing
jobs).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Raw

from masterd.errors import GenericError
from masterd.filter.fields import Absent, Field, FilterMode, Kind, Source, Table, table_of
from masterd.filter.language import Value
from masterd.filter.predicate import plain
from masterd.filter.text import show_fraction
from masterd.job.model import Job, LogEntry, Op
from masterd.query.op_input import shown_input

#: Largest job id; ids are 64-bit numbers everywhere.
JOB_ID_MAX: Final = 2**63 - 1

#: What the source must do more: walk over the archive as well.
NEEDS_ARCHIVE: Final = "archive"

#: Where job rows come from; keys are job ids. `by_keys` finds archived jobs too and gives
#: `JobRow.missing` for an id without a job; `all` gives live jobs by id, and the archived ones
#: among them when NEEDS_ARCHIVE is asked for.
JobSource = Source["JobRow", int]


def _no_logs() -> Sequence[LogEntry]:
    return ()


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as a query sees it."""

    job_id: int
    #: None when there is no job of this id.
    job: Job | None
    #: All log entries by serial; called only when the log is asked for, must not switch greenlets.
    logs: Callable[[], Sequence[LogEntry]] = _no_logs

    @classmethod
    def of(cls, job: Job, logs: Callable[[], Sequence[LogEntry]] = _no_logs) -> "JobRow":
        """Return the row of a job."""
        return cls(job.job_id, job, logs)

    @classmethod
    def missing(cls, job_id: int) -> "JobRow":
        """Return the row of an id that has no job: an id and nothing else."""
        return cls(job_id, None)


class JobIdError(ValueError):
    """A value is no job id; the text is the reference's."""


def job_id(value: object) -> int:
    """Read a job id: a whole number, or decimal digits as text.

    Raises:
        JobIdError: it is neither, negative, or larger than JOB_ID_MAX.
    """
    if isinstance(value, str):
        digits = value.strip()
        negative = digits.startswith("-")
        if not digits.removeprefix("-").isdecimal() or not digits.isascii():
            raise JobIdError(f"parsing job id: cannot parse string '{value}'")
        if len(digits) > 20:
            raise JobIdError(f"Invalid value for job ID ' {digits}'")
        number = -int(digits[1:]) if negative else int(digits)
    elif isinstance(value, float):
        if not value.is_integer():
            raise JobIdError(
                f"Got fractional job ID from master daemon?! Value:{show_fraction(value)}"
            )
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise JobIdError(f"Wrong type/value for job id: {_show_type(value)}")
    if not 0 <= number <= JOB_ID_MAX:
        raise JobIdError(f"Invalid value for job ID ' {number}'")
    return number


def _show_type(value: object) -> str:
    if value is None:
        return "JSNull"
    if isinstance(value, bool):
        return f"JSBool {value}"
    return "JSArray []" if value == [] else "JSArray" if isinstance(value, list) else "JSObject"


def _key_of(value: Value) -> int:
    try:
        return job_id(value)
    except JobIdError as err:
        raise GenericError(str(err)) from None


def _listed(row: JobRow, needs: frozenset[str]) -> bool:
    return row.job is not None and (not row.job.archived or NEEDS_ARCHIVE in needs)


def _timestamp(time_us: int | None) -> tuple[int, int] | None:
    return None if time_us is None else divmod(time_us, 1_000_000)


def _of_job(read: Callable[[Job], object]) -> Callable[[JobRow], object]:
    """Make a getter; a missing job, or a None of the job itself, has no value."""

    def get(row: JobRow) -> object:
        if row.job is None:
            return Absent.UNAVAIL
        value = read(row.job)
        return Absent.UNAVAIL if value is None else value

    return get


def _of_ops(read: Callable[[Op], object]) -> Callable[[JobRow], object]:
    """Make a getter of one value per opcode."""

    def get(row: JobRow) -> object:
        return Absent.UNAVAIL if row.job is None else [read(op) for op in row.job.ops]

    return get


def _log_lines(row: JobRow) -> object:
    if row.job is None:
        return Absent.UNAVAIL
    lines: list[list[object]] = [[] for _ in row.job.ops]
    if row.job.log_serial:
        for entry in row.logs():
            lines[entry.op_index].append(log_line(entry))
    return lines


def log_line(entry: LogEntry) -> tuple[object, ...]:
    """Return a log entry as clients get it: `[serial, [sec, usec], kind, message]`."""
    return (entry.serial, divmod(entry.time_us, 1_000_000), entry.kind, Raw(entry.message))


def _result(op: Op) -> Raw | None:
    return None if op.result is None else Raw(op.result)


_TUPLE: Final = "(tuple containing seconds and microseconds)"

JOB_TABLE: Final[Table[JobRow, int]] = table_of(
    "job",
    "id",
    _key_of,
    [
        Field("id", "ID", Kind.NUMBER, "Job ID", lambda row: row.job_id),
        Field("status", "Status", Kind.TEXT, "Job status", _of_job(lambda job: str(job.status))),
        Field(
            "priority",
            "Priority",
            Kind.NUMBER,
            "Current job priority (19 to -20)",
            _of_job(lambda job: job.priority),
        ),
        Field(
            "archived",
            "Archived",
            Kind.BOOL,
            "Whether job is archived",
            _of_job(lambda job: job.archived),
            needs=NEEDS_ARCHIVE,
        ),
        Field(
            "ops",
            "OpCodes",
            Kind.OTHER,
            "List of all opcodes",
            _of_ops(lambda op: shown_input(op.input)),
            raw=True,
        ),
        Field(
            "opresult",
            "OpCode_result",
            Kind.OTHER,
            "List of opcodes results",
            _of_ops(_result),
            raw=True,
        ),
        Field(
            "opstatus",
            "OpCode_status",
            Kind.OTHER,
            "List of opcodes status",
            _of_ops(lambda op: str(op.status)),
        ),
        Field(
            "oplog", "OpCode_log", Kind.OTHER, "List of opcode output logs", _log_lines, raw=True
        ),
        Field(
            "opstart",
            "OpCode_start",
            Kind.OTHER,
            "List of opcode start timestamps (before acquiring locks)",
            _of_ops(lambda op: _timestamp(op.start_us)),
        ),
        Field(
            "opexec",
            "OpCode_exec",
            Kind.OTHER,
            "List of opcode execution start timestamps (after acquiring locks)",
            _of_ops(lambda op: _timestamp(op.exec_us)),
        ),
        Field(
            "opend",
            "OpCode_end",
            Kind.OTHER,
            "List of opcode execution end timestamps",
            _of_ops(lambda op: _timestamp(op.end_us)),
        ),
        Field(
            "oppriority",
            "OpCode_prio",
            Kind.OTHER,
            "List of opcode priorities",
            _of_ops(lambda op: op.priority),
        ),
        Field(
            "summary",
            "Summary",
            Kind.OTHER,
            "List of per-opcode summaries",
            _of_ops(lambda op: op.summary),
        ),
        Field(
            "received_ts",
            "Received",
            Kind.OTHER,
            f"Timestamp of when job was received {_TUPLE}",
            _of_job(lambda job: _timestamp(job.received_us)),
            FilterMode.TIMESTAMP,
        ),
        Field(
            "start_ts",
            "Start",
            Kind.OTHER,
            f"Timestamp of job start {_TUPLE}",
            _of_job(lambda job: _timestamp(job.start_us)),
            FilterMode.TIMESTAMP,
        ),
        Field(
            "end_ts",
            "End",
            Kind.OTHER,
            f"Timestamp of job end {_TUPLE}",
            _of_job(lambda job: _timestamp(job.end_us)),
            FilterMode.TIMESTAMP,
        ),
    ],
    listed=_listed,
    filters_need=False,
)


def job_values(fields: Sequence[str]) -> Callable[[JobRow], list[object]]:
    """Return a function giving a job's plain values, as WaitForJobChange compares them.

    A field that does not exist has the value None, as in the reference. The values equal (`==`)
    what a client got earlier and sends back decoded from JSON.
    """
    getters = [field.get if (field := JOB_TABLE.fields.get(name)) else _nothing for name in fields]

    def values(row: JobRow) -> list[object]:
        cells = (get(row) for get in getters)
        return [None if type(cell) is Absent else plain(cell) for cell in cells]

    return values


def _nothing(row: JobRow) -> object:
    return Absent.UNAVAIL
