"""The unfinished jobs in memory, and what follows from commits.

`LiveJobs.committed` is called on the hub in the order of the commits, so what is here (the jobs,
the scheduler) is what the store holds, at most one wake-up behind. Nothing here switches but
the one greenlet that judges jobs by new rules.

Rules that change take effect at once: every unfinished job is judged anew before the next one is
begun. That is done in pieces, so that many jobs and rules do not keep others waiting.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

import gevent

from masterd.config.filter import FilterRule
from masterd.job.crew import Crew
from masterd.job.filters import Rules, Verdict
from masterd.job.machine import Effect
from masterd.job.model import Job
from masterd.job.repository import Change
from masterd.job.scheduler import Scheduler
from masterd.job.status import FINAL
from masterd.job.waiters import Waiters
from masterd.limits import JOB_RULES_PER_TURN
from masterd.opcodes.base import OpCode


class _Live:
    """An unfinished job in memory."""

    __slots__ = ("job", "ops")

    def __init__(self, job: Job, ops: tuple[OpCode, ...] | None) -> None:
        self.job = job
        #: The opcodes as submitted; None for a job of an earlier run.
        self.ops = ops


class LiveJobs:
    """Jobs that have not ended: queued ones in the scheduler, begun ones with the crew."""

    def __init__(
        self,
        crew: Crew,
        waiters: Waiters,
        *,
        running_max: Callable[[], int],
        rules: Callable[[], Iterable[FilterRule]],
        reject: Callable[[int], None],
        mirror: Callable[[int, int], None],
    ) -> None:
        """Prepare.

        Args:
            running_max: how many jobs may run at once, asked before each start.
            rules: the filter rules, asked at the start and by `reconsider`.
            reject: begins to cancel a queued job; does not switch.
            mirror: tells the mirror up to which outbox number there is something to do, and how
                many jobs are new; does not switch.
        """
        self._crew = crew
        self._waiters = waiters
        self._running_max = running_max
        self._rules_now = rules
        self._rules = Rules()
        self._reject = reject
        self._mirror = mirror
        self._scheduler = Scheduler()
        self._jobs: dict[int, _Live] = {}
        self._submitted_ops: dict[int, tuple[OpCode, ...]] = {}
        #: Jobs to be judged by the rules that have changed; nothing is begun before.
        self._unjudged: deque[int] = deque()
        self._judging: gevent.Greenlet[[], None] | None = None
        #: Queued jobs that a rule rejects, and those of them whose cancel was not begun.
        self._rejected: set[int] = set()
        self._to_reject: set[int] = set()

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def job_ids(self) -> Collection[int]:
        """The unfinished jobs."""
        return self._jobs.keys()

    def get(self, job_id: int) -> Job | None:
        """Return an unfinished job; None when there is none."""
        live = self._jobs.get(job_id)
        return None if live is None else live.job

    def submitted(self, job_id: int, ops: Sequence[OpCode]) -> None:
        """Keep the opcodes as submitted of a job whose commit is told next."""
        self._submitted_ops[job_id] = tuple(ops)

    def recovered(self, jobs: Sequence[Job]) -> None:
        """Take in what the last run left, before anything is told."""
        self._rules = Rules.of(self._rules_now())
        for job in jobs:
            self._take_in(job)

    def committed(self, changes: Sequence[Change]) -> None:
        """Take notice of committed changes, in commit order."""
        for change in changes:
            if change.new:
                self._take_in(change.job)
            elif not change.archived:
                self._keep(change)
            self._waiters.tell(change.job)
        self._mirror(
            max((change.outbox_seq for change in changes), default=0),
            sum(change.new for change in changes),
        )
        self.schedule()

    def lacks(self, job: Job, revision: int) -> bool:
        """Tell whether this revision of a job of the store, or a later one, was never told."""
        live = self._jobs.get(job.job_id)
        return not job.final if live is None else live.job.revision < revision

    def reconsider(self) -> None:
        """The rules, or how many jobs may run, may be others than before."""
        source = tuple(self._rules_now())
        if source != self._rules.source:
            self._rules = Rules.of(source, self._rules)
            self._unjudged = deque(self._jobs)
            self._judge_some()
        if self._unjudged and self._judging is None:
            self._judging = gevent.spawn(self._judge_on)
        self.schedule()

    def schedule(self) -> None:
        """Begin what may begin, and turn away what may not."""
        if not self._crew.ready:
            return
        while self._to_reject:
            self._reject(self._to_reject.pop())
        if self._unjudged:
            return
        for job_id in self._scheduler.start(self._running_max()):
            live = self._jobs[job_id]
            self._crew.begin(live.job, live.ops)

    def remind(self) -> None:
        """Do again whatever may have been lost on its way."""
        self._to_reject |= self._rejected
        self.reconsider()

    def worker_ended(self, job_id: int, put_back: bool) -> None:
        """A job's greenlet has ended; `put_back`: the job is queued again."""
        live = self._jobs.get(job_id)
        if live is not None and put_back:
            self._queue(live.job)
        else:
            self._scheduler.end(job_id)
        self.schedule()

    def _take_in(self, job: Job) -> None:
        if job.job_id not in self._jobs:
            self._jobs[job.job_id] = _Live(job, self._submitted_ops.pop(job.job_id, None))
            self._queue(job)

    def _queue(self, job: Job) -> None:
        lane = self._rules.lane_of(job)
        unfinished = self._unfinished_dependencies(job)
        self._scheduler.add(job.job_id, job.priority, unfinished, lane)
        if lane.verdict is Verdict.REJECTED or self._rejected:
            self._mark(job.job_id, lane.verdict is Verdict.REJECTED)

    def _mark(self, job_id: int, rejected: bool) -> None:
        if rejected:
            self._rejected.add(job_id)
            self._to_reject.add(job_id)
        else:
            self._rejected.discard(job_id)
            self._to_reject.discard(job_id)

    def _keep(self, change: Change) -> None:
        job = change.job
        live = self._jobs.get(job.job_id)
        if live is None or job.revision < live.job.revision:
            return
        live.job = job
        self._crew.update(job)
        if Effect.INTERRUPT in change.effects:
            self._crew.interrupt(job)
        if job.final:
            del self._jobs[job.job_id]
            self._mark(job.job_id, False)
            if job.job_id not in self._crew:
                self._scheduler.end(job.job_id)
        else:
            self._scheduler.change_priority(job.job_id, job.priority)

    def _judge_some(self) -> None:
        """Judge as many jobs as may be without a turn for others."""
        for _ in range(min(len(self._unjudged), JOB_RULES_PER_TURN // (len(self._rules) + 1) + 1)):
            live = self._jobs.get(self._unjudged.popleft())
            if live is None:
                continue
            job = live.job
            lane = self._rules.lane_of(job)
            self._scheduler.change_lane(job.job_id, lane)
            queued = job.job_id not in self._crew
            self._mark(job.job_id, queued and lane.verdict is Verdict.REJECTED)

    def _judge_on(self) -> None:
        """Judge the rest. Switches: a greenlet's function."""
        while self._unjudged:
            gevent.sleep(0)
            self._judge_some()
        self._judging = None
        self.schedule()

    def _unfinished_dependencies(self, job: Job) -> set[int]:
        return {
            dependency.job_id
            for op in job.ops
            if op.status not in FINAL
            for dependency in op.depends
            if dependency.job_id in self._jobs
        }
