"""The process around the application: real forks, locks and signals.

The application is a fake one in a process of its own (`fake_daemon.py`); nothing here waits by
sleeping: events come through a named pipe, ends of processes through process descriptors.
"""

import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.errors import EXIT_FAILURE, EXIT_NODESETUP_ERROR, EXIT_NOTMASTER
from masterd.paths import Paths
from tests import system

ME = "node1.example.com"
SCRIPT = Path(__file__).with_name("fake_daemon.py")
REPOSITORY = Path(__file__).parents[2]
WAIT_S = 15.0


class Node:
    """A virtual node with a fake daemon."""

    def __init__(self, base: Path) -> None:
        self.paths = Paths(base / ME, ME)
        self.paths.data_dir.mkdir(parents=True)
        self.paths.etc_dir.mkdir(parents=True)
        self.write("var/lib/ganeti/ssconf_cluster_name", "cluster\n")
        self.write("var/lib/ganeti/ssconf_master_node", f"{ME}\n")
        self.write("var/lib/ganeti/ssconf_node_list", f"{ME}\n")
        for name in ("server.pem", "client.pem", "config.data"):
            self.write(f"var/lib/ganeti/{name}", "something")
        self.script()
        os.mkfifo(self.paths.root / "events")
        # Both ends, so that neither side ever waits for the other to open.
        self._events = os.open(self.paths.root / "events", os.O_RDWR)
        self._unread = b""
        self.processes: list[subprocess.Popen[str]] = []

    def write(self, path: str, content: str) -> None:
        (self.paths.root / path).write_text(content)

    def script(self, **behaviour: str) -> None:
        self.write("etc/ganeti/script.json", json.dumps(behaviour))

    def run(
        self, *arguments: str, typed: str = "", pass_fds: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the command until it returns, and until nobody holds its output any more."""
        return subprocess.run(
            self.command(arguments),
            env=self.environment(),
            input=typed,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            pass_fds=pass_fds,
        )

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command and leave it running."""
        process = subprocess.Popen(
            self.command(arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def event(self) -> str:
        """Return the next thing that happened in the daemon."""
        while b"\n" not in self._unread:
            readable, _, _ = select.select([self._events], [], [], WAIT_S)
            assert readable, "nothing happened"
            self._unread += os.read(self._events, 4096)
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def await_event(self, wanted: str) -> None:
        while self.event() != wanted:
            continue

    @property
    def pid(self) -> int:
        return int(self.paths.pid_file.read_text())

    @property
    def log(self) -> str:
        return self.paths.log_file.read_text()

    def end(self) -> None:
        """End whatever still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=WAIT_S)
        if self.paths.pid_file.exists():
            pid = self.pid
            if is_daemon(pid):
                system.kill_and_wait(pid, signal.SIGKILL)
        os.close(self._events)

    def command(self, arguments: tuple[str, ...] = ()) -> list[str]:
        return [sys.executable, str(SCRIPT), *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(REPOSITORY), **self.paths.environment()}


def is_daemon(pid: int) -> bool:
    comm = Path(f"/proc/{pid}/comm")
    return comm.exists() and comm.read_text() == "ganeti-masterd\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.end()


# --- starting -----------------------------------------------------------------------------------


def test_the_command_returns_once_the_daemon_serves(node: Node) -> None:
    done = node.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [node.event(), node.event()] == [f"built {ME} 5000 False", "start"]
    assert is_daemon(node.pid)
    system.kill_and_wait(node.pid, signal.SIGTERM)
    assert [node.event() for _ in range(3)] == ["draining 25", "drain", "stop"]
    assert not node.paths.pid_file.exists()


def test_the_daemon_has_left_terminal_directory_and_descriptors(node: Node) -> None:
    read_end, write_end = os.pipe()
    node.run(pass_fds=(write_end,))
    os.close(write_end)
    assert os.read(read_end, 1) == b"", "the daemon holds an inherited descriptor"
    os.close(read_end)
    process = Path(f"/proc/{node.pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert session not in (node.pid, os.getsid(0))
    assert terminal == 0
    assert (process / "cwd").readlink() == Path("/")
    assert (process / "fd/0").readlink() == Path(os.devnull)
    assert (process / "fd/1").readlink() == node.paths.log_file
    assert (process / "fd/2").readlink() == node.paths.log_file


def test_the_daemon_may_open_as_many_files_as_its_clients_need(node: Node) -> None:
    node.write("etc/ganeti/masterd.toml", "luxi_connections_max = 100\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        node.run()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(node.pid, resource.RLIMIT_NOFILE)[0] == min(1124, hard)


def test_with_too_few_files_for_a_few_clients_the_start_is_refused_on_the_terminal(
    node: Node,
) -> None:
    refused = subprocess.run(
        ["sh", "-c", 'ulimit -n 30 && exec "$@"', "sh", *node.command()],
        env=node.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert refused.returncode == EXIT_FAILURE
    assert refused.stderr == (
        "ganeti-masterd: this process may open only 30 files and sockets, at least 576 are needed:"
        " raise the limit (ulimit -n, LimitNOFILE= of a systemd unit)\n"
    )
    assert not node.paths.pid_file.exists()


def test_files_and_directories_have_the_documented_modes(node: Node) -> None:
    node.run()
    modes = {
        path: path.stat().st_mode & 0o7777
        for path in (
            node.paths.run_dir,
            node.paths.socket_dir,
            node.paths.log_dir,
            node.paths.pid_file,
            node.paths.log_file,
        )
    }
    assert list(modes.values()) == [0o775, 0o770, 0o770, 0o600, 0o600]


def test_log_lines_carry_program_process_and_job(node: Node) -> None:
    node.run()
    assert f"ganeti-masterd pid={node.pid} job=7 op=0 INFO start done\n" in node.log


@pytest.mark.skipif(not shutil.which("start-stop-daemon"), reason="no start-stop-daemon here")
def test_start_stop_daemon_finds_the_daemon_by_pid_file_and_name(node: Node) -> None:
    look = [
        *("start-stop-daemon", "--stop", "--signal", "0", "--quiet"),
        *("--pidfile", str(node.paths.pid_file), "--name", "ganeti-masterd"),
    ]
    assert subprocess.run(look, check=False, timeout=WAIT_S).returncode == 1
    node.run()
    assert subprocess.run(look, check=False, timeout=WAIT_S).returncode == 0


def test_settings_and_options_reach_the_application(node: Node) -> None:
    node.write("etc/ganeti/masterd.toml", "jobs_live_max = 12\ndrain_timeout_s = 3\n")
    node.run("--no-voting", "--yes-do-it")
    assert node.event() == f"built {ME} 12 True"
    system.kill_and_wait(node.pid, signal.SIGINT)
    assert [node.event(), node.event()] == ["start", "draining 3"]


# --- refusals -----------------------------------------------------------------------------------


def test_a_refused_start_is_told_to_whoever_started_it(node: Node) -> None:
    node.script(start="refuse")
    done = node.run()
    assert (done.returncode, done.stderr) == (EXIT_FAILURE, "ganeti-masterd: too few friends\n")
    assert "CRITICAL Not started: too few friends" in node.log
    assert not node.paths.pid_file.exists()
    node.await_event("stop")


@pytest.mark.parametrize("how", ["refuse", "refuse the configuration"])
@pytest.mark.parametrize("arguments", [(), ("-f",)])
def test_a_refused_start_is_one_line_without_a_traceback(
    node: Node, how: str, arguments: tuple[str, ...]
) -> None:
    node.script(start=how)
    done = node.run(*arguments)
    assert done.returncode == EXIT_FAILURE
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("too few friends\n")
    assert "Traceback" not in node.log


def test_a_start_that_fails_unexpectedly_leaves_a_traceback_in_the_log(node: Node) -> None:
    node.script(start="raise")
    done = node.run()
    assert (done.returncode, done.stderr) == (
        EXIT_FAILURE,
        "ganeti-masterd: RuntimeError: broken\n",
    )
    assert 'raise RuntimeError("broken")' in node.log
    assert not node.paths.pid_file.exists()
    node.await_event("stop")


def test_a_daemon_that_dies_without_a_word_is_noticed(node: Node) -> None:
    node.script(start="die")
    done = node.run()
    assert done.returncode == EXIT_FAILURE
    assert done.stderr == (f"the daemon ended before it was ready; see {node.paths.log_file}\n")


def test_a_second_daemon_is_refused_and_the_first_named(node: Node) -> None:
    node.run()
    first = node.pid
    for arguments in ((), ("-f",)):
        done = node.run(*arguments)
        assert done.returncode == EXIT_FAILURE
        told = f"already running: ganeti-masterd (process {first}) holds {node.paths.pid_file}"
        assert told in done.stderr
    assert node.pid == first
    assert is_daemon(first)


def test_a_pid_file_left_by_a_killed_daemon_does_not_hinder(node: Node) -> None:
    node.run()
    first = node.pid
    system.kill_and_wait(first, signal.SIGKILL)
    assert node.pid == first
    assert node.run().returncode == 0
    assert node.pid != first


def test_another_master_is_exit_code_not_master(node: Node) -> None:
    node.write("var/lib/ganeti/ssconf_master_node", "node2.example.com\n")
    done = node.run()
    assert done.returncode == EXIT_NOTMASTER
    assert "the master is node2.example.com" in done.stderr
    assert not node.paths.run_dir.exists()


def test_a_machine_without_cluster_is_exit_code_node_setup(node: Node) -> None:
    (node.paths.data_dir / "ssconf_cluster_name").unlink()
    assert node.run().returncode == EXIT_NODESETUP_ERROR


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["start"], "unrecognized arguments: start"), (["--syslog=x"], "'x' is none of no, yes")],
)
def test_wrong_arguments_end_with_a_usage_line(
    node: Node, arguments: list[str], complaint: str
) -> None:
    done = node.run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ganeti-masterd ")
    assert complaint in done.stderr


def test_a_wrong_settings_file_stops_the_start(node: Node) -> None:
    node.write("etc/ganeti/masterd.toml", "surprise = 1\n")
    done = node.run()
    assert done.returncode == EXIT_FAILURE
    assert "unknown setting 'surprise'" in done.stderr


def test_half_of_the_virtual_environment_is_refused(node: Node) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment["GANETI_ROOTDIR"] = str(node.paths.root)
    environment.pop("GANETI_HOSTNAME", None)
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert (done.returncode, "must be set together" in done.stderr) == (EXIT_FAILURE, True)


def test_no_voting_starts_after_an_uppercase_yes_only(node: Node) -> None:
    refused = node.run("--no-voting", typed="yes\n")
    assert refused.returncode == EXIT_FAILURE
    assert "two masters" in refused.stdout
    assert refused.stderr == "ganeti-masterd: not confirmed, not started\n"
    assert not node.paths.pid_file.exists()
    assert node.run("--no-voting", typed="YES\n").returncode == 0
    assert node.event() == f"built {ME} 5000 True"


# --- signals ------------------------------------------------------------------------------------


def test_a_second_signal_ends_a_drain_that_takes_too_long(node: Node) -> None:
    node.script(drain="hang")
    process = node.spawn("-f")
    node.await_event("start")
    process.send_signal(signal.SIGTERM)
    node.await_event("drain hangs")
    process.send_signal(signal.SIGTERM)
    node.await_event("stop")
    assert process.wait(WAIT_S) == 0
    assert "SIGTERM again, ending now" in node.log
    assert not node.paths.pid_file.exists()


def test_a_third_signal_ends_a_stop_that_takes_too_long(node: Node) -> None:
    node.script(stop="hang")
    process = node.spawn("-f")
    node.await_event("start")
    process.send_signal(signal.SIGTERM)
    node.await_event("stop hangs")
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == EXIT_FAILURE
    assert not node.paths.pid_file.exists()


def test_a_signal_ends_a_start_that_waits(node: Node) -> None:
    node.script(start="hang")
    process = node.spawn()
    node.await_event("start hangs")
    system.kill_and_wait(node.pid, signal.SIGTERM)
    assert process.wait(WAIT_S) == EXIT_FAILURE
    assert "told to end before serving" in process.communicate()[0]
    assert node.event() == "stop"
    assert not node.paths.pid_file.exists()


def test_in_the_foreground_the_process_itself_serves_and_ends_with_zero(node: Node) -> None:
    process = node.spawn("-f", "-d")
    node.await_event("start")
    assert node.pid == process.pid
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert "INFO start done" in output
    assert "SIGINT received" in node.log


def test_a_failing_drain_or_stop_is_logged_and_the_daemon_ends(node: Node) -> None:
    node.script(drain="raise", stop="raise")
    process = node.spawn("-f")
    node.await_event("start")
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    assert "Draining failed: RuntimeError('broken')" in node.log
    assert "Stopping failed: RuntimeError('broken')" in node.log


def test_a_hangup_reopens_the_log(node: Node) -> None:
    node.run()
    rotated = node.paths.log_file.with_suffix(".1")
    node.paths.log_file.rename(rotated)
    pid = node.pid
    os.kill(pid, signal.SIGHUP)
    system.kill_and_wait(pid, signal.SIGTERM)
    assert "INFO Log reopened\n" in node.log
    assert "Log reopened" not in rotated.read_text()
