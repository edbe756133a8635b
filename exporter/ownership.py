"""Giving the files of a queue directory to whom they are meant for, also those that others wrote.

Ganeti's luxid leaves files that its group alone can read, and a daemon that ran as somebody else
left what is his. What is written from now on is right by itself; this is for what is there. The
file `lock` is not touched: closing it would end our lock on it, and whoever locks it gives it.

Blocks; meant for a thread of its own, as an archive may hold a million files.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gevent import monkey

from exporter.layout import DIRECTORY_MODE, FILE_MODE, Layout, job_id_of
from store.files import give, open_directory, own_directory

#: gevent's own would look for an event loop on a thread that has none.
_native_close: Final = monkey.get_original("os", "close")


@dataclass(slots=True)
class Corrected:
    """How many files had another mode or owner, and were given theirs or could not be."""

    given: int = 0
    refused: int = 0


def correct(layout: Layout, ending: Callable[[], bool] = lambda: False) -> Corrected:
    """Give directories and files of the queue their mode and owner.

    Links, files with several names and what is no file of the queue are left alone.

    Args:
        ending: tells whether to leave the rest for the next time.

    Raises:
        OSError: a directory cannot be read or given.
    """
    found = Corrected()
    if layout.owner is None:
        return found
    _correct_files(layout.directory, layout, found, ending)
    for directory in layout.archive_directories():
        own_directory(directory, DIRECTORY_MODE, layout.owner)
        _correct_files(directory, layout, found, ending)
    return found


def _correct_files(
    directory: Path, layout: Layout, found: Corrected, ending: Callable[[], bool]
) -> None:
    switches = {layout.serial.name, layout.epoch.name, layout.version.name}
    descriptor = open_directory(directory)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if ending():
                    return
                if entry.name not in switches and job_id_of(entry.name) is None:
                    continue
                try:
                    found.given += _correct_file(descriptor, entry, layout.owner)
                except PermissionError:
                    found.refused += 1
    finally:
        _native_close(descriptor)


def _correct_file(directory: int, entry: "os.DirEntry[str]", owner: tuple[int, int] | None) -> bool:
    try:
        if _is_right(entry.stat(follow_symlinks=False), owner):
            return False
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(entry.name, flags, dir_fd=directory)
    except FileNotFoundError:
        return False  # moved to the archive meanwhile
    try:
        if _is_right(os.fstat(descriptor), owner):
            return False
        give(descriptor, FILE_MODE, owner)
    finally:
        _native_close(descriptor)
    return True


def _is_right(status: os.stat_result, owner: tuple[int, int] | None) -> bool:
    """Tell whether there is nothing to correct, or nothing that is ours to correct."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return True
    right = (status.st_uid, status.st_gid) == owner
    return right and stat.S_IMODE(status.st_mode) == FILE_MODE
