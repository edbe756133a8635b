"""Greenlets lent to connections for the time their messages are handled."""

from collections import deque
from collections.abc import Callable

import gevent
from greenlet import getcurrent, greenlet

from masterd.luxi.connection import Connection


class HandlerPool:
    """Runs `serve(connection)` in a greenlet of its own, a bounded number at once.

    A finished greenlet waits for the next connection, because making one costs more than most
    requests. `lend` is called only from callbacks of the event loop.
    """

    def __init__(
        self,
        serve: Callable[[Connection], None],
        freed: Callable[[Connection], None],
        *,
        running_max: int,
        idle_max: int,
    ) -> None:
        """Prepare.

        Args:
            serve: goes through a connection's messages; switches as it likes.
            freed: called with a connection that had to wait when there is a greenlet again.
        """
        self._hub = gevent.get_hub()
        self._serve = serve
        self._freed = freed
        self._running_max = running_max
        self._idle_max = idle_max
        self._idle: list[greenlet] = []
        self._waiting: deque[Connection] = deque()
        self.running = 0

    def lend(self, connection: Connection) -> None:
        """Serve a connection now, or when a greenlet is free."""
        if self._idle:
            worker = self._idle.pop()
        elif self.running < self._running_max:
            worker = greenlet(self._work, parent=self._hub)
        else:
            connection.scheduled = True
            self._waiting.append(connection)
            return
        self.running += 1
        worker.switch(connection)

    def _work(self, connection: Connection) -> None:
        while True:
            try:
                self._serve(connection)
            finally:
                self.running -= 1
            if self._waiting:
                waiting = self._waiting.popleft()
                waiting.scheduled = False
                self._freed(waiting)
            if len(self._idle) >= self._idle_max:
                return
            self._idle.append(getcurrent())
            connection = self._hub.switch()
