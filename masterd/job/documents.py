"""Jobs as documents of the store, and back. Pure; the form is described in `store/FORMAT.md`."""

from typing import Any, Final

from masterd.job.model import Dependency, Job, Json, LogEntry, Op, Peer
from masterd.job.status import JobStatus, OpStatus

#: A document as the store keeps it.
Document = dict[str, Any]

_STATUS: Final = {str(status): status for status in OpStatus}


def to_document(job: Job) -> Document:
    """Return the row of table `jobs` for a job."""
    return {**head(job), "ops": [op_document(op) for op in job.ops]}


def head(job: Job) -> Document:
    """Return the row of table `jobs` for a job, without its opcodes."""
    document: Document = {
        "received": job.received_us,
        "start": job.start_us,
        "end": job.end_us,
        "log_serial": job.log_serial,
        "rev": job.revision,
        "peer": None if job.peer is None else [job.peer.uid, job.peer.gid, job.peer.pid],
    }
    if job.livelock is not None:
        document["livelock"] = job.livelock
    if job.process_id is not None:
        document["process_id"] = job.process_id
    return document


def from_document(job_id: int, document: Document, *, archived: bool = False) -> Job:
    """Return the job that a row holds.

    Raises:
        KeyError, ValueError, TypeError: the row is not a job document.
    """
    peer = document["peer"]
    return Job(
        job_id,
        tuple(_op(item) for item in document["ops"]),
        document["received"],
        document["start"],
        document["end"],
        document["log_serial"],
        document["rev"],
        None if peer is None else Peer(*peer),
        document.get("livelock"),
        document.get("process_id"),
        archived,
    )


def log_value(entry: LogEntry) -> list[Any]:
    """Return the row of table `job_logs` for an entry (its key is job id and serial)."""
    return [entry.op_index, entry.time_us, entry.kind, entry.message]


def log_entry(serial: int, value: list[Any]) -> LogEntry:
    """Return the entry that a row of table `job_logs` holds."""
    op_index, time_us, kind, message = value
    return LogEntry(serial, op_index, time_us, kind, message)


def archived_log(document: Document) -> list[LogEntry]:
    """Return the log folded into an archived document."""
    return [LogEntry(*item) for item in document.get("log", ())]


def fold_log(document: Document, entries: list[LogEntry]) -> Document:
    """Return the archived form of a live document: itself with its log."""
    folded = [[e.serial, e.op_index, e.time_us, e.kind, e.message] for e in entries]
    return {**document, "log": folded}


def op_document(op: Op) -> Document:
    """Return what the row of a job holds for one of its opcodes."""
    document: Document = {
        "id": op.op_id,
        "input": op.input,
        "summary": op.summary,
        "priority": op.priority,
        "depends": [[d.job_id, sorted(d.statuses)] for d in op.depends],
        "status": op.status.value,
        "result": op.result,
        "start": op.start_us,
        "exec": op.exec_us,
        "end": op.end_us,
    }
    if op.config_serial is not None:
        document["config"] = op.config_serial
    return document


def _op(document: Document) -> Op:
    depends = document["depends"]
    result: Json | None = document["result"]
    return Op(
        document["id"],
        document["input"],
        document["summary"],
        document["priority"],
        tuple(Dependency(i, frozenset(map(JobStatus, s))) for i, s in depends) if depends else (),
        _STATUS[document["status"]],
        result,
        document["start"],
        document["exec"],
        document["end"],
        document.get("config"),
    )
