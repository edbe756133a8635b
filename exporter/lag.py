"""How long changes take to reach a mirror: from the commit to the moment it holds them, durably."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

#: Changes whose way is measured at once; while so many are under way, newer ones go unmeasured.
MARKS_MAX: Final = 4096
#: Newest measurements that a report is made of.
SAMPLES_MAX: Final = 1024
#: Changes that follow each other faster than this are measured as one.
STEP_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Lag:
    """Lag of one mirror.

    Attributes:
        entries: Changes that it does not hold yet.
        waiting_s: For how long the oldest of them has waited; 0 without one.
        median_s: Median lag of the newest changes; None before the first.
        p99_s: Their 99th percentile.
    """

    entries: int
    waiting_s: float
    median_s: float | None
    p99_s: float | None


class LagMeter:
    """Measures one mirror. Nothing here switches."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._marks: deque[tuple[int, float]] = deque()
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)

    def committed(self, seq: int) -> None:
        """Take notice of a change, numbered as its outbox entry."""
        now_s = self._now_s()
        marks = self._marks
        if not marks or (now_s - marks[-1][1] >= STEP_S and len(marks) < MARKS_MAX):
            marks.append((seq, now_s))

    def held(self, seq: int) -> None:
        """Take notice that the mirror holds everything through `seq`."""
        marks = self._marks
        if marks and marks[0][0] <= seq:
            now_s = self._now_s()
            while marks and marks[0][0] <= seq:
                self._samples.append(now_s - marks.popleft()[1])

    @property
    def waiting_s(self) -> float:
        """For how long the oldest change that the mirror lacks has waited; 0 without one."""
        return self._now_s() - self._marks[0][1] if self._marks else 0.0

    def report(self, entries: int) -> Lag:
        """Return the lag; `entries` is how many changes are not held yet."""
        samples = sorted(self._samples)
        return Lag(entries, self.waiting_s, percentile(samples, 0.5), percentile(samples, 0.99))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of the ordered samples do not exceed."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
