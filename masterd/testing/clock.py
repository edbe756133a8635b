"""A clock that moves when told."""


class ManualClock:
    """Obeys `masterd.clock.Clock`."""

    def __init__(self, now_us: int = 1_700_000_000_000_000, monotonic_s: float = 1000.0) -> None:
        """Start at `now_us` (microseconds since the epoch) and `monotonic_s`."""
        self._now_us = now_us
        self._monotonic_s = monotonic_s

    def now_us(self) -> int:
        return self._now_us

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        assert seconds >= 0, "Time passes; use set_now_us to put the wall clock back"
        self._now_us += round(seconds * 1_000_000)
        self._monotonic_s += seconds

    def set_now_us(self, now_us: int) -> None:
        """Set the wall clock alone, as an administrator does."""
        self._now_us = now_us
