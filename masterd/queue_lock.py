"""The lock on the queue directory: while this daemon lives, no other master works there.

Ganeti 3's luxid holds a POSIX record lock on the file `lock` for its life and does not start
without it, so holding the same lock keeps the two apart. Node daemons take a `flock` on the same
file for a moment; the two kinds do not meet.

A record lock ends when *any* descriptor of the file is closed in this process: lock after the last
fork and after the takeover of the queue, and open the file nowhere else.

Source: jobfile.json files.lock.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

FILE_NAME: Final = "lock"
MODE: Final = 0o640


class QueueInUseError(Exception):
    """Another master daemon works in the directory."""


class QueueLock:
    """The lock, held until `release`. The file stays; only its lock counts."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, queue_dir: Path, owner: tuple[int, int] | None = None) -> "QueueLock":
        """Lock a queue directory, which is made where there is none.

        Raises:
            QueueInUseError: another process holds it.
            OSError: the file cannot be made.
        """
        queue_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = queue_dir / FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            os.fchmod(descriptor, MODE)
            if owner is not None:
                os.fchown(descriptor, *owner)
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            os.close(descriptor)
            raise QueueInUseError(
                f"{path} is locked: another master daemon (ganeti-luxid?) uses the queue"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let go; does nothing the second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
