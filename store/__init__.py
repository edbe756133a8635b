"""The store: typed tables in one LMDB environment, many callers, one writer.

Purpose: what was acknowledged survives anything. It decides nothing about jobs or the cluster, but
knows the form of their rows: `schema` lists every table, `forms` says what a row of each may be,
`job_table` how a long job's steps are laid out, `config_uses` what an object uses of others.

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
* `seal` is the checksum of a row, `verify` looks at pages and rows before they are trusted,
  `reading` does so for a daemon. `files` opens files at names that others may have taken.
* `check` compares the store with itself, row by row with `forms`. `dump` takes it out and `load`
  brings it back, into a place where `traces` tells what else there was; `redaction` says what a
  dump leaves out; `textdump` prints it. `failpoints` is for tests; `errors` and `stats` are values.

Who switches greenlets: `Store.update`, `Ticket.result` and `Store.close`, nobody else. A body runs
on the writer's thread and must touch nothing but its transaction. `after` callbacks run on the hub.
"""
