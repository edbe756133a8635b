"""The pid file: one daemon per node, and `daemon-util` finds it.

The file holds the process id and a newline; whoever holds the lock on it is the daemon, the content
alone proves nothing. Both kinds of lock are taken, because Ganeti's Haskell parts look for POSIX
record locks and its Python parts for `flock`. A record lock ends when *any* descriptor of the file
is closed in this process, and is not inherited by a fork: lock after the last fork, and open the
file only here. The `flock` is taken first and tells ours from Ganeti's: of two daemons of the same
name, the one that holds both locks is of this project.

Source: files.json (`<daemon>.pid`), Ganeti 3.0.2 lib/utils/io.py.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from masterd.limits import DAEMON_PID_FILE_TRIES
from store.files import open_kept

MODE: Final = 0o600


#: How another program's file is opened: whoever planted a link or a pipe there gains nothing.
_LOOK: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

#: `struct flock` of 64-bit Linux: type, whence, start, length, process id.
_FLOCK: Final = struct.Struct("hhqqi4x")


class AlreadyRunningError(Exception):
    """Another process holds the pid file."""

    def __init__(self, path: Path, pid: int | None) -> None:
        super().__init__(f"already running: {_describe(pid)} holds {path}")
        self.pid = pid


class PidFile:
    """A pid file held by this process until `release`."""

    def __init__(self, path: Path, descriptor: int, owner: tuple[int, int] | None = None) -> None:
        self._path = path
        self._descriptor = descriptor
        self._owner = owner

    @classmethod
    def take(cls, path: Path, owner: tuple[int, int] | None = None) -> "PidFile":
        """Lock the file and write our process id into it.

        Raises:
            AlreadyRunningError: somebody else holds it.
            OSError: it cannot be created.
        """
        for _ in range(DAEMON_PID_FILE_TRIES):
            descriptor = open_kept(path, os.O_RDWR | os.O_CREAT, MODE, owner=owner)
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
            return cls(path, descriptor, owner)
        raise AlreadyRunningError(path, None)

    def keep(self) -> str | None:
        """Make the file again where somebody removed it; return what was done.

        Raises:
            AlreadyRunningError: another process has made and locked it.
            OSError: it cannot be made.
        """
        if self._descriptor < 0 or _still_there(self._descriptor, self._path):
            return None
        new = PidFile.take(self._path, self._owner)
        os.close(self._descriptor)
        self._descriptor = new._descriptor
        return f"{self._path} was gone and is there again"

    def release(self) -> None:
        """Remove the file, then let the lock go; does nothing the second time."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


class PidFiles:
    """The pid files a program holds while it runs, its own and those it must keep others from."""

    def __init__(self, held: list[PidFile]) -> None:
        self._held = held

    @classmethod
    def take(
        cls,
        paths: Iterable[Path],
        owner: tuple[int, int] | None = None,
        *,
        not_foreign: Iterable[Path] = (),
    ) -> "PidFiles":
        """Take all files, or none.

        Args:
            not_foreign: files that may be held, but only by a program of ours.

        Raises:
            AlreadyRunningError: somebody else holds one of them.
            OSError: one cannot be created.
        """
        taken = cls([])
        try:
            for path in paths:
                taken._held.append(PidFile.take(path, owner))
            for path in not_foreign:
                refuse_foreign(path)
        except BaseException:
            taken.release()
            raise
        return taken

    def keep(self) -> str | None:
        """Make those again that somebody removed; return what was done; errors as `PidFile`."""
        done = [text for held in self._held if (text := held.keep()) is not None]
        return "; ".join(done) or None

    def release(self) -> None:
        """Remove the files, then let their locks go; does nothing the second time."""
        while self._held:
            self._held.pop().release()


def holder(path: Path) -> int | None:
    """Return the id of the process that holds a pid file's record lock, or None."""
    try:
        descriptor = os.open(path, _LOOK)
    except FileNotFoundError:
        return None
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def refuse_foreign(path: Path) -> None:
    """Refuse a pid file's holder, unless it is a program of this project.

    Raises:
        AlreadyRunningError: Ganeti's own daemon, or something else, holds it.
    """
    try:
        descriptor = os.open(path, _LOOK)
    except FileNotFoundError:
        return
    try:
        pid = _holder(descriptor)
        if pid is not None and _lock_shared(descriptor):
            raise AlreadyRunningError(path, pid)
    finally:
        os.close(descriptor)


def remove_stale(path: Path) -> bool:
    """Remove a pid file that a killed program left, which nobody holds; tell whether it was one.

    `start-stop-daemon` refuses to start a program whose pid file is there and does not belong to
    root, so that a killed daemon stays away for ever unless somebody removes its file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        _lock(descriptor, path)
        if not _still_there(descriptor, path):
            return False
        path.unlink()
        return True
    except AlreadyRunningError:
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        pid = _holder(descriptor) or _read_pid(descriptor)
        raise AlreadyRunningError(path, pid) from error


def _lock_shared(descriptor: int) -> bool:
    """Tell whether nobody holds the `flock`; then it is ours until the file is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int | None:
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else int(pid)


def _describe(pid: int | None) -> str:
    if pid is None:
        return "another process"
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"process {pid}"
    return f"{name} (process {pid})"


def _read_pid(descriptor: int) -> int | None:
    with contextlib.suppress(ValueError):
        return int(os.pread(descriptor, 32, 0))
    return None


def _still_there(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
