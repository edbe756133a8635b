"""The pid file: one daemon per node, and `daemon-util` finds it.

The file holds the process id and a newline; whoever holds the lock on it is the daemon, the content
alone proves nothing. Both kinds of lock are taken, because Ganeti's Haskell parts look for POSIX
record locks and its Python parts for `flock`. A record lock ends when *any* descriptor of the file
is closed in this process, and is not inherited by a fork: lock after the last fork, and open the
file only here.

Source: files.json (`<daemon>.pid`), Ganeti 3.0.2 lib/utils/io.py.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from masterd.limits import DAEMON_PID_FILE_TRIES

MODE: Final = 0o600


class AlreadyRunningError(Exception):
    """Another process holds the pid file."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"already running: {who} holds {path}")
        self.pid = pid


class PidFile:
    """A pid file held by this process until `release`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, owner: tuple[int, int] | None = None) -> "PidFile":
        """Lock the file and write our process id into it.

        Raises:
            AlreadyRunningError: somebody else holds it.
            OSError: it cannot be created.
        """
        for _ in range(DAEMON_PID_FILE_TRIES):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
            try:
                _lock(descriptor, path)
                if not _still_there(descriptor, path):
                    # The daemon before us removed it between our opening and locking.
                    os.close(descriptor)
                    continue
                os.fchmod(descriptor, MODE)
                if owner is not None:
                    os.fchown(descriptor, *owner)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
            return cls(path, descriptor)
        raise AlreadyRunningError(path, None)

    def release(self) -> None:
        """Remove the file, then let the lock go; does nothing the second time."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise AlreadyRunningError(path, _read_pid(descriptor)) from error


def _read_pid(descriptor: int) -> int | None:
    with contextlib.suppress(ValueError):
        return int(os.pread(descriptor, 32, 0))
    return None


def _still_there(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
