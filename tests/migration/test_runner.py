"""Carrying out migration steps: backup first, one transaction per step, or nothing."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migrations import backup, registry, runner
from migrations.backup import BackupError
from migrations.runner import MigrationError, StepFailedError
from migrations.step import Irreversible
from store import failpoints, schema
from store.errors import SchemaMismatch, StoreBusy, StoreError, StoreMissing
from store.store import Store
from tests.migration import steps
from tests.migration.steps import BASE, CHAINS, NOW_US, OWNERS, old_store, rows, version

PATIENCE_S = 60
NAME = f"masterd-store-v{BASE:04d}-20261123T180000.123456Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return old_store(tmp_path / "store")


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def migrate(path: Path, backups: Path, to: int, chain: str = "three") -> runner.Report:
    return runner.migrate(path, to, backup_dir=backups, now_us=NOW_US, steps=CHAINS[chain])


def owners(path: Path) -> dict[int, object]:
    store = Store.open(path, schema_version=None)
    try:
        store.create_tables(OWNERS.name)
        with store.snapshot() as txn:
            return dict(OWNERS.scan(txn))
    finally:
        store.close()


# --- the steps there are ------------------------------------------------------------------------


def test_the_released_steps_lead_to_the_version_this_release_reads() -> None:
    registry.check_chain(registry.STEPS)
    assert [step.version for step in registry.STEPS][-1] == schema.SCHEMA_VERSION


@pytest.mark.parametrize("chain", [(), registry.STEPS * 2, (steps.RENAME,)])
def test_a_chain_with_a_gap_or_another_end_is_an_error(chain: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=f"do not lead to version {BASE}"):
        registry.check_chain(chain)  # type: ignore[arg-type]  # tuples of steps


def test_the_first_step_makes_the_tables_of_version_1(tmp_path: Path, backups: Path) -> None:
    path = tmp_path / "store"
    store = Store.open(path)
    store.update(lambda txn: schema.META.put(txn, "version", 0))
    store.close()
    assert runner.migrate(path, 1, backup_dir=backups, now_us=NOW_US).after == 1
    store = Store.open(path, schema_version=1)
    try:
        with store.snapshot() as txn:
            assert set(registry.STEPS[0].tables) <= set(txn.tables)
    finally:
        store.close()


def test_the_first_step_refuses_rows_of_no_version(path: Path, backups: Path) -> None:
    store = Store.open(path)
    store.update(lambda txn: schema.META.put(txn, "version", 0))
    store.close()
    with pytest.raises(StepFailedError, match="rows in 'flags'"):
        runner.up(path, backup_dir=backups, now_us=NOW_US)
    assert version(path) == 0


def test_there_is_no_way_back_from_the_first_version(path: Path, backups: Path) -> None:
    assert isinstance(registry.STEPS[0].down, Irreversible)
    runner.migrate(path, 1, backup_dir=backups, now_us=NOW_US)
    shutil.rmtree(backups)
    before = rows(path)
    with pytest.raises(MigrationError, match="no way back from version 1"):
        runner.down(path, backup_dir=backups, now_us=NOW_US)
    assert rows(path) == before
    assert not backups.exists()


# --- forward and back ---------------------------------------------------------------------------


def test_status_names_the_pending_steps(path: Path) -> None:
    found = runner.status(path, steps=CHAINS["three"])
    assert (found.version, found.newest) == (BASE, BASE + 2)
    assert [step.name for step in found.pending] == ["drain becomes closed", "owners"]
    assert runner.status(path).pending == ()


def test_steps_forward_and_back_give_the_old_data_again(path: Path, backups: Path) -> None:
    before = rows(path)
    told: list[str] = []
    report = runner.migrate(
        path, BASE + 2, backup_dir=backups, now_us=NOW_US, steps=CHAINS["three"], told=told.append
    )
    assert report == runner.Report(BASE, BASE + 2, backups / NAME)
    assert told == [
        f"backing up version {BASE}",
        f"version {BASE} to {BASE + 1}: drain becomes closed",
        f"version {BASE + 1} to {BASE + 2}: owners",
    ]
    assert version(path) == BASE + 2
    assert rows(path)["flags"] == {"closed": True}
    assert owners(path) == {3: "owner of 3", 5: "owner of 5"}
    runner.migrate(path, BASE, backup_dir=backups, now_us=NOW_US + 1, steps=CHAINS["three"])
    assert owners(path) == {}
    assert rows(path) == before


def test_down_goes_one_version_back(path: Path, backups: Path) -> None:
    migrate(path, backups, BASE + 2)
    report = runner.down(path, backup_dir=backups, now_us=NOW_US + 1, steps=CHAINS["three"])
    assert (report.before, report.after) == (BASE + 2, BASE + 1)
    assert report.backup is not None
    assert report.backup.name.startswith(f"masterd-store-v{BASE + 2:04d}-")
    assert owners(report.backup) == {3: "owner of 3", 5: "owner of 5"}


def test_each_step_alone_stops_at_its_version(path: Path, backups: Path) -> None:
    migrate(path, backups, BASE + 1)
    assert rows(path)["flags"] == {"closed": True}
    assert version(path) == BASE + 1


def test_where_nothing_is_to_be_done_there_is_no_backup(path: Path, backups: Path) -> None:
    assert migrate(path, backups, BASE) == runner.Report(BASE, BASE, None)
    assert not backups.exists()


def test_a_migrated_store_is_refused_by_a_release_that_cannot_read_it(
    path: Path, backups: Path
) -> None:
    migrate(path, backups, BASE + 1)
    with pytest.raises(SchemaMismatch, match=f"has schema {BASE + 1}, this program needs {BASE}"):
        Store.open(path)
    with pytest.raises(
        MigrationError, match=f"has version {BASE + 1}; this program knows 1 to {BASE}"
    ):
        runner.status(path)


# --- what stops it ------------------------------------------------------------------------------


def test_a_failing_step_leaves_the_version_before_it(path: Path, backups: Path) -> None:
    before = rows(path)
    with pytest.raises(StepFailedError, match=f"cannot be taken; the store has version {BASE + 1}"):
        migrate(path, backups, BASE + 2, "failing")
    assert version(path) == BASE + 1
    assert rows(path)["flags"] == {"closed": True}
    assert rows(backups / NAME) == before


def test_an_irreversible_step_on_the_way_stops_it_before_anything(
    path: Path, backups: Path
) -> None:
    migrate(path, backups, BASE + 2, "one way")
    before = rows(path)
    with pytest.raises(
        MigrationError, match=rf"version {BASE + 2} \(one way\): it forgot the names"
    ):
        runner.migrate(path, BASE, backup_dir=backups, now_us=NOW_US + 1, steps=CHAINS["one way"])
    assert rows(path) == before
    assert len(list(backups.iterdir())) == 1


@pytest.mark.parametrize("to", [-1, BASE + 3])
def test_an_unknown_version_is_refused(path: Path, backups: Path, to: int) -> None:
    with pytest.raises(MigrationError, match=f"knows 1 to {BASE + 2}"):
        migrate(path, backups, to)
    assert version(path) == BASE
    assert not backups.exists()


def test_a_store_that_is_open_for_writing_is_refused(path: Path, backups: Path) -> None:
    holder = Store.open(path)
    try:
        with pytest.raises(StoreBusy, match="open for writing"):
            migrate(path, backups, BASE + 2)
    finally:
        holder.close()
    assert not backups.exists()
    assert version(path) == BASE


def test_status_may_look_while_another_process_writes(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from store.store import Store\n"
        "store = Store.open(Path(sys.argv[1])); print('open', flush=True)\n"
        "sys.stdin.read(); store.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        assert runner.status(path).version == BASE
        with pytest.raises(StoreBusy, match=f"process {child.pid} has the store"):
            runner.up(path, backup_dir=path, now_us=NOW_US)
        child.stdin.close()
        assert child.wait(PATIENCE_S) == 0


def test_a_missing_store_is_not_made(tmp_path: Path, backups: Path) -> None:
    with pytest.raises(StoreMissing):
        migrate(tmp_path / "nowhere", backups, BASE + 2)
    with pytest.raises(StoreMissing):
        runner.status(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


# --- backups ------------------------------------------------------------------------------------


def test_a_backup_is_a_store_with_every_row(path: Path, backups: Path) -> None:
    before = rows(path)
    report = migrate(path, backups, BASE + 2)
    assert report.backup is not None
    assert rows(report.backup) == before
    assert runner.status(report.backup).version == BASE
    assert backups.stat().st_mode & 0o777 == 0o750


def test_a_backup_put_in_the_place_of_the_store_is_the_old_store(path: Path, backups: Path) -> None:
    before = rows(path)
    report = migrate(path, backups, BASE + 2, "one way")
    assert report.backup is not None
    path.rename(path.with_name("aside"))
    report.backup.rename(path)
    store = Store.open(path)
    store.close()
    assert rows(path) == before


def test_a_name_that_is_taken_stops_it(path: Path, backups: Path) -> None:
    (backups / NAME).mkdir(parents=True)
    with pytest.raises(BackupError, match="exists already"):
        migrate(path, backups, BASE + 2)
    assert version(path) == BASE


def test_what_a_cut_off_backup_left_does_not_hinder_the_next(path: Path, backups: Path) -> None:
    partial = backups / f".{NAME}.partial"
    partial.mkdir(parents=True)
    (partial / "data.mdb").write_bytes(b"half")
    assert migrate(path, backups, BASE + 2).backup == backups / NAME
    assert [entry.name for entry in backups.iterdir()] == [NAME]


def test_a_directory_for_backups_that_cannot_be_made_stops_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        migrate(path, tmp_path / "file" / "backups", BASE + 2)
    assert version(path) == BASE


def test_a_copy_that_differs_is_no_backup(
    path: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = old_store(path.with_name("other"))
    copy = Store.copy

    def copy_other(_store: Store, directory: Path) -> None:
        source = Store.open(other, read_only=True)
        try:
            copy(source, directory)
        finally:
            source.close()

    monkeypatch.setattr(Store, "copy", copy_other)  # as a disk that gives back older pages
    with pytest.raises(BackupError, match="differs from the store"):
        migrate(path, backups, BASE + 2)
    assert list(backups.iterdir()) == []
    assert version(path) == BASE


def test_a_full_disk_leaves_the_store_at_a_version(path: Path, backups: Path) -> None:
    failpoints.configure("migrations.after-step=error:ENOSPC:1")
    try:
        with pytest.raises(OSError, match="No space left"):
            migrate(path, backups, BASE + 2)
    finally:
        failpoints.clear()
    assert version(path) == BASE + 1
    assert migrate(path, backups / "second", BASE + 2).before == BASE + 1


def test_names_of_backups_sort_by_time() -> None:
    assert backup.name(BASE, NOW_US) == NAME
    assert backup.name(BASE, NOW_US) < backup.name(BASE, NOW_US + 1)


# --- crashes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("hit", [1, 2])
def test_killed_between_steps_it_goes_on_from_there(path: Path, tmp_path: Path, hit: int) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    path = path.rename(data_dir / "masterd-store")
    arguments = [sys.executable, "-m", "tests.migration.steps", "three", "up"]
    arguments += ["--data-dir", str(data_dir)]
    killed = subprocess.run(
        arguments,
        env={**os.environ, failpoints.VARIABLE: f"migrations.after-step=kill:{hit}"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert version(path) == BASE + hit
    report = migrate(path, tmp_path / "second", BASE + 2)
    assert report.before == BASE + hit
    assert rows(path)["flags"] == {"closed": True}
    assert owners(path) == {3: "owner of 3", 5: "owner of 5"}
    assert rows(data_dir / "masterd-store-backups" / NAME)["flags"] == {"drain": True}


def test_a_store_that_is_none_is_refused(tmp_path: Path, backups: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    (path / "data.mdb").write_bytes(b"no store" * 4096)
    with pytest.raises(StoreError, match=r"the store in .* is damaged: not an LMDB data file"):
        migrate(path, backups, BASE + 2)
    assert not backups.exists()
