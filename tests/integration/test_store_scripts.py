"""`scripts/check`, `scripts/dump` and `scripts/restore` as an administrator runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.layout import Layout
from exporter.rebuild import rebuild
from store import schema
from store.store import Store
from tests.store_support import QUEUED, fill

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a node with a store and its mirror."""
    made = tmp_path / "node1"
    data_dir = made / "var/lib/ganeti"
    data_dir.mkdir(parents=True)
    store = Store.open(data_dir / "masterd-store")
    fill(store)
    rebuild(store, Layout(data_dir / "queue"), archive=True)
    store.close()
    return made


def script(name: str, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, *arguments],
        env=environment,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode()


def store_dir(root: Path) -> Path:
    return root / "var/lib/ganeti/masterd-store"


# --- check ------------------------------------------------------------------------------------


def test_a_sound_store_and_its_mirror_agree(root: Path) -> None:
    code, output, errors = script("check", "--root", root)
    assert (code, errors) == (0, "")
    assert "4 jobs" in output
    assert "store: 0 problems" in output
    assert "mirror: 4 live and 1 archived jobs, 0 differences" in output


def test_the_root_of_a_virtual_cluster_is_taken_from_the_environment(root: Path) -> None:
    code, output, _ = script("check", GANETI_ROOTDIR=str(root), GANETI_HOSTNAME="node1")
    assert code == 0, output
    code, _, errors = script("check", GANETI_ROOTDIR=str(root))
    assert code == 2
    assert "must be set together" in errors


def test_damage_in_the_store_is_told(root: Path) -> None:
    store = Store.open(store_dir(root))
    store.update(lambda txn: schema.UNFINISHED.delete(txn, QUEUED))
    store.close()
    code, output, _ = script("check", "--data-dir", root / "var/lib/ganeti")
    assert code == 1
    assert "unfinished 1: missing; the job is queued" in output
    assert "store: 1 problems" in output


def test_a_changed_file_is_told_unless_the_mirror_is_left_out(root: Path) -> None:
    (root / "var/lib/ganeti/queue/job-1").write_text("{}")
    code, output, _ = script("check", "--root", root)
    assert code == 1
    assert "job-1: changed" in output
    assert script("check", "--root", root, "--no-mirror")[0] == 0


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, _, errors = script("check", "--root", tmp_path)
    assert code == 1
    assert "there is no store in" in errors


def test_a_live_daemons_store_can_be_checked(root: Path) -> None:
    store = Store.open(store_dir(root))
    try:
        assert script("check", "--root", root)[0] == 0
    finally:
        store.close()


# --- the scripts' start -----------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a repository with a script, and nothing that it needs."""
    (tmp_path / "bare/scripts").mkdir(parents=True)
    for name in ("check", "_bootstrap.py"):
        (tmp_path / "bare/scripts" / name).write_bytes((SCRIPTS / name).read_bytes())
    return tmp_path / "bare"


def started_without_packages(bare: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-E", "-S", bare / "scripts/check", "--help"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_interpreter_without_the_packages_is_told_what_to_do(bare: Path) -> None:
    code, _, errors = started_without_packages(bare)
    assert code == 1
    assert "lacks the packages cbor2" in errors
    assert f"run {bare}/scripts/setup first" in errors


def test_an_interpreter_without_the_packages_hands_over_to_the_one_set_up(bare: Path) -> None:
    python = bare / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "set up: $*"\n')
    python.chmod(0o755)
    assert started_without_packages(bare) == (0, f"set up: {bare}/scripts/check --help\n", "")


def test_an_interpreter_set_up_without_the_packages_does_not_start_itself_for_ever(
    bare: Path,
) -> None:
    python = bare / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -E -S "$@"\n')
    python.chmod(0o755)
    code, _, errors = started_without_packages(bare)
    assert (code, "scripts/setup first" in errors) == (1, True)
