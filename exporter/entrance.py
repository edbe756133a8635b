"""Where those who submit jobs wait until a master candidate holds enough of what came before.

First come, first served; a large submission counts once it is let in, and those behind it wait
for it. Belongs to the hub's thread.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gevent.event import Event

from exporter.intake import Intake
from exporter.lag import LagMeter

_log = logging.getLogger(__name__)

#: Share of the pace of a candidate that catches up at which submissions are let in meanwhile.
CATCHING_UP_SHARE: Final = 0.5

#: Seconds of that which may come at once.
CATCHING_UP_BURST_S: Final = 1.0

#: Seconds between two lines of the log that tell of waiting submissions.
TOLD_S: Final = 60.0


class CandidatesBehindError(Exception):
    """A submission could not be let in; nothing was done for it."""


@dataclass(frozen=True, slots=True)
class EntranceReport:
    """How submissions get on.

    Attributes:
        behind_s: Age of the oldest change that no reachable candidate holds; 0 without one, and
            where no candidate can be reached and keeps up.
        behind_max_s: How old it may get.
        jobs_unheld: Jobs taken in that no reachable candidate holds.
        jobs_unheld_max: How many of them the candidates' pace allows.
        let_in_per_s: Jobs a second that are let in while candidates catch up; None otherwise.
        waiting: Submissions that wait now.
        waited: Submissions that had to wait, since the start.
    """

    behind_s: float
    behind_max_s: float
    jobs_unheld: int
    jobs_unheld_max: int
    let_in_per_s: float | None
    waiting: int
    waited: int


@dataclass(slots=True)
class _Waiter:
    jobs: int
    admitted: Event


class Entrance:
    """Lets submissions in at the candidates' pace."""

    def __init__(
        self, now_s: Callable[[], float], *, behind_max_s: float, wait_s: float, waiting_max: int
    ) -> None:
        """Prepare.

        Args:
            now_s: a clock that never goes back, in seconds.
            behind_max_s: how old the oldest change may get that no reachable candidate holds.
            wait_s: seconds after which a submission that waits is refused.
            waiting_max: submissions that may wait; more are refused at once.
        """
        self._now_s = now_s
        self._behind_max_s = behind_max_s
        self._wait_s = wait_s
        self._waiting_max = waiting_max
        self._intake = Intake(behind_max_s, now_s)
        self._meter = LagMeter(now_s)
        self._waiters: deque[_Waiter] = deque()
        self._waited = 0
        self._told_s: float | None = None
        #: Jobs a second while candidates catch up, None otherwise; jobs that may come now, as of
        #: when.
        self._rate: float | None = None
        self._allowed = 0.0
        self._allowed_s = 0.0

    @property
    def behind_max_s(self) -> float:
        """How old the oldest change may get that no reachable candidate holds."""
        return self._behind_max_s

    @contextmanager
    def passing(self, jobs: int) -> Iterator[None]:
        """Let a submission in, for the time of a block; entering it waits. Switches.

        Raises (on entering):
            CandidatesBehindError: it took too long, or too many wait already.
        """
        if self._waiters or not self._room:
            self._wait(jobs)
        else:
            self._admit(jobs)
        try:
            yield
        finally:
            self._intake.coming -= jobs
            self.look()

    def committed(self, seq: int, jobs: int) -> None:
        """Take notice of changes through entry `seq`, among them new jobs; does not switch."""
        self._meter.committed(seq)
        self._intake.taken(seq, jobs)

    def held(self, seq: int) -> None:
        """Take notice that a reachable candidate holds all through `seq`; does not switch."""
        self._rate = None
        self._meter.held(seq)
        self._intake.held(seq)
        self.look()

    def nobody_to_wait_for(self, seq: int) -> None:
        """Take notice that no candidate can be reached, now at entry `seq`; does not switch."""
        self._rate = None
        self._forget(seq)

    def catching_up(self, seq: int, jobs_per_s: float) -> None:
        """Take notice that the best candidate catches up, now at entry `seq`; does not switch.

        Waiting for what it lacks could take hours, and not waiting would let it never come so far.
        So submissions are let in at a share of its pace.
        """
        if self._rate is None:
            self._allowed, self._allowed_s = 0.0, self._now_s()
        self._rate = jobs_per_s * CATCHING_UP_SHARE
        self._forget(seq)

    def look(self) -> None:
        """Let in for whom there is room; does not switch."""
        while self._waiters and self._room:
            waiter = self._waiters.popleft()
            self._admit(waiter.jobs)
            waiter.admitted.set()

    def report(self) -> EntranceReport:
        """Return how submissions get on."""
        return EntranceReport(
            self._meter.waiting_s,
            self._behind_max_s,
            self._intake.jobs,
            int(self._intake.jobs_max),
            self._rate,
            len(self._waiters),
            self._waited,
        )

    @property
    def _room(self) -> bool:
        if self._rate is not None:
            now_s = self._now_s()
            self._allowed += (now_s - self._allowed_s) * self._rate
            self._allowed = min(self._allowed, max(1.0, self._rate * CATCHING_UP_BURST_S))
            self._allowed_s = now_s
            return self._allowed >= 1
        return self._intake.room and self._meter.waiting_s <= self._behind_max_s

    def _admit(self, jobs: int) -> None:
        self._intake.coming += jobs
        self._allowed -= jobs

    def _forget(self, seq: int) -> None:
        self._meter.held(seq)
        self._intake.nobody_to_wait_for(seq)
        self.look()

    def _wait(self, jobs: int) -> None:
        if len(self._waiters) >= self._waiting_max:
            raise CandidatesBehindError(
                f"{len(self._waiters)} submissions wait for the master candidates already"
            )
        self._waited += 1
        self._tell()
        waiter = _Waiter(jobs, Event())
        self._waiters.append(waiter)
        try:
            waiter.admitted.wait(self._wait_s)
        except BaseException:
            self._leave(waiter)
            raise
        if not waiter.admitted.is_set():
            self._leave(waiter)
            raise CandidatesBehindError(
                f"the master candidates did not keep up for {self._wait_s:g} seconds"
            )

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.admitted.is_set():
            self._intake.coming -= waiter.jobs
        else:
            self._waiters.remove(waiter)
        self.look()

    def _tell(self) -> None:
        now_s = self._now_s()
        if self._told_s is None or now_s - self._told_s >= TOLD_S:
            self._told_s = now_s
            _log.warning(
                "submissions wait for the master candidates, which hold %.0f more jobs a second",
                self._intake.pace or 0.0,
            )
