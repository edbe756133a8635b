"""`python -m exporter` as an administrator runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.store import Store
from tests.mirror_support import Queue

PATIENCE_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "var/lib/ganeti").mkdir(parents=True)
    store = Store.open(tmp_path / "var/lib/ganeti/masterd-store")
    queue = Queue(store)
    for job_id in (1, 2):
        queue.put(job_id, "success")
    queue.archive(1)
    store.close()
    return tmp_path


@pytest.fixture
def queue_dir(root: Path) -> Path:
    code, output = exporter(root, "catch-up")
    assert (code, output) == (0, "3 changes caught up\n")
    return root / "var/lib/ganeti/queue"


def exporter(root: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--root", str(root), *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_catching_up_writes_what_was_missing(queue_dir: Path) -> None:
    assert (queue_dir / "job-2").exists()
    assert (queue_dir / "archive/0/job-1").exists()


def test_comparing_tells_what_differs(root: Path, queue_dir: Path) -> None:
    code, output = exporter(root, "compare")
    assert code == 0
    assert output == (
        "1 live and 1 archived jobs: 0 differences, 0 still to be written, "
        "0 without a file in the archive\n"
    )
    (queue_dir / "job-2").unlink()
    code, output = exporter(root, "compare")
    assert code == 1
    assert output.startswith(f"{queue_dir}/job-2: vanished\n")


def test_rebuilding_writes_it_anew(root: Path, queue_dir: Path) -> None:
    (queue_dir / "job-2").unlink()
    (queue_dir / "archive/0/job-1").unlink()
    code, output = exporter(root, "rebuild", "--archive")
    assert code == 0
    assert "1 differences before, 0 left; 1 archived files written" in output
    assert (queue_dir / "job-2").exists()
    assert (queue_dir / "archive/0/job-1").exists()


def test_a_store_in_use_is_left_alone(root: Path, queue_dir: Path) -> None:
    store = Store.open(root / "var/lib/ganeti/masterd-store")
    try:
        code, output = exporter(root, "rebuild")
        assert code == 1
        assert "stop ganeti-masterd first" in output
        assert exporter(root, "compare")[0] == 0
    finally:
        store.close()


def test_a_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    code, output = exporter(tmp_path, "compare")
    assert code == 1
    assert output.startswith("exporter: ")
    assert not (tmp_path / "var").exists()
