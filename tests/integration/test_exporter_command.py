"""`ganeti-exporter` as an administrator runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from store import outbox, schema
from store.store import Store
from store.txn import WriteTxn
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
    assert output.startswith("ganeti-exporter: ")
    assert not (tmp_path / "var").exists()


def test_comparing_tells_what_candidates_lack(root: Path, queue_dir: Path) -> None:
    store = Store.open(root / "var/lib/ganeti/masterd-store")

    def body(txn: WriteTxn) -> None:
        last = outbox.last(txn)
        for cursor, seq in (
            ("replica:node2", last),
            ("replica:node3", last - 2),
            ("joining:node3", last - 2),
            ("joining:node4", last),
        ):
            outbox.set_cursor(txn, cursor, seq)

    store.update(body)
    store.close()
    code, output = exporter(root, "compare")
    assert code == 0
    assert output.splitlines()[1:] == [
        "candidate node2: 0 changes behind",
        "candidate node3: 2 changes behind, 1 jobs not compared yet",
        "candidate node4: 0 changes behind, 2 jobs not compared yet",
    ]


def test_comparing_tells_what_ganetis_own_daemons_cannot_carry(root: Path, queue_dir: Path) -> None:
    assert (queue_dir / "job-2").exists()
    store = Store.open(root / "var/lib/ganeti/masterd-store")
    row = {"uuid": "n1", "name": "node1", "tags": ["b\u00fcro"]}
    store.update(lambda txn: schema.CONFIG.put(txn, ("node", "n1"), row))
    store.close()
    code, output = exporter(root, "compare")
    assert code == 1
    assert r"node node1: tags: 'b\xfcro' is not ASCII, which Ganeti's own daemons" in output


def test_help_describes_every_command(root: Path) -> None:
    code, output = exporter(root, "--help")
    assert code == 0
    told = output.split("\ncommands:\n")[1]
    words = {line.split()[0]: line.split()[1:] for line in told.splitlines()}
    assert words.keys() == {"catch-up", "rebuild", "compare"}
    assert all(len(about) > 3 for about in words.values())
