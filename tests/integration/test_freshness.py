"""A node that knows less than the others does not become the master unnoticed."""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import gevent
import pytest
from gevent.server import DatagramServer

from masterd.confd.client import MAGIC, ConfdClient, ConfdError
from masterd.testing.cluster import ClusterNode, SimulatedCluster
from tests import system
from tests.integration.test_another_master import refused, run_jobs, tags
from tests.luxi_support import until

SETTINGS: Final = "vote_pause_s = 0.1\nvote_tries = 1\n"
KEY: Final = b"of the cluster\n"
CONFD_PORT: Final = 1814


class Confd(DatagramServer):  # type: ignore[misc]
    """A configuration server that tells one serial number, and keeps what it was asked."""

    def __init__(self, address: str, serial: object, *, key: bytes, port: int) -> None:
        super().__init__(f"{address}:{port}")
        self._serial = serial
        self._key = key
        self.asked: list[tuple[int, str, int]] = []

    def handle(self, data: bytes, address: object) -> None:
        assert data.startswith(MAGIC)
        signed = json.loads(data[len(MAGIC) :])
        assert signed["hmac"] == _sign(KEY, signed["salt"], signed["msg"])
        request = json.loads(signed["msg"])
        self.asked.append((request["type"], request["query"], int(signed["salt"])))
        answer = {"protocol": 1, "status": 0, "answer": self._serial, "serial": 7}
        message, salt = json.dumps(answer), request["rsalt"]
        told = {"msg": message, "salt": salt, "hmac": _sign(self._key, salt, message)}
        self.socket.sendto(b"noise", address)
        self.socket.sendto(MAGIC + json.dumps(told).encode(), address)


def _sign(key: bytes, salt: str, message: str) -> str:
    return hmac.new(key, (salt + message).encode(), hashlib.sha1).hexdigest()


