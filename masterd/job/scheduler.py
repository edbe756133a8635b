"""Which queued job starts next. Pure: facts in, ids out.

A job is eligible when none of the jobs it depends on is unfinished and no rule holds it; eligible
jobs start by priority (the smaller number first), then by id, each when all its buckets have room.
The order is kept as it changes: no decision looks at jobs that are not affected, so a queue of
thousands costs nothing while it waits.

Jobs with the same buckets can stand in for each other, so they make one queue, a *lane*. A lane
waits at one of its buckets, and a bucket is open while it has room: the best job of the best lane
at the best open bucket is the next one, unless another bucket of it is full; then its lane goes on
to wait there.

Source: jobfile.json scheduling_3_0; filters.json.
"""

from collections.abc import Collection

from masterd.job.filters import OPEN, Bucket, Lane, Verdict
from masterd.job.ranked import Ranked

_Buckets = tuple[Bucket, ...]


class Scheduler:
    """The waiting room of the queue.

    A job is in exactly one place: blocked (has unfinished dependencies), held by a rule, eligible,
    or running.
    """

    def __init__(self) -> None:
        #: Jobs not started: priority and lane.
        self._queued: dict[int, tuple[int, Lane]] = {}
        self._blocked_on: dict[int, set[int]] = {}
        self._dependents: dict[int, set[int]] = {}
        self._running: dict[int, _Buckets] = {}
        #: Running jobs by bucket; no zeros.
        self._used: dict[Bucket, int] = {}
        #: Eligible jobs by lane, lanes by the bucket they wait at (None: they have none), and the
        #: buckets that have both lanes and room. No empty ones.
        self._lanes: dict[_Buckets, Ranked[int]] = {}
        self._waits_at: dict[_Buckets, Bucket | None] = {}
        self._waiting: dict[Bucket | None, Ranked[_Buckets]] = {}
        self._open: Ranked[Bucket | None] = Ranked()

    @property
    def queued_count(self) -> int:
        """Jobs not started, blocked and held ones included."""
        return len(self._queued)

    @property
    def running(self) -> Collection[int]:
        """Ids of the jobs that were started and have not been given back."""
        return self._running.keys()

    def add(
        self, job_id: int, priority: int, unfinished: Collection[int] = (), lane: Lane = OPEN
    ) -> None:
        """Take in a queued job.

        Args:
            job_id: not known to the scheduler, or running (then it goes back to the queue).
            priority: the job's priority.
            unfinished: those of its dependencies that have not ended.
            lane: what else holds it back.
        """
        self._stop(job_id)
        self._queued[job_id] = priority, lane
        blockers = set(unfinished) - {job_id}
        if blockers:
            self._blocked_on[job_id] = blockers
            for other in blockers:
                self._dependents.setdefault(other, set()).add(job_id)
        else:
            self._enter(job_id)

    def change_priority(self, job_id: int, priority: int) -> None:
        """Move a queued job; one that runs or is unknown is left alone."""
        if job_id in self._queued:
            self._queued[job_id] = priority, self._queued[job_id][1]
            self._enter(job_id)

    def change_lane(self, job_id: int, lane: Lane) -> None:
        """Let other rules hold for a job; one that runs counts for other buckets from now on."""
        if job_id in self._running:
            self._stop(job_id)
            self._run(job_id, lane.buckets)
        elif job_id in self._queued and self._queued[job_id][1] != lane:
            self._leave(job_id)
            self._queued[job_id] = self._queued[job_id][0], lane
            self._enter(job_id)

    def end(self, job_id: int) -> None:
        """A job ended, running or not: forget it and free what waited for it alone."""
        self._stop(job_id)
        if job_id in self._queued:
            self._leave(job_id)
            del self._queued[job_id]
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
                self._enter(dependent)

    def start(self, running_max: int) -> list[int]:
        """Move eligible jobs to running until `running_max` run; return them in order."""
        started: list[int] = []
        while len(self._running) < running_max:
            best = self._open.first()
            if best is None:
                break
            (_, job_id), place = best
            waiting = self._waiting[place].first()
            assert waiting is not None
            buckets = waiting[1]
            full = next((bucket for bucket in buckets if self._is_full(bucket)), None)
            if full is not None:
                self._wait_at(buckets, full)
                continue
            self._leave(job_id)
            del self._queued[job_id]
            self._run(job_id, buckets)
            started.append(job_id)
        return started

    # --- running jobs and their buckets -------------------------------------------------------

    def _run(self, job_id: int, buckets: _Buckets) -> None:
        self._running[job_id] = buckets
        for bucket in buckets:
            self._used[bucket] = self._used.get(bucket, 0) + 1
            self._rank_place(bucket)

    def _stop(self, job_id: int) -> None:
        for bucket in self._running.pop(job_id, ()):
            self._used[bucket] -= 1
            if not self._used[bucket]:
                del self._used[bucket]
            self._rank_place(bucket)

    def _is_full(self, bucket: Bucket) -> bool:
        return self._used.get(bucket, 0) >= bucket.limit

    # --- eligible jobs and their lanes --------------------------------------------------------

    def _enter(self, job_id: int) -> None:
        """A queued job came, or has another rank: it stands in its lane, if it is eligible."""
        priority, lane = self._queued[job_id]
        if job_id in self._blocked_on or lane.verdict is not Verdict.OPEN:
            return
        jobs = self._lanes.get(lane.buckets)
        if jobs is None:
            jobs = self._lanes[lane.buckets] = Ranked()
            self._waits_at[lane.buckets] = next(iter(lane.buckets), None)
        before = jobs.first()
        jobs.put(job_id, (priority, job_id))
        if jobs.first() != before:
            self._rank_lane(lane.buckets)

    def _leave(self, job_id: int) -> None:
        """A queued job goes out of its lane, if it stands in one."""
        buckets = self._queued[job_id][1].buckets
        jobs = self._lanes.get(buckets)
        if jobs is not None and job_id in jobs:
            jobs.discard(job_id)
            self._rank_lane(buckets)

    def _wait_at(self, buckets: _Buckets, place: Bucket) -> None:
        """A lane waits at another of its buckets."""
        before = self._waits_at[buckets]
        self._waiting[before].discard(buckets)
        self._rank_place(before)
        self._waits_at[buckets] = place
        self._rank_lane(buckets)

    def _rank_lane(self, buckets: _Buckets) -> None:
        """A lane's best job may be another."""
        place = self._waits_at[buckets]
        lanes = self._waiting.get(place)
        if lanes is None:
            lanes = self._waiting[place] = Ranked()
        best = self._lanes[buckets].first()
        if best is None:
            del self._lanes[buckets], self._waits_at[buckets]
            lanes.discard(buckets)
        else:
            lanes.put(buckets, best[0])
        self._rank_place(place)

    def _rank_place(self, place: Bucket | None) -> None:
        """A bucket's best lane may be another, or whether it has room."""
        lanes = self._waiting.get(place)
        if lanes is None:
            return
        best = lanes.first()
        if best is None:
            del self._waiting[place]
        if best is None or (place is not None and self._is_full(place)):
            self._open.discard(place)
        else:
            self._open.put(place, best[0])
