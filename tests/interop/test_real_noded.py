"""Debian's node daemon answers our transport.

Each test module starts its own `ganeti-noded` on a loopback address, in a virtual cluster, so that
nothing on this machine is touched. It wants to be root and to find Ganeti's users.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import gevent
import pytest

from masterd.clock import SystemClock
from masterd.constants import PROTOCOL_VERSION
from masterd.rpc.encoding import FileDetails, compress
from masterd.rpc.errors import ConnectionLostError, TransportError
from masterd.rpc.replica import NodeReplica, ReplicaBodies
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.testing import cluster as clusters
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.node_calls import SimulatedNode
from tests.interop import nodes

#: Ganeti's own allocator.
HAIL: Final = Path("/usr/lib/ganeti/iallocators/hail")

pytestmark = pytest.mark.skipif(nodes.hindrance() is not None, reason=nodes.hindrance() or "")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return clusters.build(tmp_path_factory.mktemp("noded"), nodes=2)


@pytest.fixture(scope="module")
def noded(cluster: SimulatedCluster) -> Iterator[NodeTarget]:
    with nodes.node_daemon(cluster, cluster.nodes[1]):
        yield cluster.targets()[1]


@pytest.fixture
def transport(cluster: SimulatedCluster) -> Iterator[TlsTransport]:
    made = TlsTransport(cluster.server_pem, cluster.client_pem, SystemClock())
    yield made
    made.close()


@pytest.fixture
def runner(cluster: SimulatedCluster, transport: TlsTransport) -> RpcRunner:
    return RpcRunner(transport, port=cluster.port)


def queue_file(cluster: SimulatedCluster, name: str) -> str:
    return cluster.paths().virtual(cluster.queue(cluster.master) / name)


def test_it_tells_its_protocol_version(runner: RpcRunner, noded: NodeTarget) -> None:
    assert runner.call_one("version", noded, []).payload == PROTOCOL_VERSION


def test_it_votes_for_the_master(runner: RpcRunner, noded: NodeTarget) -> None:
    assert runner.call_one("master_node_name", noded, []).payload == "node1.example.com"


def test_it_delays_and_refuses_a_negative_delay(runner: RpcRunner, noded: NodeTarget) -> None:
    assert runner.call_one("test_delay", noded, [0.01]).ok
    assert runner.call_one("test_delay", noded, [-1]).error == "Invalid sleep duration"


@pytest.mark.parametrize("length", [10, 511, 512, 100_000])
def test_it_writes_queue_files_of_any_length(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget, length: int
) -> None:
    content = "é" * (length // 2)
    result = runner.call_one(
        "jobqueue_update", noded, [queue_file(cluster, "job-1"), compress(content)]
    )
    assert result.error is None
    path = cluster.queue(cluster.nodes[1]) / "job-1"
    assert path.read_text() == content
    assert path.owner() == "gnt-masterd"
    assert path.stat().st_mode & 0o777 == 0o640


def test_it_archives_a_job_and_makes_the_directory(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget
) -> None:
    replica = NodeReplica(runner, noded, ReplicaBodies(cluster.paths()))
    queue = cluster.queue(cluster.master)
    replica.update(queue / "job-12345", b'{"id": 12345}\n')
    replica.rename([(queue / "job-12345", queue / "archive/1/job-12345")])
    there = cluster.queue(cluster.nodes[1])
    assert (there / "archive/1/job-12345").read_bytes() == b'{"id": 12345}\n'
    assert not (there / "job-12345").exists()
    replica.set_drain(True)
    assert (there / "drain").exists()
    replica.set_drain(False)
    assert not (there / "drain").exists()


def test_it_tells_the_digests_of_the_files_it_has(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget
) -> None:
    replica = NodeReplica(runner, noded, ReplicaBodies(cluster.paths()))
    queue = cluster.queue(cluster.master)
    replica.update(queue / "job-21", b'{"id": 21}\n')
    asked = [queue / "job-21", queue / "job-22", queue / "archive/9/job-90000"]
    assert replica.digests(asked) == {asked[0]: hashlib.sha1(b'{"id": 21}\n').hexdigest()}


def test_a_purge_leaves_what_a_simulated_node_leaves(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget, tmp_path: Path
) -> None:
    simulated = SimulatedNode("node2.example.com", tmp_path / "node2.example.com")
    roots = (cluster.root(cluster.nodes[1]), simulated.root)
    for root in roots:
        queue = root / "var/lib/ganeti/queue"
        for name in ("job-31", ".hidden", "lock", "archive/job-32", "archive/0/job-33", "strays/x"):
            (queue / name).parent.mkdir(parents=True, exist_ok=True)
            (queue / name).write_bytes(b"x")
        (queue / "job-34").unlink(missing_ok=True)
        (queue / "job-34").symlink_to("job-31")
    assert runner.call_one("jobqueue_purge", noded, []).error is None
    assert simulated.answer("jobqueue_purge", b"[]") == b"[true,null]"
    left = [
        {path.name for path in (root / "var/lib/ganeti/queue").rglob("*") if not path.is_dir()}
        for root in roots
    ]
    assert left[1] == {".hidden", "lock", "job-33", "x", "job-34"}
    assert left[1] <= left[0], "nothing more than the real one leaves"
    assert not left[0] & {"job-31", "job-32"}


def test_a_rename_of_a_missing_file_is_told_as_the_replica_expects(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget
) -> None:
    pair = [queue_file(cluster, "job-404"), queue_file(cluster, "archive/0/job-404")]
    result = runner.call_one("jobqueue_rename", noded, [[pair]])
    assert "[Errno 2]" in (result.error or "")


def test_it_refuses_files_outside_the_queue(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget
) -> None:
    name = queue_file(cluster, "../config.data")
    result = runner.call_one("jobqueue_update", noded, [name, compress("x")])
    assert "does not belong to the queue directory" in (result.error or "")


def test_it_takes_ssconf_files_and_uploads(
    cluster: SimulatedCluster, runner: RpcRunner, noded: NodeTarget
) -> None:
    data = cluster.data(cluster.nodes[1])
    assert runner.call_one("write_ssconf_files", noded, [{"cluster_tags": ["a", "b"]}]).ok
    assert (data / "ssconf_cluster_tags").read_text() == "a\nb\n"
    name = cluster.paths().virtual(cluster.data(cluster.master) / "config.data")
    details = FileDetails(name, b"x" * 600, 0o640, "gnt-masterd", "gnt-confd", 10.5, 20.5)
    assert runner.call_one("upload_file", noded, [details.arguments()]).error is None
    assert (data / "config.data").read_bytes() == b"x" * 600
    assert (data / "config.data").stat().st_mtime == 20.5
    assert runner.call_one("set_watcher_pause", noded, [1234]).ok
    assert (data / "watcher.pause").read_text() == "1234\n"
    assert runner.call_one("set_watcher_pause", noded, [None]).ok


@pytest.mark.skipif(not HAIL.exists(), reason="hail is not installed")
@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("hail", "", {"version": None}),
        ("hail", "is: é", {"ignore-soft-errors": None}),
        ("hail", "{}", {"verbose": None, "group": "one"}),
        ("nobody", "{}", {}),
        ("../hail", "{}", {}),
    ],
)
def test_it_runs_an_allocator_as_a_simulated_node_does(
    runner: RpcRunner,
    noded: NodeTarget,
    tmp_path: Path,
    name: str,
    text: str,
    options: dict[str, str | None],
) -> None:
    arguments = [name, text, options]
    real = runner.call_one("iallocator_runner", noded, arguments)
    answer = SimulatedNode("node9.example.com", tmp_path).answer(
        "iallocator_runner", json.dumps(arguments).encode()
    )
    assert answer is not None
    ok, payload = json.loads(answer)
    assert (ok, payload) == (real.ok, real.payload if real.ok else real.error)
    assert ok == (options == {"version": None})


def test_it_closes_each_connection_and_does_not_take_sessions_up(
    runner: RpcRunner, transport: TlsTransport, noded: NodeTarget
) -> None:
    for _ in range(4):
        assert runner.call_one("version", noded, []).ok
    stats = transport.stats
    assert (stats.connections, stats.reused, stats.resumed, stats.failures) == (4, 0, 0, 0)


def test_it_turns_away_a_certificate_that_is_not_in_the_list(
    cluster: SimulatedCluster, noded: NodeTarget
) -> None:
    impostor = TlsTransport(cluster.server_pem, cluster.server_pem, SystemClock())
    with pytest.raises(TransportError):
        impostor.request(noded.address, cluster.port, "/version", b"[]", 5, answer_bytes_max=1000)


def test_an_unknown_call_ends_the_connection(
    cluster: SimulatedCluster, transport: TlsTransport, noded: NodeTarget
) -> None:
    with pytest.raises(ConnectionLostError):
        transport.request(noded.address, cluster.port, "/nope", b"[]", 5, answer_bytes_max=1000)


def test_many_calls_at_once_are_all_answered(runner: RpcRunner, noded: NodeTarget) -> None:
    callers = [gevent.spawn(runner.call_one, "version", noded, []) for _ in range(40)]
    gevent.joinall(callers, raise_error=True)
    assert [caller.value.payload for caller in callers] == [PROTOCOL_VERSION] * 40
