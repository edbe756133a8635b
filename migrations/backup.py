"""A copy of the whole store beside it, before a migration touches it.

The copy is a store of its own, in every table and in whatever version it was: to go back to it,
end the daemon and put the directory in the place of the store's.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from store import schema
from store.env import DIRECTORY_MODE
from store.files import sync_directory
from store.store import Store

PREFIX: Final = "masterd-store"


class BackupError(Exception):
    """There is no good backup, so nothing was migrated."""


def name(version: int, now_us: int) -> str:
    """Return the name of a backup: `masterd-store-v0001-20261123T181405.123456Z`."""
    moment = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    return f"{PREFIX}-v{version:04}-{moment:%Y%m%dT%H%M%S}.{now_us % 1_000_000:06}Z"


def make(store: Store, directory: Path, *, now_us: int) -> Path:
    """Copy the store into a new directory below `directory` and return its path.

    The name appears only when the copy is whole, durable, and was opened and compared.

    Args:
        now_us: time for the name, in microseconds since the epoch.

    Raises:
        BackupError: the copy does not hold what the store holds, or the name is taken.
        OSError: it cannot be written.
        StoreError: the store or the copy cannot be read.
    """
    with store.snapshot() as txn:
        version = schema.META.get(txn, "version")
    assert isinstance(version, int), "checked when the store was opened"
    wanted = directory / name(version, now_us)
    if wanted.exists():
        raise BackupError(f"{wanted} exists already")
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    partial = directory / f".{wanted.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=DIRECTORY_MODE)
    try:
        store.copy(partial)
        if _census(partial) != _census_of(store):
            raise BackupError(f"the copy in {partial} differs from the store in {store.path}")
        partial.replace(wanted)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_directory(directory)
    return wanted


def _census(path: Path) -> dict[str, object]:
    copy = Store.open(path, read_only=True, schema_version=None)
    try:
        return _census_of(copy)
    finally:
        copy.close()


def _census_of(store: Store) -> dict[str, object]:
    """Return what two equal stores have equal: every row of `meta`, and the sizes of the tables."""
    with store.snapshot() as txn:
        found: dict[str, object] = dict(schema.META.scan(txn))
        for table in schema.TABLES:
            if table.name in txn.tables:
                found[f"rows of {table.name}"] = table.count(txn)
        return found
