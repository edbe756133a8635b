"""Long work on the hub in pieces, between which others have their turn."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """Counts pieces of work, over several loops if need be."""

    def __init__(self, pieces: int, pause: Callable[[], None]) -> None:
        """Prepare; `pause` is called behind each so many pieces."""
        self._pieces = pieces
        self._pause = pause
        self._count = 0

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, with pauses. Switches where `pause` does."""
        for item in items:
            yield item
            self.one_more()

    def one_more(self) -> None:
        """Count a piece that was done. Switches where `pause` does."""
        self._count += 1
        if self._count % self._pieces == 0:
            self._pause()
