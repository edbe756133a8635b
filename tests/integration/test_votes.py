"""Why a node gives no vote reaches whoever started the daemon."""

from pathlib import Path

from masterd.clock import SystemClock
from masterd.master_node import MasterNode
from masterd.paths import Paths
from masterd.testing import cluster as clusters
from masterd.testing.clock import ManualClock
from masterd.testing.faults import Fault, FaultKind
from masterd.voting import NoVote, tally
from tests.rpc_support import simulated_nodes

DAY_US = 24 * 3600 * 1_000_000


def test_with_the_clock_a_day_back_every_node_is_named_with_the_certificate(tmp_path: Path) -> None:
    tomorrow = ManualClock(SystemClock().now_us() + DAY_US)
    cluster = clusters.build(tmp_path / "cluster", nodes=3, clock=tomorrow)
    names = [node.name for node in cluster.nodes]
    with simulated_nodes(cluster, "tls") as nodes:
        votes = MasterNode(
            nodes.runner, Paths(cluster.master_root, names[0]), nodes.clock
        ).ask_votes(names[1:])
    result = tally(names[0], frozenset(names), votes)
    assert not result.lonely
    for node in cluster.nodes[1:]:
        reason = f"No TLS with {node.address}:{cluster.port}: certificate is not yet valid"
        assert f"{node.name} ({reason})" in result.describe()


def test_every_kind_of_silence_has_its_reason(tmp_path: Path) -> None:
    cluster = clusters.build(tmp_path / "cluster", nodes=5)
    names = [node.name for node in cluster.nodes] + ["node9.example.com"]
    with simulated_nodes(cluster, "memory") as nodes:
        nodes.disturb(2, Fault(FaultKind.REFUSE))
        nodes.disturb(3, Fault(FaultKind.FAIL))
        nodes.disturb(4, Fault(FaultKind.LONG_ERROR))
        votes = MasterNode(
            nodes.runner, Paths(cluster.master_root, names[0]), nodes.clock
        ).ask_votes(names[1:])
    refused, failed, long, voted, stranger = (votes[name] for name in names[1:])
    assert isinstance(refused, NoVote)
    assert refused.unreachable
    assert refused.reason.endswith("Connection refused")
    assert failed == NoVote("The node was told to fail", unreachable=False)
    assert isinstance(long, NoVote)
    assert long.reason == "x" * 300
    assert voted == names[0]
    assert stranger == NoVote("its address is not in ssconf_node_primary_ips", unreachable=False)
