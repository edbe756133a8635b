"""Whole clusters in a directory, and the processes of their node daemons.

The layout is Ganeti's virtual cluster: each node has a root directory BASE/<host name>, below which
all paths are Ganeti's own, so that `GANETI_ROOTDIR=BASE/<host name> GANETI_HOSTNAME=<host name>`
points Ganeti's commands at it. Each node has its own address in a loopback network, so that all
node daemons listen on the real port.
"""

import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from masterd.clock import Clock, SystemClock
from masterd.rpc.runner import NODED_PORT, NodeTarget
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing import certificates
from masterd.testing.cluster_document import (
    NodeFacts,
    document,
    new_uuid,
    ssconf,
    ssconf_text,
)
from masterd.testing.control import NodeControl

#: Remembers how the cluster was made, beside the nodes' roots.
_DESCRIPTION: Final = "cluster.json"

#: Directories of a node and their modes. Source: file layout of a running master.
_DIRECTORIES: Final = (
    ("etc/ganeti", 0o755),
    ("etc/default", 0o755),
    ("srv/ganeti", 0o755),
    ("var/lib/ganeti", 0o755),
    ("var/lib/ganeti/queue", 0o750),
    ("var/lib/ganeti/queue/archive", 0o750),
    ("var/lib/ganeti/rapi", 0o750),
    ("var/lock", 0o755),
    ("var/log/ganeti", 0o755),
    ("var/run/ganeti", 0o775),
    ("var/run/ganeti/socket", 0o770),
    ("var/run/ganeti/livelocks", 0o750),
)
_SSCONF_MODE: Final = 0o444
_CONFIG_MODE: Final = 0o640
_SECRET_MODE: Final = 0o400

#: Nodes beyond this many share one client key: making keys is slow, and nothing looks at them.
_OWN_KEYS_MAX: Final = 8

#: Second bytes of the loopback networks tried, and how many.
_NETWORK_SECOND: Final = (64, 127)
_NETWORK_TRIES: Final = 100

#: Seconds the node daemons may take to listen or to end.
_PROCESS_S: Final = 30


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node of a cluster in a directory."""

    name: str
    address: str
    candidate: bool = True
    offline: bool = False

    @property
    def uuid(self) -> str:
        """The node's uuid in the configuration."""
        return new_uuid(f"node {self.name}")


@dataclass(frozen=True, slots=True)
class SimulatedCluster:
    """A cluster in a directory; the first node is the master.

    Attributes:
        base: directory with one root directory per node.
        name: of the cluster.
        master_ip: an address in the nodes' network that belongs to none of them.
        port: of all node daemons.
        nodes: the master first.
        home: the master's root directory where it is not below `base`; its name is the master's.
    """

    base: Path
    name: str
    master_ip: str
    port: int
    nodes: tuple[ClusterNode, ...]
    home: Path | None = None

    @property
    def master(self) -> ClusterNode:
        """The node whose root the daemon under test gets."""
        return self.nodes[0]

    @property
    def master_root(self) -> Path:
        """The master's root directory."""
        return self.root(self.master)

    @property
    def control_socket(self) -> Path:
        """Where the node daemons of this cluster are told to misbehave."""
        return self.base / "nodes.control"

    @property
    def server_pem(self) -> Path:
        """The master's copy of the cluster's certificate."""
        return self.data(self.master) / "server.pem"

    @property
    def client_pem(self) -> Path:
        """The master's own certificate."""
        return self.data(self.master) / "client.pem"

    def root(self, node: ClusterNode) -> Path:
        """Return what stands for `/` on a node."""
        if self.home is not None and node == self.master:
            return self.home
        return self.base / node.name

    def data(self, node: ClusterNode) -> Path:
        """Return a node's data directory."""
        return self.root(node) / "var/lib/ganeti"

    def queue(self, node: ClusterNode) -> Path:
        """Return a node's queue directory."""
        return self.data(node) / "queue"

    def paths(self) -> VirtualPaths:
        """Return the translation of the master's file names."""
        return VirtualPaths(self.master_root)

    def environment(self) -> dict[str, str]:
        """Return the variables that point Ganeti's commands at the master."""
        return {"GANETI_ROOTDIR": str(self.master_root), "GANETI_HOSTNAME": self.master.name}

    def targets(self) -> tuple[NodeTarget, ...]:
        """Return all nodes as targets of calls, the master first."""
        return tuple(
            NodeTarget(node.name, node.uuid, node.address, node.offline) for node in self.nodes
        )

    def others(self) -> tuple[NodeTarget, ...]:
        """Return all nodes but the master as targets of calls."""
        return self.targets()[1:]

    def one_node_command(self, node: ClusterNode, pid_file: Path) -> list[str]:
        """Return the command that serves one node in a process that holds `pid_file`."""
        command = [sys.executable, "-m", "masterd.testing.node", str(self.root(node).parent)]
        command += [f"{node.name}={node.address}", "--port", str(self.port)]
        return [*command, "--pid-file", str(pid_file)]

    def node_command(self, *, keep_alive: bool = True, sync: bool = False) -> list[str]:
        """Return the command that serves all nodes of this cluster in one process."""
        command = [sys.executable, "-m", "masterd.testing.node", str(self.base)]
        command += [f"{node.name}={node.address}" for node in self.nodes]
        command += ["--port", str(self.port), "--control", str(self.control_socket)]
        if not keep_alive:
            command.append("--close")
        if sync:
            command.append("--sync")
        return command


