"""The lock on the queue directory: while this daemon lives, no other master works there.

Ganeti 3's luxid holds a POSIX record lock on the file `lock` for its life and does not start
without it, so holding the same lock keeps the two apart. Node daemons take a `flock` on the same
file for a moment; the two kinds do not meet.

A record lock ends when *any* descriptor of the file is closed in this process: lock after the last
fork and after the takeover of the queue, and open the file nowhere else.

Source: jobfile.json files.lock.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from store.files import give, open_kept

FILE_NAME: Final = "lock"
MODE: Final = 0o640


class QueueInUseError(Exception):
    """Another master daemon works in the directory."""


class QueueLock:
    """The lock, held until `release`. The file stays then; only its lock counts."""

    def __init__(
        self, queue_dir: Path, descriptor: int, owner: tuple[int, int] | None = None
    ) -> None:
        self._queue_dir = queue_dir
        self._descriptor = descriptor
        self._owner = owner

    @classmethod
    def take(cls, queue_dir: Path, owner: tuple[int, int] | None = None) -> "QueueLock":
        """Lock a queue directory, which is made where there is none.

        Raises:
            QueueInUseError: another process holds it.
            OSError: the file cannot be made.
        """
        queue_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = queue_dir / FILE_NAME
        descriptor = open_kept(path, os.O_RDWR | os.O_CREAT, MODE, owner=owner)
        try:
            give(descriptor, MODE, owner)
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise QueueInUseError(
                f"{path} is locked: another master daemon (ganeti-luxid?) uses the queue"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(queue_dir, descriptor, owner)

    def keep(self) -> str | None:
        """Take the lock again where somebody removed its file; return what was done.

        Raises:
            QueueInUseError: another process has it by now.
            OSError: the file cannot be made.
        """
        path = self._queue_dir / FILE_NAME
        if self._descriptor < 0:
            return None
        with contextlib.suppress(OSError):
            if os.path.samestat(path.lstat(), os.fstat(self._descriptor)):
                return None
        new = QueueLock.take(self._queue_dir, self._owner)
        os.close(self._descriptor)
        self._descriptor = new._descriptor
        return f"{path} was gone and is there again"

    def look_for_older(self) -> None:
        """Make sure that no master of the 2.x line works here, which holds the other kind of lock.

        Raises:
            QueueInUseError: one does, or a node daemon writes at this very moment.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise QueueInUseError(
                "the queue is locked: another master daemon or a node daemon uses it"
            ) from error
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def remove(self) -> None:
        """Let go, and take the file away: nobody needs it any more."""
        if self._descriptor >= 0:
            (self._queue_dir / FILE_NAME).unlink(missing_ok=True)
            self.release()

    def release(self) -> None:
        """Let go; does nothing the second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
