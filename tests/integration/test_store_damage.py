"""A damaged store says so: at the start, to whoever runs a command, and while it is served."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from exporter.layout import Layout
from exporter.rebuild import rebuild
from masterd.errors import GenericError
from masterd.luxi.client import Client
from masterd.testing.cluster import SimulatedCluster
from store import reading, schema, verify
from store.env import DATA_FILE
from store.errors import StoreDamaged
from store.store import Store
from tests import system
from tests.store_support import QUEUED, fill

REPOSITORY: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 60
#: What the jobs of `fill` and of `system.delay_op` have in their rows.
MARK: Final = b"TEST_DELAY("


def data_file(root: Path) -> Path:
    return root / "var/lib/ganeti/masterd-store" / DATA_FILE


def flip_all(path: Path, mark: bytes) -> int:
    """Change a byte wherever `mark` stands; return in how many places."""
    content = path.read_bytes()
    places = [at for at in range(len(content)) if content.startswith(mark, at)]
    descriptor = os.open(path, os.O_RDWR)
    for at in places:
        os.pwrite(descriptor, bytes([mark[0] ^ 0x01]), at)
    os.close(descriptor)
    return len(places)


def flip_headers(path: Path) -> None:
    """Change the lower end of the room in every page but the first two, as one byte gone wrong."""
    descriptor = os.open(path, os.O_RDWR)
    for page in range(2 * 4096, path.stat().st_size, 4096):
        (before,) = os.pread(descriptor, 1, page + 12)
        os.pwrite(descriptor, bytes([before ^ 0x02]), page + 12)
    os.close(descriptor)


def run(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a node with a store and its mirror."""
    made = tmp_path / "node1"
    path = data_file(made).parent
    path.parent.mkdir(parents=True)
    store = Store.open(path)
    fill(store)
    rebuild(store, Layout(path.with_name("queue")), archive=True)
    store.close()
    return made


@pytest.fixture
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=2) as (made, _):
        yield made