def build(
    base: Path,
    *,
    nodes: int = 4,
    candidates: int | None = None,
    offline: Sequence[int] = (),
    name: str = "cluster.example.com",
    domain: str = "example.com",
    network: str | None = None,
    port: int = NODED_PORT,
    home: Path | None = None,
    clock: Clock | None = None,
) -> SimulatedCluster:
    """Make the directories of a new cluster: certificates, ssconf, and `config.data` on candidates.

    Args:
        base: directory that holds nothing of a cluster yet; it is made.
        nodes: how many; `node1` is the master, unless `home` gives it another name.
        candidates: how many of them are master candidates; None for all.
        offline: numbers (from 2) of nodes marked offline.
        name: of the cluster.
        domain: of the nodes.
        network: "127.x.y", or None for one that nobody seems to use.
        port: of the node daemons.
        home: the master's root directory, anywhere; its name becomes the master's.
        clock: for the times in certificates and configuration.
    """
    if nodes < 1 or nodes > 200:
        raise ValueError("A cluster has 1 to 200 nodes")
    if 1 in offline:
        raise ValueError("The master cannot be offline")
    first_octets = network or free_network(random.Random(), port)
    cluster = SimulatedCluster(
        base=base,
        name=name,
        master_ip=f"{first_octets}.254",
        port=port,
        nodes=tuple(
            ClusterNode(
                home.name if home and number == 1 else f"node{number}.{domain}",
                f"{first_octets}.{number}",
                candidate=candidates is None or number <= candidates,
                offline=number in offline,
            )
            for number in range(1, nodes + 1)
        ),
        home=home,
    )
    now_us = (clock or SystemClock()).now_us()
    base.mkdir(parents=True, exist_ok=True)
    facts = _write_certificates(cluster, now_us)
    _write_configuration(cluster, facts, now_us)
    # The description comes last: a directory without it is not a cluster.
    (base / _DESCRIPTION).write_bytes(msgspec.json.encode(_description(cluster)))
    return cluster


def load(base: Path, *, home: Path | None = None) -> SimulatedCluster:
    """Return the cluster that `build` made in `base`, with the same `home`.

    Raises:
        FileNotFoundError: there is none.
    """
    found = msgspec.json.decode((base / _DESCRIPTION).read_bytes())
    nodes = tuple(ClusterNode(**node) for node in found.pop("nodes"))
    return SimulatedCluster(base=base, nodes=nodes, home=home, **found)


def free_network(chance: random.Random, port: int) -> str:
    """Return the first three bytes of a loopback network on whose first address nobody listens.

    Raises:
        OSError: none was found.
    """
    for _ in range(_NETWORK_TRIES):
        network = f"127.{chance.randrange(*_NETWORK_SECOND)}.{chance.randrange(256)}"
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((f"{network}.1", port))
            except OSError:
                continue
        return network
    raise OSError(f"No loopback network with port {port} free was found")


@contextmanager
def node_processes(
    cluster: SimulatedCluster, *, keep_alive: bool = True, sync: bool = False
) -> Iterator[NodeControl]:
    """Serve the cluster's nodes in a process of their own; gives the means to disturb them.

    Blocks while the process starts and ends.
    """
    command = [*cluster.node_command(keep_alive=keep_alive, sync=sync), "--end-with-input"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None, "Pipes were asked for"
    with process.stdin, process.stdout:
        try:
            if process.stdout.readline() != b"ready\n":
                raise OSError("The simulated nodes did not start; see standard error")
            control = NodeControl(cluster.control_socket)
            try:
                yield control
            finally:
                control.close()
        finally:
            process.terminate()
            process.wait(_PROCESS_S)


def _write_certificates(cluster: SimulatedCluster, now_us: int) -> list[NodeFacts]:
    server = certificates.new_server(now_us)
    shared_key = certificates.new_key() if len(cluster.nodes) > _OWN_KEYS_MAX else None
    facts = []
    for number, node in enumerate(cluster.nodes):
        for directory, mode in _DIRECTORIES:
            path = cluster.root(node) / directory
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        server.write(cluster.data(node) / "server.pem")
        serial = now_us // 1_000_000 + number
        client = certificates.new_client(node.name, server, now_us, serial=serial, key=shared_key)
        client.write(cluster.data(node) / "client.pem")
        facts.append(
            NodeFacts(node.name, node.address, node.candidate, node.offline, client.digest())
        )
    return facts


def _write_configuration(
    cluster: SimulatedCluster, facts: Sequence[NodeFacts], now_us: int
) -> None:
    config = msgspec.json.encode(document(cluster.name, cluster.master_ip, facts, now_us / 1e6))
    values = ssconf(cluster.name, cluster.master_ip, facts)
    for node in cluster.nodes:
        data = cluster.data(node)
        for key, value in values.items():
            _write(data / f"ssconf_{key}", ssconf_text(value).encode(), _SSCONF_MODE)
        if node.candidate:
            _write(data / "config.data", config, _CONFIG_MODE)
            _write(data / "cluster-domain-secret", b"0" * 40 + b"\n", _CONFIG_MODE)
            _write(data / "hmac.key", b"0" * 40 + b"\n", _SECRET_MODE)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def _description(cluster: SimulatedCluster) -> dict[str, object]:
    return {
        "name": cluster.name,
        "master_ip": cluster.master_ip,
        "port": cluster.port,
        "nodes": [msgspec.to_builtins(node) for node in cluster.nodes],
    }
