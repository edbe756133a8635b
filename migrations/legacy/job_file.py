"""One job file of Ganeti, as a document of the store. Pure.

Inputs, results and log messages are kept as the bytes that stand in the file, so that nothing of
them is lost: not the difference between 1 and 1.0, no digit, no escape.

Source: jobfile.json (Ganeti 3.0.2 src/Ganeti/JQueue/Objects.hs, lib/jqueue; 2.2.2 lib/jqueue.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Raw

#: Makes the short text lists show of an opcode; None (or an empty text) when it knows no better
#: one than `default_summary`. Is given the input as parsed JSON, must not raise.
Summary = Callable[[Mapping[str, Any]], str | None]

#: A document as the store keeps it; `store/FORMAT.md` has the form.
Document = dict[str, Any]

FINAL: Final = frozenset({"canceled", "success", "error"})
_STATUSES: Final = FINAL | {"queued", "waiting", "canceling", "running"}

#: What an opcode that nobody can read is shown as. Source: jobfile.json presence_rules_3_0.
INVALID_OP: Final = "INVALID_OP"

#: Above every id and serial that 18 digits can say, and what the decoder can check.
_NUMBER_MAX: Final = 2**62

_Status = Literal["queued", "waiting", "canceling", "running", "canceled", "success", "error"]
_Id = Annotated[int, Meta(ge=1, lt=_NUMBER_MAX)]
#: `[seconds, microseconds]`; the bound keeps the sum far inside 64 bits.
_Stamp = tuple[Annotated[int, Meta(ge=0, lt=2**40)], Annotated[int, Meta(ge=0, lt=1_000_000)]]
_LogLine = tuple[_Id, _Stamp, str, Raw]


class _OpFile(msgspec.Struct, forbid_unknown_fields=True):
    input: Raw
    status: _Status
    result: Raw
    log: list[_LogLine] = []
    priority: Annotated[int, Meta(ge=-20, le=19)] = 0
    start_timestamp: _Stamp | None = None
    exec_timestamp: _Stamp | None = None
    end_timestamp: _Stamp | None = None


class _JobFile(msgspec.Struct, forbid_unknown_fields=True):
    id: int | str
    ops: list[_OpFile]
    received_timestamp: _Stamp | None = None
    start_timestamp: _Stamp | None = None
    end_timestamp: _Stamp | None = None
    livelock: str | None = None
    process_id: Annotated[int, Meta(ge=0, lt=2**31)] | None = None


_decoder: Final = msgspec.json.Decoder(_JobFile)
_any_decoder: Final = msgspec.json.Decoder()


class JobFileRefusedError(Exception):
    """The file is no job that could be taken over; the text says why."""


@dataclass(frozen=True, slots=True)
class LegacyJob:
    """A job as its file has it.

    Attributes:
        document: Row of table `jobs`.
        logs: Rows of table `job_logs`: serial and value, serials rising.
        status: Derived from the opcodes'.
        has_text_id: Whether the file has its id as text, as old masters wrote it.
    """

    job_id: int
    document: Document
    logs: list[tuple[int, list[Any]]]
    status: str
    has_text_id: bool = False

    @property
    def archive_document(self) -> Document:
        """Row of table `archive`: the document with its log."""
        return {**self.document, "log": [[serial, *value] for serial, value in self.logs]}


def default_summary(op_input: Mapping[str, Any]) -> str:
    """Return an opcode's name without its prefix."""
    op_id = op_input.get("OP_ID")
    return op_id.removeprefix("OP_") if isinstance(op_id, str) and op_id else INVALID_OP


