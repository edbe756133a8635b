"""Which queued job starts next. Pure: facts in, ids out.

A job is eligible when none of the jobs it depends on is unfinished; eligible jobs start by priority
(the smaller number first), then by id. The order is kept as it changes: no decision looks at jobs
that are not affected, so a queue of thousands costs nothing while it waits.

Source: jobfile.json scheduling_3_0.
"""

import heapq
from collections.abc import Collection


class Scheduler:
    """The waiting room of the queue.

    A job is in exactly one place: blocked (has unfinished dependencies), eligible, or running.
    """

    def __init__(self) -> None:
        #: Heap of (priority, id); entries that no longer match `_priority` are passed over.
        self._heap: list[tuple[int, int]] = []
        self._priority: dict[int, int] = {}
        self._blocked_on: dict[int, set[int]] = {}
        self._dependents: dict[int, set[int]] = {}
        self._running: set[int] = set()

    @property
    def queued_count(self) -> int:
        """Jobs not started, blocked ones included."""
        return len(self._priority)

    @property
    def running(self) -> Collection[int]:
        """Ids of the jobs that were started and have not been given back."""
        return frozenset(self._running)

    def add(self, job_id: int, priority: int, unfinished: Collection[int] = ()) -> None:
        """Take in a queued job.

        Args:
            job_id: not known to the scheduler, or running (then it goes back to the queue).
            priority: the job's priority.
            unfinished: those of its dependencies that have not ended.
        """
        self._running.discard(job_id)
        self._priority[job_id] = priority
        blockers = set(unfinished) - {job_id}
        if blockers:
            self._blocked_on[job_id] = blockers
            for other in blockers:
                self._dependents.setdefault(other, set()).add(job_id)
        else:
            heapq.heappush(self._heap, (priority, job_id))

    def change_priority(self, job_id: int, priority: int) -> None:
        """Move a queued job; one that runs or is unknown is left alone."""
        if self._priority.get(job_id, priority) == priority:
            return
        self._priority[job_id] = priority
        if job_id not in self._blocked_on:
            heapq.heappush(self._heap, (priority, job_id))

    def end(self, job_id: int) -> None:
        """A job ended, running or not: forget it and free what waited for it alone."""
        self._running.discard(job_id)
        self._priority.pop(job_id, None)
        for other in self._blocked_on.pop(job_id, ()):
            dependents = self._dependents[other]
            dependents.discard(job_id)
            if not dependents:
                del self._dependents[other]
        for dependent in self._dependents.pop(job_id, ()):
            blockers = self._blocked_on[dependent]
            blockers.discard(job_id)
            if not blockers:
                del self._blocked_on[dependent]
                heapq.heappush(self._heap, (self._priority[dependent], dependent))

    def start(self, running_max: int) -> list[int]:
        """Move eligible jobs to running until `running_max` run; return them in order."""
        started: list[int] = []
        while self._heap and len(self._running) < running_max:
            priority, job_id = heapq.heappop(self._heap)
            if self._priority.get(job_id) != priority or job_id in self._blocked_on:
                continue
            del self._priority[job_id]
            self._running.add(job_id)
            started.append(job_id)
        return started