@contextmanager
def confd(address: str, serial: object, *, key: bytes = KEY, port: int = 0) -> Iterator[Confd]:
    server = Confd(address, serial, key=key, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def candidate(cluster: SimulatedCluster) -> ClusterNode:
    return next(node for node in cluster.nodes if node.candidate and node != cluster.master)


def epoch(cluster: SimulatedCluster, node: ClusterNode) -> int:
    return int((cluster.queue(node) / "epoch").read_text())


@pytest.fixture(scope="module")
def worked() -> Iterator[SimulatedCluster]:
    """A cluster whose master has worked, and has ended."""
    with system.simulated_cluster(nodes=2, settings=SETTINGS) as (cluster, _):
        with system.running(cluster) as daemon, daemon.client() as client:
            run_jobs(client, 2)
            daemon.wait_replicated()
        for node in cluster.nodes:
            shutil.copytree(cluster.data(node), saved(cluster, node))
        yield cluster


def saved(cluster: SimulatedCluster, node: ClusterNode) -> Path:
    """Return where the files of a node are kept as they were when the master ended."""
    return cluster.base / f"saved-{node.name}"


@pytest.fixture
def cluster(worked: SimulatedCluster) -> SimulatedCluster:
    """The cluster as it was when its master had ended."""
    for node in worked.nodes:
        shutil.rmtree(worked.data(node))
        shutil.copytree(saved(worked, node), worked.data(node))
    return worked


def test_each_start_begins_an_epoch_that_candidates_see(cluster: SimulatedCluster) -> None:
    assert epoch(cluster, cluster.master) == epoch(cluster, candidate(cluster)) == 1
    with system.running(cluster) as daemon:
        daemon.wait_replicated()
        assert epoch(cluster, cluster.master) == epoch(cluster, candidate(cluster)) == 2


def test_a_candidate_that_has_seen_a_higher_epoch_is_named(cluster: SimulatedCluster) -> None:
    (cluster.queue(candidate(cluster)) / "epoch").write_text("9\n")
    told = refused(cluster)
    assert f"{candidate(cluster).name}: epoch 9 (here 1)" in told
    assert "another master has started since" in told


def test_a_store_from_a_backup_does_not_give_job_ids_out_again(cluster: SimulatedCluster) -> None:
    here = cluster.data(cluster.master)
    with system.running(cluster) as daemon, daemon.client() as client:
        last = run_jobs(client, 3)[-1]
        daemon.wait_replicated()
    shutil.rmtree(here)
    shutil.copytree(saved(cluster, cluster.master), here)
    told = refused(cluster)
    assert f"{candidate(cluster).name}: last job {last} (here {last - 3}), epoch 2" in told
    assert f"--accept-stale-state: what is lost: jobs {last - 2} to {last}" in told
    with (
        system.running(cluster, arguments=["--accept-stale-state"]) as daemon,
        daemon.client() as client,
    ):
        assert run_jobs(client, 1) == [last + 1]
        daemon.wait_replicated()
        assert epoch(cluster, candidate(cluster)) == 3
    assert f"what is lost: jobs {last - 2} to {last}" in daemon.log()


def test_the_files_of_a_master_go_on_with_its_epoch(cluster: SimulatedCluster) -> None:
    shutil.rmtree(cluster.data(cluster.master) / "masterd-store")
    with system.running(cluster, arguments=["--adopt-files"]) as daemon:
        daemon.wait_replicated()
        assert epoch(cluster, cluster.master) == 2


def test_a_newer_configuration_refuses_the_start(cluster: SimulatedCluster) -> None:
    node = candidate(cluster)
    (cluster.data(cluster.master) / "hmac.key").write_bytes(KEY)
    path = cluster.data(node) / "config.data"
    path.write_text(path.read_text() + " ")
    serial_no = json.loads(path.read_bytes())["serial_no"]
    with confd(node.address, serial_no + 4, port=CONFD_PORT) as server:
        # On a thread, so that the configuration server here can answer.
        told = gevent.get_hub().threadpool.apply(refused, (cluster,))
        assert [asked[:2] for asked in server.asked] == [(10, "/serial_no")]
    assert f"serial number of the configuration {serial_no + 4} (here {serial_no})" in told
    assert f"changes {serial_no + 1} to {serial_no + 4} of the configuration" in told
    with (
        confd(node.address, serial_no + 4, port=CONFD_PORT),
        system.running(cluster, arguments=["--accept-stale-state"]) as daemon,
        daemon.client() as client,
    ):
        assert tags(client) == []
        # Written beside what clients are told.
        until(
            lambda: json.loads(daemon.paths.config_file.read_bytes())["serial_no"] > serial_no + 4
        )


def test_an_older_configuration_on_a_candidate_does_not(cluster: SimulatedCluster) -> None:
    node = candidate(cluster)
    (cluster.data(cluster.master) / "hmac.key").write_bytes(KEY)
    path = cluster.data(node) / "config.data"
    path.write_text(path.read_text() + " ")
    with confd(node.address, 1, port=CONFD_PORT) as server, system.running(cluster):
        assert len(server.asked) == 1


def test_who_cannot_tell_is_named_in_the_log_and_passed_over(cluster: SimulatedCluster) -> None:
    node = candidate(cluster)
    path = cluster.data(node) / "config.data"
    path.write_text(path.read_text() + " ")
    (cluster.queue(node) / "serial").write_text("many\n")
    with system.running(cluster) as daemon:
        log = daemon.log()
    assert f"{node.name} has another config.data, and whether it is newer is not told" in log
    assert f"{node.name}: the number in serial is far from 2, or none" in log


def test_nobody_is_asked_where_voting_was_forbidden(cluster: SimulatedCluster) -> None:
    (cluster.queue(candidate(cluster)) / "epoch").write_text("9\n")
    arguments = ["--no-voting", "--yes-do-it"]
    with system.running(cluster, arguments=arguments) as daemon:
        daemon.wait_replicated()
        assert epoch(cluster, cluster.master) == 2


def test_answers_under_another_key_are_not_believed() -> None:
    with confd("127.0.0.1", 4) as server:
        assert ConfdClient(KEY, server.server_port).at_path("127.0.0.1", "/serial_no", 7) == 4
        assert server.asked == [(10, "/serial_no", 7)]
    with (
        confd("127.0.0.1", 4, key=b"of another cluster") as server,
        pytest.raises(ConfdError, match="did not answer within"),
    ):
        ConfdClient(KEY, server.server_port).at_path("127.0.0.1", "/serial_no", 7)
