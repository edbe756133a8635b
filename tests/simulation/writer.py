"""The store's writer without its thread: each commit, and each telling of it, is a step."""

from typing import Any

import greenlet

from store.commit import Ticket, Writer
from store.env import Environment


class SteppedWriter(Writer):
    """Commits when told. `opened` is the writer of the store that was opened last."""

    opened: "SteppedWriter"

    def __init__(self, environment: Environment, *, batch_max: int) -> None:
        super().__init__(environment, batch_max=batch_max)
        #: Whether changes are carried out when they are given in: while a store is opened.
        self.at_once = True
        #: The daemon is dead: what it still asks for never happens.
        self.dead = False
        type(self).opened = self

    def start(self) -> None:
        """Start no thread."""

    def give(self, ticket: Ticket[Any]) -> None:
        if self.dead:
            raise greenlet.GreenletExit
        super().give(ticket)
        if self.at_once:
            self.commit(1)
            self.tell()

    def stop(self, timeout_s: float) -> bool:
        while self.waiting and not self.dead:
            self.commit(self._batch_max)
        if not self.dead:
            self.tell()
        return True

    @property
    def waiting(self) -> int:
        """Changes that are not committed."""
        return int(self._queue.qsize())

    @property
    def untold(self) -> int:
        """Commits that nobody was told of."""
        return len(self._finished)

    def commit(self, bodies_max: int) -> int:
        """Commit so many changes at most; return how many there were."""
        count = min(self.waiting, bodies_max, self._batch_max)
        batch = [self._queue.get_nowait() for _ in range(count)]
        if batch:
            self._carry_out(batch)
            self._finished.append(batch)
        return count

    def tell(self) -> None:
        """Tell of all commits, as the hub does."""
        self._deliver()
