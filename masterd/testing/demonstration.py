"""A demonstration cluster below one directory: made, started, brought back, ended.

The directory is the master's root, as Ganeti's virtual cluster has it: its last component is the
master's host name. The other nodes' roots are in `nodes/` below it, so that removing the directory
removes everything. `ganeti-masterd` and one process for each simulated node daemon run detached;
each holds a pid file, by which a later call finds it.
"""

import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.luxi.client import Client
from masterd.luxi.sockets import PATH_BYTES_MAX
from masterd.paths import Paths
from masterd.pidfile import holder
from masterd.testing import cluster as clusters
from masterd.testing import processes
from masterd.testing.cluster import ClusterNode, SimulatedCluster

NODES_DEFAULT: Final = 4
#: Each is a process of its own; beyond this a demonstration needs more memory than it is worth.
NODES_MAX: Final = 32

#: Below the root: the other nodes' roots and the description of the cluster.
NODES_DIRECTORY: Final = "nodes"
_LOCK_FILE: Final = "lock"
_NODE_PID_FILE: Final = "var/run/ganeti/ganeti-noded.pid"
_NODE_LOG_FILE: Final = "var/log/ganeti/node-daemon.log"

#: Name of the master in a temporary root, which must be short: sockets are below it.
_MASTER_NAME: Final = "node1.example.com"

#: Source: Ganeti 3.0.2 lib/netutils.py, Hostname.
_HOST_NAME: Final = re.compile(r"[a-z0-9._-]{1,255}")

#: Seconds for a node daemon to listen, and for the master daemon to serve or fail.
_NODE_START_S: Final = 60.0
_DAEMON_START_S: Final = 120.0


