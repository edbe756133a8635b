"""Clusters of simulated nodes for tests, with and without sockets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent

from masterd.rpc.runner import RpcRunner
from masterd.rpc.transport import TlsTransport, Transport
from masterd.testing import cluster as clusters
from masterd.testing.clock import ManualClock
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.faults import Fault, FaultPlan
from masterd.testing.node import SimulatedNodes
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.transport import MemoryTransport

#: The forms of transport that must behave alike.
TRANSPORTS = ("memory", "tls", "tls-close")


@dataclass
class Nodes:
    """Simulated nodes and a way to call them."""

    cluster: SimulatedCluster
    transport: Transport
    runner: RpcRunner
    simulated: dict[str, SimulatedNode]
    faults: FaultPlan
    processes: SimulatedNodes | None
    clock: ManualClock

    def disturb(self, number: int, *faults: Fault) -> None:
        """Give node `number` (from 1) faults; none makes it well."""
        self.faults.set(self.cluster.nodes[number - 1].name, *faults)
        if self.processes is not None:
            self.processes.apply_faults()

    def count(self, number: int, call: str) -> int:
        """Return how often node `number` (from 1) carried a call out."""
        return self.simulated[self.cluster.nodes[number - 1].name].counts[call]


@contextmanager
def simulated_nodes(cluster: SimulatedCluster, kind: str) -> Iterator[Nodes]:
    """Serve the nodes of a cluster in this process, by one of `TRANSPORTS`."""
    # Certificates are checked against the machine's clock; the transport's moves when told.
    clock = ManualClock()
    if kind == "memory":
        faults = FaultPlan()
        simulated = {
            node.name: SimulatedNode(node.name, cluster.root(node)) for node in cluster.nodes
        }
        by_address = {node.address: simulated[node.name] for node in cluster.nodes}
        memory = MemoryTransport(by_address, faults)
        runner = RpcRunner(memory, port=cluster.port)
        yield Nodes(cluster, memory, runner, simulated, faults, None, clock)
        return
    addresses = [(node.name, node.address) for node in cluster.nodes]
    processes = SimulatedNodes(
        cluster.base, addresses, port=cluster.port, keep_alive=kind != "tls-close"
    )
    processes.start()
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, clock)
    simulated = {name: server.node for name, server in processes.servers.items()}
    runner = RpcRunner(transport, port=cluster.port)
    try:
        yield Nodes(cluster, transport, runner, simulated, processes.faults, processes, clock)
    finally:
        transport.close()
        processes.stop()
        gevent.idle()


def small_cluster(base: Path) -> SimulatedCluster:
    """Make a cluster of four nodes, the last one offline and no candidate."""
    return clusters.build(base, nodes=4, candidates=3, offline=(4,))
