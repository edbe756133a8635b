"""Writing files so that readers see each of them whole, and a batch survives a power loss.

A file is written beside its place and renamed into it; `sync` then makes everything that was done
in the directory durable at once. Until then nothing may be taken as done. All of this blocks.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gevent import monkey

from exporter.layout import DIRECTORY_MODE, FILE_MODE, Layout, is_temporary
from store import failpoints

#: gevent's own would look for an event loop on a thread that has none.
_native_close: Final = monkey.get_original("os", "close")

_libc: Final = ctypes.CDLL(None, use_errno=True)


class QueueFiles:
    """The files of one queue directory. One thread at a time."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        #: Directories known to be there, with mode and owner.
        self._made: set[Path] = set()

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

    def make_directory(self, path: Path) -> None:
        """Make a directory of the queue where it is missing, with mode and owner."""
        if path in self._made:
            return
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        path.chmod(DIRECTORY_MODE)
        if self.layout.owner is not None:
            os.chown(path, *self.layout.owner)
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
        # The umask may forbid what the mode asks for, so it is set on the open file.
        with open(temporary, "wb", buffering=0, opener=_create) as file:  # opener
            if file.write(content) != len(content):
                raise OSError(f"{temporary} was not written whole")
            os.fchmod(file.fileno(), FILE_MODE)
            if self.layout.owner is not None:
                os.fchown(file.fileno(), *self.layout.owner)
            if modified_us is not None:
                os.utime(file.fileno(), ns=(modified_us * 1000, modified_us * 1000))
        failpoints.hit("exporter.before-rename")
        os.rename(temporary, path)  # noqa: PTH104  # called thousands of times a second

    def move(self, old: Path, new: Path) -> bool:
        """Move a file within the queue; return False when it is not there.

        Raises:
            OSError: the disk fails.
        """
        failpoints.hit("exporter.before-rename")
        self.make_directory(new.parent)
        try:
            os.rename(old, new)  # noqa: PTH104  # as above
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


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        _native_close(fd)
