"""Files at names that somebody else may have taken first.

The directories for sockets, logs and process ids are writable for a group, so that what lies at a
name there may be a link, a pipe or a second name of a file that its planter could not touch
himself, and this process can. Hence, for whatever is opened at a fixed name:

* what is new is made exclusively, which follows no link (`make`, `replacing`);
* what stays is opened without following a link, and looked at before it is used: a regular file
  with one name, of root, of this process, of whom it is meant for or of whom the directory belongs
  to (`open_kept`);
* a directory may be a link, because an administrator lays directories on other disks; but only
  root's or this process's own (`open_directory`).

All of it blocks, for as long as the file system does.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from gevent import monkey

#: A pair (uid, gid) for `os.chown`; None leaves a file to who makes it.
Owner = tuple[int, int] | None

#: gevent's own would look for an event loop on threads that have none.
_close: Final = monkey.get_original("os", "close")

#: Times a name is cleared for a new file, while somebody puts something there again and again.
TRIES: Final = 10


class PlantedFileError(OSError):
    """What lies at a name is not what this program would put there; it was not touched."""

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


def open_directory(path: Path) -> int:
    """Open a directory for use with `dir_fd`; return the descriptor.

    Raises:
        PlantedFileError: a link of somebody else stands there.
        OSError: there is no directory, or it cannot be read.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        link = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(link)
            if not stat.S_ISLNK(status.st_mode):
                raise
            if status.st_uid not in (0, os.geteuid()):
                raise _planted(path, f"is a symbolic link of user {status.st_uid}") from error
            # Read off what was looked at, not off what may stand there by now.
            target = os.readlink("", dir_fd=link)
        finally:
            _close(link)
        return os.open(path.parent / target, flags)


