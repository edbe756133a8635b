"""`scripts/check`, `scripts/dump` and `scripts/restore` as an administrator runs them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.layout import Layout
from exporter.rebuild import rebuild
from store import schema
from store.dump import TABLES
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


# --- dump and restore -------------------------------------------------------------------------


def contents(root: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    store = Store.open(store_dir(root), read_only=True)
    try:
        with store.snapshot() as txn:
            return {
                table.name: list(txn.items_raw(table.name, None, None, False)) for table in TABLES
            }
    finally:
        store.close()


def test_a_store_goes_through_a_file_and_comes_back(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    before = contents(root)
    code, output, errors = script("dump", "--root", root, "--with-secrets", file)
    assert (code, output) == (0, "")
    assert "rows, with its secrets" in errors
    assert file.stat().st_mode & 0o777 == 0o600

    shutil.rmtree(store_dir(root))
    code, output, errors = script("restore", "--root", root, file)
    assert (code, errors) == (0, "")
    assert output.startswith("restored ")
    assert "<redacted>" not in output
    assert contents(root) == before
    assert script("check", "--root", root)[0] == 0


def test_a_running_daemons_store_is_dumped_but_not_replaced(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    store = Store.open(store_dir(root))
    try:
        assert script("dump", "--root", root, file)[0] == 0
        code, _, errors = script("restore", "--root", root, "--replace", file)
        assert code == 1
        assert errors.endswith("open for writing; stop ganeti-masterd first\n")
    finally:
        store.close()


def test_a_store_is_only_replaced_when_asked_for(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    script("dump", "--root", root, file)
    code, _, errors = script("restore", "--root", root, file)
    assert code == 1
    assert "there is a store in" in errors
    code, output, _ = script("restore", "--root", root, "--replace", file)
    assert code == 0
    (aside,) = store_dir(root).parent.glob("masterd-store.2*")
    assert f"the store that was there is in {aside}\n" in output
    assert "without secrets" in output


def test_a_dump_to_standard_output_is_the_dump_of_a_file(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "dump", "--root", root, "-"],
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    file = tmp_path / "dump"
    file.write_bytes(done.stdout)
    assert script("restore", "--root", root, "--replace", file)[0] == 0


def test_a_dump_as_text_has_a_row_a_line(root: Path) -> None:
    code, output, _ = script("dump", "--root", root, "--text", "-")
    header, *rows = map(json.loads, output.splitlines())
    assert code == 0
    assert header["format"] == "ganeti-masterd-dump"
    (job,) = [row for row in rows if (row["table"], row["key"]) == ("jobs", QUEUED)]
    assert job["value"]["ops"][0]["input"]["OP_ID"] == "OP_TEST_DELAY"
    assert {row["table"] for row in rows} >= {"jobs", "archive", "config", "job_logs", "finished"}


def test_a_damaged_dump_is_refused(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    script("dump", "--root", root, file)
    file.write_bytes(file.read_bytes()[:-1])
    before = contents(root)
    code, _, errors = script("restore", "--root", root, "--replace", file)
    assert code == 1
    assert "the dump ends here before its end" in errors
    assert contents(root) == before


@pytest.mark.parametrize("name", ["dump", "restore"])
def test_what_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    code, _, errors = script(name, "--data-dir", tmp_path, tmp_path / "no/file")
    assert code == 1
    assert errors.startswith(f"{name}: ")
    assert "Traceback" not in errors


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


def test_json_of_check_and_compare_says_what_differs(root: Path) -> None:
    (root / "var/lib/ganeti/queue/job-1").write_text("{}")
    code, output, errors = script("check", "--json", "--root", root)
    assert (code, errors) == (1, "")
    found = json.loads(output)
    assert found["ok"] is False
    assert found["store"]["problems"] == []
    assert [each["kind"] for each in found["mirror"]["differences"]] == ["changed"]
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "compare", "--json", "--root", root],
        cwd=SCRIPTS.parent,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["differences"] == found["mirror"]["differences"]
