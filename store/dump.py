"""Taking a store out: every row of one snapshot as a CBOR sequence (form: `FORMAT.md`, "Dumps").

The rows stream: memory does not grow with the store. While a dump of a live daemon's store runs,
its snapshot keeps pages that newer commits gave up, so the store grows by what is written
meanwhile.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import cbor2

from store import schema
from store.errors import StoreDamaged
from store.files import replacing
from store.redaction import redacted
from store.store import store_id
from store.table import Table
from store.txn import ReadTxn

T = TypeVar("T")

FORMAT: Final = "ganeti-masterd-dump"
FORMAT_VERSION: Final = 1

#: Tables that say what mirrors still have to do, because a restored store's mirror is written anew,
#: and what has changed of jobs, because a dump has each job as a whole.
LEFT_OUT: Final = frozenset(
    {
        schema.OUTBOX.name,
        schema.CURSORS.name,
        schema.JOB_STEPS.name,
        schema.NODE_CALLS.name,
    }
)
TABLES: Final = tuple(table for table in schema.TABLES if table.name not in LEFT_OUT)

#: A dump may hold secrets, and says who ran what.
FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first item of a dump.

    Attributes:
        software: Program and version that made it.
        created_us: When, microseconds since the epoch.
        with_secrets: Whether nothing was redacted.
    """

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    schema_version: int = schema.SCHEMA_VERSION
    software: str
    created_us: int
    store_id: str
    with_secrets: bool


def dump(
    txn: ReadTxn, stream: BinaryIO, *, software: str, created_us: int, with_secrets: bool = False
) -> dict[str, int]:
    """Write all rows to `stream`; return how many of each table.

    Raises:
        StoreDamaged: a row cannot be decoded, or not be searched for secrets; what was written
            is worthless.
        OSError: the stream cannot be written.
    """
    digest = hashlib.sha256()

    def write(item: object) -> None:
        content = cbor2.dumps(item)
        digest.update(content)
        stream.write(content)

    write(asdict(header(txn, software, created_us, with_secrets)))
    counts = {table.name: 0 for table in TABLES}
    for table, key, value in rows(txn, with_secrets=with_secrets):
        write([table.name, table.key.encode(key), value])
        counts[table.name] += 1
    stream.write(cbor2.dumps({"counts": counts, "sha256": digest.digest()}))
    return counts


def header(txn: ReadTxn, software: str, created_us: int, with_secrets: bool) -> Header:
    """Return what a dump of this store begins with."""
    return Header(
        software=software,
        created_us=created_us,
        store_id=store_id(txn),
        with_secrets=with_secrets,
    )


def rows(txn: ReadTxn, *, with_secrets: bool) -> Iterator[tuple[Table[Any, Any], Any, Any]]:
    """Yield `(table, key, value)` of all rows that belong into a dump, in its order.

    Raises:
        StoreDamaged: a row cannot be decoded, or not be searched for secrets.
    """
    for table in TABLES:
        for key, value in table.scan(txn):
            yield table, key, value if with_secrets else _redacted(table, key, value)


def _redacted(table: Table[Any, Any], key: Any, value: Any) -> Any:
    try:
        return redacted(table.name, value)
    except (ValueError, RecursionError) as error:
        # Passing it through could pass a secret on.
        raise StoreDamaged(
            f"{table.name}: row {key!r} cannot be searched for secrets: {error}"
        ) from error


def write_file(path: Path, write: Callable[[BinaryIO], T]) -> T:
    """Let `write` fill a file that appears at `path`, durably, only once it is whole.

    Raises:
        OSError: it cannot be written; a file that was there before is left as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with replacing(path, FILE_MODE, beside=beside) as file:
        return write(file)
