"""A data file looked at before LMDB is let near it.

LMDB trusts its file: a changed byte in a page can make it end the process, show another state, or
overwrite what is still in use. So the file is first walked as bytes (`lmdb.verify`, which never
hands it to LMDB): each page is reached once and consistent, and each is either reached or free. Two
things are added here:

* both meta pages have to be of the last two commits. LMDB takes the one with the higher number; a
  number that changed would show the commit before, whole and wrong. Each commit frees the pages
  that it replaced under its own number, which gives the true one away;
* a page that is neither reached nor free is lost room, no damage, and let pass.

What the walk cannot see, the contents of rows, their seals tell (`rows`).

The walk costs some 9 ms a MiB. Larger files than `WALK_BYTES_MAX` are not walked at each opening;
the daemon lets a process of its own read them, which may end as it likes.
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from lmdb import verify as lmdb_verify

from store.errors import StoreDamaged
from store.table import Table
from store.txn import ReadTxn

#: Largest file that is walked when a store is opened: a second of work.
WALK_BYTES_MAX: Final = 128 * 1024 * 1024

#: Problems that are listed.
PROBLEMS_MAX: Final = 20

#: Looks at a file that a daemon goes on changing.
TRIES: Final = 5

_LEAK: Final = "neither reachable nor in the freeDB"

# LMDB 0.9 on 64 bits: the header of a page, and of a meta page what follows it.
_HEADER: Final = struct.Struct("=QHHHH")
_META: Final = struct.Struct("=IIQQ")
_DB: Final = struct.Struct("=IHHQQQQQ")
_TAIL: Final = struct.Struct("=QQ")
_META_BYTES: Final = _HEADER.size + _META.size + 2 * _DB.size + _TAIL.size
_BRANCH: Final = 0x01
_LEAF: Final = 0x02
_NO_PAGE: Final = 2**64 - 1
_DEPTH_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class _Meta:
    """What a meta page says: number of the commit, root of the free pages, and of what flags."""

    commit: int
    page_bytes: int
    free_root: int
    flags: tuple[int, int]


def structure(path: Path) -> list[str]:
    """Return what is wrong with the pages of a data file; [] also where there is none.

    A daemon, which has looked itself, may write meanwhile: then this looks again, and gives the
    answer up after some tries.

    Raises:
        OSError: the file cannot be read.
    """
    # A large file is not walked in vain again and again.
    for _ in range(TRIES if path.exists() and path.stat().st_size <= WALK_BYTES_MAX else 1):
        try:
            with path.open("rb") as file:
                before = _both(file)
                found = _walked(path, file)
                after = _both(file)
        except FileNotFoundError:
            return []
        if not found or before == after:
            return found[:PROBLEMS_MAX]
    return []


def rows(txn: ReadTxn, tables: Sequence[Table[Any, Any]]) -> list[str]:
    """Return which rows cannot be read, a text for each; at most `PROBLEMS_MAX`."""
    return list(islice(_unreadable(txn, tables), PROBLEMS_MAX))


def _unreadable(txn: ReadTxn, tables: Sequence[Table[Any, Any]]) -> Iterator[str]:
    for table in tables:
        try:
            for raw_key, raw in txn.items_raw(table.name, None, None, False):
                try:
                    table.encoded(txn, raw_key, raw)
                    if table.value.vouches:
                        table.decode(txn, raw_key, raw)
                except (ValueError, TypeError) as error:
                    yield f"{table.name}: unreadable row {_shown(table, raw_key)}: {error}"
        except StoreDamaged as error:
            yield str(error)


def _shown(table: Table[Any, Any], raw_key: bytes) -> str:
    try:
        return repr(table.key.decode(raw_key))
    except ValueError:
        return raw_key.hex()


# --- pages ------------------------------------------------------------------------------------


def _walked(path: Path, file: BinaryIO) -> list[str]:
    try:
        told: list[str] = lmdb_verify.verify(str(path), subdir=False)  # type: ignore[no-untyped-call]
        found = [text for text in told if _LEAK not in text]
        return found or _commits(file)
    except lmdb_verify.VerifyError as error:
        return [str(error)]
    except (struct.error, IndexError, ValueError, OverflowError, MemoryError, RecursionError) as e:
        # A page that leads the walker astray is as wrong as one that it understands.
        return [f"the pages cannot be followed: {type(e).__name__}: {e}"]


def _both(file: BinaryIO) -> tuple[bytes, bytes]:
    """Return both meta pages as they are now."""
    file.seek(0)
    first = file.read(_META_BYTES)
    file.seek(_meta(first).page_bytes if len(first) == _META_BYTES else 0)
    return first, file.read(_META_BYTES)


def _commits(file: BinaryIO) -> list[str]:
    """Return whether the numbers of the last two commits are what their free pages say."""
    metas = [_meta(raw) for raw in _both(file)]
    found = []
    for number, meta in enumerate(metas):
        last = _last_freed(file, meta)
        # A commit that replaced no page is the first of a file.
        if last != meta.commit if last is not None else meta.commit > 1:
            found.append(f"meta page {number} is of commit {meta.commit}, not {last}")
        # The flags of both are what every file has: else LMDB would sort and split otherwise.
        if meta.commit and meta.flags != (0x08, 0):
            found.append(f"meta page {number} has flags {meta.flags}")
    commits = sorted(meta.commit for meta in metas)
    if commits[1] - commits[0] > 1:
        found.append(f"the meta pages are of commits {commits[0]} and {commits[1]}")
    return found


def _meta(raw: bytes) -> _Meta:
    at = _HEADER.size + _META.size
    page_bytes, free_flags, _, _, _, _, _, free_root = _DB.unpack_from(raw, at)
    _, main_flags, *_ = _DB.unpack_from(raw, at + _DB.size)
    _, commit = _TAIL.unpack_from(raw, at + 2 * _DB.size)
    return _Meta(commit, page_bytes, free_root, (free_flags, main_flags))


def _last_freed(file: BinaryIO, meta: _Meta) -> int | None:
    """Return the highest commit that freed pages, as the free pages of a state have it."""
    page = meta.free_root
    for _ in range(_DEPTH_MAX):
        if page == _NO_PAGE:
            return None
        file.seek(page * meta.page_bytes)
        raw = file.read(meta.page_bytes)
        _, _, flags, lower, _ = _HEADER.unpack_from(raw)
        nodes = (lower - _HEADER.size) // 2
        (at,) = struct.unpack_from("=H", raw, _HEADER.size + 2 * (nodes - 1))
        low, high, node_flags, key_bytes = struct.unpack_from("=HHHH", raw, at)
        if flags & _LEAF:
            return int.from_bytes(raw[at + 8 : at + 8 + key_bytes], sys.byteorder)
        if not flags & _BRANCH:
            break
        page = low | high << 16 | node_flags << 32
    raise ValueError("the free pages cannot be followed")