COMMANDS = {
    "check": ("scripts/check",),
    "dump": ("scripts/dump", "--with-secrets", "/dev/null"),
    "compare": ("-m", "exporter", "compare"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("where", ["row", "page"])
def test_a_command_names_what_is_damaged(root: Path, command: str, where: str) -> None:
    if where == "row":
        assert flip_all(data_file(root), MARK)
    else:
        flip_headers(data_file(root))
    code, output, errors = run(*COMMANDS[command], "--root", root)
    assert code == 1
    assert "Traceback" not in output + errors
    told = output if command == "check" and where == "row" else errors
    assert ("unreadable row" if command != "check" else "cannot be decoded") in told or (
        where == "page" and "is damaged" in told
    )
    if command == "check" and where == "row":
        assert "jobs 1: the row cannot be decoded: its checksum is wrong" in told


@pytest.mark.parametrize("where", ["row", "page"])
def test_a_damaged_store_is_not_served(cluster: SimulatedCluster, where: str) -> None:
    with system.running(cluster) as daemon, daemon.client() as client:
        client.call("SubmitJob", [system.delay_op()])
        store = daemon.paths.store_dir / DATA_FILE
    if where == "row":
        assert flip_all(store, MARK)
    else:
        flip_headers(store)
    code, _, errors = run("-m", "masterd", "-f", **cluster.environment())
    assert code == 1
    assert errors.count("\n") == 1
    assert f"the store in {store.parent} is damaged: " in errors
    assert "ganeti-masterd-restore --replace" in errors
    if where == "row":
        assert "jobs: unreadable row 1: its checksum is wrong" in errors


def test_a_damaged_store_is_put_aside_for_the_files(cluster: SimulatedCluster) -> None:
    with system.running(cluster) as daemon, daemon.client() as client:
        job_id = client.call("SubmitJob", [system.delay_op()])
        assert isinstance(job_id, int)
        system.wait_for_end(client, job_id)
        store = daemon.paths.store_dir
    flip_headers(store / DATA_FILE)
    with (
        system.running(cluster, arguments=["--adopt-files"]) as daemon,
        daemon.client() as client,
    ):
        assert client.call("QueryJobs", [job_id], ["id", "status"]) == [[job_id, "success"]]
        assert client.call("SubmitJob", [system.delay_op()]) == job_id + 1
    assert len(list(store.parent.glob(f"{store.name}.*"))) == 1


def test_a_row_that_is_damaged_while_it_is_served_is_told_once(cluster: SimulatedCluster) -> None:
    with system.running(cluster) as daemon, daemon.client() as client:
        job_id = client.call("SubmitJob", [system.delay_op()])
        assert isinstance(job_id, int)
        system.wait_for_end(client, job_id)
        assert client.call("ArchiveJob", job_id) is True
        daemon.wait_replicated()
        with_store = Store.open(daemon.paths.store_dir, read_only=True)
        with with_store.snapshot() as txn:
            raw = txn.get_raw("archive", schema.ARCHIVE.key.encode(job_id))
        with_store.close()
        assert raw is not None
        # The daemon's map is the file itself.
        assert flip_all(daemon.paths.store_dir / DATA_FILE, raw[:16])
        for _ in range(2):
            with pytest.raises(GenericError, match=rf"archive: unreadable row {job_id}:"):
                query(client, job_id)
        damage = daemon.status()["store"]["damage"]
        assert len(damage) == 1
        assert f"archive: unreadable row {job_id}" in damage[0]
        assert isinstance(client.call("SubmitJob", [system.delay_op()]), int)
        log = daemon.log()
    assert log.count("the store is damaged") == 1
    assert "Traceback" not in log


def query(client: Client, job_id: int) -> object:
    return client.call("QueryJobs", [job_id], ["id", "status", "archived"])


# --- large stores -----------------------------------------------------------------------------


def test_a_store_too_large_to_be_walked_is_read_by_a_process_of_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "WALK_BYTES_MAX", 1)
    path = data_file(root).parent
    store = Store.open(path)
    assert not store.walked
    assert reading.flaws(store) == []
    assert reading.flaws_of_archive(store) == []
    store.close()
    flip_all(data_file(root), MARK)
    store = Store.open(path)
    found = reading.flaws(store)
    assert f"jobs: unreadable row {QUEUED}: its checksum is wrong" in found
    store.close()


def test_the_commands_walk_a_large_store_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "WALK_BYTES_MAX", 1)
    path = data_file(root).parent
    Store.open(path, read_only=True, walk_all=True).close()
    flip_headers(data_file(root))
    with pytest.raises(StoreDamaged, match="is damaged"):
        Store.open(path, read_only=True, walk_all=True)


def test_pages_that_end_a_process_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "WALK_BYTES_MAX", 1)
    store = Store.open(data_file(root).parent)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert reading.flaws(store) == ["reading its live part ended a process with 1"]
    store.close()


# --- pages ------------------------------------------------------------------------------------


def test_a_state_before_the_last_commit_is_refused(root: Path) -> None:
    path = data_file(root)
    newest = max(range(2), key=lambda page: commit_of(path, page))
    descriptor = os.open(path, os.O_RDWR)
    number = commit_of(path, newest)
    # With the number of two commits before, LMDB would show the state of one before.
    os.pwrite(descriptor, (number - 2).to_bytes(8, sys.byteorder), newest * 4096 + COMMIT_AT)
    os.close(descriptor)
    with pytest.raises(StoreDamaged, match=f"is of commit {number - 2}, not {number}"):
        Store.open(path.parent, read_only=True)


COMMIT_AT: Final = 16 + 24 + 2 * 48 + 8


def commit_of(path: Path, page: int) -> int:
    raw = path.read_bytes()[page * 4096 + COMMIT_AT :][:8]
    return int.from_bytes(raw, sys.byteorder)


def test_a_file_cut_short_is_refused(root: Path) -> None:
    os.truncate(data_file(root), data_file(root).stat().st_size // 2)
    with pytest.raises(StoreDamaged):
        Store.open(data_file(root).parent)
