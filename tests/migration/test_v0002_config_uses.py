"""The step to version 2: old rows get their index of uses, and lose it again on the way back."""

import json
from pathlib import Path

from masterd.config import document
from migrations import runner
from store import schema
from store.check import check
from store.store import Store
from store.txn import WriteTxn
from tests.sample_config import sample

NOW_US = 1_795_456_800_123_456


def store_of_version_1(path: Path) -> None:
    """Make a store as version 1 had it: objects and names, no uses."""
    snapshot = document.split(json.loads(json.dumps(sample(3))))

    def body(txn: WriteTxn) -> None:
        schema.META.put(txn, "version", 1)
        schema.CONFIG.put(txn, ("config", "top"), {"version": 3000000, "ctime": 0, "mtime": 0})
        for kind, uuid, row in document.rows(snapshot):
            schema.CONFIG.put(txn, (kind.name, uuid), row)
            if kind.has_name and isinstance(name := row.get("name"), str):
                schema.CONFIG_NAMES.put(txn, (kind.name, name), uuid)

    store = Store.open(path)
    store.update(body)
    store.close()


def rows(path: Path) -> dict[str, dict[object, object]]:
    store = Store.open(path, read_only=True, schema_version=None)
    try:
        with store.snapshot() as txn:
            return {table.name: dict(table.scan(txn)) for table in schema.TABLES}
    finally:
        store.close()


def test_the_index_is_what_the_objects_say_and_goes_away_on_the_way_back(tmp_path: Path) -> None:
    path, backups = tmp_path / "store", tmp_path / "backups"
    store_of_version_1(path)
    before = rows(path)
    runner.migrate(path, 2, backup_dir=backups, now_us=NOW_US)
    after = rows(path)
    assert len(after["config_uses"]) > 50
    assert {**after, "config_uses": {}, "meta": before["meta"]} == before
    store = Store.open(path)
    try:
        with store.snapshot() as txn:
            assert [str(problem) for problem in check(txn)] == []
    finally:
        store.close()
    runner.migrate(path, 1, backup_dir=backups, now_us=NOW_US + 1)
    assert rows(path) == before
