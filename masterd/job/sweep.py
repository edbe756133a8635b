"""Finds what was lost on its way from the store to memory.

Everything here goes by wake-ups: a commit tells memory, memory tells the scheduler, a greenlet that
ends tells both. A fault that loses one of them must not stop the queue, so that a few times a
second a look at the store, at dead greenlets and at the rules goes past all of them.

What differs may be just on its way; it counts as lost if the next look still does not find it.
"""

from collections import deque
from itertools import islice

from masterd.job.crew import Crew, current_status
from masterd.job.live import LiveJobs
from masterd.job.machine import Effect
from masterd.job.model import Job
from masterd.job.repository import Change, JobRepository
from masterd.job.status import OpStatus
from masterd.limits import JOB_SWEPT_MAX


class Sweep:
    """Looks again and again; `look` does not switch, and costs little however long the queue is."""

    def __init__(self, repository: JobRepository, live: LiveJobs, crew: Crew) -> None:
        self._repository = repository
        self._live = live
        self._crew = crew
        #: Revisions of jobs that differed at the last look.
        self._doubtful: dict[int, int] = {}
        #: Whether there were more jobs here or there at the last look.
        self._unequal = False
        #: Jobs in the order in which they are compared, some at each look.
        self._round: deque[int] = deque()

    def look(self) -> list[int]:
        """Pick up what was lost; return the ids of the jobs concerned.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        self._crew.look()
        jobs = [job for job in self._repository.get_many(self._suspects()) if job is not None]
        # Known here is what has been told; a job that moves on all the time is always behind.
        lost = [
            job
            for job in jobs
            if (revision := self._doubtful.get(job.job_id)) is not None
            and self._live.lacks(job, revision)
        ]
        self._doubtful = {
            job.job_id: job.revision
            for job in jobs
            if self._live.lacks(job, job.revision) and job not in lost
        }
        if lost:
            self._live.committed([self._change(job) for job in lost])
        self._live.remind()
        return [job.job_id for job in lost]

    def _suspects(self) -> list[int]:
        """Return jobs to compare.

        All that are only here or there, some of those that run, and of the others.
        """
        found = dict.fromkeys(self._doubtful)
        before, self._unequal = (
            self._unequal,
            self._repository.unfinished_count() != len(self._live),
        )
        # Reading all ids takes milliseconds, and one look may see a commit that is being told.
        if before and self._unequal:
            there = set(self._repository.unfinished_ids())
            found |= dict.fromkeys(sorted(there.symmetric_difference(self._live.job_ids)))
        found |= dict.fromkeys(islice(self._crew.job_ids, JOB_SWEPT_MAX))
        if not self._round:
            self._round = deque(self._live.job_ids)
        for _ in range(min(JOB_SWEPT_MAX, len(self._round))):
            found[self._round.popleft()] = None
        return list(found)

    def _change(self, job: Job) -> Change:
        new = job.job_id not in self._live
        stops = job.final or current_status(job) is OpStatus.CANCELING
        effects = (Effect.INTERRUPT,) if stops else ()
        return Change(job, effects, new=new, outbox_seq=self._repository.last_outbox_seq())
