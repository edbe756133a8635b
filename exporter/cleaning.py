"""Removing old files from the mirror's archive, as `ganeti-cleaner` does on every node.

The store keeps the jobs; a file of a job that its archive does not have is never removed. A file's
age is that of the job's last change, which is what the cleaner goes by too.

Blocks; meant for a thread of its own, as an archive may hold a million files.

Source: Debian's ganeti-cleaner (files of the archive, by the time of their last change).
"""

import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from gevent import monkey

from exporter.layout import Layout, job_id_of
from store import schema
from store.files import open_directory
from store.store import Store

#: gevent's own would look for an event loop on a thread that has none.
_native_close: Final = monkey.get_original("os", "close")

#: Files looked up within one snapshot.
PAGE: Final = 500

DAY_S: Final = 86_400


def clean(
    store: Store,
    layout: Layout,
    before_s: float,
    ending: Callable[[], bool] = lambda: False,
) -> int:
    """Remove files of archived jobs last changed before a time; return how many.

    Args:
        before_s: seconds since the epoch.
        ending: tells whether to leave the rest for the next time.

    Raises:
        OSError: a directory cannot be read, or a file not be removed.
        StoreError: the store cannot be read.
    """
    removed = 0
    for directory in layout.archive_directories():
        descriptor = open_directory(directory)
        try:
            old = list(_old_files(descriptor, before_s))
            for start in range(0, len(old), PAGE):
                if ending():
                    return removed
                for name in _known(store, old[start : start + PAGE]):
                    os.unlink(name, dir_fd=descriptor)
                    removed += 1
        finally:
            _native_close(descriptor)
    return removed


def _old_files(directory: int, before_s: float) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if job_id_of(entry.name) is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # the cleaner was quicker
            if stat.S_ISREG(status.st_mode) and status.st_mtime < before_s:
                yield entry.name


def _known(store: Store, names: list[str]) -> list[str]:
    """Return the names of files whose jobs the store's archive has."""
    with store.snapshot() as txn:
        return [
            name
            for name in names
            if (job_id := job_id_of(name)) is not None and schema.ARCHIVE.has(txn, job_id)
        ]
