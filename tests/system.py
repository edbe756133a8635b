"""A whole daemon on a simulated cluster, for tests and benchmarks.

The daemon is a process of its own, started as an administrator starts it (`ganeti-masterd -f`),
with real votes, real TLS to simulated node daemons, and a real store below a directory of the test.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import gevent
import gevent.socket

from masterd.clock import SystemClock
from masterd.luxi.client import Client
from masterd.paths import Paths
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl

#: Seconds a start may take; a daemon that hangs fails the test then, it never decides one.
START_S: Final = 60.0
#: Seconds an end may take.
END_S: Final = 60.0

#: Seconds until the next status must be there, and until candidates hold everything.
STATUS_S: Final = 30.0
REPLICATED_S: Final = 300.0

FINAL: Final = frozenset({"success", "error", "canceled"})


class Daemon:
    """One run of the daemon."""

    def __init__(self, cluster: SimulatedCluster, process: "subprocess.Popen[bytes]") -> None:
        self.cluster = cluster
        self.process = process
        self.paths = Paths.from_environment(cluster.environment())

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self) -> Client:
        """Return a new client, for a greenlet; it waits for the socket while the process lives."""
        return Client(
            str(self.paths.query_socket),
            connect_s=START_S,
            answer_s=START_S,
            should_serve=lambda: self.process.poll() is None,
            make_socket=_gevent_socket,
            clock=SystemClock(),
            pause=gevent.sleep,
        )

    def wait_serving(self) -> None:
        """Return once the daemon answers."""
        with self.client() as client:
            client.call("QueryConfigValues", ["cluster_name"])

    def kill(self) -> None:
        """End it as a power loss would, as far as the process goes."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(END_S)

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_S)

    def status(self) -> dict[str, Any]:
        """Return what it tells of itself, not older than this call."""
        asked_s = SystemClock().now_us() / 1e6
        with gevent.Timeout(STATUS_S):
            while True:
                with contextlib.suppress(FileNotFoundError):
                    told: dict[str, Any] = json.loads(self.paths.status_file.read_bytes())
                    if told["time_s"] > asked_s:
                        return told
                gevent.sleep(0.02)

    def wait_replicated(self) -> None:
        """Return once all candidates hold what has happened before this call."""
        with gevent.Timeout(REPLICATED_S):
            while (mirror := self.status()["mirror"])["everywhere"]["entries"]:
                pass
            while mirror["archive_unknown"]:
                mirror = self.status()["mirror"]

    def log(self) -> str:
        """Return the text of its log file."""
        path = self.paths.log_file
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _gevent_socket() -> Any:
    return gevent.socket.socket(gevent.socket.AF_UNIX, gevent.socket.SOCK_STREAM)


def start(
    cluster: SimulatedCluster,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    module: Sequence[str] = ("masterd",),
    through: Sequence[str] = (),
) -> Daemon:
    """Start the daemon and return at once; `module` runs it in another way."""
    process = spawn(
        {**cluster.environment(), **(environment or {})},
        arguments=arguments,
        module=module,
        through=through,
    )
    return Daemon(cluster, process)


def spawn(
    environment: Mapping[str, str],
    *,
    arguments: Sequence[str] = (),
    module: Sequence[str] = ("masterd",),
    through: Sequence[str] = (),
) -> "subprocess.Popen[bytes]":
    """Start the daemon of the node that the environment names; `through` a command, if any."""
    return subprocess.Popen(
        [*through, sys.executable, "-m", *module, "-f", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
    )


def kill_and_wait(pid: int, number: signal.Signals) -> None:
    """Send a signal and wait for the end of a process that need not be our child."""
    descriptor = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(descriptor, number)
        readable, _, _ = select.select([descriptor], [], [], END_S)
        assert readable, f"process {pid} did not end"
    finally:
        os.close(descriptor)


@contextmanager
def running(
    cluster: SimulatedCluster,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    module: Sequence[str] = ("masterd",),
    through: Sequence[str] = (),
) -> Iterator[Daemon]:
    """Run the daemon for the time of a block; `through` a command, if any."""
    daemon = start(
        cluster, arguments=arguments, environment=environment, module=module, through=through
    )
    try:
        try:
            daemon.wait_serving()
        except Exception as error:
            raise AssertionError(f"the daemon did not start:\n{daemon.log()}") from error
        yield daemon
    finally:
        if daemon.process.poll() is None and daemon.stop() != 0:
            raise AssertionError(f"the daemon did not end well:\n{daemon.log()}")


@contextmanager
def short_directory() -> Iterator[Path]:
    """Give a directory with a short name: socket paths end at 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="gm"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def simulated_cluster(
    *,
    nodes: int = 4,
    candidates: int | None = None,
    settings: str = "",
    keep_alive: bool = True,
) -> Iterator[tuple[SimulatedCluster, NodeControl]]:
    """Build a cluster with running node daemons; `settings` is the text of masterd.toml."""
    with short_directory() as base:
        cluster = clusters.build(base, nodes=nodes, candidates=candidates)
        path = Paths.from_environment(cluster.environment()).settings_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings, encoding="utf-8")
        with clusters.node_processes(cluster, keep_alive=keep_alive) as control:
            yield cluster, control


def delay_op(duration_s: float = 0.001, **parameters: object) -> dict[str, object]:
    """Return an OP_TEST_DELAY that touches no node."""
    return {
        "OP_ID": "OP_TEST_DELAY",
        "duration": duration_s,
        "on_master": False,
        "on_nodes": [],
        "repeat": 0,
        "no_locks": True,
        "reason": [],
        **parameters,
    }


def wait_for_end(client: Client, job_id: int) -> str:
    """Wait until a job has ended; return its status."""
    previous: object = None
    seen: int | None = None
    while True:
        news = client.call("WaitForJobChange", job_id, ["status"], previous, seen, 30)
        if news == "nochange":
            continue
        assert isinstance(news, list), news
        values, entries = news
        if values[0] in FINAL:
            return str(values[0])
        previous, seen = values, entries[-1][0] if entries else seen
