"""What can go wrong in the store, and how LMDB's errors become these.

None of them travels to a client: the repositories map them to the tree clients see.
"""

import errno
from typing import Final

import lmdb


class StoreError(Exception):
    """Root of the store's errors."""


# --- when opening ------------------------------------------------------------------------------


class StoreMissing(StoreError):
    """There is no store at this path."""


class StoreBusy(StoreError):
    """Another process (or another part of this one) has the store open for writing."""


class SchemaMismatch(StoreError):
    """The store has another schema version than this code; `migrations` brings it here."""


# --- before a body has run ---------------------------------------------------------------------


class StoreClosed(StoreError):
    """The store is closed, was opened read only, or is used from the wrong process or thread."""


class StoreForbidden(StoreError):
    """Whoever opened the store may not change it now; nothing was changed."""


class StoreOverloaded(StoreError):
    """Too many bodies wait already; nothing was changed."""


# --- when committing ---------------------------------------------------------------------------


class StoreFull(StoreError):
    """No room: the disk, the quota or the map's upper bound. Nothing was changed; reads go on."""


class StoreDamaged(StoreError):
    """The disk failed or a row cannot be read.

    From a commit it means that the outcome is unknown until the store was opened again.
    """


class StoreGone(StoreDamaged):
    """The file was removed or replaced while the store was open. Nothing was changed."""


# --- dumps -------------------------------------------------------------------------------------


class DumpError(StoreError):
    """A dump is damaged, cut short or not ours; nothing was changed."""


#: What an administrator can do about a damaged store.
RECOVERY: Final = (
    "keep a copy of the store's directory; ganeti-masterd-check lists what is damaged, "
    "ganeti-masterd-restore --replace brings the last dump back, and ganeti-masterd --adopt-files "
    "starts anew from config.data and the files of the queue"
)


def damaged(table: str, key: bytes | None, error: Exception) -> StoreError:
    """Return what to raise when LMDB cannot read a table at a key, or (None) at its beginning."""
    told = from_lmdb(error)
    if not isinstance(told, StoreDamaged):
        return told
    where = "" if key is None else f" at or behind key {key.hex()}"
    return StoreDamaged(f"{table}: cannot be read{where}: {error}")


def told(error: Exception) -> str:
    """Return what a command says of an error: of a damaged store, how to recover as well."""
    return f"{error}; {RECOVERY}" if isinstance(error, StoreDamaged) else str(error)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def from_lmdb(error: Exception) -> StoreError:
    """Return the store's form of an error of LMDB or the operating system."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, lmdb.MapFullError):
        return StoreFull(f"the map of the store cannot grow any more: {error}")
    code = error.errno if isinstance(error, OSError) else getattr(error, "code", None)
    if isinstance(error, lmdb.DiskError) or code in _NO_ROOM:
        return StoreFull(f"no space for the store: {error}")
    return StoreDamaged(f"the store failed: {error}")
