"""Bringing a dump back as a store.

1. The whole dump is read and verified; nothing is touched before.
2. A new store is built in a directory beside, from a second reading that is verified as well.
3. The new store is checked against itself.
4. It takes the place of the old one, which is kept under a dated name.

The last step is one exchange of names: a crash leaves the old store or the new one in its place
(`traces` says what else may lie beside it), and the same command run again starts over.
"""

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import cbor2

from store import schema
from store.check import check
from store.codec import EMPTY
from store.dump import FORMAT, FORMAT_VERSION, TABLES, Header
from store.env import DATA_FILE, DIRECTORY_MODE, lock_writer
from store.errors import DumpError, StoreError
from store.store import Store
from store.table import Table
from store.traces import building, put_in_place
from store.txn import WriteTxn

#: Rows of one transaction while building, and the bytes of their values; whichever comes first.
BATCH_ROWS: Final = 2000
BATCH_BYTES: Final = 8 * 1024 * 1024

#: Problems of a restored store that are told.
PROBLEMS_TOLD: Final = 5

#: Schema versions whose dumps are the same: the store adds seals, and a dump has jobs as a whole.
SCHEMAS: Final = (2, 3, 4, schema.SCHEMA_VERSION)

_BY_NAME: Final = {table.name: index for index, table in enumerate(TABLES)}
#: What cbor2 raises over bytes that are not CBOR, by its versions.
_UNREADABLE: Final = (
    cbor2.CBORDecodeError,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
    MemoryError,
)

#: A row as the store keeps it: its table, key and value in bytes.
Row = tuple[Table[Any, Any], bytes, bytes]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was brought back.

    Attributes:
        counts: Rows by table.
        aside: Where the store is that was there before; None when there was none.
    """

    header: Header
    counts: dict[str, int]
    aside: Path | None


def load(stream: BinaryIO, path: Path, *, now_us: int, replace: bool = False) -> Loaded:
    """Make the store that a dump describes the one in the directory `path`. Switches.

    Args:
        stream: The dump, from its beginning; must be seekable, because it is read twice.
        now_us: Names the old store, if there is one. Microseconds since the epoch.
        replace: Put the store that is there aside instead of refusing.

    Raises:
        DumpError: the dump is not a whole one of this form and schema; nothing was changed.
        StoreBusy: a process has the store open for writing; nothing was changed.
        StoreError: there is a store already; the disk fails.
        OSError: the dump cannot be read, or the disk fails.
    """
    reader = Reader(stream)
    for _ in reader.rows():
        pass
    lock_fd = lock_writer(path) if path.is_dir() else -1
    try:
        if (path / DATA_FILE).exists() and not replace:
            raise StoreError(f"there is a store in {path} already")
        built = building(path)
        _remove(built)
        try:
            stream.seek(0)
            again = _build(built, stream)
            _give(built, path if path.exists() else path.parent)
            aside = put_in_place(built, path, now_us)
        except BaseException:
            _remove(built)
            raise
    finally:
        if lock_fd >= 0:
            os.close(lock_fd)
    return Loaded(again.header, again.counts, aside)


class Reader:
    """One reading of a dump, verified on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read and verify the header.

        Raises:
            DumpError: it is not that of a dump which this program understands.
        """
        self._source = _Source(stream)
        self._decoder = cbor2.CBORDecoder(self._source)  # type: ignore[arg-type] # reads only
        self._digest = hashlib.sha256()
        self._number = 0
        self.counts = {table.name: 0 for table in TABLES}
        self.header = _header(self._item())

    def rows(self) -> Iterator[Row]:
        """Yield the rows; at the end everything has been verified.

        Raises:
            DumpError: the dump is damaged, cut short, or not in its order.
        """
        before = (-1, b"")
        while True:
            item = self._item()
            if isinstance(item, dict):
                self._trailer(item)
                return
            table, key, value = self._row(item)
            place = (_BY_NAME[table.name], key)
            if place <= before:
                raise self._error(f"a row of {table.name} is out of order")
            before = place
            self.counts[table.name] += 1
            yield table, key, value

    def _row(self, item: object) -> Row:
        if not isinstance(item, list) or len(item) != 3:
            raise self._error("not a row of three parts")
        name, key, value = item
        if not isinstance(name, str) or name not in _BY_NAME:
            raise self._error(f"of no table of this schema: {str(name)[:80]!r}")
        table: Table[Any, Any] = TABLES[_BY_NAME[name]]
        if not isinstance(key, bytes):
            raise self._error("the key is not a byte string")
        try:
            if table.key.encode(table.key.decode(key)) != key:
                raise ValueError("written otherwise than the store does")
            if table.value is EMPTY and value is not None:
                raise ValueError("a value where nothing belongs")
            content = table.value.encode(value)
            table.value.decode(content)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._error(f"not a row of {name}: {error}") from error
        return table, key, content

    def _trailer(self, item: dict[Any, Any]) -> None:
        digest = self._digest_before
        if item.keys() != {"counts", "sha256"}:
            raise self._error("neither a row nor the end of a dump")
        if item["sha256"] != digest:
            raise self._error("the bytes before do not have the digest that is told here")
        counts = item["counts"]
        if counts != self.counts or any(type(count) is not int for count in counts.values()):
            raise self._error(f"the rows are {self.counts}, not {counts}")
        if self._source.read(1):
            raise self._error("something follows the end of the dump")

    def _item(self) -> object:
        self._digest_before = self._digest.digest()
        try:
            item: object = self._decoder.decode()
        except cbor2.CBORDecodeEOF as error:
            raise self._error("the dump ends here before its end") from error
        except _UNREADABLE as error:
            raise self._error(f"not CBOR: {error}") from error
        self._digest.update(self._source.taken())
        self._number += 1
        return item

    def _error(self, text: str) -> DumpError:
        return DumpError(
            f"item {self._number} of the dump, near byte {self._source.read_bytes}: {text}"
        )


class _Source(io.RawIOBase):
    """Hands bytes to the decoder as it asks for them, and remembers them until `taken`.

    It cannot seek, so the decoder takes no more than the item it is at.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._chunks: list[bytes] = []
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(size)
        self._chunks.append(content)
        self.read_bytes += len(content)
        return content

    def taken(self) -> bytes:
        """Return the bytes read since the last time."""
        content = b"".join(self._chunks)
        self._chunks.clear()
        return content


