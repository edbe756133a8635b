"""Keys in the order of their ranks, of which any can go or move at any time. Pure."""

import heapq
from typing import Final, Generic, TypeVar

K = TypeVar("K")

#: (priority, job id): the smaller, the sooner.
Rank = tuple[int, int]

#: Entries of a heap that count for nothing any more, before they are cleared away.
_STALE_MAX: Final = 64


class Ranked(Generic[K]):
    """A heap of keys; each step costs the logarithm of their number."""

    __slots__ = ("_count", "_heap", "_ranks")

    def __init__(self) -> None:
        #: Entries that are not as `_ranks` has it are passed over. The number keeps keys from being
        #: compared.
        self._heap: list[tuple[Rank, int, K]] = []
        self._ranks: dict[K, Rank] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, key: K) -> bool:
        return key in self._ranks

    def put(self, key: K, rank: Rank) -> None:
        """Take a key in, or give it another rank."""
        if self._ranks.get(key) == rank:
            return
        self._ranks[key] = rank
        self._count += 1
        heapq.heappush(self._heap, (rank, self._count, key))
        if len(self._heap) > 2 * len(self._ranks) + _STALE_MAX:
            self._heap = [(kept, n, each) for n, (each, kept) in enumerate(self._ranks.items())]
            heapq.heapify(self._heap)
            self._count = len(self._heap)

    def discard(self, key: K) -> None:
        """Take a key out, if it is there."""
        self._ranks.pop(key, None)

    def first(self) -> tuple[Rank, K] | None:
        """Return the smallest rank and its key; None when there is none."""
        while self._heap:
            rank, _, key = self._heap[0]
            if self._ranks.get(key) == rank:
                return rank, key
            heapq.heappop(self._heap)
        return None
