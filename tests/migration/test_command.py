"""`scripts/migrate` as an administrator runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from migrations.command import main
from store import schema
from store.store import Store
from tests.migration.queues import QueueDir, job
from tests.migration.steps import BASE, CHAINS, NOW_US, old_store, rows, version

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 60


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    made = tmp_path / "node1" / "var/lib/ganeti"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def store_path(data_dir: Path) -> Path:
    return old_store(data_dir / "masterd-store")


@pytest.fixture
def queue(data_dir: Path) -> QueueDir:
    made = QueueDir(data_dir / "queue")
    made.live(3, job(3, "running"))
    made.archived(1)
    made.serial(5)
    return made


class Run:
    """One run of the command inside this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
        self._capsys = capsys
        self._data_dir = data_dir

    def __call__(self, *arguments: str | Path, chain: str = "three") -> tuple[int, str, str]:
        action, *others = map(str, arguments)
        code = main(
            [action, "--data-dir", str(self._data_dir), *others],
            now_us=lambda: NOW_US,
            steps=CHAINS[chain],
        )
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], data_dir: Path) -> Run:
    return Run(capsys, data_dir)


def script(*arguments: str | Path, root: Path | None = None) -> tuple[int, str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GANETI")}
    if root is not None:
        environment |= {"GANETI_ROOTDIR": str(root), "GANETI_HOSTNAME": root.name}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


# --- status, up, down ---------------------------------------------------------------------------


def test_status_tells_version_and_pending_steps(run: Run, store_path: Path) -> None:
    code, output, errors = run("status")
    assert (code, errors) == (3, "")
    assert output.splitlines() == [
        f"the store in {store_path} has version {BASE}; this release reads {BASE + 2}",
        f"pending: {BASE + 1} drain becomes closed",
        f"pending: {BASE + 2} owners",
    ]


def test_status_marks_a_step_without_a_way_back(run: Run, store_path: Path) -> None:
    _, output, _ = run("status", chain="one way")
    assert f"pending: {BASE + 2} one way (there is no way back)" in output.splitlines()
    assert version(store_path) == BASE


def test_status_of_a_current_store_as_json(run: Run, store_path: Path) -> None:
    code, output, _ = run("status", "--json", chain="released")
    assert code == 0
    assert json.loads(output) == {"ok": True, "version": BASE, "newest": BASE, "pending": []}
    assert version(store_path) == BASE


def test_up_takes_all_steps_and_says_so_as_it_goes(run: Run, store_path: Path) -> None:
    code, output, errors = run("up")
    assert code == 0
    assert output.startswith(f"version {BASE} became {BASE + 2}; the store as it was: ")
    assert Path(output.rsplit(": ", 1)[1].strip()).parent.name == "masterd-store-backups"
    assert errors.splitlines() == [
        f"backing up version {BASE}",
        f"version {BASE} to {BASE + 1}: drain becomes closed",
        f"version {BASE + 1} to {BASE + 2}: owners",
    ]
    assert version(store_path) == BASE + 2


def test_up_and_down_to_a_version(run: Run, store_path: Path, tmp_path: Path) -> None:
    before = rows(store_path)
    code, output, errors = run(
        "up", "--to", str(BASE + 1), "--backup-dir", tmp_path / "kept", "--json", "--quiet"
    )
    assert (code, errors) == (0, "")
    (kept,) = (tmp_path / "kept").iterdir()
    assert json.loads(output) == {
        "ok": True,
        "before": BASE,
        "after": BASE + 1,
        "backup": str(kept),
    }
    assert run("down", "--to", str(BASE))[0] == 0
    assert rows(store_path) == before


def test_down_takes_one_step_back(run: Run, store_path: Path, tmp_path: Path) -> None:
    run("up", "--backup-dir", tmp_path / "kept")
    assert run("down")[0] == 0
    assert version(store_path) == BASE + 1


def test_up_when_nothing_is_pending_does_nothing(run: Run, store_path: Path) -> None:
    code, output, errors = run("up", chain="released")
    assert (code, errors) == (0, "")
    assert output == f"the store has version {BASE} already; nothing was done\n"
    assert not (store_path.parent / "masterd-store-backups").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["up", "--to", "0"], f"the store has version {BASE}; 'down' leads to 0"),
        (["down", "--to", "9"], f"the store has version {BASE}; 'up' leads to 9"),
        (["up", "--to", "9"], f"there is no version 9; this program knows 1 to {BASE + 2}"),
        (["down", "--to", "0"], "there is no way back from version 1"),
    ],
)
def test_a_way_that_does_not_lead_there_is_refused(
    run: Run, store_path: Path, arguments: list[str], reason: str
) -> None:
    before = rows(store_path)
    code, output, errors = run(*arguments)
    assert (code, output) == (1, "")
    assert errors.startswith(f"migrate: {reason}")
    assert rows(store_path) == before


