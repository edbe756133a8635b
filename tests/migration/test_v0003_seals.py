"""The step to version 3 and back: seals come and go, everything else stays as it is."""

from pathlib import Path

import pytest

from migrations import runner, v0003_seals
from store import schema
from store.check import check
from store.errors import SchemaMismatch
from store.store import Store
from store.txn import ReadTxn, WriteTxn
from tests.store_support import ARCHIVED, fill

NOW_US = 1_795_456_800_123_456


def raw(txn: ReadTxn) -> dict[str, list[tuple[bytes, bytes]]]:
    return {
        table.name: list(txn.items_raw(table.name, None, None, False)) for table in schema.TABLES
    }


def look(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    store = Store.open(path, read_only=True, schema_version=None)
    try:
        with store.snapshot() as txn:
            assert [each for each in check(txn) if each.key != "version"] == []
            return raw(txn)
    finally:
        store.close()


def test_a_store_comes_to_seals_and_goes_back_byte_for_byte(tmp_path: Path) -> None:
    path, backups = tmp_path / "store", tmp_path / "backups"
    store = Store.open(path)
    fill(store)
    store.close()
    before = look(path)
    runner.migrate(path, 2, backup_dir=backups, now_us=NOW_US)
    with pytest.raises(SchemaMismatch, match="has schema 2"):
        Store.open(path)
    bare = look(path)
    assert dict(bare["meta"])[b"version"] == b"\x02"
    assert all(value == b"" for _, value in bare["unfinished"])
    runner.migrate(path, schema.SCHEMA_VERSION, backup_dir=backups, now_us=NOW_US + 1)
    assert look(path) == before


def test_jobs_archived_before_there_were_seals_are_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    fill(store)

    def without_seals(txn: WriteTxn) -> None:
        v0003_seals.unseal(txn)
        document = schema.ARCHIVE.get(txn, ARCHIVED)
        key = schema.ARCHIVE.key.encode(ARCHIVED)
        txn.put_raw("archive", key, schema.ARCHIVE.value.encode(document), False)
        v0003_seals.seal(txn)

    with store.snapshot() as txn:
        document = schema.ARCHIVE.get(txn, ARCHIVED)
    store.update(without_seals)
    with store.snapshot() as txn:
        assert schema.ARCHIVE.get(txn, ARCHIVED) == document
        assert check(txn) == []
    store.close()
