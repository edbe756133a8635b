"""Cases carried out side by side: the reference starts a process for each job, which takes time.

Where the time is bounded, the cases that had no turn are those at the end of the drawn order, so
that the runs of some days compare all. Those of an opcode keep their order: which call fails in
which case, and so what differs there, depends on the cases before.
"""

import hashlib
import math
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from threading import Event
from typing import Final

from tests.same_calls import runs, sides
from tests.same_calls.case import Case
from tests.same_calls.runs import Compared, Tried
from tests.same_calls.sides import Side

#: Pairs of clusters that run at once.
LANES: Final = 2

#: The seconds in which cases may begin, where they are bounded.
_SECONDS: Final = os.environ.get("SAME_CALLS_S")

#: What decides which opcodes come first then.
SEED: Final = os.environ.get("SAME_CALLS_SEED", str(int(time.time())))


class NoTimeError(Exception):
    """A case had no turn in the time that there was."""


def place(op_id: str) -> str:
    """Return what opcodes are ordered by: where time is bounded, a drawn one, else nothing."""
    return "" if _SECONDS is None else hashlib.sha256(f"{SEED} {op_id}".encode()).hexdigest()


class Lanes:
    """Compares cases, those of an opcode in their order; as many opcodes at once as lanes."""

    def __init__(self, cases: Iterable[Case], pairs: list[tuple[Side, Side]]) -> None:
        self._free: SimpleQueue[tuple[Side, Side]] = SimpleQueue()
        for pair in pairs:
            self._free.put(pair)
        by_op: dict[str, list[Case]] = {}
        for case in cases:
            by_op.setdefault(case.op_id, []).append(case)
        self._coming = {
            case.title: Future[list[Compared]]() for op in by_op.values() for case in op
        }
        self._ending = Event()
        self._until_s = math.inf if _SECONDS is None else time.monotonic() + float(_SECONDS)
        self._pool = ThreadPoolExecutor(len(pairs))
        for op in by_op.values():
            self._pool.submit(self._compare, op)

    def compared(self, case: Case) -> list[Compared]:
        """Wait for what came of a case.

        Raises:
            NoTimeError: it had no turn.
        """
        return self._coming[case.title].result()

    def close(self) -> None:
        """Begin no more cases, and wait for those that are being compared."""
        self._ending.set()
        self._pool.shutdown(cancel_futures=True)

    def _compare(self, cases: list[Case]) -> None:
        pair, tried = self._free.get(), Tried()
        for case in cases:
            coming = self._coming[case.title]
            if self._ending.is_set():
                coming.cancel()
                continue
            if time.monotonic() > self._until_s:
                coming.set_exception(NoTimeError(f"no time was left in {_SECONDS} s"))
                continue
            try:
                coming.set_result(list(runs.compare(case, pair, tried)))
            except BaseException as error:  # noqa: BLE001 # for whoever waits for it
                coming.set_exception(error)
        self._free.put(pair)


@contextmanager
def lanes(cases: Iterable[Case]) -> Iterator[Lanes]:
    """Start the pairs and have the cases compared on them."""
    with ExitStack() as stack:
        pairs = [stack.enter_context(sides.both()) for _ in range(LANES)]
        running = Lanes(cases, pairs)
        stack.callback(running.close)
        yield running
