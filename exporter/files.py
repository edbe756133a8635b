"""Writing files so that readers see each of them whole, and a batch survives a power loss.

A file is written beside its place and renamed into it; `sync` then makes everything that was done
in the directory durable at once. Until then nothing may be taken as done. All of this blocks.
"""

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gevent import monkey

from exporter.layout import DIRECTORY_MODE, FILE_MODE, Layout, is_temporary
from store import failpoints
from store.files import make, open_kept, own_directory, replacing

#: gevent's own would look for an event loop on a thread that has none.
_native_close: Final = monkey.get_original("os", "close")

_libc: Final = ctypes.CDLL(None, use_errno=True)


class QueueFiles:
    """The files of one queue directory. One thread at a time."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        #: Directories known to be there, with mode and owner.
        self._made: set[Path] = set()
        #: Device and inode of the queue directory and of the archive; none before `prepare`.
        self._prepared: list[tuple[int, int]] = []

    def prepare(self) -> None:
        """Make the directories, and remove what a writer that died left unfinished.

        Raises:
            OSError: the disk fails.
        """
        self._made.clear()
        self.make_directory(self.layout.directory)
        self.make_directory(self.layout.archive)
        with os.scandir(self.layout.directory) as entries:
            left = [entry.path for entry in entries if is_temporary(entry.name)]
        for path in left:
            Path(path).unlink()
        self._prepared = self._identities()

    def are_there(self) -> bool:
        """Tell whether the directories are those that were made ready, if they were."""
        try:
            return self._prepared in ([], self._identities())
        except OSError:
            return False

    def _identities(self) -> list[tuple[int, int]]:
        statuses = [path.stat() for path in (self.layout.directory, self.layout.archive)]
        return [(status.st_dev, status.st_ino) for status in statuses]

    def make_directory(self, path: Path) -> None:
        """Make a directory of the queue where it is missing, with mode and owner."""
        if path in self._made:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        own_directory(path, DIRECTORY_MODE, self.layout.owner)
        self._made.add(path)

    def write(self, path: Path, content: bytes, *, modified_us: int | None = None) -> None:
        """Put a file in its place, whole; not durable before `sync`.

        Args:
            modified_us: time of the last change to be shown, in us since the epoch; now if None.

        Raises:
            OSError: it cannot be written; the file is as it was.
        """
        failpoints.hit("exporter.before-write")
        temporary = self.layout.temporary(path)
        descriptor = make(temporary, FILE_MODE, owner=self.layout.owner)
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 # a descriptor
            if file.write(content) != len(content):
                raise OSError(f"{temporary} was not written whole")
            if modified_us is not None:
                os.utime(file.fileno(), ns=(modified_us * 1000, modified_us * 1000))
        failpoints.hit("exporter.before-rename")
        _rename(temporary, path)

    def move(self, old: Path, new: Path) -> bool:
        """Move a file within the queue; return False when it is not there.

        Raises:
            OSError: the disk fails.
        """
        failpoints.hit("exporter.before-rename")
        self.make_directory(new.parent)
        try:
            _rename(old, new)
        except FileNotFoundError:
            if not new.parent.is_dir():
                # Somebody removed the directory that was known to be there.
                self._made.discard(new.parent)
                raise
            return False
        return True

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens when it is not there."""
        path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Make everything that was written, moved and removed durable.

        Raises:
            OSError: the disk does not confirm it.
        """
        failpoints.hit("exporter.before-sync")
        with _opened(self.layout.directory) as fd:
            if _libc.syncfs(fd) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(self.layout.directory))


def _rename(old: Path, new: Path) -> None:
    """Give a file its name, also on another file system; it is whole at each moment."""
    try:
        os.rename(old, new)  # noqa: PTH104  # called thousands of times a second
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(old, new)
        failpoints.hit("exporter.before-remove")
        old.unlink()


def _copy(old: Path, new: Path) -> None:
    """Copy a file durably: where it goes is not on the file system that a batch syncs."""
    descriptor = open_kept(old, os.O_RDONLY, 0)
    with open(descriptor, "rb") as source:  # noqa: PTH123 # a descriptor
        status = os.fstat(descriptor)
        owner = (status.st_uid, status.st_gid) if os.geteuid() == 0 else None
        with replacing(new, stat.S_IMODE(status.st_mode), owner=owner) as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        _native_close(fd)
