"""Simple files that another program wrote are not overwritten unseen, here and on other nodes."""

import os
import subprocess
import sys
from pathlib import Path

from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from tests import system
from tests.luxi_support import until

CERTS = "ssconf_master_candidates_certs"


def renew(cluster: SimulatedCluster) -> bytes:
    """Write the candidates' certificates anew on all nodes, as renew-crypto does; return them."""
    content = (cluster.data(cluster.master) / CERTS).read_bytes().replace(b"a", b"b")
    for node in cluster.nodes:
        path = cluster.data(node) / CERTS
        path.with_suffix(".new").write_bytes(content)
        path.with_suffix(".new").rename(path)
    return content


def certs(cluster: SimulatedCluster) -> set[bytes]:
    return {(cluster.data(node) / CERTS).read_bytes() for node in cluster.nodes}


def wait_told(cluster: SimulatedCluster, control: NodeControl, times: int) -> None:
    """Wait until all nodes were told of simple files so often."""
    names = [node.name for node in cluster.nodes]
    until(
        lambda: all(control.counts()[name].get("write_ssconf_files", 0) >= times for name in names)
    )


def start(cluster: SimulatedCluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Start a daemon that is refused."""
    return subprocess.run(
        [sys.executable, "-m", "masterd", "-f", *arguments],
        env={**os.environ, **cluster.environment()},
        cwd=Path(__file__).parents[2],
        capture_output=True, text=True, timeout=system.START_S, check=False,
    )  # fmt: skip


def test_a_start_on_files_of_another_program_is_refused_until_somebody_decides() -> None:
    with system.simulated_cluster(nodes=2) as (cluster, control):
        with system.running(cluster):
            wait_told(cluster, control, 1)
        ours = certs(cluster)
        # A restart alone is no reason.
        with system.running(cluster):
            wait_told(cluster, control, 2)
        renewed = renew(cluster)

        refused = start(cluster)

        assert refused.returncode == 1
        assert f"{CERTS} on this node: written by another program" in refused.stderr
        assert "--adopt-files" in refused.stderr
        assert "--keep-store" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert certs(cluster) == {renewed}
        with system.running(cluster, arguments=["--keep-store"]):
            until(lambda: certs(cluster) == ours)


def test_a_running_master_leaves_files_of_another_program_alone() -> None:
    tag_op = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": None, "tags": ["new:tag"],
              "reason": []}  # fmt: skip
    with system.simulated_cluster(nodes=2) as (cluster, control):
        with system.running(cluster) as daemon, daemon.client() as client:
            wait_told(cluster, control, 1)
            renewed = renew(cluster)
            job_id = client.call("SubmitJob", [tag_op])
            assert isinstance(job_id, int)
            assert system.wait_for_end(client, job_id) == "success"
            until(lambda: "CRITICAL The nodes are not told of simple files" in daemon.log())
            tags = {(cluster.data(node) / "ssconf_cluster_tags").read_bytes()
                    for node in cluster.nodes}  # fmt: skip
        assert certs(cluster) == {renewed}
        assert tags == {b""}
