"""The right to act as master: asked for before each commit, each file and each node call.

It costs a look at the times of one small file, `ssconf_master_node`, which is read when it has
changed. Once it names another node, the right is lost for good.

A process that was paused (SIGSTOP, a suspended machine) may have missed its own succession, and
the first to run again may be the one that commits. So the hub gives a sign of life every second;
whoever asks and finds that it is long ago waits until the nodes were asked (`masterd.watch`).

`permit` is for native threads, `await_permit` for greenlets; both may be called by many at once.
"""

import os
from collections.abc import Callable
from typing import Final

import gevent
from gevent import monkey

from masterd.errors import ConfigurationError
from masterd.limits import LEASE_DOUBT_S, LEASE_PAUSE_S, LEASE_POLL_S
from masterd.mastership import judge
from masterd.ssconf import SimpleConfig
from store.errors import StoreForbidden
from store.gate import native_lock

_native_sleep: Final[Callable[[float], None]] = monkey.get_original("time", "sleep")

#: Tells one state of a file from the next: inode, size, time in ns.
_Stamp = tuple[int, int, int]


class Lease:
    """The right of one node to act as master."""

    def __init__(
        self,
        myself: str,
        ssconf: SimpleConfig,
        boottime_s: Callable[[], float],
        pause_s: float = LEASE_PAUSE_S,
    ) -> None:
        """Begin; the node was found to be master just now.

        Args:
            boottime_s: a clock that goes on while the machine sleeps.
            pause_s: seconds without a sign of life after which nothing is sure.
        """
        self._myself = myself
        self._ssconf = ssconf
        self._path = ssconf.path("master_node")
        self._boottime_s = boottime_s
        self._pause_s = pause_s
        self._mutex = native_lock()
        self._seen: _Stamp | None = None
        self._alive_s = boottime_s()
        self._lost: str | None = None
        self._doubtful = False

    @property
    def lost(self) -> str | None:
        """Why the right is lost; None while it is not."""
        return self._lost

    @property
    def doubtful(self) -> bool:
        """Whether nobody may go on before the nodes were asked."""
        return self._doubtful

    def beat(self) -> None:
        """Give a sign of life; to be called on the hub, every second. Looks at ssconf too."""
        with self._mutex:
            self._look()
            if not self._doubtful:
                self._alive_s = self._boottime_s()

    def confirm(self) -> None:
        """The nodes were asked, and did not name another master."""
        with self._mutex:
            self._alive_s = self._boottime_s()
            self._doubtful = False

    def lose(self, reason: str) -> None:
        """The right is lost, from now on and for good."""
        with self._mutex:
            self._lose(reason)

    def permit(self) -> None:
        """Return when this node may act as master. Blocks the thread while that is in doubt.

        Raises:
            StoreForbidden: it may not, or nobody can tell.
        """
        self._wait(_native_sleep)

    def await_permit(self) -> str | None:
        """Wait until this node may act as master; return why not, if not. May switch."""
        try:
            self._wait(gevent.sleep)
        except StoreForbidden as error:
            return str(error)
        return None

    # --- inside -------------------------------------------------------------------------------

    def _wait(self, sleep: Callable[[float], object]) -> None:
        deadline_s: float | None = None
        while True:
            with self._mutex:
                self._look()
                lost, doubtful = self._lost, self._doubtful
            if lost is not None:
                raise StoreForbidden(f"this node is not the master any more: {lost}")
            if not doubtful:
                return
            now_s = self._boottime_s()
            if deadline_s is None:
                deadline_s = now_s + LEASE_DOUBT_S
            elif now_s >= deadline_s:
                raise StoreForbidden("this node may not be the master any more; nobody can tell")
            sleep(LEASE_POLL_S)

    def _look(self) -> None:
        if self._boottime_s() - self._alive_s > self._pause_s:
            self._doubtful = True
        try:
            status = os.stat(self._path)  # noqa: PTH116 # thousands of times a second
        except OSError:
            return
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp == self._seen:
            return
        try:
            named = self._ssconf.master_node()
        except ConfigurationError:
            return
        self._seen = stamp
        reason = judge(self._myself, named)
        if reason is not None:
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
