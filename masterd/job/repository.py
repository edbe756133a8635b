"""Jobs in the store: every change one transaction body, every read one snapshot.

Bodies are pure: they receive frozen values (the time included), read the rows, let `machine`
decide, and write rows, indexes and outbox entries together. What has to happen after the commit
comes back as a `Change`, handed to `on_change` on the hub in commit order, before anybody who
waited goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from masterd.errors import GenericError
from masterd.job import call_rows, documents, job_rows, machine
from masterd.job.job_rows import DRAIN, JOB_SERIAL, Change, NewLogEntry
from masterd.job.live_rows import LiveRows, row_document
from masterd.job.machine import InvalidTransitionError, Step
from masterd.job.model import Job, LogEntry, Peer
from masterd.job.new import NewJob
from masterd.job.node_calls import NodeCalls, lines
from store import outbox
from store.commit import Ticket
from store.errors import StoreError, StoreForbidden, StoreFull, StoreOverloaded
from store.schema import ARCHIVE, FINISHED, FLAGS, JOBS, SERIALS, UNFINISHED
from store.store import Store
from store.txn import ReadTxn, WriteTxn

__all__ = ["Change", "JobRepository", "NewLogEntry", "StoreUnavailableError", "Submitted", "Ticket"]

T = TypeVar("T")

#: Decide on a job inside a transaction.
Decide = Callable[[Job], Step]

_encode: Final = msgspec.json.encode
#: Kind of a log entry that people read. Source: constants ELOG_MESSAGE.
_MESSAGE: Final = "message"


@dataclass(frozen=True, slots=True)
class Submitted:
    """Outcome of a submission: for each job a change, or why it was refused."""

    results: tuple[Change | str, ...]

    @property
    def answers(self) -> list[tuple[bool, int | str]]:
        """For each job whether it was taken, and its id or why not."""
        return [
            (False, result) if isinstance(result, str) else (True, result.job.job_id)
            for result in self.results
        ]


class StoreUnavailableError(GenericError):
    """The store could not take a change now (no room, a failing disk); nothing was done."""


class ConfigRecord:
    """Records a change of the configuration in the job that makes it, in the same transaction.

    After a crash the job then says whether the change was made. Obeys
    `masterd.wconf.repository.Record`.
    """

    def __init__(
        self, rows: LiveRows, job_id: int, op_index: int, tell: Callable[[Change], None]
    ) -> None:
        self._rows = rows
        self._job_id = job_id
        self._op_index = op_index
        self._tell = tell

    def put(self, txn: WriteTxn, serial_no: int) -> Change:
        """Put the record; a body's part.

        Raises:
            JobLost: there is no live job of this id.
            InvalidTransitionError: the opcode does not run.
        """
        job = self._rows.get(txn, self._job_id)
        return job_rows.move(
            self._rows, txn, job, machine.changed_config(job, self._op_index, serial_no)
        )

    def told(self, change: Change) -> None:
        """Tell of the record after the commit; called on the hub."""
        self._tell(change)


class JobRepository:
    """The queue's rows. `on_change` is called on the hub for every committed change."""

    def __init__(self, store: Store, on_change: Callable[[Sequence[Change]], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._rows = LiveRows()

    @property
    def opcodes_read(self) -> int:
        """Opcodes that changes have decoded from rows so far."""
        return self._rows.opcodes_read

    @property
    def opcodes_written(self) -> int:
        """Opcodes that changes have encoded for rows so far."""
        return self._rows.opcodes_written

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
            jobs: in order; they get ids one after another.
            live_max: how many unfinished jobs there may be.
            ignore_drain: accept them although the queue is drained.
            committed: called on the hub just before the changes are told; must not switch.

        Raises:
            GenericError: the queue is drained, or the disk is full.
            JobQueueFull: too many unfinished jobs.
        """

        def body(txn: WriteTxn) -> Submitted:
            job_rows.check_room(txn, len(jobs), live_max, ignore_drain=ignore_drain)
            return Submitted(job_rows.insert_many(self._rows, txn, jobs, peer, now_us))

        def after(submitted: Submitted) -> None:
            committed(submitted)
            self._on_change([r for r in submitted.results if isinstance(r, Change)])

        return self._update(body, after)

    def hand_over(
        self,
        job_id: int,
        jobs: Sequence[NewJob],
        decide: Callable[[Job, Submitted], Step],
        now_us: int,
        *,
        live_max: int,
        committed: Callable[[Submitted], None],
    ) -> Change:
        """Move a live job and take in jobs that it submits, both or neither, durably. Switches.

        Args:
            decide: moves the job, given what became of the others.
            committed: as `submit` says.

        Raises:
            GenericError, JobQueueFull: as `submit` says.
            JobLost, InvalidTransitionError: as `change` says.
        """

        def body(txn: WriteTxn) -> tuple[Submitted, Change]:
            job_rows.check_room(txn, len(jobs), live_max, ignore_drain=False)
            job = self._rows.get(txn, job_id)
            submitted = Submitted(job_rows.insert_many(self._rows, txn, jobs, job.peer, now_us))
            return submitted, job_rows.move(self._rows, txn, job, decide(job, submitted))

        def after(done: tuple[Submitted, Change]) -> None:
            submitted, change = done
            committed(submitted)
            self._on_change([*(r for r in submitted.results if isinstance(r, Change)), change])

        return self._update(body, after)[1]

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
            job = self._rows.get(txn, job_id)
            step = decide(job)
            if step.job is job:
                return Change(job, step.effects)
            return job_rows.move(self._rows, txn, job, step)

        with _mapped():
            return self._store.update_soon(body, self._tell)

    def end_unclean_soon(
        self,
        job_id: int,
        decide: Callable[[Job, Sequence[NodeCalls]], Step],
        now_us: int,
    ) -> Ticket[Change]:
        """Do as `change_soon` where an opcode may end while it works.

        What it had asked of nodes is told to `decide`, and to the job's log if that ends it.
        """

        def body(txn: WriteTxn) -> Change:
            job = self._rows.get(txn, job_id)
            asked = call_rows.read(txn, job_id)
            step = decide(job, asked)
            if step.job is job:
                return Change(job, step.effects)
            if step.job.final:
                told = [
                    (asked[-1].op_index, now_us, _MESSAGE, _encode(line)) for line in lines(asked)
                ]
                step = job_rows.log(txn, step, told)
            return job_rows.move(self._rows, txn, job, step)

        with _mapped():
            return self._store.update_soon(body, self._tell)

    def note_calls(self, job_id: int, number: int, asked: NodeCalls) -> None:
        """Keep what an opcode that runs is about to ask of nodes, durably. Switches.

        Args:
            number: counts the notes of an opcode from 1.

        Raises:
            InvalidTransitionError: the job has ended.
        """

        def body(txn: WriteTxn) -> None:
            if not UNFINISHED.has(txn, job_id):
                raise InvalidTransitionError(f"job {job_id} has ended and asks nodes")
            call_rows.put(txn, job_id, number, asked)

        self._update(body, lambda _: None)

    def note_answers_soon(
        self, job_id: int, number: int, answered_us: int, done: Sequence[bool]
    ) -> None:
        """Keep what nodes answered to calls of `note_calls`, without waiting.

        Where the store cannot, the calls stay in flight in the notes; nothing else depends on them.
        """
        with suppress(StoreError):
            self._store.update_soon(
                lambda txn: call_rows.answer(txn, job_id, number, answered_us, done),
                lambda _: None,
            )

    def config_record(self, job_id: int, op_index: int) -> "ConfigRecord":
        """Return what records in a job that its opcode changed the configuration."""
        return ConfigRecord(self._rows, job_id, op_index, self._tell)

    def append_log(self, job_id: int, entries: Sequence[NewLogEntry]) -> Ticket[Change]:
        """Add log entries without waiting; later changes see them."""

        def body(txn: WriteTxn) -> Change:
            job = self._rows.get(txn, job_id)
            step = job_rows.log(txn, Step(job), entries)
            return job_rows.move(self._rows, txn, job, step)

        with _mapped():
            return self._store.update_soon(body, self._tell)

    def archive(self, job_ids: Sequence[int]) -> list[int]:
        """Move finished live jobs to the archive, durably; return those that were moved. Switches.

        Jobs that are not finished, archived already or unknown are passed over.
        """

        def body(txn: WriteTxn) -> list[Change]:
            changes = (job_rows.archive(txn, job_id) for job_id in job_ids)
            return [change for change in changes if change is not None]

        return [change.job.job_id for change in self._update(body, self._on_change)]

    def set_drained(self, drained: bool) -> int:
        """Set or clear the drain flag, durably; return the outbox number. Switches."""

        def body(txn: WriteTxn) -> int:
            if drained:
                FLAGS.put(txn, DRAIN, True)
            else:
                FLAGS.delete(txn, DRAIN)
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
        with _reading(self._store) as txn:
            return job_rows.find(txn, job_id)

    def get_many(self, job_ids: Iterable[int]) -> list[Job | None]:
        """Return jobs of one snapshot, live or archived, in the order asked for."""
        with _reading(self._store) as txn:
            return [job_rows.find(txn, job_id) for job_id in job_ids]

    def live(self, after_id: int = -1, limit: int | None = None) -> list[Job]:
        """Return live jobs with ids above `after_id`, by id."""
        with _reading(self._store) as txn:
            rows = JOBS.scan(txn, after_id + 1, limit=limit)
            return [documents.from_document(job_id, row_document(row)) for job_id, row in rows]

    def archived(self, after_id: int = -1, limit: int | None = None) -> list[Job]:
        """Return archived jobs with ids above `after_id`, by id."""
        with _reading(self._store) as txn:
            rows = ARCHIVE.scan(txn, after_id + 1, limit=limit)
            return [
                documents.from_document(job_id, row_document(row), archived=True)
                for job_id, row in rows
            ]

    def unfinished(self) -> list[Job]:
        """Return all unfinished jobs, by id."""
        with _reading(self._store) as txn:
            found = (job_rows.find(txn, job_id) for job_id in UNFINISHED.keys(txn))
            return [job for job in found if job is not None]

    def unfinished_ids(self) -> list[int]:
        """Return the ids of all unfinished jobs."""
        with _reading(self._store) as txn:
            return list(UNFINISHED.keys(txn))

    def unfinished_count(self) -> int:
        """Count unfinished jobs; costs nothing."""
        with _reading(self._store) as txn:
            return UNFINISHED.count(txn)

    def finished_before(self, end_us: int, limit: int) -> list[int]:
        """Return ids of finished live jobs that ended at or before a time, oldest first."""
        with _reading(self._store) as txn:
            return [job_id for _, job_id in FINISHED.keys(txn, None, (end_us + 1, 0), limit=limit)]

    def count_finished_before(self, end_us: int) -> int:
        """Count finished live jobs that ended at or before a time."""
        with _reading(self._store) as txn:
            return sum(1 for _ in FINISHED.keys(txn, None, (end_us + 1, 0)))

    def logs(self, job_id: int, after_serial: int = 0) -> list[LogEntry]:
        """Return a job's log entries above a serial, live or archived."""
        with _reading(self._store) as txn:
            if not JOBS.has(txn, job_id):
                row = ARCHIVE.get(txn, job_id)
                folded = [] if row is None else documents.archived_log(row_document(row))
                return [entry for entry in folded if entry.serial > after_serial]
            return job_rows.logs(txn, job_id, after_serial)

    def drained(self) -> bool:
        """Return whether the queue is drained."""
        with _reading(self._store) as txn:
            return bool(FLAGS.get(txn, DRAIN))

    def last_outbox_seq(self) -> int:
        """Return the number of the newest outbox entry; 0 before the first."""
        with _reading(self._store) as txn:
            return outbox.last(txn)

    def last_id(self) -> int:
        """Return the highest job id given out so far; 0 before the first."""
        with _reading(self._store) as txn:
            return SERIALS.get(txn, JOB_SERIAL) or 0


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the store's errors into what clients are told."""
    try:
        yield
    except StoreFull as error:
        raise StoreUnavailableError(f"No room on the master's disk: {error}") from error
    except StoreForbidden as error:
        text = str(error)
        raise StoreUnavailableError(f"{text[:1].upper()}{text[1:]}; nothing was changed") from error
    except StoreOverloaded as error:
        raise StoreUnavailableError(f"Too many changes at once: {error}") from error
    except StoreError as error:
        raise StoreUnavailableError(f"The master's store failed: {error}") from error


@contextmanager
def _reading(store: Store) -> Iterator[ReadTxn]:
    """Give a snapshot; what cannot be read in it is told as clients are told."""
    with _mapped(), store.snapshot() as txn:
        yield txn
