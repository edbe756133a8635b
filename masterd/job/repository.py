"""Jobs in the store: every change one transaction body, every read one snapshot.

Bodies are pure: they receive frozen values (the time included), read the rows, let `machine`
decide, and write rows, indexes and outbox entries together. What has to happen after the commit
comes back as a `Change`, handed to `on_change` on the hub in commit order, before anybody who
waited goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from masterd.errors import GenericError, JobLost, JobQueueFull
from masterd.job import documents, machine
from masterd.job.machine import Effect, Step
from masterd.job.model import Job, Json, LogEntry, Peer
from masterd.job.new import NewJob
from store import outbox, serials
from store.commit import Ticket
from store.errors import StoreError, StoreFull, StoreOverloaded
from store.schema import ARCHIVE, FINISHED, FLAGS, JOB_LOGS, JOBS, SERIALS, UNFINISHED
from store.store import Store
from store.txn import ReadTxn, WriteTxn

__all__ = ["Change", "JobRepository", "NewLogEntry", "StoreUnavailableError", "Submitted", "Ticket"]

T = TypeVar("T")

#: Decide on a job inside a transaction.
Decide = Callable[[Job], Step]

#: Opcode index, time in us, kind, message as JSON; the serial is given in the transaction.
NewLogEntry = tuple[int, int, str, Json]

_JOB_SERIAL = "job"
_DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one job."""

    job: Job
    effects: tuple[Effect, ...] = ()
    new: bool = False
    archived: bool = False
    #: Sequence number of the outbox entry; the mirror shows this change once it has come so far.
    outbox_seq: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """Outcome of a submission: for each job a change, or why it was refused."""

    results: tuple[Change | str, ...]


class StoreUnavailableError(GenericError):
    """The store could not take a change now (no room, a failing disk); nothing was done."""


class ConfigRecord:
    """Records a change of the configuration in the job that makes it, in the same transaction.

    After a crash the job then says whether the change was made. Obeys
    `masterd.config.repository.Record`.
    """

    def __init__(self, job_id: int, op_index: int, tell: Callable[[Change], None]) -> None:
        self._job_id = job_id
        self._op_index = op_index
        self._tell = tell

    def put(self, txn: WriteTxn, serial_no: int) -> Change:
        """Put the record; a body's part.

        Raises:
            JobLost: there is no live job of this id.
            InvalidTransitionError: the opcode does not run.
        """
        job = _live(txn, self._job_id)
        return _replace(txn, job, machine.changed_config(job, self._op_index, serial_no))

    def told(self, change: Change) -> None:
        """Tell of the record after the commit; called on the hub."""
        self._tell(change)


