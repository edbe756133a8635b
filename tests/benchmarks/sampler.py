"""A sampling profiler that a signal drives; a table of functions is what it leaves.

Every few milliseconds of processor time a signal looks at what each thread is doing. The file gets,
now and then, one line per function: the share of samples in which it ran itself, and in which it or
something it called ran. "hub" is the thread that made the sampler.
"""

import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from gevent import monkey

INTERVAL_S: Final = 0.002
LINES: Final = 70
#: Samples after which the table is written again.
SAVED_EVERY: Final = 20

_get_ident = monkey.get_original("_thread", "get_ident")


class Sampler:
    """Counts functions on the stacks of all threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hub = _get_ident()
        self._own: Counter[str] = Counter()
        self._total: Counter[str] = Counter()
        self._samples = 0
        #: Whether a sample is being taken, or the table written.
        self._busy = False

    def start(self) -> None:
        """Begin to sample."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)

    def stop(self) -> None:
        """End sampling and write the table."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._busy = True  # a last signal may be on its way
        self._path.write_text(self.report())

    def report(self) -> str:
        """Return the table."""
        lines = [f"{self._samples} samples", "  self  total  function"]
        for name, count in self._total.most_common(LINES):
            lines.append(f"{self._share(self._own[name])} {self._share(count)}  {name}")
        return "\n".join(lines) + "\n"

    def _take(self, _signal: int, frame: FrameType | None) -> None:
        # On a busy machine the next signal comes before this one is dealt with. What would go wrong
        # then would be raised wherever the program is, which has nothing to do with it.
        if self._busy:
            return
        self._busy = True
        try:
            self._sample(frame)
        finally:
            self._busy = False

    def _sample(self, frame: FrameType | None) -> None:
        self._samples += 1
        if self._samples % SAVED_EVERY == 1:
            # Now and then, because the daemon may be killed.
            self._path.write_text(self.report())
        self._count("hub", frame)
        for ident, other in sys._current_frames().items():
            if ident != self._hub:
                self._count("thread", other)

    def _count(self, thread: str, frame: FrameType | None) -> None:
        seen: set[str] = set()
        first = True
        while frame is not None:
            code = frame.f_code
            name = f"{thread} {code.co_qualname} {'/'.join(Path(code.co_filename).parts[-2:])}"
            if first:
                self._own[name] += 1
                first = False
            seen.add(name)
            frame = frame.f_back
        self._total.update(seen)

    def _share(self, count: int) -> str:
        return f"{100 * count / max(1, self._samples):5.1f}%"