class DemonstrationError(Exception):
    """The cluster cannot be made or started; the text tells people why."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A demonstration cluster on disk; whether anything of it runs is asked each time."""

    cluster: SimulatedCluster

    @property
    def root(self) -> Path:
        """The master's root directory."""
        return self.cluster.master_root

    @property
    def paths(self) -> Paths:
        """The master's files."""
        return Paths.from_environment(self.cluster.environment())

    def client(self) -> Client:
        """Return a new LUXI client of the master daemon; it blocks."""
        return Client(str(self.paths.query_socket), should_serve=lambda: False)

    def pid_file(self, node: ClusterNode) -> Path:
        """Return the pid file of a node's daemon."""
        return self.cluster.root(node) / _NODE_PID_FILE

    def daemon_pid(self) -> int | None:
        """Return the id of the master daemon's process, or None."""
        return holder(self.paths.pid_file)

    def nodes_running(self) -> list[ClusterNode]:
        """Return the nodes whose daemons run."""
        return [node for node in self.cluster.nodes if holder(self.pid_file(node))]

    def is_running(self) -> bool:
        """Tell whether any process of the cluster runs."""
        return self.daemon_pid() is not None or bool(self.nodes_running())

    def start(self) -> "Started":
        """Start what does not run and return when clients are served. Blocks.

        Raises:
            DemonstrationError: something did not start.
        """
        with self._alone():
            nodes = self._start_nodes()
            daemon = self.daemon_pid() is None
            if daemon:
                self._start_daemon()
        return Started(daemon, tuple(nodes))

    def stop(self) -> "Started":
        """End what runs, the master daemon first; return what that was. Blocks.

        Raises:
            DemonstrationError: a process does not end.
        """
        with self._alone():
            try:
                daemon = processes.end(self.paths.pid_file)
                nodes = [node for node in self.cluster.nodes if processes.end(self.pid_file(node))]
            except processes.ProcessError as error:
                raise DemonstrationError(str(error)) from error
        return Started(daemon, tuple(nodes))

    def _start_nodes(self) -> list[ClusterNode]:
        wanted = [node for node in self.cluster.nodes if not holder(self.pid_file(node))]
        started = [(node, self._spawn_node(node)) for node in wanted]
        failed = []
        for node, process in started:
            if not processes.await_line(process, b"ready\n", _NODE_START_S):
                process.kill()
                process.wait()
                failed.append(node)
        if failed:
            log = self.cluster.root(failed[0]) / _NODE_LOG_FILE
            raise DemonstrationError(
                f"the node daemon of {failed[0].name} did not start: {_last_line(log)}"
            )
        return wanted

    def _spawn_node(self, node: ClusterNode) -> "subprocess.Popen[bytes]":
        command = self.cluster.one_node_command(node, self.pid_file(node))
        return processes.spawn(command, self.cluster.root(node) / _NODE_LOG_FILE)

    def _start_daemon(self) -> None:
        try:
            # It detaches itself, and returns when it serves or has failed.
            done = subprocess.run(
                [sys.executable, "-m", "masterd"],
                env={**os.environ, **self.cluster.environment()},
                cwd=processes.PACKAGES,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_DAEMON_START_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DemonstrationError(
                f"ganeti-masterd did not serve within {_DAEMON_START_S:g} s; see"
                f" {self.paths.log_file}"
            ) from error
        if done.returncode != 0:
            why = (done.stderr or done.stdout).strip() or _last_line(self.paths.log_file)
            raise DemonstrationError(f"ganeti-masterd did not start: {why}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one call at a time start or end processes of this cluster. Blocks."""
        descriptor = os.open(self.cluster.base / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Started:
    """What a call started, or ended."""

    daemon: bool
    nodes: tuple[ClusterNode, ...]

    def __bool__(self) -> bool:
        return self.daemon or bool(self.nodes)


def temporary_root() -> Path:
    """Return a root in a new temporary directory; the root itself is not made."""
    return Path(tempfile.mkdtemp(prefix="ganeti-")) / _MASTER_NAME


def find(root: Path) -> Demonstration | None:
    """Return the demonstration cluster of a root directory, or None if it has none.

    Raises:
        DemonstrationError: the directory was renamed since, or can be none.
    """
    root = _absolute(root)
    try:
        cluster = clusters.load(root / NODES_DIRECTORY, home=root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DemonstrationError(f"cannot look for a cluster in {root}: {error}") from error
    if cluster.master.name != root.name:
        raise DemonstrationError(
            f"{root} was {cluster.master.name} when its cluster was made; the last component is"
            " the master's host name and must stay"
        )
    return Demonstration(cluster)


def make(root: Path, nodes: int = NODES_DEFAULT) -> Demonstration:
    """Make the files of a new demonstration cluster: certificates, configuration, directories.

    Raises:
        DemonstrationError: the directory cannot serve, or the number of nodes is out of range.
    """
    root = _absolute(root)
    if not 1 <= nodes <= NODES_MAX:
        raise DemonstrationError(f"a demonstration cluster has 1 to {NODES_MAX} nodes, not {nodes}")
    _check_root(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        return Demonstration(clusters.build(root / NODES_DIRECTORY, nodes=nodes, home=root))
    except OSError as error:
        raise DemonstrationError(f"cannot make a cluster in {root}: {error}") from error


def _check_root(root: Path) -> None:
    if not _HOST_NAME.fullmatch(root.name):
        raise DemonstrationError(
            f"the last component of {root} is the master's host name and may hold only lower case"
            " letters, digits, '.', '_' and '-'"
        )
    socket = os.fsencode(Paths(root, root.name).master_socket)
    if len(socket) > PATH_BYTES_MAX:
        raise DemonstrationError(
            f"{root} is {len(socket) - PATH_BYTES_MAX} bytes too long: Unix sockets below it may"
            f" have paths of {PATH_BYTES_MAX} bytes"
        )
    if root.exists() and not root.is_dir():
        raise DemonstrationError(f"{root} is no directory")
    if root.exists() and any(root.iterdir()):
        raise DemonstrationError(f"{root} is not empty and holds no complete demonstration cluster")


def _absolute(root: Path) -> Path:
    return Path(os.path.realpath(root))


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        return f"{path}: {error.strerror}"
    return next((line for line in reversed(lines) if line.strip()), f"{path} says nothing")
