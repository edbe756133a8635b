"""Lets go of what programs beside the daemon own, once they are dead.

A program names a file that it keeps locked while it lives. Whoever can lock that file, or finds it
gone, knows that the program is dead. The daemon's own file must never be opened for that: closing
it would give its lock up (see `livelock`).

Source: Ganeti 3.0.2 lib/utils/livelock.py; answers of a running wconfd 3.0.2 (cleanupLocks).
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from gevent import Greenlet, sleep, spawn

from masterd.limits_beside import WCONFD_ALIVE_LOOK_S
from masterd.lock.owners import Outsider, described

_log: Final = logging.getLogger(__name__)

#: Does work on a native thread. Switches.
InThread = Callable[[Callable[[], frozenset[str]]], frozenset[str]]


def dead_files(paths: Iterable[str], own: str) -> frozenset[str]:
    """Return those of some livelock files that nobody holds; reads the disk.

    Args:
        own: the daemon's, which is alive.
    """
    try:
        ours = Path(own).stat()
    except FileNotFoundError:
        ours = None
    return frozenset(path for path in set(paths) if path != own and not _is_held(path, ours))


def _is_held(path: str, ours: os.stat_result | None) -> bool:
    """Tell whether somebody has a file locked; one that cannot be looked at counts as locked."""
    try:
        if ours is not None and os.path.samestat(Path(path).stat(), ours):
            return True
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Mortality:
    """Looks after the owners every few seconds, and when it is told to; one greenlet."""

    def __init__(
        self,
        owners: Callable[[], set[Outsider]],
        release: Callable[[Outsider], None],
        own: str,
        in_thread: InThread,
    ) -> None:
        """Prepare.

        Args:
            owners: returns who owns anything.
            release: lets go of everything that one owns; must not switch.
            own: path of the daemon's livelock.
        """
        self._owners = owners
        self._release = release
        self._own = own
        self._in_thread = in_thread
        self._greenlet: Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._greenlet = spawn(self._run)

    def stop(self) -> None:
        """End. Switches."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def clean(self) -> None:
        """Let go of what the dead own. Switches."""
        owners = self._owners()
        if not owners:
            return
        files = {owner.livelock for owner in owners}
        dead = self._in_thread(lambda: dead_files(files, self._own))
        for owner in owners:
            if owner.livelock in dead:
                _log.warning(
                    "%s is dead: what it had locked or put aside is free", described(owner)
                )
                self._release(owner)

    def _run(self) -> None:
        while True:
            sleep(WCONFD_ALIVE_LOOK_S)
            self.clean()
