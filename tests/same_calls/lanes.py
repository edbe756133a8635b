"""Cases carried out side by side: the reference starts a process for each job, which takes time."""

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
        self._pool = ThreadPoolExecutor(len(pairs))
        for op in by_op.values():
            self._pool.submit(self._compare, op)

    def compared(self, case: Case) -> list[Compared]:
        """Wait for what came of a case."""
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
