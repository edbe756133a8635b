"""The step to version 5 and back: what was asked of nodes is forgotten on the way back."""

from pathlib import Path

from migrations import runner
from store import schema
from store.store import Store
from tests.migration.steps import jobs_and
from tests.store_support import RUNNING, fill

NOW_US = 1_795_456_800_123_456


def test_the_notes_go_and_the_jobs_stay(tmp_path: Path) -> None:
    path, backups = tmp_path / "store", tmp_path / "backups"
    store = Store.open(path)
    fill(store)
    row = [0, 5, [["os_get", "node1"]], None, None]
    store.update(lambda txn: schema.NODE_CALLS.put(txn, (RUNNING, 1), row))
    store.close()
    before, notes = jobs_and(schema.NODE_CALLS, path)
    assert notes == 1
    runner.migrate(path, 4, backup_dir=backups, now_us=NOW_US)
    assert jobs_and(schema.NODE_CALLS, path) == (before, 0)
    runner.migrate(path, 5, backup_dir=backups, now_us=NOW_US + 1)
    assert jobs_and(schema.NODE_CALLS, path) == (before, 0)
