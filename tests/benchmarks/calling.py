"""What one call to very many nodes costs beside the slowest of them."""

import tempfile
import time
from pathlib import Path
from typing import Final

from masterd.clock import SystemClock
from masterd.rpc.runner import RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.faults import Fault, FaultKind
from tests.benchmarks.figure import Figure

_NODES: Final = 200
_NODES_QUICK: Final = 20
#: Seconds that each node thinks, and the slowest.
_EACH_S: Final = 0.5
_SLOWEST_S: Final = 2.0
#: Of so many calls the middle one counts.
_CALLS: Final = 3
_CALL: Final = "version"


def calls(quick: bool) -> list[Figure]:
    """One call to 200 nodes, each with a new connection, beside the slowest of them."""
    nodes = _NODES_QUICK if quick else _NODES
    with tempfile.TemporaryDirectory() as directory:
        cluster = clusters.build(Path(directory) / "cluster", nodes=nodes)
        # As real node daemons, they close each connection after its answer.
        with clusters.node_processes(cluster, keep_alive=False) as control:
            for target in cluster.targets():
                is_slowest = target == cluster.targets()[-1]
                delay_s = _SLOWEST_S if is_slowest else _EACH_S
                control.set(target.name, Fault(FaultKind.DELAY, delay_s=delay_s))
            took_s = sorted(_call(cluster) for _ in range(_CALLS))[_CALLS // 2]
    name = f"one call to {nodes} nodes, beside the slowest of them"
    return [Figure("calls", name, took_s / _SLOWEST_S, "x", 1.5, most=True)]


def _call(cluster: SimulatedCluster) -> float:
    """Call all nodes; return the seconds until the last answer."""
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    runner = RpcRunner(transport, port=cluster.port)
    began = time.perf_counter()
    results = runner.call(_CALL, cluster.targets(), [])
    took_s = time.perf_counter() - began
    transport.close()
    failed = [name for name, result in results.items() if not result.ok]
    if failed:
        raise RuntimeError(f"nodes did not answer: {failed}")
    return took_s
