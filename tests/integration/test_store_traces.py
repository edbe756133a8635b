"""Another store put in the place of one: a store is there at every moment, or traces tell of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import failpoints, traces
from store.env import DATA_FILE
from store.failpoints import VARIABLE
from store.store import Store, store_id
from tests.store_support import fill

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a node with a store, and a dump of it beside."""
    made = tmp_path / "node1"
    path = place(made)
    path.parent.mkdir(parents=True)
    store = Store.open(path)
    fill(store)
    store.close()
    assert script("dump", "--root", made, tmp_path / "dump") == 0
    return made


def place(root: Path) -> Path:
    return root / "var/lib/ganeti/masterd-store"


def script(name: str, *arguments: str | Path, **environment: str) -> int:
    return subprocess.run(
        [sys.executable, SCRIPTS / name, *arguments],
        env=environment,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    ).returncode


def restore(root: Path, **environment: str) -> int:
    return script("restore", "--root", root, "--replace", root.parent / "dump", **environment)


def identity(path: Path) -> str:
    store = Store.open(path, read_only=True)
    try:
        with store.snapshot() as txn:
            return store_id(txn)
    finally:
        store.close()


@pytest.mark.parametrize("moment", ["before-exchange", "after-exchange"])
def test_a_restore_that_is_killed_leaves_a_store_in_its_place(root: Path, moment: str) -> None:
    before = identity(place(root))
    assert restore(root, **{VARIABLE: f"restore.{moment}=kill"}) == -9
    # The dump is of the same store, so both have its name; what counts is that one is there.
    assert identity(place(root)) == before
    (aside,) = traces.traces(place(root))
    assert aside.name.startswith("masterd-store.2")
    assert identity(aside) == before
    assert restore(root) == 0
    assert script("check", "--root", root, "--no-mirror") == 0


def test_where_names_cannot_be_exchanged_traces_tell_of_a_killed_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new, aside = tmp_path / "store", tmp_path / ".store.restoring", tmp_path / "store.old"
    Store.open(path).close()
    Store.open(new).close()
    monkeypatch.setattr(traces, "_RENAME_EXCHANGE", 1 << 20)
    child = os.fork()
    if child == 0:
        try:
            failpoints.configure("restore.between-renames=kill")
            traces.exchange(new, path, aside)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert not path.exists()
    assert traces.traces(path) == (new, aside)


def test_where_names_cannot_be_exchanged_both_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new, aside = tmp_path / "store", tmp_path / "new", tmp_path / "store.old"
    Store.open(path).close()
    before = identity(path)
    Store.open(new).close()
    monkeypatch.setattr(traces, "_RENAME_EXCHANGE", 1 << 20)
    traces.exchange(new, path, aside)
    assert identity(aside) == before != identity(path)
    assert not new.exists()


def test_a_store_alone_has_no_traces(tmp_path: Path) -> None:
    assert traces.traces(tmp_path / "store") == ()
    Store.open(tmp_path / "store").close()
    Store.open(tmp_path / "store-backup").close()
    (tmp_path / "store.txt").write_text("notes")
    assert traces.traces(tmp_path / "store") == ()


def test_a_store_whose_data_file_was_removed_is_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "store"
    Store.open(path).close()
    (path / DATA_FILE).unlink()
    assert traces.traces(path) == (path,)
