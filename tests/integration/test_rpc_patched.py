"""The transport works where everything is patched by gevent, as it is in the daemon."""

import subprocess
import sys
from pathlib import Path

from masterd.testing import cluster as clusters

_SCRIPT = """
from gevent import monkey
monkey.patch_all()
import sys
from pathlib import Path
from masterd.clock import SystemClock
from masterd.rpc.runner import RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.testing import cluster as clusters
cluster = clusters.load(Path(sys.argv[1]))
for keep_alive in (True, False):
    with clusters.node_processes(cluster, keep_alive=keep_alive) as control:
        transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
        runner = RpcRunner(transport, port=cluster.port)
        for _ in range(3):
            results = runner.call("version", cluster.targets(), [])
            print(*(result.payload for result in results.values()))
        print(transport.stats.connections, control.counts()["node1.example.com"]["version"])
        transport.close()
"""


def test_a_patched_process_calls_nodes_over_kept_and_new_connections(tmp_path: Path) -> None:
    clusters.build(tmp_path, nodes=2)
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", _SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert output.stderr == ""
    answers = ["3000000 3000000"] * 3
    assert output.stdout.splitlines() == [*answers, "2 3", *answers, "6 3"]
