"""A master whose cluster has another one steps down, and touches nothing of the other's."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest

from masterd.errors import EXIT_NOTMASTER, GanetiError
from masterd.luxi.client import Client
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from masterd.testing.node_calls import MASTER_IP_FILE
from store import schema
from store.store import Store
from tests import system
from tests.luxi_support import until

TAG_OP = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": None, "tags": ["too:late"],
          "reason": []}  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    cluster: SimulatedCluster
    control: NodeControl
    daemon: system.Daemon
    client: Client

    def fail_over(self) -> None:
        """Do what a failover to the second node does to the first: ssconf names the second."""
        for node in self.cluster.nodes:
            path = self.cluster.data(node) / "ssconf_master_node"
            path.with_suffix(".new").write_text(f"{self.cluster.nodes[1].name}\n")
            path.with_suffix(".new").rename(path)

    def others(self) -> dict[str, bytes]:
        """Return what the other nodes and this one's mirror hold: it is the new master's now."""
        folders = [self.cluster.data(node) for node in self.cluster.nodes[1:]]
        folders.append(self.daemon.paths.queue_dir)
        return {
            str(path): path.read_bytes()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file()
        }

    def wait_end(self) -> int:
        """Wait for the end of the daemon; return its exit code."""
        with gevent.Timeout(system.END_S):
            while self.daemon.process.poll() is None:
                gevent.sleep(0.01)
        return int(self.daemon.process.returncode)


@pytest.fixture
def world() -> Iterator[World]:
    with system.simulated_cluster(nodes=3) as (cluster, control):
        daemon = system.start(cluster)
        try:
            daemon.wait_serving()
            with daemon.client() as client:
                made = World(cluster, control, daemon, client)
                until(lambda: address(cluster).exists())
                until(lambda: told(cluster, control))
                yield made
        finally:
            if daemon.process.poll() is None:
                daemon.kill()


def told(cluster: SimulatedCluster, control: NodeControl) -> bool:
    """Return whether the nodes have what they are told after a start."""
    counts = control.counts()
    return all(counts[node.name].get("write_ssconf_files") for node in cluster.nodes) and all(
        counts[node.name].get("upload_file_single") for node in cluster.nodes[1:]
    )


def address(cluster: SimulatedCluster) -> Path:
    """Return the file that is there while the master's node has the cluster's address."""
    return cluster.master_root / "var/run/ganeti" / MASTER_IP_FILE


def test_a_failover_ends_the_master_which_gives_the_address_up(world: World) -> None:
    running = world.client.call("SubmitJob", [system.delay_op(3600.0, interruptible=True)])
    assert isinstance(running, int)
    world.daemon.wait_replicated()
    world.fail_over()
    before = world.others()

    assert world.wait_end() == EXIT_NOTMASTER

    paths = world.daemon.paths
    assert "Not the master any more: ssconf on this node names node2" in world.daemon.log()
    assert "Traceback" not in world.daemon.log()
    assert not paths.query_socket.exists()
    assert not paths.master_socket.exists()
    assert not paths.pid_file.exists()
    assert not address(world.cluster).exists()
    assert world.others() == before
    with Store.open(paths.store_dir, read_only=True).snapshot() as txn:
        assert schema.JOBS.has(txn, running)


def test_nothing_is_acknowledged_or_sent_after_a_pause_with_a_failover(world: World) -> None:
    world.daemon.wait_replicated()
    os.kill(world.daemon.pid, signal.SIGSTOP)
    with world.daemon.client() as other:
        asking = [
            gevent.spawn(_refused, world.client, "SubmitJob", [TAG_OP]),
            gevent.spawn(_refused, other, "SetDrainFlag", True),
        ]
        gevent.idle()
        world.fail_over()
        before = world.others()
        os.kill(world.daemon.pid, signal.SIGCONT)
        assert all(asked.get(timeout=system.END_S) for asked in asking)
    assert world.wait_end() == EXIT_NOTMASTER
    assert world.others() == before


def test_a_change_of_the_configuration_right_behind_a_failover_reaches_nobody(
    world: World,
) -> None:
    world.fail_over()
    before = world.others()
    assert _refused(world.client, "SubmitJob", [TAG_OP])
    assert world.wait_end() == EXIT_NOTMASTER
    assert world.others() == before


def _refused(client: Client, method: str, argument: object) -> bool:
    """Tell whether a call is refused, or its connection closed without an answer."""
    try:
        client.call(method, argument)
    except (GanetiError, OSError):
        return True
    return False
