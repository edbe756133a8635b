"""Both forms of the transport carry calls and fail in the same way, node by node."""

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from masterd.constants import PROTOCOL_VERSION
from masterd.errors import OpExecError
from masterd.rpc.encoding import FileDetails, compress
from masterd.rpc.errors import ConnectionLostError
from masterd.rpc.files import read_details
from masterd.rpc.result import OFFLINE, RpcResult
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.faults import Fault, FaultKind
from tests.rpc_support import TRANSPORTS, Nodes, simulated_nodes, small_cluster

#: Seconds after which a node that hangs is given up in these tests.
SHORT_S = 0.2

#: Seconds after which something that ought to happen never will.
PATIENCE_S = 10


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return small_cluster(tmp_path_factory.mktemp("rpc") / "cluster")


@pytest.fixture(params=TRANSPORTS)
def nodes(cluster: SimulatedCluster, request: pytest.FixtureRequest) -> Iterator[Nodes]:
    with simulated_nodes(cluster, request.param) as running:
        yield running


def outcome(results: dict[str, RpcResult]) -> list[bool]:
    return [result.ok for result in results.values()]


def node_file(nodes: Nodes, number: int, name: str) -> Path:
    return nodes.cluster.data(nodes.cluster.nodes[number - 1]) / name


def queue_name(nodes: Nodes, name: str) -> str:
    cluster = nodes.cluster
    return cluster.paths().virtual(cluster.queue(cluster.master) / name)


# --- all is well ------------------------------------------------------------------------------


def test_a_call_brings_one_result_per_node_in_their_order(nodes: Nodes) -> None:
    targets = nodes.cluster.targets()
    results = nodes.runner.call("version", targets, [])
    assert list(results) == [target.uuid for target in targets]
    assert [result.payload for result in results.values()] == [PROTOCOL_VERSION] * 4


def test_an_offline_node_is_not_asked_unless_the_call_says_so(nodes: Nodes) -> None:
    results = nodes.runner.call("set_watcher_pause", nodes.cluster.targets(), [None])
    assert outcome(results) == [True, True, True, False]
    offline = results[nodes.cluster.nodes[3].uuid]
    assert (offline.offline, offline.unsent, offline.error) == (True, True, OFFLINE)
    assert nodes.count(4, "set_watcher_pause") == 0
    votes = nodes.runner.call("master_node_name", nodes.cluster.targets(), [])
    assert [vote.payload for vote in votes.values()] == ["node1.example.com"] * 4


@pytest.mark.parametrize("length", [3, 511, 512, 200_000])
def test_a_queue_file_arrives_whole(nodes: Nodes, length: int) -> None:
    content = "é" + "x" * (length - 2)
    results = nodes.runner.call(
        "jobqueue_update", nodes.cluster.others(), [queue_name(nodes, "job-1"), compress(content)]
    )
    assert outcome(results) == [True, True, False]
    for number in (2, 3):
        assert node_file(nodes, number, "queue/job-1").read_text() == content
        assert node_file(nodes, number, "queue/job-1").stat().st_mode & 0o777 == 0o640
    assert not node_file(nodes, 1, "queue/job-1").exists()


def test_a_body_that_is_not_ascii_is_hung_up_on(nodes: Nodes) -> None:
    node = nodes.cluster.nodes[1]
    with pytest.raises(ConnectionLostError):
        port = nodes.cluster.port
        nodes.transport.request(
            node.address, port, "/version", b'["\xc3\xa9"]', 5, answer_bytes_max=1000
        )


def test_an_archived_job_moves_on_every_node(nodes: Nodes) -> None:
    old, new = queue_name(nodes, "job-12345"), queue_name(nodes, "archive/1/job-12345")
    targets = nodes.cluster.targets()[1:3]
    nodes.runner.call("jobqueue_update", targets, [old, compress("{}")])
    results = nodes.runner.call("jobqueue_rename", targets, [[[old, new]]])
    assert [result.payload for result in results.values()] == [[None], [None]]
    assert node_file(nodes, 2, "queue/archive/1/job-12345").read_text() == "{}"
    again = nodes.runner.call_one("jobqueue_rename", targets[0], [[[old, new]]])
    assert "[Errno 2]" in (again.error or "")


