"""Commands that cannot do it: one line names what is wrong, and nothing is changed.

On the wrong machine, as the wrong user, on a full disk, into a directory that is not there.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from exporter.layout import Layout
from exporter.rebuild import rebuild
from store.env import DATA_FILE
from store.store import Store
from tests import system
from tests.store_support import fill

REPOSITORY: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 60
SOMEBODY: Final = 4711

_PR_CAPBSET_DROP: Final = 24
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2

CHECK: Final = ("scripts/check", "--root", "ROOT")
DUMP: Final = ("scripts/dump", "--root", "ROOT")
RESTORE: Final = ("scripts/restore", "--root", "ROOT")
STATUS: Final = ("scripts/migrate", "status", "--root", "ROOT")
UP: Final = ("scripts/migrate", "up", "--root", "ROOT")
EXPORTER: Final = ("-m", "exporter", "--root", "ROOT")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a node with a store and its mirror."""
    made = tmp_path / "node1"
    path = made / "var/lib/ganeti/masterd-store"
    path.parent.mkdir(parents=True)
    store = Store.open(path)
    fill(store)
    rebuild(store, Layout(path.with_name("queue")), archive=True)
    store.close()
    return made


@pytest.fixture(scope="module")
def daemon() -> Iterator[system.Daemon]:
    """Run a daemon with a job that has ended."""
    with system.simulated_cluster(nodes=1) as (cluster, _), system.running(cluster) as started:
        with started.client() as client:
            assert client.call("SubmitJob", [system.delay_op()]) == 1
            system.wait_for_end(client, 1)
        yield started


def run(
    arguments: Sequence[str], root: Path, *, output: str = "/dev/null", powerless: bool = False
) -> tuple[int, str]:
    """Run a command; return its exit code and what it said on standard error."""
    with Path(output).open("wb") as stream:
        done = subprocess.run(
            [sys.executable, *(str(root) if each == "ROOT" else each for each in arguments)],
            cwd=REPOSITORY,
            stdout=stream,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
            preexec_fn=_give_power_up if powerless else None,
        )
    return done.returncode, done.stderr.decode()


def _give_power_up() -> None:
    """Let root be refused what its owner forbids, as every other user is."""
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def one_line(told: str) -> str:
    assert told.count("\n") == 1, told
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize(
    "arguments",
    [
        CHECK,
        (*DUMP, "/dev/null"),
        STATUS,
        UP,
        *((*EXPORTER, action) for action in ("compare", "catch-up", "rebuild")),
    ],
    ids=" ".join,
)
def test_the_wrong_machine_is_told(tmp_path: Path, arguments: Sequence[str]) -> None:
    code, told = run(arguments, tmp_path / "nowhere")
    assert code == 1
    assert "there is no store in" in one_line(told)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["masterd-store", "queue"])
@pytest.mark.parametrize(
    "arguments", [CHECK, (*EXPORTER, "compare"), (*EXPORTER, "rebuild")], ids=" ".join
)
def test_the_wrong_user_is_told(root: Path, arguments: Sequence[str], what: str) -> None:
    path = root / "var/lib/ganeti" / what
    path.chmod(0o700)
    os.chown(path, SOMEBODY, SOMEBODY)
    code, told = run(arguments, root, powerless=True)
    assert code == 1
    assert "Permission denied: " in one_line(told)
    assert str(path) in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs programs as another user")
def test_a_user_who_cannot_run_the_projects_python_is_told(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    (copy / ".venv").mkdir(parents=True)
    (copy / ".venv").chmod(0o700)
    os.chown(copy / ".venv", SOMEBODY, SOMEBODY)
    shutil.copytree(REPOSITORY / "scripts", copy / "scripts")
    done = subprocess.run(
        ["/usr/bin/env", "-i", sys.executable, "-I", "-S", "-c", BARE, copy / "scripts"],
        stderr=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=False,
        preexec_fn=_give_power_up,
    )
    assert done.returncode == 1
    told = one_line(done.stderr.decode())
    assert "lacks the packages cbor2, " in told
    assert f"this user cannot run {copy}/.venv/bin/python" in told


#: Starts a script in an interpreter without the project's packages.
BARE: Final = "import sys; sys.path.insert(0, sys.argv[1]); import _bootstrap; _bootstrap.run()"


@pytest.mark.parametrize(
    "arguments",
    [
        CHECK,
        (*DUMP, "-"),
        (*DUMP, "--text", "-"),
        STATUS,
        (*EXPORTER, "compare"),
        ("-m", "masterd.client.gnt_job", "--help"),
    ],
    ids=" ".join,
)
def test_a_full_disk_is_told(root: Path, arguments: Sequence[str]) -> None:
    code, told = run(arguments, root, output="/dev/full")
    assert code == 1
    assert "No space left on device" in one_line(told)


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("list", "--json"), ("list-fields",), ("info", "1"), ("watch", "1")],
    ids=" ".join,
)
def test_what_a_daemon_answered_does_not_get_lost_on_a_full_disk(
    daemon: system.Daemon, arguments: Sequence[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "masterd.client.gnt_job", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **daemon.cluster.environment()},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in one_line(done.stderr.decode())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*DUMP, "/no/such/dir/x"), "dump: [Errno 2] No such file or directory: '/no/such/dir'"),
        ((*DUMP, "/proc/version"), "dump: "),
        ((*DUMP, "/tmp"), "dump: [Errno 21] Is a directory: '/tmp'"),
        ((*RESTORE, "/no/such/file"), "No such file or directory: '/no/such/file'"),
        ((*RESTORE, "/tmp"), "Is a directory: '/tmp'"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_is_named(root: Path, arguments: Sequence[str], told: str) -> None:
    data = root / "var/lib/ganeti/masterd-store" / DATA_FILE
    before = data.read_bytes()
    code, errors = run(arguments, root)
    assert code == 1
    assert told in one_line(errors)
    assert data.read_bytes() == before
