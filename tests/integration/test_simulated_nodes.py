"""The program that serves simulated nodes, and the clusters made for it."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import gevent
import msgspec
import pytest

from masterd.clock import SystemClock
from masterd.config.document import split
from masterd.rpc.runner import RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.ssconf import SimpleConfig
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.faults import Fault, FaultKind

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return clusters.build(tmp_path_factory.mktemp("nodes"), nodes=3)


@pytest.fixture(scope="module")
def control(cluster: SimulatedCluster) -> Iterator[NodeControl]:
    with clusters.node_processes(cluster) as running:
        yield running


@pytest.fixture
def runner(cluster: SimulatedCluster, control: NodeControl) -> Iterator[RpcRunner]:
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    yield RpcRunner(transport, port=cluster.port)
    transport.close()
    control.clear()


def test_a_process_of_nodes_can_be_disturbed_and_counts_calls(
    cluster: SimulatedCluster, control: NodeControl, runner: RpcRunner
) -> None:
    before = control.counts()["node2.example.com"].get("version", 0)
    assert runner.call_one("version", cluster.targets()[1], []).ok
    assert control.counts()["node2.example.com"]["version"] == before + 1
    assert control.cpu_s() > 0
    control.set("node2.example.com", Fault(FaultKind.REFUSE))
    refused = runner.call("version", cluster.targets(), [])
    assert [result.ok for result in refused.values()] == [True, False, True]
    control.set("node2.example.com")
    assert runner.call_one("version", cluster.targets()[1], []).ok


def test_a_call_is_held_as_long_as_somebody_waits_for_its_answer(
    cluster: SimulatedCluster, control: NodeControl, runner: RpcRunner
) -> None:
    control.set("node2.example.com", Fault(FaultKind.WITHHOLD))
    caller = gevent.spawn(runner.call_one, "version", cluster.targets()[1], [])
    with gevent.Timeout(PATIENCE_S):
        while not control.held():
            gevent.sleep(0.01)
        assert control.held() == {"node2.example.com": ["version"]}
        caller.kill()
        while control.held():
            gevent.sleep(0.01)


def test_orders_that_make_no_sense_are_answered_and_change_nothing(control: NodeControl) -> None:
    with pytest.raises(ValueError, match=r"node9\.example\.com"):
        control.set("node9.example.com", Fault(FaultKind.FAIL))
    with pytest.raises(ValueError, match="refuses all calls"):
        control.set("node2.example.com", Fault(FaultKind.REFUSE, times=1))
    assert set(control.counts()) == {f"node{number}.example.com" for number in (1, 2, 3)}


def test_the_process_ends_with_its_input_and_removes_its_socket(tmp_path: Path) -> None:
    cluster = clusters.build(tmp_path, nodes=1)
    process = subprocess.Popen(
        [*cluster.node_command(keep_alive=False, sync=True), "--end-with-input"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert cluster.control_socket.exists()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    assert not cluster.control_socket.exists()


def test_a_cluster_can_be_found_again(cluster: SimulatedCluster) -> None:
    assert clusters.load(cluster.base) == cluster
    with pytest.raises(FileNotFoundError):
        clusters.load(cluster.base / "elsewhere")


def test_the_masters_root_ends_with_its_host_name(cluster: SimulatedCluster) -> None:
    assert cluster.environment() == {
        "GANETI_ROOTDIR": str(cluster.base / "node1.example.com"),
        "GANETI_HOSTNAME": "node1.example.com",
    }
    assert cluster.master_root.is_dir()


def test_the_configuration_is_one_the_daemon_reads(cluster: SimulatedCluster) -> None:
    snapshot = split(
        msgspec.json.decode((cluster.data(cluster.master) / "config.data").read_bytes())
    )
    assert snapshot.cluster.cluster_name == "cluster.example.com"
    assert {node.uuid for node in cluster.nodes} == set(snapshot.nodes)


def test_ssconf_names_master_and_nodes(cluster: SimulatedCluster) -> None:
    simple = SimpleConfig(cluster.data(cluster.nodes[1]))
    assert simple.master_node() == "node1.example.com"
    assert simple.node_list() == [node.name for node in cluster.nodes]
    assert simple.pairs("node_primary_ips") == {node.name: node.address for node in cluster.nodes}


def test_only_candidates_hold_the_configuration(tmp_path: Path) -> None:
    cluster = clusters.build(tmp_path, nodes=3, candidates=2, offline=(3,), network="127.99.0")
    held = [(cluster.data(node) / "config.data").exists() for node in cluster.nodes]
    assert held == [True, True, False]
    simple = SimpleConfig(cluster.data(cluster.master))
    assert simple.lines("offline_nodes") == ["node3.example.com"]
    assert len(simple.lines("master_candidates_certs")) == 2


def test_impossible_clusters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 200 nodes"):
        clusters.build(tmp_path, nodes=0)
    with pytest.raises(ValueError, match="master cannot be offline"):
        clusters.build(tmp_path, offline=(1,))
    assert list(tmp_path.iterdir()) == []


def test_a_free_network_follows_from_chance() -> None:
    found = clusters.free_network(random.Random(7), 1811)
    assert found == clusters.free_network(random.Random(7), 1811)
    assert found.startswith("127.")
