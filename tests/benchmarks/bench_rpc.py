"""What calls to nodes cost the master. Run: `python -m tests.benchmarks.bench_rpc`.

The nodes are simulated in a process of their own. Three of them get a queue file of a small job,
again and again, as when a job's state is replicated: over kept connections, and with a new
connection each time, as real node daemons want it. Then all three get as many as the master can
send. Prints one JSON object; times are microseconds, CPU is the master's alone.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gevent

from masterd.clock import SystemClock
from masterd.rpc.encoding import compress
from masterd.rpc.replica import NodeReplica, ReplicaBodies
from masterd.rpc.runner import RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster

#: Master CPU that one file on three nodes may cost over kept connections.
AIM_CPU_US = 1000

#: CPU of the simulated nodes per file: one process of them takes 5,000 files a second.
AIM_NODE_CPU_US = 200

_Send = Callable[[SimulatedCluster, RpcRunner, int], None]

#: Callers at once in the last part, per node.
_CALLERS = 4

_CONTENT = json.dumps(
    {
        "id": 12345,
        "ops": [{"input": {"OP_ID": "OP_TEST_DELAY", "duration": 0.001}, "status": "success"}],
        "received_timestamp": [1700000000, 123456],
        "start_timestamp": [1700000000, 223456],
        "end_timestamp": [1700000000, 323456],
    }
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000, help="files per measurement")
    files: int = parser.parse_args().files
    figures: dict[str, object] = {"content_bytes": len(_CONTENT), "files": files}
    with tempfile.TemporaryDirectory() as directory:
        cluster = clusters.build(Path(directory) / "cluster", nodes=4)
        for name, keep_alive in (("kept", True), ("new", False)):
            with clusters.node_processes(cluster, keep_alive=keep_alive) as control:
                count = files if keep_alive else files // 5
                figures[f"call_{name}"] = _measure(cluster, count, _by_call)
                figures[f"replicas_{name}"] = _measure(cluster, count, _by_replicas)
                if keep_alive:
                    used_s = control.cpu_s()
                    figures["updates_per_s"] = _saturate(cluster, files * 3)
                    used_s = control.cpu_s() - used_s
                    figures["node_cpu_us_per_update"] = round(used_s / (files * 3) * 1e6)
    figures["aims"] = {
        "kept_cpu_us": AIM_CPU_US,
        "node_cpu_us_per_update": AIM_NODE_CPU_US,
    }
    print(json.dumps(figures, indent=2))


def _measure(cluster: SimulatedCluster, count: int, send: _Send) -> dict[str, float]:
    transport, runner = _runner(cluster)
    send(cluster, runner, 3)
    wall, cpu = time.perf_counter(), time.process_time()
    send(cluster, runner, count)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    transport.close()
    return {"wall_us": round(wall / count * 1e6), "cpu_us": round(cpu / count * 1e6)}


def _by_call(cluster: SimulatedCluster, runner: RpcRunner, count: int) -> None:
    path = cluster.paths().virtual(cluster.queue(cluster.master) / "job-12345")
    for number in range(count):
        results = runner.call(
            "jobqueue_update", cluster.others(), [path, compress(f"{_CONTENT}{number}")]
        )
        assert all(result.ok for result in results.values())


def _by_replicas(cluster: SimulatedCluster, runner: RpcRunner, count: int) -> None:
    """Each replica has its own greenlet and goes at its own speed, as in the exporter."""
    bodies = ReplicaBodies(cluster.paths())
    path = cluster.queue(cluster.master) / "job-12345"

    def copy(replica: NodeReplica) -> None:
        for number in range(count):
            replica.update(path, f"{_CONTENT}{number}".encode())

    replicas = [NodeReplica(runner, target, bodies) for target in cluster.others()]
    gevent.joinall([gevent.spawn(copy, replica) for replica in replicas], raise_error=True)


def _saturate(cluster: SimulatedCluster, count: int) -> int:
    transport, runner = _runner(cluster)
    bodies = ReplicaBodies(cluster.paths())
    queue = cluster.queue(cluster.master)
    each = count // (3 * _CALLERS)

    def copy(replica: NodeReplica, caller: int) -> None:
        for _ in range(each):
            replica.update(queue / f"job-{caller}", _CONTENT.encode())

    wall = time.perf_counter()
    callers = [
        gevent.spawn(copy, NodeReplica(runner, target, bodies), caller)
        for target in cluster.others()
        for caller in range(_CALLERS)
    ]
    gevent.joinall(callers, raise_error=True)
    wall = time.perf_counter() - wall
    transport.close()
    return round(each * 3 * _CALLERS / wall)


def _runner(cluster: SimulatedCluster) -> tuple[TlsTransport, RpcRunner]:
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    return transport, RpcRunner(transport, port=cluster.port)


if __name__ == "__main__":
    main()
