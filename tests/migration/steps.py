"""Steps of versions that there are not yet, and stores with old data for them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from migrations.command import main
from migrations.registry import STEPS
from migrations.step import Irreversible, Step
from store import schema
from store.check import check
from store.store import Store
from store.table import MSGPACK, U64, Table
from store.txn import WriteTxn

NOW_US = 1_795_456_800_123_456

#: The version the steps start from.
BASE = schema.SCHEMA_VERSION

#: A table that version BASE + 2 has.
OWNERS: Table[int, object] = Table("owners", key=U64, value=MSGPACK)


def _rename_flag(old: str, new: str, txn: WriteTxn) -> None:
    schema.FLAGS.put(txn, new, schema.FLAGS.get(txn, old))
    assert schema.FLAGS.delete(txn, old)


def _add_owners(txn: WriteTxn) -> None:
    for job_id in list(schema.JOBS.keys(txn)):
        OWNERS.put(txn, job_id, f"owner of {job_id}")


def _fail(txn: WriteTxn) -> None:
    schema.FLAGS.put(txn, "half", "done")
    raise ValueError("this step cannot be taken")


RENAME = Step(
    version=BASE + 1,
    name="drain becomes closed",
    up=lambda txn: _rename_flag("drain", "closed", txn),
    down=lambda txn: _rename_flag("closed", "drain", txn),
)
ADD = Step(version=BASE + 2, name="owners", up=_add_owners, down=OWNERS.clear, tables=("owners",))
FAILING = Step(version=BASE + 2, name="fails", up=_fail, down=_fail)
ONE_WAY = Step(
    version=BASE + 2,
    name="one way",
    up=_add_owners,
    down=Irreversible("it forgot the names"),
    tables=("owners",),
)

#: Chains by name, for a child process.
CHAINS: dict[str, Sequence[Step]] = {
    "released": STEPS,
    "three": (*STEPS, RENAME, ADD),
    "failing": (*STEPS, RENAME, FAILING),
    "one way": (*STEPS, RENAME, ONE_WAY),
}


def old_store(path: Path) -> Path:
    """Make a store with the data that the steps work on; return its directory."""
    store = Store.open(path)

    def body(txn: WriteTxn) -> None:
        schema.FLAGS.put(txn, "drain", True)
        for job_id in (3, 5):
            schema.JOBS.put(txn, job_id, {"ops": []})

    store.update(body)
    store.close()
    return path


def rows(path: Path) -> dict[str, dict[object, object]]:
    """Return every row of a store by table, of those tables of this release that have any."""
    store = Store.open(path, read_only=True, schema_version=None)
    try:
        with store.snapshot() as txn:
            found: dict[str, dict[object, object]] = {
                table.name: dict(table.scan(txn)) for table in schema.TABLES
            }
            return {name: held for name, held in found.items() if held}
    finally:
        store.close()


def jobs_and(beside: Table[Any, Any], path: Path) -> tuple[dict[int, Any], int]:
    """Return the live jobs of a sound store, and how many rows lie in a table beside them."""
    store = Store.open(path, read_only=True, schema_version=None)
    try:
        with store.snapshot() as txn:
            assert [each for each in check(txn) if each.key != "version"] == []
            return dict(schema.JOBS.scan(txn)), beside.count(txn)
    finally:
        store.close()


def version(path: Path) -> object:
    return rows(path)["meta"]["version"]


if __name__ == "__main__":
    # Chain, then the arguments of the command: for tests that kill it.
    sys.exit(main(sys.argv[2:], now_us=lambda: NOW_US, steps=CHAINS[sys.argv[1]]))
