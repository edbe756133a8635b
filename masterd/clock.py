"""The only place that reads the time.

A `Clock` is handed in wherever time matters, so that tests decide what time it is. Wall time is
kept in whole microseconds since the epoch, because job files carry `[seconds, microseconds]` and
floats lose the last digit.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations."""

    def now_us(self) -> int:
        """Return microseconds since the epoch; may jump when an administrator sets the clock."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back; only differences mean anything."""
        ...


def boottime_s() -> float:
    """Return seconds of a clock that goes on while the machine sleeps; only differences count."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.monotonic()