def test_a_node_refuses_a_queue_file_outside_the_queue(nodes: Nodes) -> None:
    for name in ("../config.data", "../../../../../outside"):
        result = nodes.runner.call_one(
            "jobqueue_update",
            nodes.cluster.targets()[1],
            [queue_name_raw(nodes, name), compress("x")],
        )
        assert not result.ok
        assert "does not belong to the queue directory" in (result.error or "")


def queue_name_raw(nodes: Nodes, name: str) -> str:
    return queue_name(nodes, "job-1").removesuffix("job-1") + name


def test_flags_ssconf_and_uploads_appear_in_the_nodes_own_files(nodes: Nodes) -> None:
    target = nodes.cluster.targets()[1]
    call = nodes.runner.call_one
    assert call("jobqueue_set_drain_flag", target, [True]).ok
    assert node_file(nodes, 2, "queue/drain").exists()
    assert call("jobqueue_set_drain_flag", target, [False]).ok
    assert not node_file(nodes, 2, "queue/drain").exists()
    assert call("set_watcher_pause", target, [1234.5]).ok
    assert node_file(nodes, 2, "watcher.pause").read_text() == "1234\n"
    assert call("write_ssconf_files", target, [{"cluster_tags": ["a", "b"]}]).ok
    assert node_file(nodes, 2, "ssconf_cluster_tags").read_text() == "a\nb\n"
    name = nodes.cluster.paths().virtual(nodes.cluster.data(nodes.cluster.master) / "config.data")
    details = FileDetails(name, b'{"new": true}', 0o640, "gnt-masterd", "gnt-confd")
    assert call("upload_file", target, [details.arguments()]).ok
    assert node_file(nodes, 2, "config.data").read_text() == '{"new": true}'
    assert call("upload_file_single", target, details.arguments()).ok
    refused = call(
        "upload_file_single", target, ["/etc/hosts", compress("x"), None, "root", "root", 0, 0]
    )
    assert "not in allowed upload targets" in (refused.error or "")


def test_a_local_file_is_made_anew_on_a_node(nodes: Nodes) -> None:
    own = nodes.cluster.data(nodes.cluster.master) / "hmac.key"
    details = read_details(own, nodes.cluster.paths())
    target = nodes.cluster.targets()[2]
    node_file(nodes, 3, "hmac.key").unlink(missing_ok=True)
    assert nodes.runner.call_one("upload_file", target, [details.arguments()]).error is None
    assert node_file(nodes, 3, "hmac.key").read_bytes() == own.read_bytes()
    assert node_file(nodes, 3, "hmac.key").stat().st_mode & 0o777 == 0o400
    with pytest.raises(OpExecError, match="for upload"):
        read_details(own.with_name("missing"), nodes.cluster.paths())


def test_the_master_ip_goes_up_on_one_node(nodes: Nodes) -> None:
    parameters = {"ip": nodes.cluster.master_ip, "netmask": 32, "netdev": "lo", "ip_family": 2}
    target = nodes.cluster.targets()[0]
    assert nodes.runner.call_one("node_activate_master_ip", target, [parameters, False]).ok
    kept = nodes.cluster.master_root / "var/run/ganeti/simulated-master-ip"
    assert kept.read_text() == nodes.cluster.master_ip + "\n"


def test_a_delay_lasts_and_a_negative_one_fails(nodes: Nodes) -> None:
    assert nodes.runner.call_one("test_delay", nodes.cluster.targets()[1], [0.001]).ok
    failed = nodes.runner.call_one("test_delay", nodes.cluster.targets()[1], [-1])
    assert failed.error == "Invalid sleep duration"


# --- one node misbehaves, the others answer ---------------------------------------------------

