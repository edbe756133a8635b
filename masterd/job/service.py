"""The job queue as clients see it.

Every change goes through the repository; what follows from it happens in `live`, on the hub, in the
order of the commits: memory, waiters, the scheduler, the mirror. `crew` carries the jobs out.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import gevent
import msgspec

from masterd.clock import Clock
from masterd.config.filter import FilterRule
from masterd.errors import GenericError, JobLost
from masterd.job import machine, recovery
from masterd.job.crew import Crew, Hands, current_status
from masterd.job.live import LiveJobs
from masterd.job.machine import Step
from masterd.job.model import Holder, Job, Json, LogEntry, Peer
from masterd.job.new import NewJob, with_reason
from masterd.job.repository import Change, JobRepository, StoreUnavailableError, Submitted
from masterd.job.status import FINAL, OpStatus
from masterd.job.sweep import Sweep
from masterd.job.waiters import Waiters
from masterd.job.worker import Carrier
from masterd.limits import (
    JOB_ARCHIVE_BATCH_MAX,
    JOB_ENCODED_PER_PAUSE,
    JOB_SWEEP_S,
    JOB_SWEPT_MAX,
    JOBS_SUBMIT_MAX,
)
from masterd.opcodes.base import OpCode
from masterd.turns import Turns
from store.store import Store

_log = logging.getLogger(__name__)

#: Priorities a client may ask for. Source: constants.json OP_PRIO_HIGHEST, OP_PRIO_LOWEST.
PRIORITY_HIGHEST: Final = -20
PRIORITY_LOWEST: Final = 19

#: Source of the reason entry a killed job gets. Source: a killed job's file.
_DEATH_SOURCE: Final = "gnt:daemon:luxid:deathdetection"


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
        reprioritize: Callable[[int, int], object],
        mirror: Callable[[int, int], None],
        load: Callable[[object], OpCode],
        rules: Callable[[], Iterable[FilterRule]] = tuple,
        replicated: Callable[[int], None] | None = None,
        holder: Holder | None = None,
    ) -> None:
        """Prepare; `start` begins to run jobs.

        Args:
            running_max: how many jobs may run at once, asked before each start.
            live_max: how many jobs may be unfinished.
            interrupt: makes a job's wait for locks end; does not switch.
            reprioritize: gives a job's wait for locks, if it waits, another priority; does not
                switch.
            mirror: tells the mirror up to which outbox number there is something to do, and how
                many jobs are new; does not switch.
            replicated: waits until master candidates hold an outbox number, when submissions are to
                be answered only then; switches.
            load: reads a stored opcode.
            rules: the filter rules; `reconsider` asks them again.
            holder: shows in the files of jobs that are carried out that this daemon is alive.
        """
        self.repository = JobRepository(store, lambda changes: self._live.committed(changes))
        self.waiters = Waiters()
        self._clock = clock
        self._live_max = live_max
        self._replicated = replicated
        hands = Hands(clock, interrupt, reprioritize, load, holder, self._hand_over)
        self._crew = Crew(
            self.repository,
            hands,
            lambda job_id, put_back: self._live.worker_ended(job_id, put_back),
        )
        self._live: LiveJobs = LiveJobs(
            self._crew,
            self.waiters,
            running_max=running_max,
            rules=rules,
            reject=self._reject,
            mirror=mirror,
        )
        self._sweep = Sweep(self.repository, self._live, self._crew)
        self._sweeper: gevent.Greenlet[[], None] | None = None

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
        news = [NewJob.of(ops) for ops in Turns(JOB_ENCODED_PER_PAUSE, gevent.sleep).over(jobs)]

        submitted = self.repository.submit(
            news,
            peer,
            self._clock.now_us(),
            live_max=self._live_max,
            ignore_drain=ignore_drain,
            committed=partial(self._keep_ops, jobs),
        )
        changes = [result for result in submitted.results if isinstance(result, Change)]
        if self._replicated is not None and changes:
            self._replicated(max(change.outbox_seq for change in changes))
        return submitted.answers

    def _hand_over(
        self,
        job_id: int,
        jobs: Sequence[Sequence[OpCode]],
        decide: Callable[[Job, Submitted], Step],
    ) -> Job:
        """Take in jobs and move the one that submits them, in one commit. Switches."""
        change = self.repository.hand_over(
            job_id,
            [NewJob.of(ops) for ops in Turns(JOB_ENCODED_PER_PAUSE, gevent.sleep).over(jobs)],
            decide,
            self._clock.now_us(),
            live_max=self._live_max,
            committed=partial(self._keep_ops, jobs),
        )
        return change.job

    def _keep_ops(self, jobs: Sequence[Sequence[OpCode]], submitted: Submitted) -> None:
        """Keep the opcodes of jobs whose commit is told next."""
        for ops, result in zip(jobs, submitted.results, strict=True):
            if isinstance(result, Change):
                self._live.submitted(result.job.job_id, ops)

    # --- changes asked for by clients ---------------------------------------------------------

    def cancel(self, job_id: int, *, kill: bool = False) -> tuple[bool, str]:
        """Cancel a job; return whether that worked and what to tell. Switches.

        A queued job is canceled at once; one that waits for locks is going to be; a running one is
        left alone unless `kill`, which ends its job in error, whatever it was doing.
        """
        if job_id not in self._live:
            return False, f"Job {job_id} not found in queue"
        now_us = self._clock.now_us()
        before: list[OpStatus] = []

        def decide(job: Job, _: object) -> Step:
            before[:] = [current_status(job)]
            if kill and before[0] is OpStatus.RUNNING:
                return machine.kill(_with_death_reason(job, now_us), _death(job_id), now_us)
            return machine.cancel(job, now_us)

        try:
            change = self.repository.wait(self.repository.end_unclean_soon(job_id, decide, now_us))
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
        # No job ended before the epoch, so an age beyond it finds none.
        cutoff_us = now_us if age_s < 0 else max(-1, now_us - age_s * 1_000_000)
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
        return self._live.get(job_id) or self.repository.get(job_id)

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
        return len(self._crew)

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
                    self.repository.end_unclean_soon(
                        job.job_id, lambda j, asked: recovery.recover(j, now_us, asked), now_us
                    )
                )
        for ticket in tickets:
            self.repository.wait(ticket)
        # Read again: what was put back has not begun, as far as rules are concerned.
        self._live.recovered(self.repository.unfinished() if tickets else jobs)
        return changed

    def start(self, carrier: Carrier) -> None:
        """Begin to run jobs."""
        self._crew.start(carrier)
        self._live.schedule()
        self._sweeper = gevent.spawn(self._sweep_on)

    def stop(self) -> None:
        """Look for nothing any more; the store may be closed then."""
        if self._sweeper is not None:
            self._sweeper.kill(block=False)

    def reconsider(self) -> None:
        """Let changed rules and bounds take effect, on queued jobs too; does not switch."""
        self._live.reconsider()

    def _reject(self, job_id: int) -> None:
        """Cancel a queued job, because a rule says so; not waited for."""
        now_us = self._clock.now_us()

        def decide(job: Job) -> Step:
            untouched = all(op.status is OpStatus.QUEUED for op in job.ops)
            return machine.cancel(job, now_us) if untouched else Step(job)

        try:
            self.repository.change_soon(job_id, decide)
        except StoreUnavailableError as error:
            _log.error("job %d cannot be rejected yet: %s", job_id, error)
        else:
            _log.info("job %d is rejected by a filter rule", job_id)

    def _sweep_on(self) -> None:
        """Look again and again whether something was lost. Switches: a greenlet's function."""
        while True:
            gevent.sleep(JOB_SWEEP_S)
            try:
                lost = self._sweep.look()
            except StoreUnavailableError as error:
                # Whoever asks for a job is told.
                _log.debug("the queue cannot be compared with the store: %s", error)
                continue
            if lost:
                _log.error("nobody had told the queue of changes of jobs %s", lost[:JOB_SWEPT_MAX])

    def drain(self, timeout_s: float) -> bool:
        """Begin no further opcode and wait for the running ones; return whether all ended.

        Switches. Jobs that wait for locks or dependencies go back to the queue.
        """
        return self._crew.drain(timeout_s)


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
