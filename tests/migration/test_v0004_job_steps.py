"""The step to version 4 and back: jobs stay as they are, and are one row each on the way back."""

from pathlib import Path
from typing import Any

from migrations import runner
from store import schema
from store.store import Store
from tests.migration.steps import jobs_and
from tests.store_support import QUEUED, RUNNING, fill

NOW_US = 1_795_456_800_123_456


def test_each_job_is_one_row_after_the_way_back_and_is_read_the_same(tmp_path: Path) -> None:
    path, backups = tmp_path / "store", tmp_path / "backups"
    store = Store.open(path)
    fill(store)
    expected = {}
    for job_id in (QUEUED, RUNNING):
        with store.snapshot() as txn:
            row: Any = schema.JOBS.get(txn, job_id)
        head = {key: value for key, value in row.items() if key != "ops"} | {"rev": 99}
        first = {**row["ops"][0], "priority": -7}
        store.update(
            lambda txn, key=job_id, head=head, first=first: schema.JOBS.put_step(  # type: ignore[misc]
                txn, key, head, {0: first}
            )
        )
        expected[job_id] = {**head, "ops": [first, *row["ops"][1:]]}
    store.close()
    before, beside = jobs_and(schema.JOB_STEPS, path)
    assert beside == 4
    assert {job_id: before[job_id] for job_id in expected} == expected
    runner.migrate(path, 3, backup_dir=backups, now_us=NOW_US)
    assert jobs_and(schema.JOB_STEPS, path) == (before, 0)
    runner.migrate(path, 4, backup_dir=backups, now_us=NOW_US + 1)
    assert jobs_and(schema.JOB_STEPS, path) == (before, 0)
    runner.migrate(path, 2, backup_dir=backups, now_us=NOW_US + 2)
    assert jobs_and(schema.JOB_STEPS, path) == (before, 0)
