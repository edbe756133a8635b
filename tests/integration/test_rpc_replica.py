"""Queue files reach other nodes through their node daemons."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.replica import Replica, ReplicaError
from masterd.limits import RPC_REPLICA_BODIES_MAX
from masterd.rpc.replica import NodeReplica, ReplicaBodies
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.faults import Fault, FaultKind
from tests.rpc_support import Nodes, simulated_nodes, small_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return small_cluster(tmp_path_factory.mktemp("replica") / "cluster")


@pytest.fixture(params=["memory", "tls"])
def nodes(cluster: SimulatedCluster, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    with simulated_nodes(cluster, request.param) as running:
        yield running


def replica(nodes: Nodes, number: int) -> Replica:
    target = nodes.cluster.targets()[number - 1]
    return NodeReplica(nodes.runner, target, ReplicaBodies(nodes.cluster.paths()))


def copy(nodes: Nodes, number: int, name: str) -> Path:
    return nodes.cluster.queue(nodes.cluster.nodes[number - 1]) / name


def own(nodes: Nodes, name: str) -> Path:
    return copy(nodes, 1, name)


def test_a_file_is_written_renamed_and_flagged_on_the_other_node(nodes: Nodes) -> None:
    other = replica(nodes, 2)
    assert other.name == "node2.example.com"
    other.update(own(nodes, "job-3"), b'{"id": 3}')
    assert copy(nodes, 2, "job-3").read_bytes() == b'{"id": 3}'
    other.rename([(own(nodes, "job-3"), own(nodes, "archive/0/job-3"))])
    assert copy(nodes, 2, "archive/0/job-3").read_bytes() == b'{"id": 3}'
    other.set_drain(True)
    assert copy(nodes, 2, "drain").exists()
    other.set_drain(False)
    assert not copy(nodes, 2, "drain").exists()


def test_a_node_tells_the_digests_of_the_files_it_has(nodes: Nodes) -> None:
    other = replica(nodes, 2)
    other.update(own(nodes, "job-3"), b'{"id": 3}')
    there, absent = own(nodes, "job-3"), own(nodes, "archive/7/job-70000")
    assert other.digests([there, absent]) == {there: hashlib.sha1(b'{"id": 3}').hexdigest()}
    nodes.disturb(2, Fault(FaultKind.NO_PAIR, calls=("node_verify",)))
    with pytest.raises(ReplicaError):
        other.digests([there])


def test_a_node_that_does_not_answer_is_an_error_that_names_it(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.REFUSE))
    other = replica(nodes, 2)
    attempts: list[Callable[[], None]] = [
        lambda: other.update(own(nodes, "job-3"), b"{}"),
        lambda: other.rename([(own(nodes, "job-3"), own(nodes, "archive/0/job-3"))]),
        lambda: other.set_drain(True),
    ]
    for attempt in attempts:
        with pytest.raises(
            ReplicaError, match=r"node2\.example\.com: jobqueue_.*refused"
        ) as caught:
            attempt()
        assert not caught.value.missing


def test_a_node_that_never_answers_is_an_error_within_its_deadline(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.HANG))
    target = nodes.cluster.targets()[1]
    hanging = NodeReplica(nodes.runner, target, ReplicaBodies(nodes.cluster.paths()), answer_s=0.05)
    attempts: list[Callable[[], None]] = [
        lambda: hanging.update(own(nodes, "job-3"), b"{}"),
        lambda: hanging.rename([(own(nodes, "job-3"), own(nodes, "archive/0/job-3"))]),
        lambda: hanging.set_drain(True),
    ]
    for attempt in attempts:
        with pytest.raises(ReplicaError, match="No answer within"):
            attempt()


def test_renaming_what_is_not_there_is_told_apart(nodes: Nodes) -> None:
    with pytest.raises(ReplicaError) as caught:
        replica(nodes, 2).rename([(own(nodes, "job-404"), own(nodes, "archive/0/job-404"))])
    assert caught.value.missing


def test_an_offline_node_is_an_error(nodes: Nodes) -> None:
    with pytest.raises(ReplicaError, match="Node is marked offline"):
        replica(nodes, 4).update(own(nodes, "job-3"), b"{}")


def test_replicas_share_the_body_of_the_same_content() -> None:
    bodies = ReplicaBodies(VirtualPaths(None))
    path = Path("/queue/job-1")
    first = bodies.update(path, b"one")
    assert bodies.update(path, b"one") is first
    assert bodies.update(path, b"two") == b'["/queue/job-1",[0,"two"]]'
    for number in range(RPC_REPLICA_BODIES_MAX):
        bodies.update(Path(f"/queue/job-{number + 2}"), b"other")
    again = bodies.update(path, b"two")
    assert again == b'["/queue/job-1",[0,"two"]]'