FAILURES = {
    FaultKind.REFUSE: (True, "Connection refused"),
    FaultKind.GARBAGE: (False, "The answer is not HTTP"),
    FaultKind.NO_PAIR: (False, "invalid result type"),
    FaultKind.STATUS_500: (False, "HTTP status 500"),
    FaultKind.FAIL: (False, "The node was told to fail"),
    FaultKind.DROP: (False, "closed the connection without an answer"),
    FaultKind.LOSE_ANSWER: (False, "closed the connection without an answer"),
    FaultKind.CUT_ANSWER: (False, "closed the connection in the middle of its answer"),
    FaultKind.CONTINUE_FOR_EVER: (False, "around the answer"),
    FaultKind.LONG_ANSWER: (False, "The answer exceeds 1048576 bytes"),
    FaultKind.LONG_ERROR: (False, "more characters]"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_node_that_misbehaves_fails_alone(nodes: Nodes, kind: FaultKind) -> None:
    unsent, text = FAILURES[kind]
    nodes.disturb(2, Fault(kind))
    targets = nodes.cluster.targets()[:3]
    results = nodes.runner.call("version", targets, [])
    assert outcome(results) == [True, False, True]
    failed = results[targets[1].uuid]
    assert text in (failed.error or "")
    assert failed.unsent == unsent
    assert not failed.offline
    nodes.disturb(2)
    assert outcome(nodes.runner.call("version", targets, [])) == [True] * 3


def test_a_node_that_hangs_costs_its_own_deadline_only(nodes: Nodes) -> None:
    nodes.disturb(3, Fault(FaultKind.HANG))
    targets = nodes.cluster.targets()[:3]
    results = nodes.runner.call("version", targets, [], timeout_s=SHORT_S)
    assert outcome(results) == [True, True, False]
    failed = results[targets[2].uuid]
    assert failed.error == f"No answer within {SHORT_S} seconds"
    assert not failed.unsent


def test_a_slow_node_is_waited_for(nodes: Nodes) -> None:
    nodes.disturb(3, Fault(FaultKind.DELAY, delay_s=0.02))
    assert outcome(nodes.runner.call("version", nodes.cluster.targets()[:3], [])) == [True] * 3


def test_a_fault_that_happens_once_is_over_afterwards(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.FAIL, calls=("version",), times=1))
    target = nodes.cluster.targets()[1]
    assert nodes.runner.call_one("master_node_name", target, []).ok
    assert not nodes.runner.call_one("version", target, []).ok
    assert nodes.runner.call_one("version", target, []).ok


def test_an_answer_that_is_lost_leaves_the_call_carried_out(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.LOSE_ANSWER))
    name = queue_name(nodes, "job-77")
    result = nodes.runner.call_one(
        "jobqueue_update", nodes.cluster.targets()[1], [name, compress("{}")]
    )
    assert not result.ok
    assert not result.unsent
    assert node_file(nodes, 2, "queue/job-77").read_text() == "{}"


def test_an_answer_that_is_withheld_leaves_the_call_carried_out(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.WITHHOLD))
    target = nodes.cluster.targets()[1]
    arguments = [queue_name(nodes, "job-78"), compress("{}")]
    result = nodes.runner.call_one("jobqueue_update", target, arguments, timeout_s=SHORT_S)
    assert result.error == f"No answer within {SHORT_S} seconds"
    assert node_file(nodes, 2, "queue/job-78").read_text() == "{}"


def test_a_caller_that_is_killed_gives_its_requests_up(nodes: Nodes) -> None:
    targets = nodes.cluster.targets()[:3]
    caller = gevent.spawn(nodes.runner.call, "test_delay", targets, [60])
    with gevent.Timeout(PATIENCE_S):
        while any(nodes.count(number, "test_delay") == 0 for number in (1, 2, 3)):
            gevent.idle()
    caller.kill()
    gevent.idle()
    assert nodes.runner.busy() == {}


def test_a_closed_transport_refuses(nodes: Nodes) -> None:
    nodes.transport.close()
    result = nodes.runner.call_one("version", nodes.cluster.targets()[0], [])
    assert result.error == "The transport is closed"
    assert result.unsent
