"""Which programs beside the daemon are dead, and what becomes of what they owned."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.livelock import LiveLock
from masterd.lock.owners import Outsider
from masterd.wconfd.mortality import Mortality, dead_files

#: Locks the file that it is given, says so, and lives until it reads the end of its input.
_LIVES = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def living(tmp_path: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """A program that keeps a file locked."""
    path = tmp_path / "alive"
    with subprocess.Popen(
        [sys.executable, "-c", _LIVES, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield path, process
        process.kill()


def test_who_keeps_its_file_locked_lives(
    living: tuple[Path, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    path, process = living
    own = str(tmp_path / "own")
    assert dead_files([str(path)], own) == frozenset()
    process.kill()
    process.wait()
    assert dead_files([str(path)], own) == {str(path)}


def test_who_has_no_file_is_dead(tmp_path: Path) -> None:
    gone = str(tmp_path / "none" / "x")
    assert dead_files([gone], str(tmp_path / "own")) == {gone}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert dead_files([str(tmp_path / "link")], str(tmp_path / "own")) == frozenset()


def test_the_daemons_own_file_stays_locked(tmp_path: Path) -> None:
    own = LiveLock.take(tmp_path, 5)
    (tmp_path / "other").hardlink_to(own.path)
    try:
        assert dead_files([str(own.path), str(tmp_path / "other")], str(own.path)) == frozenset()
        # Another process finds it locked still.
        tried = subprocess.run(
            [sys.executable, "-c",
             "from fcntl import *; import sys; lockf(open(sys.argv[1], 'r+'), LOCK_EX | LOCK_NB)",
             own.path],
            check=False, capture_output=True,
        )  # fmt: skip
        assert b"BlockingIOError" in tried.stderr
    finally:
        own.release()


def test_what_the_dead_own_is_let_go_of(
    living: tuple[Path, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    path, process = living
    alive = Outsider("a", str(path), process.pid)
    dead = Outsider("d", str(tmp_path / "gone"), 1)
    released: list[Outsider] = []
    mortality = Mortality(
        lambda: {alive, dead}, released.append, str(tmp_path / "own"), lambda work: work()
    )
    mortality.clean()
    assert released == [dead]
