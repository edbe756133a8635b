"""`scripts/quickstart` as a person uses it: start, look, break, bring back, end."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from masterd.pidfile import holder
from masterd.testing import demonstration as demonstrations
from masterd.testing import processes, quickstart
from masterd.testing.demonstration import Demonstration, DemonstrationError
from tests.system import short_directory

REPOSITORY = Path(__file__).parents[2]

#: Seconds any command here may take; one that hangs fails the test then.
BOUND_S = 120


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "masterd.testing.quickstart", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def gnt_job(root: Path, *arguments: str) -> str:
    """Return what our own `gnt-job` prints."""
    return subprocess.run(
        [sys.executable, "-m", "masterd.client.gnt_job", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "GANETI_ROOTDIR": str(root), "GANETI_HOSTNAME": root.name},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    ).stdout


@contextmanager
def interrupts(*, ignored: bool) -> Iterator[None]:
    """Hand SIGINT down to processes as a shell does: ignored by those in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def kill(pid: int | None) -> None:
    """Kill a process that is not our child and wait until it is gone."""
    assert pid is not None, "it should have been running"
    descriptor = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        assert processes.wait_end(descriptor, BOUND_S), "the process did not end"
    finally:
        os.close(descriptor)


def lives(pid: int) -> bool:
    """Tell whether a process is more than an entry that nobody has asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A root directory; whatever runs there is ended afterwards."""
    with short_directory() as directory:
        path = directory / "demo.example.com"
        try:
            yield path
        finally:
            left = demonstrations.find(path)
            if left is not None:
                left.stop()


def found(root: Path) -> Demonstration:
    demonstration = demonstrations.find(root)
    assert demonstration is not None, f"no demonstration cluster in {root}"
    return demonstration


@pytest.fixture(scope="module")
def shown(root: Path) -> str:
    """What the first, detached run printed."""
    done = run("--root", str(root), "--nodes", "3", "--detach")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_run_shows_jobs_moving_and_what_they_leave(root: Path, shown: str) -> None:
    for word in ("queued", "waiting", "running", "success", "error", "canceled"):
        assert re.search(rf"^ +[0-9.]+ s  job [0-9]+ +{word}$", shown, re.MULTILINE), word
    assert "This is how a failure looks" in shown
    assert "the same job files on demo.example.com, node2.example.com, node3.example.com" in shown
    assert "archive/0/job-1" in shown
    assert f"GANETI_ROOTDIR={root}" in shown
    assert "\x1b" not in shown, "colours are for terminals"


@pytest.mark.usefixtures("shown")
def test_gnt_job_works_with_the_variables_that_are_shown(root: Path) -> None:
    lines = gnt_job(root, "list", "--no-headers", "-o", "id,status").split("\n")
    assert "8 error" in [" ".join(line.split()) for line in lines]
    assert found(root).paths.pid_file == root / "var/run/ganeti/ganeti-masterd.pid"
    assert (root / "var/lib/ganeti/queue/job-2").exists()


@pytest.mark.usefixtures("shown")
def test_another_run_brings_back_only_what_was_killed_and_on_the_same_store(root: Path) -> None:
    demonstration = found(root)
    untouched, killed, _ = (
        holder(demonstration.pid_file(node)) for node in demonstration.cluster.nodes
    )
    kill(killed)
    kill(demonstration.daemon_pid())
    before = (root / "var/lib/ganeti/queue/serial").read_text()

    again = run("--root", str(root), "--detach")

    assert again.returncode == 0, again.stderr
    assert "(1 of them started now)" in again.stdout
    pids = [holder(demonstration.pid_file(node)) for node in demonstration.cluster.nodes]
    assert pids[0] == untouched
    assert None not in pids
    assert demonstration.daemon_pid() is not None
    assert (root / "var/lib/ganeti/queue/serial").read_text() == before
    assert "TEST_DUMMY" in gnt_job(root, "list")