def own_directory(path: Path, mode: int, owner: Owner) -> None:
    """Make a directory with exactly this mode and owner, or correct one that is there.

    Its parent must exist. One of somebody else is left as it is, unless this process is root.

    Raises:
        PlantedFileError: a link of somebody else stands there.
        OSError: it cannot be made, or something else stands there.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=mode)
    descriptor = open_directory(path)
    try:
        status = os.fstat(descriptor)
        if os.geteuid() not in (0, status.st_uid):
            return
        give(descriptor, mode, owner)
    finally:
        _close(descriptor)


def own_file(path: Path, mode: int, owner: Owner) -> None:
    """Give a file that is there exactly this mode and owner; nothing happens without one.

    Raises:
        PlantedFileError: as `open_kept`.
        OSError: it cannot be given.
    """
    try:
        descriptor = open_kept(path, os.O_RDONLY, mode, owner=owner)
    except FileNotFoundError:
        return
    try:
        give(descriptor, mode, owner)
    finally:
        _close(descriptor)


def give(descriptor: int, mode: int, owner: Owner) -> None:
    """Give an open file exactly this mode and owner.

    Raises:
        OSError: it belongs to somebody else, and this process is not root.
    """
    status = os.fstat(descriptor)
    if owner is not None and (status.st_uid, status.st_gid) != owner:
        os.fchown(descriptor, *owner)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(descriptor, mode)


def heir(directory: Path) -> Owner:
    """Return to whom belongs what this process makes in a directory; None: to this process.

    Root makes things for the directory's owner, and a user of several groups for the directory's.

    Raises:
        OSError: there is no such directory.
    """
    status = directory.stat()
    user = os.geteuid()
    if user == 0 or (user == status.st_uid and status.st_gid in os.getgroups()):
        return status.st_uid, status.st_gid
    return None


def open_kept(path: Path, flags: int, mode: int, *, owner: Owner = None) -> int:
    """Open a file that stays where it is, made where there is none; return the descriptor.

    Args:
        flags: As for `os.open`, such as O_RDWR | O_CREAT. O_TRUNC would come before the look.
        owner: Whom it is meant for; the file is not given to him here.

    Raises:
        PlantedFileError: it is a link, no regular file, has several names, or is a stranger's.
        OSError: it cannot be opened or made.
    """
    assert not flags & os.O_TRUNC, "what was planted must not be emptied"
    directory = open_directory(path.parent)
    try:
        trusted = {0, os.geteuid(), os.fstat(directory).st_uid}
        try:
            # Opening a pipe must not wait for its other end.
            descriptor = os.open(
                path.name,
                flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                mode,
                dir_fd=directory,
            )
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _planted(path, "is a symbolic link") from error
            if error.errno in (errno.EISDIR, errno.ENXIO):
                raise _planted(path, "is not a file") from error
            error.filename = str(path)
            raise
    finally:
        _close(directory)
    status = os.fstat(descriptor)
    flaw = None
    if not stat.S_ISREG(status.st_mode):
        flaw = "is not a file"
    elif status.st_nlink > 1:
        flaw = "has another name"
    elif status.st_uid not in trusted and (owner is None or status.st_uid != owner[0]):
        flaw = f"belongs to user {status.st_uid}"
    if flaw is not None:
        _close(descriptor)
        raise _planted(path, flaw)
    return descriptor


def make(path: Path, mode: int, *, owner: Owner = None) -> int:
    """Make a new file, in the place of whatever lies at its name; return the descriptor.

    It has exactly this mode and owner, and is open for writing.

    Raises:
        OSError: it cannot be made.
    """
    directory = open_directory(path.parent)
    try:
        return _make(directory, path, mode, owner)
    finally:
        _close(directory)


@contextmanager
def replacing(
    path: Path, mode: int, *, owner: Owner = None, beside: Path | None = None, durable: bool = True
) -> Iterator[BinaryIO]:
    """Give a file to fill that takes the place of `path`, whole, when the block ends well.

    Args:
        beside: What it is called meanwhile, in the same directory; `.NAME.new` unless told.
        durable: Sync file and directory, so that it survives a power loss.

    Raises:
        OSError: it cannot be written; what is at `path` is as it was.
    """
    beside = beside or path.with_name(f".{path.name}.new")
    directory = open_directory(path.parent)
    try:
        descriptor = _make(directory, beside, mode, owner)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            try:
                os.replace(beside.name, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except OSError as error:
                # The names are those in the directory, which tell a reader nothing.
                raise OSError(error.errno, error.strerror, str(path)) from error
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(beside.name, dir_fd=directory)
            raise
        if durable:
            os.fsync(directory)
    finally:
        _close(directory)


def give_socket(path: Path, mode: int, owner: Owner) -> os.stat_result:
    """Set mode and owner of a socket file that this process has just bound; return its status.

    Raises:
        PlantedFileError: something else lies there by now.
        OSError: it cannot be given.
    """
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
            raise _planted(path, "is not the socket that was made")
        # The only way to a file without its name that exists for sockets.
        exactly = f"/proc/self/fd/{descriptor}"
        if owner is not None:
            os.chown(exactly, *owner)
        os.chmod(exactly, mode)  # noqa: PTH101 # a descriptor, no path
        return os.fstat(descriptor)
    finally:
        _close(descriptor)


def refuse_link(path: Path) -> None:
    """Make sure that a library which opens `path` by its name follows no link there.

    Raises:
        PlantedFileError: it is something else than a regular file.
    """
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise _planted(path, "is a symbolic link")
        if not stat.S_ISREG(mode):
            raise _planted(path, "is not a file")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        _close(descriptor)


def _make(directory: int, path: Path, mode: int, owner: Owner) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for _ in range(TRIES):
        try:
            descriptor = os.open(path.name, flags, mode, dir_fd=directory)
        except FileExistsError:
            with suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=directory)
            continue
        except OSError as error:
            error.filename = str(path)
            raise
        try:
            # The umask may forbid what the mode asks for, so it is set on the open file.
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, *owner)
        except BaseException:
            _close(descriptor)
            raise
        return descriptor
    raise _planted(path, "is put there again and again")


def _planted(path: Path, what: str) -> PlantedFileError:
    return PlantedFileError(
        errno.ELOOP, f"{what}, which this program did not make; remove it", str(path)
    )