def _header(item: object) -> Header:
    if not isinstance(item, dict) or item.get("format") != FORMAT:
        raise DumpError("this is not a dump of a ganeti-masterd store")
    if item.get("format_version") != FORMAT_VERSION:
        raise DumpError(
            f"the dump has format {item.get('format_version')!r}, this program reads "
            f"{FORMAT_VERSION}"
        )
    if item.get("schema_version") not in SCHEMAS:
        raise DumpError(
            f"the dump has schema {item.get('schema_version')!r}, this program needs "
            f"{schema.SCHEMA_VERSION}; restore it with the program that made it "
            f"({item.get('software')!r}) and let the new one migrate the store"
        )
    try:
        header = Header(**item)
    except TypeError as error:
        raise DumpError(f"the dump's header is not in its form: {error}") from error
    for name, kind in Header.__annotations__.items():
        if type(getattr(header, name)) is not kind:
            raise DumpError(f"the dump's header has a wrong '{name}'")
    return header


def _build(directory: Path, stream: BinaryIO) -> Reader:
    """Fill a new store from a second reading, and check it."""
    reader = Reader(stream)
    store = Store.open(directory)
    try:
        batch: list[Row] = []
        size = 0
        for row in reader.rows():
            batch.append(row)
            size += len(row[2])
            if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                _put(store, batch)
                batch, size = [], 0
        _put(store, batch)
        with store.snapshot() as txn:
            problems = check(txn)
    finally:
        store.close()
    if problems:
        told = "; ".join(map(str, problems[:PROBLEMS_TOLD]))
        raise DumpError(f"the dump holds a store with {len(problems)} problems: {told}")
    return reader


def _put(store: Store, batch: list[Row]) -> None:
    def body(txn: WriteTxn) -> None:
        for table, key, value in batch:
            table.put_encoded(txn, key, value, append=True)
        # A dump of an older schema says so; what is built from it is of this one.
        schema.META.put(txn, "version", schema.SCHEMA_VERSION)

    store.update(body)


def _remove(directory: Path) -> None:
    """Remove what an earlier attempt left, unless it is still at work."""
    if directory.exists():
        os.close(lock_writer(directory))
        shutil.rmtree(directory)


def _give(directory: Path, model: Path) -> None:
    """Give a new store the owner of its model, where root restores for another user."""
    directory.chmod(DIRECTORY_MODE)
    if os.geteuid() != 0:
        return
    status = model.stat()
    for path in (directory, *directory.iterdir()):
        os.chown(path, status.st_uid, status.st_gid)