def test_a_store_that_is_in_use_is_refused(run: Run, store_path: Path) -> None:
    holder = Store.open(store_path)
    try:
        code, _, errors = run("up")
    finally:
        holder.close()
    assert code == 1
    assert errors.endswith("; stop ganeti-masterd first\n")


def test_a_failing_step_is_told_with_the_version_it_left(run: Run, store_path: Path) -> None:
    code, _, errors = run("up", chain="failing")
    assert code == 1
    assert (
        f"migrate: version {BASE + 1} to {BASE + 2} (fails) failed: this step cannot be taken"
        in errors
    )
    assert f"the store has version {BASE + 1}" in errors
    assert version(store_path) == BASE + 1


@pytest.mark.parametrize("action", ["status", "up", "down"])
def test_a_missing_store_is_told(run: Run, action: str, data_dir: Path) -> None:
    code, _, errors = run(action)
    assert code == 1
    assert errors == f"migrate: there is no store in {data_dir / 'masterd-store'}\n"
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["sideways"], ["up", "--to", "x"], ["status", "--root", "/a", "--data-dir", "/b"]],
)
def test_what_is_not_understood_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments, now_us=lambda: NOW_US)
    assert caught.value.code == 2


# --- take-over ----------------------------------------------------------------------------------


def test_take_over_reports_counts(run: Run, queue: QueueDir, data_dir: Path) -> None:
    code, output, errors = run("take-over")
    assert code == 0
    assert output == (
        f"took over {queue.path}: 1 jobs (0 back to the queue, 1 cut off), 1 archived, last id 5\n"
    )
    assert errors.splitlines() == ["read: 0 of 2 jobs", "taken over: 2 of 2 jobs"]
    assert set(rows(data_dir / "masterd-store")["archive"]) == {1}


def test_take_over_of_another_directory_says_how_to_write_the_mirror(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    other = QueueDir(tmp_path / "copy")
    other.live(1)
    other.serial(1)
    code, output, _ = run("take-over", "--queue-dir", other.path, "--json")
    told: dict[str, Any] = json.loads(output)
    assert code == 0
    assert told.pop("hints") == [
        f"{data_dir / 'queue'} has no files of these jobs yet; "
        "'ganeti-exporter rebuild --archive' writes them"
    ]
    assert told == {
        "ok": True, "queue_dir": str(other.path), "live": 1, "archived": 0,
        "requeued": 0, "ended": 0, "serial": 1, "drained": False,
    }  # fmt: skip


def test_take_over_refuses_with_every_reason(run: Run, queue: QueueDir, data_dir: Path) -> None:
    queue.live(4, b"")
    queue.live(5, b"{")
    code, output, errors = run("take-over", "--json", "--quiet")
    assert code == 1
    told = json.loads(output)
    assert (told["ok"], len(told["reasons"])) == (False, 2)
    assert errors.splitlines() == [
        f"migrate: {queue.path} cannot be taken over:",
        *(f"  {reason}" for reason in told["reasons"]),
    ]
    store = Store.open(data_dir / "masterd-store")
    try:
        with store.snapshot() as txn:
            assert schema.JOBS.count(txn) + schema.ARCHIVE.count(txn) == 0
    finally:
        store.close()
    (queue.path / "job-4").unlink()
    (queue.path / "job-5").unlink()
    assert run("take-over")[0] == 0


def test_take_over_of_no_directory_makes_no_store(run: Run, data_dir: Path) -> None:
    code, _, errors = run("take-over")
    assert code == 1
    assert errors.endswith("  it is not a directory\n")
    assert list(data_dir.iterdir()) == []


def test_take_over_twice_is_refused(run: Run, queue: QueueDir) -> None:
    assert run("take-over")[0] == 0
    code, _, errors = run("take-over")
    assert code == 1
    assert "holds a queue already" in errors
    assert queue.path.is_dir()


# --- as a program -------------------------------------------------------------------------------


def test_the_script_knows_the_root_from_the_environment(queue: QueueDir, data_dir: Path) -> None:
    code, output, errors = script("scripts/migrate", "take-over", root=data_dir.parents[2])
    assert code == 0, errors
    assert output.startswith(f"took over {queue.path}: ")
    row: Any = rows(data_dir / "masterd-store")["jobs"][3]
    assert row["ops"][0]["summary"] == "TEST_DELAY(0.5)"


def test_the_module_is_the_same_command(store_path: Path, data_dir: Path) -> None:
    code, output, _ = script("-m", "migrations", "status", "--root", data_dir.parents[2])
    assert code == 0
    assert output == f"the store in {store_path} has version {BASE}; this release reads {BASE}\n"


def test_help_names_every_command_and_exit_status() -> None:
    code, output, _ = script("scripts/migrate", "--help")
    assert code == 0
    for word in ("status", "up", "down", "take-over", "Exit status: 0"):
        assert word in output
