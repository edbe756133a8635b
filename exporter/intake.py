"""How many jobs may be taken in before a master candidate holds those before. Pure.

A failover loses what no candidate holds. So the oldest of that may have a certain age
(`behind_max_s`) and no more, and whoever wants to submit jobs waits where it would be exceeded.
Looking at the age alone would come too late: by then everything that makes it grow has been taken
in. So what counts is how long the jobs taken in would take at the pace of the last seconds:

* `held` measures the pace: jobs that came to be held, and the time in which there were any to send;
  older measurements fade.
* There is room while the jobs that nobody holds yet are fewer than the pace brings over in the
  time allowed, less a reserve. Without any there always is room.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Final

#: Share of the allowed age that is filled; the rest is for a pace that slackens.
SHARE: Final = 0.7

#: Jobs for each second allowed that may be under way before any pace was measured.
JOBS_PER_S_UNMEASURED: Final = 16

#: Share of the allowed age after which a measurement counts a third of a new one.
FADING: Final = 0.5


class Intake:
    """Counts jobs between being taken in and being held. Nothing here switches."""

    def __init__(self, behind_max_s: float, now_s: Callable[[], float]) -> None:
        self._behind_max_s = behind_max_s
        self._now_s = now_s
        #: Last outbox entry and number of jobs of each submission that is not held.
        self._taken: deque[tuple[int, int]] = deque()
        self._held_through = 0
        #: Since when there have been jobs to send without a measurement.
        self._since_s = 0.0
        self._paced_jobs = 0.0
        self._paced_s = 0.0
        #: Jobs that nobody holds yet.
        self.jobs = 0
        #: Jobs that got room and are not committed yet.
        self.coming = 0

    @property
    def pace(self) -> float | None:
        """Jobs a second that came to be held lately; None before anything was measured."""
        return self._paced_jobs / self._paced_s if self._paced_s > 0 else None

    @property
    def jobs_max(self) -> float:
        """How many jobs may be on their way."""
        pace = JOBS_PER_S_UNMEASURED if self.pace is None else self.pace
        return max(1.0, pace * self._behind_max_s * SHARE)

    @property
    def room(self) -> bool:
        """Whether more jobs may be taken in now."""
        return self.jobs + self.coming < self.jobs_max

    def taken(self, seq: int, jobs: int) -> None:
        """Take notice of jobs that were committed, with entries through `seq`."""
        if seq <= self._held_through:
            return
        if not self._taken:
            self._since_s = self._now_s()
        self._taken.append((seq, jobs))
        self.jobs += jobs

    def held(self, seq: int) -> None:
        """Take notice that some candidate holds everything through `seq`."""
        if seq <= self._held_through:
            return
        self._held_through = seq
        if not self._taken:
            return
        held = 0
        while self._taken and self._taken[0][0] <= seq:
            held += self._taken.popleft()[1]
        self.jobs -= held
        now_s = self._now_s()
        took_s, self._since_s = now_s - self._since_s, now_s
        kept = math.exp(-took_s / (self._behind_max_s * FADING))
        self._paced_jobs = self._paced_jobs * kept + held
        self._paced_s = self._paced_s * kept + took_s

    def nobody_to_wait_for(self, seq: int) -> None:
        """Take notice that no candidate can be reached: nothing through `seq` is waited for."""
        self._held_through = max(self._held_through, seq)
        self._taken.clear()
        self.jobs = 0
