"""The step to version 2 and back: the index of uses comes and goes, what opcodes recorded goes."""

import json
from pathlib import Path
from typing import Any, cast

from masterd.config import document
from migrations import runner, v0003_seals
from store import schema
from store.check import check
from store.store import Store
from store.txn import WriteTxn
from tests.sample_config import sample
from tests.store_support import (
    ARCHIVED,
    CANCELED,
    CHANGED_TO,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    fill,
)

NOW_US = 1_795_456_800_123_456


def store_of_version_1(path: Path) -> None:
    """Make a store as version 1 had it: objects and names, no uses."""
    snapshot = document.split(json.loads(json.dumps(sample(3))))

    def body(txn: WriteTxn) -> None:
        v0003_seals.unseal(txn)
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
    runner.migrate(path, schema.SCHEMA_VERSION, backup_dir=backups, now_us=NOW_US + 1)
    store = Store.open(path)
    try:
        with store.snapshot() as txn:
            assert [str(problem) for problem in check(txn)] == []
    finally:
        store.close()
    runner.migrate(path, 1, backup_dir=backups, now_us=NOW_US + 2)
    assert rows(path) == before


def recorded(path: Path) -> dict[object, list[int | None]]:
    """Return what the opcodes of each job record of the configuration."""
    tables = rows(path)
    jobs: dict[object, Any] = {**tables["jobs"], **tables["archive"]}
    return {job_id: [op.get("config") for op in job["ops"]] for job_id, job in jobs.items()}


def test_opcodes_record_no_change_of_the_configuration_after_the_way_back(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = Store.open(path)
    fill(store)
    store.close()
    ran = {key: [CHANGED_TO, None] for key in (RUNNING, SUCCEEDED, ARCHIVED)}
    assert recorded(path) == {QUEUED: [None], CANCELED: [None, None], **ran}
    before = rows(path)
    runner.migrate(path, 1, backup_dir=tmp_path / "backups", now_us=NOW_US)
    after = rows(path)
    assert recorded(path) == {QUEUED: [None], **{key: [None, None] for key in (CANCELED, *ran)}}
    for table in ("jobs", "archive"):
        for job_id, job in cast(dict[object, Any], before[table]).items():
            bare = [{k: v for k, v in op.items() if k != "config"} for op in job["ops"]]
            assert after[table][job_id] == {**job, "ops": bare}
