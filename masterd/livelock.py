"""The livelock: a file whose lock shows that this daemon, and the jobs it carries out, are alive.

Ganeti 3's job files name such a file, and luxid takes a job for dead once it can lock the file that
the job names, or the file is gone. Ours are carried out by one process, so they share one file. It
is locked for the daemon's life and removed at its end; what an earlier life left is removed at the
start of the next.

A record lock ends when *any* descriptor of the file is closed in this process: lock after the last
fork, and open the file nowhere else.

Source: Ganeti 3.0.2 lib/utils/livelock.py; jobfile.json, job_process_3_0.livelock.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from masterd.limits import DAEMON_LIVELOCK_TRIES
from masterd.users import ensure_directory

#: Begins the names of our files; seconds since the epoch follow, as in the reference's.
PREFIX: Final = "ganeti-masterd_"
MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o750


class LiveLock:
    """A locked file of our own, held until `release`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(
        cls,
        directory: Path,
        now_s: int,
        *,
        owner: tuple[int, int] | None = None,
        directory_owner: tuple[int, int] | None = None,
    ) -> "LiveLock":
        """Make and lock a file named after the time, and remove those of daemons that are dead.

        Raises:
            OSError: it cannot be made.
        """
        ensure_directory(directory, DIRECTORY_MODE, directory_owner)
        _remove_dead(directory)
        for late_s in range(DAEMON_LIVELOCK_TRIES):
            path = directory / f"{PREFIX}{now_s + late_s}"
            with contextlib.suppress(FileExistsError):
                return cls(path, _make(path, owner))
        raise FileExistsError(f"{DAEMON_LIVELOCK_TRIES} names from {PREFIX}{now_s} on are taken")

    def release(self) -> None:
        """Remove the file, then let its lock go; does nothing the second time."""
        if self._descriptor < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def _make(path: Path, owner: tuple[int, int] | None) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, MODE)
    try:
        # Nobody can take what is new for dead: it is not named anywhere yet.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if owner is not None:
            os.fchown(descriptor, *owner)
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor


def _remove_dead(directory: Path) -> None:
    """Remove our files that nobody holds any more; what is no file of ours is left alone."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    for name in names:
        path = directory / name
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(descriptor)
