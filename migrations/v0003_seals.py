"""Version 3: a checksum behind every row's value (`store.seal`).

Archived jobs are left as they are: a compressed document has a checksum of its own, so that the
store takes those without a seal too, and version 2 passes over what follows the document. All the
others are written anew; that many live rows have to fit into memory, a gigabyte for a million.
"""

from typing import Any, Final

from migrations.step import Step
from store.schema import TABLES
from store.table import Table
from store.txn import WriteTxn

_WRITTEN: Final[tuple[Table[Any, Any], ...]] = tuple(
    table for table in TABLES if not table.value.vouches
)


def seal(txn: WriteTxn) -> None:
    """Put a seal behind every value."""
    _write_all(txn, sealed=True)


def unseal(txn: WriteTxn) -> None:
    """Take the seals away."""
    _write_all(txn, sealed=False)


def _write_all(txn: WriteTxn, *, sealed: bool) -> None:
    """Write every row in the form with or without seals."""
    before = txn.sealed
    for table in _WRITTEN:
        for raw_key, raw in txn.items_raw(table.name, None, None, False):
            txn.sealed = before
            content = table.encoded(txn, raw_key, raw)
            txn.sealed = sealed
            table.put_encoded(txn, raw_key, content)
    txn.sealed = sealed


STEP: Final = Step(
    version=3,
    name="a checksum behind every row",
    up=seal,
    down=unseal,
    tables=tuple(table.name for table in TABLES),
)
