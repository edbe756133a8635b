"""The profiler of the benchmarks leaves the program alone."""

import sys
from pathlib import Path

from tests.benchmarks.sampler import Sampler


class _InterruptedPath(type(Path())):  # type: ignore[misc]  # Path chooses its class by the system
    """A file that is written so slowly that the next signal comes meanwhile."""

    sampler: Sampler | None = None
    written = ""

    def write_text(self, data: str, *_args: object, **_options: object) -> int:
        assert self.sampler is not None
        self.sampler._take(0, sys._getframe())
        type(self).written = data
        return len(data)


def test_a_signal_during_a_sample_is_passed_over() -> None:
    sampler = Sampler(_InterruptedPath("profile"))
    _InterruptedPath.sampler = sampler
    sampler._take(0, sys._getframe())
    sampler.stop()
    assert _InterruptedPath.written.startswith("1 samples\n")
