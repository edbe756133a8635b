"""The store: typed tables in one LMDB environment, many callers, one writer.

Purpose: what was acknowledged survives anything. It knows nothing of jobs, except that `schema`
lists every table on one page.

The way through the files:

* `schema` declares the tables; `table` gives them their methods; `codec` turns keys and values into
  bytes; `FORMAT.md` is the same for readers of the disk.
* `store` is what others use: `Store.open`, `update`, `update_soon`, `snapshot`, `close`.
* `commit` holds the writer: one native thread, many bodies per sync. `overlay` keeps the changes of
  a commit until they are flushed, `txn` joins them with what LMDB holds.
* `env` owns the directory, the lock and the map; `gate` keeps readers out while the map changes;
  `snapshot` is one reader.
* `serials` and `outbox` are helpers for bodies: numbers that only rise, and what mirrors have to
  redo.
* `check` compares the store with itself, row by row with `forms`. `dump` takes it out and `load`
  brings it back; `redaction` says what a dump leaves out; `textdump` prints it. `failpoints` is for
  tests; `errors` and `stats` are values.

Who switches greenlets: `Store.update`, `Ticket.result` and `Store.close`, nobody else. A body runs
on the writer's thread and must touch nothing but its transaction. `after` callbacks run on the hub.
"""

from store.commit import Ticket
from store.errors import (
    DumpError,
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreMissing,
    StoreOverloaded,
)
from store.stats import StoreStats
from store.store import Store
from store.txn import ReadTxn, WriteTxn

__all__ = [
    "DumpError",
    "ReadTxn",
    "SchemaMismatch",
    "Store",
    "StoreBusy",
    "StoreClosed",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreMissing",
    "StoreOverloaded",
    "StoreStats",
    "Ticket",
    "WriteTxn",
]
