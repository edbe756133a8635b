"""Rows of jobs, and what goes with them, as bodies of transactions read and write them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from masterd.errors import GenericError, JobQueueFull
from masterd.job import call_rows, documents, machine
from masterd.job.dependencies import RelativeDependencyError
from masterd.job.live_rows import LiveRows, row_document
from masterd.job.machine import Effect, Step
from masterd.job.model import Job, Json, LogEntry, Peer
from masterd.job.new import NewJob
from store import outbox, serials
from store.schema import ARCHIVE, FINISHED, FLAGS, JOB_LOGS, JOBS, UNFINISHED
from store.txn import ReadTxn, WriteTxn

#: Names of the last id given out and of the drain flag.
JOB_SERIAL: Final = "job"
DRAIN: Final = "drain"

#: Opcode index, time in us, kind, message as JSON; the serial is given in the transaction.
NewLogEntry = tuple[int, int, str, Json]


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one job."""

    job: Job
    effects: tuple[Effect, ...] = ()
    new: bool = False
    archived: bool = False
    #: Sequence number of the outbox entry; the mirror shows this change once it has come so far.
    outbox_seq: int = 0


def find(txn: ReadTxn, job_id: int) -> Job | None:
    """Return a job, live or archived."""
    row = JOBS.get(txn, job_id)
    if row is not None:
        return documents.from_document(job_id, row_document(row))
    row = ARCHIVE.get(txn, job_id)
    if row is not None:
        return documents.from_document(job_id, row_document(row), archived=True)
    return None


def logs(txn: ReadTxn, job_id: int, after_serial: int) -> list[LogEntry]:
    """Return a live job's log entries above a serial."""
    rows = JOB_LOGS.scan(txn, (job_id, after_serial + 1), (job_id + 1, 0))
    entries = []
    for (_, serial), value in rows:
        assert isinstance(value, list), value
        entries.append(documents.log_entry(serial, value))
    return entries


def log(txn: WriteTxn, step: Step, entries: Iterable[NewLogEntry]) -> Step:
    """Put log entries of a job that moves; return the move with them counted."""
    job = step.job
    for op_index, time_us, kind, message in entries:
        job = machine.log(job).job
        entry = LogEntry(job.log_serial, op_index, time_us, kind, message)
        JOB_LOGS.put(txn, (job.job_id, job.log_serial), documents.log_value(entry))
    return replace(step, job=job)


def check_room(txn: ReadTxn, count: int, live_max: int, *, ignore_drain: bool) -> None:
    """Refuse so many new jobs unless there is room for them.

    Raises:
        GenericError, JobQueueFull: see `JobRepository.submit`.
    """
    if not ignore_drain and FLAGS.get(txn, DRAIN):
        raise GenericError("Queue drained")
    if UNFINISHED.count(txn) + count > live_max:
        raise JobQueueFull()


def insert_many(
    rows: LiveRows, txn: WriteTxn, jobs: Sequence[NewJob], peer: Peer | None, now_us: int
) -> tuple[Change | str, ...]:
    """Insert new jobs; return a change of each, or why it is refused."""
    # A refused job leaves a gap, so that relative ids count over it.
    last = serials.last(txn, JOB_SERIAL)
    refused: set[int] = set()
    results: list[Change | str] = []
    for job_id, new in enumerate(jobs, last + 1):
        try:
            depends = new.resolve(job_id, refused)
        except RelativeDependencyError as error:
            refused.add(job_id)
            results.append(str(error))
            continue
        serials.raise_to(txn, JOB_SERIAL, job_id)
        results.append(insert(rows, txn, new.job(job_id, depends, peer, now_us)))
    return tuple(results)


def insert(rows: LiveRows, txn: WriteTxn, job: Job) -> Change:
    """Insert a new job."""
    rows.put(txn, job)
    UNFINISHED.put(txn, job.job_id, None, append=True)
    seq = outbox.append(txn, outbox.JOB, job.job_id)
    return Change(job, new=True, outbox_seq=seq)


def move(rows: LiveRows, txn: WriteTxn, before: Job, step: Step) -> Change:
    """Write a job as a step leaves it; `before` is what the store has of it."""
    job = step.job
    rows.put(txn, job, before)
    call_rows.forget_after(txn, before, job)
    if job.final and not before.final:
        UNFINISHED.delete(txn, job.job_id)
        FINISHED.put(txn, (job.end_us or 0, job.job_id), None)
    seq = outbox.append(txn, outbox.JOB, job.job_id)
    return Change(job, step.effects, outbox_seq=seq)


def archive(txn: WriteTxn, job_id: int) -> Change | None:
    """Move a job to the archive; return None where it is not live or not finished."""
    row = JOBS.get(txn, job_id)
    if row is None:
        return None
    document = row_document(row)
    job = documents.from_document(job_id, document)
    if not job.final:
        return None
    entries = logs(txn, job_id, 0)
    ARCHIVE.put(txn, job_id, documents.fold_log(document, entries))
    JOBS.delete(txn, job_id)
    FINISHED.delete(txn, (job.end_us or 0, job_id))
    for entry in entries:
        JOB_LOGS.delete(txn, (job_id, entry.serial))
    seq = outbox.append(txn, outbox.ARCHIVE, job_id)
    return Change(replace(job, archived=True), archived=True, outbox_seq=seq)
