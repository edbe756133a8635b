"""Cases carried out side by side: the reference starts a process for each job, which takes time.

So ours is compared with what was recorded of it, where a recording of the case holds. In the time
that `SAME_CALLS_S` gives the reference itself is asked, for opcodes that are drawn, so that the
runs of some days ask for all; `SAME_CALLS=live` asks for all at once, and `SAME_CALLS=record` keeps
what it does then.

The cases of an opcode keep their order: which call fails in which case, and so what differs there,
depends on the cases before.
"""

import hashlib
import math
import os
import time
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Final

from tests.same_calls import runs, sides
from tests.same_calls.case import Case
from tests.same_calls.recordings import Recorded, Recorder
from tests.same_calls.runs import Compared, Tried
from tests.same_calls.sides import Pair

#: Pairs of clusters that run at once.
LANES: Final = 2

#: The seconds in which the reference is asked, where they are bounded.
_SECONDS: Final = os.environ.get("SAME_CALLS_S")

#: How many times as long recordings are compared with, where that is bounded: on a slow machine the
#: last ones are left out, too.
_ALL_TIMES: Final = 8

#: Whether it is asked for all cases, and whether what it does is kept.
_MODE: Final = os.environ.get("SAME_CALLS", "")
_LIVE: Final = _MODE in ("live", "record")
_RECORD: Final = _MODE == "record"

#: What decides which opcodes come first then.
SEED: Final = os.environ.get("SAME_CALLS_SEED", str(int(time.time())))


class NoTimeError(Exception):
    """A case had no turn in the time that there was."""


def place(op_id: str) -> str:
    """Return what opcodes are ordered by: where time is bounded, a drawn one, else nothing."""
    return "" if _SECONDS is None else hashlib.sha256(f"{SEED} {op_id}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a case: its runs, and whether the reference itself was asked."""

    runs: list[Compared]
    live: bool


class Lanes:
    """Compares cases, those of an opcode in their order; as many opcodes at once as lanes.

    Args:
        cases: titles differ.
        pairs: one for each lane.
        whole: opcodes of which all cases are there, so that they can be recorded.
    """

    def __init__(self, cases: Iterable[Case], pairs: list[Pair], whole: Container[str]) -> None:
        self._free: SimpleQueue[Pair] = SimpleQueue()
        for pair in pairs:
            self._free.put(pair)
        by_op: dict[str, list[Case]] = {}
        for case in cases:
            by_op.setdefault(case.op_id, []).append(case)
        self._coming = {case.title: Future[Done]() for op in by_op.values() for case in op}
        self._whole = whole
        self._ending = Event()
        live_s = math.inf if _SECONDS is None else float(_SECONDS)
        self._live_until_s = time.monotonic() + live_s
        self._until_s = time.monotonic() + _ALL_TIMES * live_s
        self._pool = ThreadPoolExecutor(len(pairs))
        for op_id, op in by_op.items():
            self._pool.submit(self._compare, op_id, op)

    def compared(self, case: Case) -> Done:
        """Wait for what came of a case.

        Raises:
            NoTimeError: it had no turn.
        """
        return self._coming[case.title].result()

    def close(self) -> None:
        """Begin no more cases, and wait for those that are being compared."""
        self._ending.set()
        self._pool.shutdown(cancel_futures=True)

    def _compare(self, op_id: str, cases: list[Case]) -> None:
        pair, tried = self._free.get(), Tried()
        recorder = Recorder(op_id) if _RECORD and op_id in self._whole else None
        try:
            recorded = Recorded(op_id)
            for case in cases:
                if self._ending.is_set():
                    return
                self._try(case, pair, tried, recorded, recorder)
            if recorder is not None:
                recorder.write()
        except BaseException as error:  # noqa: BLE001 # for whoever waits for it
            for case in cases:
                if not self._coming[case.title].done():
                    self._coming[case.title].set_exception(error)
        finally:
            for case in cases:
                self._coming[case.title].cancel()
            self._free.put(pair)

    def _try(
        self,
        case: Case,
        pair: Pair,
        tried: Tried,
        recorded: Recorded,
        recorder: Recorder | None,
    ) -> None:
        coming = self._coming[case.title]
        now_s = time.monotonic()
        live = _LIVE or (_SECONDS is not None and now_s < self._live_until_s)
        try:
            known = None if live else recorded.runs(case)
            if now_s >= self._until_s:
                raise NoTimeError("no time was left")
            if known is not None:
                tried.enter(case, known)
                coming.set_result(Done(list(runs.replay(case, known, pair.ours)), live=False))
            elif now_s >= self._live_until_s:
                raise NoTimeError(f"no recording holds, and no time was left in {_SECONDS} s")
            else:
                those = list(runs.compare(case, pair.theirs, pair.ours, tried))
                if recorder is not None:
                    recorder.add(case, [run for _, run in those])
                coming.set_result(Done([each for each, _ in those], live=True))
        except BaseException as error:  # noqa: BLE001 # for whoever waits for it
            coming.set_exception(error)


@contextmanager
def lanes(cases: Iterable[Case], whole: Container[str]) -> Iterator[Lanes]:
    """Start the pairs and have the cases compared on them; see `Lanes`."""
    with ExitStack() as stack:
        pairs = [stack.enter_context(sides.both()) for _ in range(LANES)]
        running = Lanes(cases, pairs, whole)
        stack.callback(running.close)
        yield running