def parse(job_id: int, content: bytes, summary: Summary = default_summary) -> LegacyJob:
    """Read the file of job `job_id`.

    Raises:
        JobFileRefusedError: it is damaged, has keys nobody knows, or belongs to another job.
    """
    try:
        # What is kept as bytes is not decoded below, so its encoding is checked here.
        content.decode()
        found = _decoder.decode(content)
    except (ValueError, RecursionError) as error:
        raise JobFileRefusedError(str(error)) from error
    if str(found.id) != str(job_id):
        raise JobFileRefusedError(f"it says that it is job {found.id!r}")
    if not found.ops:
        raise JobFileRefusedError("it has no opcodes")
    status = derived_status(op.status for op in found.ops)
    document: Document = {
        "received": _us(found.received_timestamp),
        "start": _us(found.start_timestamp),
        "end": _us(found.end_timestamp),
        "log_serial": 0,
        "rev": 0,
        "peer": None,
        "ops": [_op(index, op, status, summary) for index, op in enumerate(found.ops)],
    }
    if found.livelock is not None:
        document["livelock"] = found.livelock
    if found.process_id is not None:
        document["process_id"] = found.process_id
    logs = _logs(found.ops)
    if logs:
        document["log_serial"] = logs[-1][0]
    if status not in FINAL and found.end_timestamp is not None:
        raise JobFileRefusedError(f"it has an end, but is {status}")
    return LegacyJob(job_id, document, logs, status, isinstance(found.id, str))


def derived_status(statuses: Iterable[str]) -> str:
    """Return the status of a job. Source: jobfile.json job_status."""
    result = None
    all_success = True
    for status in statuses:
        if status == "success":
            continue
        all_success = False
        if status != "queued":
            result = status
        if status in ("canceling", "error", "canceled"):
            break
    if all_success:
        return "success"
    return result or "queued"


def _op(index: int, op: _OpFile, job_status: str, summary: Summary) -> Document:
    op_input = bytes(op.input).strip()
    parsed = _parsed_input(op_input)
    op_id = parsed.get("OP_ID")
    try:
        depends = _depends(parsed.get("depends"))
    except ValueError as error:
        if job_status not in FINAL:
            raise JobFileRefusedError(f"opcode {index}: {error}") from error
        depends = []  # it has ended; what it waited for matters to nobody, and the input keeps it
    result: bytes | None = bytes(op.result).strip()
    if op.status not in FINAL and result != b"null":
        raise JobFileRefusedError(f"opcode {index} has a result, but is {op.status}")
    if op.status not in ("success", "error") and result == b"null":
        result = None
    return {
        "id": op_id if isinstance(op_id, str) and op_id else INVALID_OP,
        "input": op_input,
        "summary": summary(parsed) or default_summary(parsed),
        "priority": op.priority,
        "depends": depends,
        "status": op.status,
        "result": result,
        "start": _us(op.start_timestamp),
        "exec": _us(op.exec_timestamp),
        "end": _us(op.end_timestamp),
    }


def _parsed_input(content: bytes) -> Mapping[str, Any]:
    """Return an input as a mapping; empty where it is something else, which Ganeti keeps too."""
    try:
        parsed = _any_decoder.decode(content)
    except msgspec.DecodeError as error:  # such as a number too large for any float
        raise JobFileRefusedError(f"an input: {error}") from error
    return parsed if isinstance(parsed, dict) else {}


def _depends(value: object) -> list[list[Any]]:
    """Return an input's dependencies in the store's form.

    Raises:
        ValueError: they are not pairs of a job id and a list of statuses.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("its dependencies are not a list")
    found: list[list[Any]] = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2 or not isinstance(item[1], list):
            raise ValueError(f"dependency {item!r} is not a job id with statuses")
        job_id, statuses = item
        if isinstance(job_id, str) and job_id.isascii() and job_id.isdigit():
            job_id = int(job_id)
        if type(job_id) is not int or not 0 < job_id < _NUMBER_MAX:
            raise ValueError(f"dependency on job {job_id!r}")
        if not all(isinstance(status, str) and status in _STATUSES for status in statuses):
            raise ValueError(f"dependency on job {job_id} with statuses {statuses!r}")
        found.append([job_id, sorted(set(statuses))])
    return found


def _logs(ops: Iterable[_OpFile]) -> list[tuple[int, list[Any]]]:
    logs: list[tuple[int, list[Any]]] = []
    last = 0
    for index, op in enumerate(ops):
        for serial, stamp, kind, message in op.log:
            if serial <= last:
                raise JobFileRefusedError(f"log serial {serial} follows {last}")
            last = serial
            logs.append((serial, [index, _us(stamp), kind, bytes(message).strip()]))
    return logs


def _us(stamp: tuple[int, int] | None) -> int | None:
    return None if stamp is None else stamp[0] * 1_000_000 + stamp[1]
