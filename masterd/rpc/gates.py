"""How much one node is asked at once.

A node daemon forks for each request and serves a bounded number; beyond it everybody waits, also
the other tools on the cluster. So requests wait here instead, where their number is bounded too.
Slow calls (a delay, a disk being wiped) may not take all places: replication of queue files passes
them.
"""

from types import TracebackType
from typing import Final

import gevent
from gevent.lock import Semaphore

from masterd.limits import (
    RPC_NODE_REQUESTS_MAX,
    RPC_NODE_SLOW_REQUESTS_MAX,
    RPC_NODE_WAITING_MAX,
)
from masterd.rpc.errors import OverloadError


class NodeGate:
    """The places at one node."""

    __slots__ = ("_all", "_everywhere", "_slow", "waiting")

    def __init__(self, everywhere: Semaphore) -> None:
        """Open it; `everywhere` are the places over all nodes."""
        self._everywhere: Final = everywhere
        self._all: Final = Semaphore(RPC_NODE_REQUESTS_MAX)
        self._slow: Final = Semaphore(RPC_NODE_SLOW_REQUESTS_MAX)
        #: Requests that wait for their turn.
        self.waiting = 0

    def turn(self, *, quick: bool, timeout_s: float) -> "Turn":
        """Return a context manager that holds a place; entering it waits for one. Switches.

        Raises (on entering):
            OverloadError: too many wait already, or the turn did not come within `timeout_s`.
        """
        semaphores = (self._all, self._everywhere)
        return Turn(self, semaphores if quick else (self._slow, *semaphores), timeout_s)

    @property
    def held(self) -> int:
        """Places that are taken."""
        taken: int = RPC_NODE_REQUESTS_MAX - self._all.counter
        return taken


class Turn:
    """A place at a node, while the context lasts."""

    __slots__ = ("_gate", "_held", "_semaphores", "_timeout_s")

    def __init__(self, gate: NodeGate, semaphores: tuple[Semaphore, ...], timeout_s: float) -> None:
        self._gate = gate
        self._semaphores = semaphores
        self._timeout_s = timeout_s
        self._held: list[Semaphore] = []

    def __enter__(self) -> None:
        for semaphore in self._semaphores:
            if not semaphore.acquire(blocking=False):
                return self._wait()
            self._held.append(semaphore)
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._held:
            self._held.pop().release()

    def _wait(self) -> None:
        gate = self._gate
        if gate.waiting >= RPC_NODE_WAITING_MAX:
            self.__exit__(None, None, None)
            raise OverloadError(f"{gate.waiting} requests are waiting for the node already")
        gate.waiting += 1
        timeout = gevent.Timeout.start_new(self._timeout_s)
        try:
            for semaphore in self._semaphores[len(self._held) :]:
                semaphore.acquire()
                self._held.append(semaphore)
        except BaseException as error:
            self.__exit__(None, None, None)
            if error is timeout:
                text = f"No turn at the node within {self._timeout_s:g} seconds"
                raise OverloadError(text) from None
            raise
        finally:
            timeout.close()
            gate.waiting -= 1