@pytest.mark.usefixtures("shown")
def test_a_run_that_finds_everything_running_starts_nothing(root: Path) -> None:
    run("--root", str(root), "--detach", "--quiet")
    pid = found(root).daemon_pid()
    done = run("--root", str(root), "--detach", "--quiet")
    assert (done.returncode, done.stdout) == (0, f"{root}\n")
    assert found(root).daemon_pid() == pid
    refused = run("--root", str(root), "--nodes", "5", "--detach")
    assert refused.returncode == 1
    assert "has 3 nodes" in refused.stderr
    assert found(root).daemon_pid() == pid, "a mistyped command must not end anything"


@pytest.mark.usefixtures("shown")
def test_stop_leaves_no_process(root: Path) -> None:
    run("--root", str(root), "--detach", "--quiet")
    demonstration = found(root)
    files = [demonstration.pid_file(node) for node in demonstration.cluster.nodes]
    pids = [holder(path) for path in [*files, demonstration.paths.pid_file]]
    assert None not in pids

    done = run("--root", str(root), "--stop")

    assert done.stdout == "ended ganeti-masterd and 3 node daemons\n"
    assert not demonstration.is_running()
    assert [pid for pid in pids if pid is not None and lives(pid)] == []
    assert run("--root", str(root), "--stop").stdout == "nothing was running\n"


@pytest.mark.parametrize("background", [False, True])
def test_an_interrupt_ends_everything(background: bool) -> None:
    with short_directory() as directory, interrupts(ignored=background):
        root = directory / "demo"
        command = [sys.executable, "-m", "masterd.testing.quickstart", "--nodes", "1", "--quiet"]
        with subprocess.Popen(
            [*command, "--root", str(root)], cwd=REPOSITORY, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            try:
                readable, _, _ = select.select([process.stdout], [], [], BOUND_S)
                assert readable, "it did not serve"
                assert process.stdout.readline() == f"{root}\n".encode()
                assert found(root).is_running()
                process.send_signal(signal.SIGINT)
                assert process.wait(BOUND_S) == 0
                assert not found(root).is_running()
            finally:
                process.kill()
                if (left := demonstrations.find(root)) is not None:
                    left.stop()


def test_a_node_that_cannot_start_is_named_and_nothing_stays_behind() -> None:
    with short_directory() as directory:
        root = directory / "demo"
        demonstration = demonstrations.make(root, 2)
        taken = (demonstration.cluster.nodes[1].address, demonstration.cluster.port)
        with socket.create_server(taken):
            done = run("--root", str(root), "--detach")
        assert done.returncode == 1
        assert "node2.example.com did not start" in done.stderr
        assert "in use" in done.stderr
        assert not demonstration.is_running()


def test_a_reader_that_goes_away_ends_everything() -> None:
    with short_directory() as directory:
        root = directory / "demo"
        command = [sys.executable, "-m", "masterd.testing.quickstart", "--nodes", "1", "--detach"]
        with subprocess.Popen(
            [*command, "--root", str(root)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(BOUND_S) == 1
        assert not found(root).is_running()


def test_a_pid_file_that_nobody_holds_means_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "some.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    assert holder(pid_file) is None
    assert processes.end(pid_file) is False


@pytest.mark.parametrize(
    ("name", "nodes", "text"),
    [
        ("Upper", 2, "lower case"),
        ("n" * 120, 2, "bytes too long"),
        ("fine", 0, "1 to 32 nodes"),
        ("fine", 33, "1 to 32 nodes"),
        ("used", 2, "not empty"),
        ("file", 2, "no directory"),
    ],
)
def test_a_root_that_cannot_serve_is_refused_untouched(
    tmp_path: Path, name: str, nodes: int, text: str
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used/something").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DemonstrationError, match=text):
        demonstrations.make(tmp_path / name, nodes)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_stop_needs_a_root_and_a_cluster_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quickstart.main(["--stop"]) == 2
    assert quickstart.main(["--stop", "--root", str(tmp_path)]) == 1
    assert "holds no demonstration cluster" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--stop",)])
def test_a_root_below_a_plain_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert quickstart.main([*options, "--root", str(tmp_path / "file/node1.example.com")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Not a directory" in told


def test_the_script_explains_every_option() -> None:
    script = subprocess.run(
        [str(REPOSITORY / "scripts/quickstart"), "--help"],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    ).stdout
    options: Sequence[str] = re.findall(r"--[a-z]+", run("--help").stdout)
    assert len(set(options)) >= 6
    for option in options:
        assert option in script
