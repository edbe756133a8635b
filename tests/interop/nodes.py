"""Debian's node daemons on the nodes of a cluster in a directory.

They want to be root and to find Ganeti's users.
"""

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import gevent

from masterd.clock import SystemClock
from masterd.rpc.errors import TransportError
from masterd.rpc.transport import TlsTransport
from masterd.testing.cluster import ClusterNode, SimulatedCluster

NODED: Final = Path("/usr/sbin/ganeti-noded")

#: Seconds a node daemon may take until it answers, and to end.
START_S: Final = 30


def hindrance() -> str | None:
    """Return why no node daemon can run here, if so."""
    if not NODED.exists():
        return "Debian's ganeti package is not installed (no /usr/sbin/ganeti-noded)"
    if os.geteuid() != 0:
        return "ganeti-noded runs as root only"
    try:
        pwd.getpwnam("gnt-masterd")
        grp.getgrnam("gnt-daemons")
    except KeyError:
        return "Ganeti's users are missing (gnt-masterd, gnt-daemons)"
    return None


@contextmanager
def node_daemon(cluster: SimulatedCluster, node: ClusterNode) -> Iterator[None]:
    """Run a node's daemon for the time of a block; it answers when the block begins."""
    command = [str(NODED), "-f", "--no-mlock", "-b", node.address, "-p", str(cluster.port)]
    environment = {"GANETI_ROOTDIR": str(cluster.root(node)), "GANETI_HOSTNAME": node.name}
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(cluster, node, process)
        yield
    finally:
        process.terminate()
        process.wait(START_S)


@contextmanager
def node_daemons(cluster: SimulatedCluster, nodes: Sequence[ClusterNode]) -> Iterator[None]:
    """Run the daemons of several nodes for the time of a block."""
    with ExitStack() as stack:
        for node in nodes:
            stack.enter_context(node_daemon(cluster, node))
        yield


def _wait_until_it_answers(
    cluster: SimulatedCluster, node: ClusterNode, process: "subprocess.Popen[bytes]"
) -> None:
    """Nothing tells that a node daemon listens, except that it answers."""
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    with gevent.Timeout(START_S):
        while True:
            try:
                transport.request(
                    node.address, cluster.port, "/version", b"[]", 5, answer_bytes_max=1000
                )
                return
            except TransportError:
                assert process.poll() is None, "ganeti-noded ended by itself"
                gevent.sleep(0.05)