class JobRepository:
    """The queue's rows. `on_change` is called on the hub for every committed change."""

    def __init__(self, store: Store, on_change: Callable[[Sequence[Change]], None]) -> None:
        self._store = store
        self._on_change = on_change

    # --- changes ------------------------------------------------------------------------------

    def submit(
        self,
        jobs: Sequence[NewJob],
        peer: Peer | None,
        now_us: int,
        *,
        live_max: int,
        ignore_drain: bool,
        committed: Callable[[Submitted], None],
    ) -> Submitted:
        """Take in jobs, durably. Switches.

        Args:
            jobs: in order; relative dependencies count over them.
            live_max: how many unfinished jobs there may be.
            ignore_drain: accept them although the queue is drained.
            committed: called on the hub just before the changes are told; must not switch.

        Raises:
            GenericError: the queue is drained, or the disk is full.
            JobQueueFull: too many unfinished jobs.
        """

        def body(txn: WriteTxn) -> Submitted:
            if not ignore_drain and FLAGS.get(txn, _DRAIN):
                raise GenericError("Queue drained")
            if UNFINISHED.count(txn) + len(jobs) > live_max:
                raise JobQueueFull()
            ids: list[int | None] = []
            results: list[Change | str] = []
            for index, new in enumerate(jobs):
                try:
                    depends = new.resolve(index, ids)
                except ValueError as error:
                    ids.append(None)
                    results.append(str(error))
                    continue
                job_id = serials.next(txn, _JOB_SERIAL)
                ids.append(job_id)
                results.append(_insert(txn, new.job(job_id, depends, peer, now_us)))
            return Submitted(tuple(results))

        def after(submitted: Submitted) -> None:
            committed(submitted)
            self._on_change([r for r in submitted.results if isinstance(r, Change)])

        return self._update(body, after)

    def change(self, job_id: int, decide: Decide) -> Change:
        """Let `decide` move a live job, durably. Switches.

        Raises:
            JobLost: there is no live job of this id.
            InvalidTransitionError: `decide` says so; nothing was changed.
        """
        return self.wait(self.change_soon(job_id, decide))

    def change_soon(self, job_id: int, decide: Decide) -> Ticket[Change]:
        """Do as `change` without waiting; later changes see this one."""

        def body(txn: WriteTxn) -> Change:
            job = _live(txn, job_id)
            step = decide(job)
            if step.job is job:
                return Change(job, step.effects)
            return _replace(txn, job, step)

        with _mapped():
            return self._store.update_soon(body, self._tell)

    def config_record(self, job_id: int, op_index: int) -> "ConfigRecord":
        """Return what records in a job that its opcode changed the configuration."""
        return ConfigRecord(job_id, op_index, self._tell)

    def append_log(self, job_id: int, entries: Sequence[NewLogEntry]) -> Ticket[Change]:
        """Add log entries without waiting; later changes see them."""

        def body(txn: WriteTxn) -> Change:
            job = _live(txn, job_id)
            step = Step(job)
            for op_index, time_us, kind, message in entries:
                step = machine.log(step.job)
                serial = step.job.log_serial
                value = documents.log_value(LogEntry(serial, op_index, time_us, kind, message))
                JOB_LOGS.put(txn, (job_id, serial), value)
            return _replace(txn, job, step)

        with _mapped():
            return self._store.update_soon(body, self._tell)

    def archive(self, job_ids: Sequence[int]) -> list[int]:
        """Move finished live jobs to the archive, durably; return those that were moved. Switches.

        Jobs that are not finished, archived already or unknown are passed over.
        """

        def body(txn: WriteTxn) -> list[Change]:
            changes = (_archive(txn, job_id) for job_id in job_ids)
            return [change for change in changes if change is not None]

        return [change.job.job_id for change in self._update(body, self._on_change)]

    def set_drained(self, drained: bool) -> int:
        """Set or clear the drain flag, durably; return the outbox number. Switches."""

        def body(txn: WriteTxn) -> int:
            if drained:
                FLAGS.put(txn, _DRAIN, True)
            else:
                FLAGS.delete(txn, _DRAIN)
            return outbox.append(txn, outbox.DRAIN, int(drained))

        return self._update(body, lambda _seq: self._on_change([]))

    def _tell(self, change: Change) -> None:
        self._on_change([change])

    def _update(self, body: Callable[[WriteTxn], T], after: Callable[[T], None]) -> T:
        with _mapped():
            return self._store.update(body, after)

    @staticmethod
    def wait(ticket: Ticket[T]) -> T:
        """Wait until what `change_soon` or `append_log` gave in is durable. Switches."""
        with _mapped():
            return ticket.result()

    # --- reads --------------------------------------------------------------------------------

    def get(self, job_id: int) -> Job | None:
        """Return a job, live or archived."""
        with self._store.snapshot() as txn:
            return _find(txn, job_id)

    def get_many(self, job_ids: Iterable[int]) -> list[Job | None]:
        """Return jobs of one snapshot, live or archived, in the order asked for."""
        with self._store.snapshot() as txn:
            return [_find(txn, job_id) for job_id in job_ids]

    def live(self, after_id: int = -1, limit: int | None = None) -> list[Job]:
        """Return live jobs with ids above `after_id`, by id."""
        with self._store.snapshot() as txn:
            rows = JOBS.scan(txn, after_id + 1, limit=limit)
            return [documents.from_document(job_id, _document(row)) for job_id, row in rows]

    def archived(self, after_id: int = -1, limit: int | None = None) -> list[Job]:
        """Return archived jobs with ids above `after_id`, by id."""
        with self._store.snapshot() as txn:
            rows = ARCHIVE.scan(txn, after_id + 1, limit=limit)
            return [
                documents.from_document(job_id, _document(row), archived=True)
                for job_id, row in rows
            ]

    def unfinished(self) -> list[Job]:
        """Return all unfinished jobs, by id."""
        with self._store.snapshot() as txn:
            found = (_find(txn, job_id) for job_id in UNFINISHED.keys(txn))
            return [job for job in found if job is not None]

    def finished_before(self, end_us: int, limit: int) -> list[int]:
        """Return ids of finished live jobs that ended at or before a time, oldest first."""
        with self._store.snapshot() as txn:
            return [job_id for _, job_id in FINISHED.keys(txn, None, (end_us + 1, 0), limit=limit)]

    def count_finished_before(self, end_us: int) -> int:
        """Count finished live jobs that ended at or before a time."""
        with self._store.snapshot() as txn:
            return sum(1 for _ in FINISHED.keys(txn, None, (end_us + 1, 0)))

    def logs(self, job_id: int, after_serial: int = 0) -> list[LogEntry]:
        """Return a job's log entries above a serial, live or archived."""
        with self._store.snapshot() as txn:
            if JOBS.get(txn, job_id) is None:
                row = ARCHIVE.get(txn, job_id)
                folded = [] if row is None else documents.archived_log(_document(row))
                return [entry for entry in folded if entry.serial > after_serial]
            return _logs(txn, job_id, after_serial)

    def drained(self) -> bool:
        """Return whether the queue is drained."""
        with self._store.snapshot() as txn:
            return bool(FLAGS.get(txn, _DRAIN))

    def last_id(self) -> int:
        """Return the highest job id given out so far; 0 before the first."""
        with self._store.snapshot() as txn:
            return SERIALS.get(txn, _JOB_SERIAL) or 0


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the store's errors into what clients are told."""
    try:
        yield
    except StoreFull as error:
        raise StoreUnavailableError(f"No room on the master's disk: {error}") from error
    except StoreOverloaded as error:
        raise StoreUnavailableError(f"Too many changes at once: {error}") from error
    except StoreError as error:
        raise StoreUnavailableError(f"The master's store failed: {error}") from error


