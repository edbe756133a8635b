"""The job queue as clients see it, and the shell round the pure parts.

Every change goes through the repository; what follows from it happens in `_committed`, on the hub,
in the order of the commits: memory, waiters, the scheduler, the mirror. So whatever this module
keeps in memory (the unfinished jobs, the scheduler) is what the store holds, at most one wake-up
behind.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import gevent
import msgspec

from masterd.clock import Clock
from masterd.errors import GenericError, JobLost
from masterd.job import machine, recovery
from masterd.job.machine import Effect, InvalidTransitionError, Step
from masterd.job.model import Job, Json, LogEntry, Peer
from masterd.job.new import NewJob, with_reason
from masterd.job.repository import Change, JobRepository, StoreUnavailableError, Submitted
from masterd.job.scheduler import Scheduler
from masterd.job.status import FINAL, OpStatus
from masterd.job.waiters import Waiters
from masterd.job.worker import Carrier, Outcome, Worker, retry_pauses
from masterd.limits import JOB_ARCHIVE_BATCH_MAX, JOBS_SUBMIT_MAX
from masterd.opcodes.base import OpCode
from store.store import Store

_log = logging.getLogger(__name__)

#: Priorities a client may ask for. Source: constants.json OP_PRIO_HIGHEST, OP_PRIO_LOWEST.
PRIORITY_HIGHEST: Final = -20
PRIORITY_LOWEST: Final = 19

#: Source of the reason entry a killed job gets. Source: a killed job's file.
_DEATH_SOURCE: Final = "gnt:daemon:luxid:deathdetection"


class _Live:
    """An unfinished job in memory."""

    __slots__ = ("greenlet", "job", "ops", "worker")

    def __init__(self, job: Job, ops: tuple[OpCode, ...] | None) -> None:
        self.job = job
        #: The opcodes as submitted; None for a job of an earlier run.
        self.ops = ops
        self.worker: Worker | None = None
        self.greenlet: gevent.Greenlet[..., Outcome] | None = None


class JobService:
    """The queue. One for the daemon; used by its hub's greenlets alone."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        running_max: Callable[[], int],
        live_max: int,
        interrupt: Callable[[int], object],
        mirror: Callable[[int], None],
        replicated: Callable[[int], None] | None = None,
    ) -> None:
        """Prepare; `start` begins to run jobs.

        Args:
            running_max: how many jobs may run at once, asked before each start.
            live_max: how many jobs may be unfinished.
            interrupt: makes a job's wait for locks end; does not switch.
            mirror: tells the mirror up to which outbox number there is something to do; does not
                switch.
            replicated: waits until master candidates hold an outbox number, when submissions are to
                be answered only then; switches.
        """
        self.repository = JobRepository(store, self._committed)
        self.waiters = Waiters()
        self._clock = clock
        self._running_max = running_max
        self._live_max = live_max
        self._interrupt = interrupt
        self._mirror = mirror
        self._replicated = replicated
        self._carrier: Carrier | None = None
        self._scheduler = Scheduler()
        self._live: dict[int, _Live] = {}
        self._submitted_ops: dict[int, tuple[OpCode, ...]] = {}
        self._stopping = False

    # --- submission ---------------------------------------------------------------------------

    def submit(
        self, ops: Sequence[OpCode], peer: Peer | None, *, ignore_drain: bool = False
    ) -> int:
        """Take in one job; return its id once it is durable. Switches.

        Raises:
            GenericError, JobQueueFull: see `JobRepository.submit`; also a bad dependency.
        """
        ok, result = self.submit_many([ops], peer, ignore_drain=ignore_drain)[0]
        if not ok:
            raise GenericError(str(result))
        return int(result)

    def submit_many(
        self, jobs: Sequence[Sequence[OpCode]], peer: Peer | None, *, ignore_drain: bool = False
    ) -> list[tuple[bool, int | str]]:
        """Take in jobs in one commit; return for each (True, id) or (False, reason). Switches."""
        if len(jobs) > JOBS_SUBMIT_MAX:
            raise GenericError(f"{len(jobs)} jobs at once, at most {JOBS_SUBMIT_MAX} are accepted")
        news = [NewJob.of(ops) for ops in jobs]

        def committed(submitted: Submitted) -> None:
            for ops, result in zip(jobs, submitted.results, strict=True):
                if isinstance(result, Change):
                    self._submitted_ops[result.job.job_id] = tuple(ops)

        submitted = self.repository.submit(
            news,
            peer,
            self._clock.now_us(),
            live_max=self._live_max,
            ignore_drain=ignore_drain,
            committed=committed,
        )
        changes = [result for result in submitted.results if isinstance(result, Change)]
        if self._replicated is not None and changes:
            self._replicated(max(change.outbox_seq for change in changes))
        return [
            (False, result) if isinstance(result, str) else (True, result.job.job_id)
            for result in submitted.results
        ]

    # --- changes asked for by clients ---------------------------------------------------------

    def cancel(self, job_id: int, *, kill: bool = False) -> tuple[bool, str]:
        """Cancel a job; return whether that worked and what to tell. Switches.

        A queued job is canceled at once; one that waits for locks is going to be; a running one is
        left alone unless `kill`, which ends its job in error, whatever it was doing.
        """
        live = self._live.get(job_id)
        if live is None:
            return False, f"Job {job_id} not found in queue"
        now_us = self._clock.now_us()
        before: list[OpStatus] = []

        def decide(job: Job) -> Step:
            before[:] = [_current_status(job)]
            if kill and before[0] is OpStatus.RUNNING:
                return machine.kill(_with_death_reason(job, now_us), _death(job_id), now_us)
            return machine.cancel(job, now_us)

        try:
            change = self.repository.change(job_id, decide)
        except JobLost:
            return False, f"Job {job_id} not found in queue"
        status = before[0]
        if status in FINAL:
            return False, f"Job {job_id} not found in queue"
        if status is OpStatus.RUNNING and not kill:
            return False, "Job no longer waiting, can't cancel (informed it anyway)"
        if status is OpStatus.RUNNING:
            _log.warning("job %d was killed by request", job_id)
            return True, "SIGKILL send to the process"
        if status is OpStatus.QUEUED and change.job.final:
            return True, f"Dequeued job {job_id}"
        return True, "Job successfully cancelled"

    def change_priority(self, job_id: int, priority: int) -> tuple[bool, str]:
        """Change the priority of a job's opcodes that have not ended. Switches.

        Raises:
            GenericError: the priority is out of range.
        """
        if not PRIORITY_HIGHEST <= priority <= PRIORITY_LOWEST:
            raise GenericError(
                f"Invalid priority {priority}, allowed are {PRIORITY_HIGHEST} to {PRIORITY_LOWEST}"
            )
        if job_id not in self._live:
            return False, f"Job {job_id} not found in queue"
        try:
            change = self.repository.change(
                job_id, lambda job: machine.change_priority(job, priority)
            )
        except JobLost:
            return False, f"Job {job_id} not found in queue"
        if change.job.final:
            return False, f"Job {job_id} is finished"
        return (
            True,
            f"Priorities of pending opcodes for job {job_id} have been changed to {priority}",
        )

    def archive(self, job_id: int) -> bool:
        """Move a finished job to the archive; return whether there was one. Switches."""
        return bool(self.repository.archive([job_id]))

    def auto_archive(self, age_s: int, timeout_s: float) -> tuple[int, int]:
        """Archive jobs that ended more than `age_s` seconds ago (negative: any). Switches.

        Returns:
            How many were archived, and how many were left when `timeout_s` was over.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        now_us = self._clock.now_us()
        cutoff_us = now_us if age_s < 0 else now_us - age_s * 1_000_000
        archived = 0
        while job_ids := self.repository.finished_before(cutoff_us, JOB_ARCHIVE_BATCH_MAX):
            if self._clock.monotonic_s() >= deadline_s:
                return archived, self.repository.count_finished_before(cutoff_us)
            archived += len(self.repository.archive(job_ids))
        return archived, 0

    def set_drained(self, drained: bool) -> None:
        """Refuse new jobs from now on, or take them again; durable. Switches."""
        self.repository.set_drained(drained)

    # --- reads --------------------------------------------------------------------------------

    def get(self, job_id: int) -> Job | None:
        """Return a job, live or archived; None when there is none."""
        live = self._live.get(job_id)
        return self.repository.get(job_id) if live is None else live.job

    def logs(self, job_id: int, after_serial: int = 0) -> list[LogEntry]:
        """Return a job's log entries above a serial."""
        return self.repository.logs(job_id, after_serial)

    @property
    def drained(self) -> bool:
        """Whether the queue takes no new jobs."""
        return self.repository.drained()

    @property
    def running_count(self) -> int:
        """Jobs with a worker."""
        return len(self._scheduler.running)

    @property
    def live_count(self) -> int:
        """Jobs that are not finished."""
        return len(self._live)

    # --- life ---------------------------------------------------------------------------------

    def recover(self) -> int:
        """Put in order what the last run left, durably; return how many jobs changed. Switches.

        Called once, before `start`.
        """
        now_us = self._clock.now_us()
        changed = 0
        jobs = self.repository.unfinished()
        tickets = []
        for job in jobs:
            if recovery.recover(job, now_us).job is not job:
                changed += 1
                tickets.append(
                    self.repository.change_soon(job.job_id, lambda j: recovery.recover(j, now_us))
                )
        for job in jobs:
            self._take_in(job, None)
        for ticket in tickets:
            self.repository.wait(ticket)
        return changed

    def start(self, carrier: Carrier) -> None:
        """Begin to run jobs."""
        self._carrier = carrier
        self._schedule()

    def drain(self, timeout_s: float) -> bool:
        """Begin no further opcode and wait for the running ones; return whether all ended.
        Switches.

        Jobs that wait for locks or dependencies go back to the queue.
        """
        self._stopping = True
        greenlets = []
        for job_id, live in list(self._live.items()):
            if live.greenlet is not None:
                greenlets.append(live.greenlet)
                self._stop_waiting(job_id, live)
        gevent.joinall(greenlets, timeout=timeout_s)
        return not self._scheduler.running

    # --- what follows from commits ------------------------------------------------------------

    def _committed(self, changes: Sequence[Change]) -> None:
        """Take notice of committed changes; on the hub, in commit order, never switches."""
        for change in changes:
            job = change.job
            if change.new:
                self._take_in(job, self._submitted_ops.pop(job.job_id, None))
            elif not change.archived:
                self._keep(change)
            self.waiters.tell(job)
        self._mirror(max((change.outbox_seq for change in changes), default=0))
        self._schedule()

    def _take_in(self, job: Job, ops: tuple[OpCode, ...] | None) -> None:
        self._live[job.job_id] = _Live(job, ops)
        self._scheduler.add(job.job_id, job.priority, self._unfinished_dependencies(job))

    def _keep(self, change: Change) -> None:
        job = change.job
        live = self._live.get(job.job_id)
        if live is None or job.revision < live.job.revision:
            return
        live.job = job
        if live.worker is not None:
            live.worker.update(job)
        if Effect.INTERRUPT in change.effects:
            self._stop_worker(live, job)
        if job.final:
            del self._live[job.job_id]
            if live.greenlet is None:
                self._scheduler.end(job.job_id)
        else:
            self._scheduler.change_priority(job.job_id, job.priority)

    def _stop_worker(self, live: _Live, job: Job) -> None:
        """A job is being canceled, or was killed: its worker must let go."""
        if live.greenlet is None:
            return
        if job.final:
            live.greenlet.kill(block=False)
        else:
            self._stop_waiting(job.job_id, live)

    def _stop_waiting(self, job_id: int, live: _Live) -> None:
        if _current_status(live.job) in (OpStatus.WAITING, OpStatus.CANCELING, OpStatus.QUEUED):
            if live.worker is not None:
                live.worker.interrupted = True
            self._interrupt(job_id)

    def _unfinished_dependencies(self, job: Job) -> set[int]:
        return {
            dependency.job_id
            for op in job.ops
            if op.status not in FINAL
            for dependency in op.depends
            if dependency.job_id in self._live
        }

    def _schedule(self) -> None:
        """Start what may start."""
        if self._stopping or self._carrier is None:
            return
        for job_id in self._scheduler.start(self._running_max()):
            live = self._live[job_id]
            live.greenlet = gevent.spawn(self._work, live, self._carrier)
            live.greenlet.rawlink(lambda done, live=live: self._worker_ended(live, done))

    def _work(self, live: _Live, carrier: Carrier) -> Outcome:
        """A job's greenlet."""
        live.worker = Worker(
            live.job,
            live.ops,
            repository=self.repository,
            carrier=carrier,
            clock=self._clock,
            stopping=lambda: self._stopping,
        )
        try:
            return live.worker.run()
        except Exception:  # noqa: BLE001 - the job must end whatever went wrong
            _log.exception("the worker of job %d failed", live.job.job_id)
            self._fail_job(live.job.job_id)
            return Outcome.ENDED

    def _worker_ended(self, live: _Live, done: "gevent.Greenlet[..., Outcome]") -> None:
        """A greenlet ended, or was killed, perhaps before it began; on the hub."""
        live.worker = live.greenlet = None
        job = live.job
        if done.value is Outcome.PUT_BACK and job.job_id in self._live:
            self._scheduler.add(job.job_id, job.priority, self._unfinished_dependencies(job))
        else:
            self._scheduler.end(job.job_id)
        self._schedule()

    def _fail_job(self, job_id: int) -> None:
        """End a job whose worker broke, so that it does not stay unfinished for ever. Switches."""
        result = msgspec.json.encode(["OpExecError", ["Internal error, see the master's log"]])
        now_us = self._clock.now_us()
        for pause_s in retry_pauses():
            try:
                self.repository.change(job_id, lambda job: machine.kill(job, result, now_us))
            except StoreUnavailableError as error:
                _log.error("the end of job %d cannot be recorded: %s", job_id, error)
                gevent.sleep(pause_s)
            except (JobLost, InvalidTransitionError):
                return
            else:
                return


def _current_status(job: Job) -> OpStatus:
    index = machine.current_index(job)
    return job.status if index is None else job.ops[index].status


def _death(job_id: int) -> Json:
    return msgspec.json.encode(f"detected death of job {job_id}")


def _with_death_reason(job: Job, now_us: int) -> Job:
    """Return the job with one more reason entry in its opcodes that are not final."""
    entry = [_DEATH_SOURCE, f"detected death of job {job.job_id}", now_us * 1000]
    ops = tuple(
        op if op.status in FINAL else replace(op, input=with_reason(op.input, entry))
        for op in job.ops
    )
    return replace(job, ops=ops)
