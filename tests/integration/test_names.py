"""The names of the daemon, the pid files that go with them, and who else may hold those."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from masterd import programs
from masterd.errors import EXIT_FAILURE
from masterd.luxi.client import Client
from masterd.pidfile import AlreadyRunningError, PidFiles, holder, refuse_foreign, remove_stale
from tests import system
from tests.integration.test_daemon import SCRIPT, WAIT_S, Node

LAUNCHER = Path(sys.executable).with_name("ganeti-masterd")
#: Holds a file as Ganeti's Haskell daemons do, until its input ends.
FOREIGN = (
    "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
    "print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def node() -> Iterator[Node]:
    # The companion makes a socket, whose path must be short.
    with system.short_directory() as base:
        made = Node(base)
        yield made
        for name in programs.MASTERD.holds:
            pid = holder(made.paths.pid_file_of(name))
            if pid is not None:
                system.kill_and_wait(pid, signal.SIGKILL)
        made.end()


def link(node: Node, name: str, target: Path = LAUNCHER) -> Path:
    """Return a link by which the program is called `name`."""
    path = node.paths.root / name
    path.symlink_to(target)
    return path


def call(node: Node, *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env={
            **os.environ,
            **node.paths.environment(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@contextmanager
def foreign(path: Path) -> Iterator[int]:
    """Hold a pid file as a program of Ganeti's; gives the process id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", FOREIGN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


def ended(node: Node, name: str) -> None:
    pid = holder(node.paths.pid_file_of(name))
    assert pid is not None
    system.kill_and_wait(pid, signal.SIGTERM)


def test_the_master_daemon_in_luxids_place_has_its_process_name_and_pid_file(node: Node) -> None:
    luxid = link(node, "ganeti-luxid", SCRIPT)
    assert call(node, sys.executable, luxid).returncode == 0
    pid = holder(node.paths.pid_file_of("ganeti-luxid"))
    assert Path(f"/proc/{pid}/comm").read_text() == "ganeti-luxid\n"
    assert not node.paths.pid_file.exists()
    ended(node, "ganeti-luxid")


def test_by_its_own_name_the_daemon_holds_the_pid_files_of_both_of_ganetis(node: Node) -> None:
    assert node.run().returncode == 0
    paths = [node.paths.pid_file_of(name) for name in programs.MASTERD.holds]
    assert [holder(path) for path in paths] == [node.pid] * 3
    system.kill_and_wait(node.pid, signal.SIGTERM)
    assert [path.exists() for path in paths] == [False] * 3


@pytest.mark.parametrize("theirs", ["ganeti-luxid", "ganeti-wconfd"])
@pytest.mark.parametrize("ours", ["ganeti-masterd", "ganeti-luxid"])
def test_where_a_daemon_of_ganetis_runs_ours_refuses_and_says_which(
    node: Node, ours: str, theirs: str
) -> None:
    path = node.paths.pid_file_of(theirs)
    with foreign(path) as pid:
        done = call(node, sys.executable, link(node, ours, SCRIPT))
        told = f"{ours}: already running: python"
        assert done.returncode == EXIT_FAILURE
        assert done.stderr.startswith(told)
        assert done.stderr.endswith(f" (process {pid}) holds {path}\n")
    left = [name for name in programs.MASTERD.holds if holder(node.paths.pid_file_of(name))]
    assert left == []


def test_the_companion_may_start_before_the_master_daemon_and_after_it(node: Node) -> None:
    luxid, wconfd = link(node, "ganeti-luxid", SCRIPT), link(node, "ganeti-wconfd")
    for order in ([wconfd], [sys.executable, luxid]), ([sys.executable, luxid], [wconfd]):
        for command in order:
            done = call(node, *command)
            assert (done.returncode, done.stderr) == (0, "")
        for name in ("ganeti-luxid", "ganeti-wconfd"):
            ended(node, name)


def test_the_companion_is_not_taken_for_one_when_the_daemon_has_its_own_name(node: Node) -> None:
    assert call(node, link(node, "ganeti-wconfd")).returncode == 0
    done = node.run()
    assert done.returncode == EXIT_FAILURE
    assert "already running: ganeti-wconfd (process " in done.stderr
    ended(node, "ganeti-wconfd")