# --- helpers of bodies --------------------------------------------------------------------------


def _document(row: object) -> dict[str, Any]:
    assert isinstance(row, dict), row
    return row


def _live(txn: ReadTxn, job_id: int) -> Job:
    row = JOBS.get(txn, job_id)
    if row is None:
        raise JobLost(f"Job {job_id} not found")
    return documents.from_document(job_id, _document(row))


def _find(txn: ReadTxn, job_id: int) -> Job | None:
    row = JOBS.get(txn, job_id)
    if row is not None:
        return documents.from_document(job_id, _document(row))
    row = ARCHIVE.get(txn, job_id)
    if row is not None:
        return documents.from_document(job_id, _document(row), archived=True)
    return None


def _logs(txn: ReadTxn, job_id: int, after_serial: int) -> list[LogEntry]:
    rows = JOB_LOGS.scan(txn, (job_id, after_serial + 1), (job_id + 1, 0))
    entries = []
    for (_, serial), value in rows:
        assert isinstance(value, list), value
        entries.append(documents.log_entry(serial, value))
    return entries


def _insert(txn: WriteTxn, job: Job) -> Change:
    JOBS.put(txn, job.job_id, documents.to_document(job), append=True)
    UNFINISHED.put(txn, job.job_id, None, append=True)
    seq = outbox.append(txn, outbox.JOB, job.job_id)
    return Change(job, new=True, outbox_seq=seq)


def _replace(txn: WriteTxn, before: Job, step: Step) -> Change:
    job = step.job
    JOBS.put(txn, job.job_id, documents.to_document(job))
    if job.final and not before.final:
        UNFINISHED.delete(txn, job.job_id)
        FINISHED.put(txn, (job.end_us or 0, job.job_id), None)
    seq = outbox.append(txn, outbox.JOB, job.job_id)
    return Change(job, step.effects, outbox_seq=seq)


def _archive(txn: WriteTxn, job_id: int) -> Change | None:
    row = JOBS.get(txn, job_id)
    if row is None:
        return None
    document = _document(row)
    job = documents.from_document(job_id, document)
    if not job.final:
        return None
    entries = _logs(txn, job_id, 0)
    ARCHIVE.put(txn, job_id, documents.fold_log(document, entries))
    JOBS.delete(txn, job_id)
    FINISHED.delete(txn, (job.end_us or 0, job_id))
    for entry in entries:
        JOB_LOGS.delete(txn, (job_id, entry.serial))
    seq = outbox.append(txn, outbox.ARCHIVE, job_id)
    return Change(replace(job, archived=True), archived=True, outbox_seq=seq)