def test_the_companion_answers_on_a_socket_of_its_own_and_ends_at_sigterm(node: Node) -> None:
    assert call(node, link(node, "ganeti-wconfd")).returncode == 0
    socket = node.paths.wconfd_socket
    assert socket.stat().st_mode & 0o777 == 0o600
    with Client(str(socket), should_serve=lambda: True) as client:
        assert client.call("echo", "are you there?") == "are you there?"
    log = node.paths.log_file_of("wconf-daemon")
    assert "ganeti-wconfd pid=" in log.read_text()
    ended(node, "ganeti-wconfd")
    assert not socket.exists()
    assert not node.paths.pid_file_of("ganeti-wconfd").exists()


def test_the_companion_reopens_its_log_at_sighup(node: Node) -> None:
    assert call(node, link(node, "ganeti-wconfd")).returncode == 0
    log = node.paths.log_file_of("wconf-daemon")
    log.rename(log.with_suffix(".1"))
    pid = holder(node.paths.pid_file_of("ganeti-wconfd"))
    assert pid is not None
    os.kill(pid, signal.SIGHUP)
    # Signals are taken in their order, so at the end the log has been reopened.
    ended(node, "ganeti-wconfd")
    assert "Log reopened" in log.read_text()


def test_what_a_killed_master_daemon_left_does_not_keep_it_from_being_started(node: Node) -> None:
    left = node.paths.pid_file_of("ganeti-luxid")
    assert call(node, sys.executable, link(node, "ganeti-luxid", SCRIPT)).returncode == 0
    pid = holder(left)
    assert pid is not None
    system.kill_and_wait(pid, signal.SIGKILL)
    assert left.exists()
    with subprocess.Popen(
        [link(node, "ganeti-wconfd"), "-f"],
        env={**os.environ, **node.paths.environment()},
        stderr=subprocess.PIPE,
        text=True,
    ) as companion:
        assert companion.stderr is not None
        # It looks every few seconds, and says what it finds.
        assert f"Removed {left} of a program that was killed" in companion.stderr.readline()
        companion.terminate()
    assert not left.exists()


def test_the_companion_does_not_start_on_a_node_that_is_not_master(node: Node) -> None:
    node.write("var/lib/ganeti/ssconf_master_node", "node2.example.com\n")
    done = call(node, link(node, "ganeti-wconfd"))
    assert (done.returncode, done.stdout) == (11, "")
    assert "the master is node2.example.com" in done.stderr


def test_debians_daemon_is_not_forced_where_a_master_daemon_runs(node: Node) -> None:
    path = node.paths.pid_file_of("ganeti-luxid")
    with foreign(path) as pid:
        done = call(node, link(node, "ganeti-wconfd"), "--force-node", "--no-voting", "--yes-do-it")
        assert done.returncode == EXIT_FAILURE
        assert done.stderr.endswith(f" (process {pid}) holds {path}\n")


# --- the files ----------------------------------------------------------------------------------


def test_all_files_are_taken_or_none(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with foreign(second) as pid:
        with pytest.raises(AlreadyRunningError) as refused:
            PidFiles.take([first, second])
        assert refused.value.pid == pid
        assert not first.exists()


def test_a_file_that_only_ours_may_hold_is_held_by_nobody_or_by_ours(tmp_path: Path) -> None:
    path = tmp_path / "file"
    refuse_foreign(path)
    path.touch()
    refuse_foreign(path)
    with foreign(path) as pid, pytest.raises(AlreadyRunningError) as refused:
        refuse_foreign(path)
    assert refused.value.pid == pid


def test_a_holder_that_is_found_by_its_flock_only_is_told_by_the_number_in_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_text("1\n")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunningError, match=r"\(process 1\) holds"):
            PidFiles.take([path])


def test_a_pid_file_that_nobody_holds_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert remove_stale(path) is False
    path.write_text("123456\n")
    assert remove_stale(path) is True
    assert not path.exists()


def test_a_pid_file_that_somebody_holds_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with foreign(path):
        assert remove_stale(path) is False
    holders = PidFiles.take([path])
    child = subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path;"
         " from masterd.pidfile import remove_stale; sys.exit(remove_stale(Path(sys.argv[1])))",
         str(path)],
        check=False, timeout=WAIT_S, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.returncode == 0
    assert path.exists()
    holders.release()
