"""The daemon as master of Debian's node daemons: delays, and the queue's copies on candidates."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from masterd.luxi.client import Client
from masterd.testing import cluster as clusters
from masterd.testing.cluster import ClusterNode, SimulatedCluster
from tests import system
from tests.interop import nodes
from tests.interop.debian import Commands
from tests.luxi_support import until

pytestmark = pytest.mark.skipif(nodes.hindrance() is not None, reason=nodes.hindrance() or "")


@dataclass(frozen=True, slots=True)
class World:
    """A daemon with real node daemons on all nodes."""

    cluster: SimulatedCluster
    daemon: system.Daemon
    client: Client

    def run(self, *ops: dict[str, object]) -> tuple[int, str]:
        """Run a job to its end; return its id and status."""
        job_id = self.client.call("SubmitJob", list(ops))
        assert isinstance(job_id, int)
        return job_id, system.wait_for_end(self.client, job_id)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=3, candidates=2)
        with (
            nodes.node_daemons(cluster, cluster.nodes),
            system.running(cluster) as daemon,
            daemon.client() as client,
        ):
            yield World(cluster, daemon, client)


def queue_files(cluster: SimulatedCluster, node: ClusterNode) -> Mapping[str, bytes]:
    """Return the files of a node's queue directory by their names in it.

    Locks and temporary files are no part of the queue.
    """
    queue = cluster.queue(node)
    wanted = [queue / "serial", queue / "drain", *queue.glob("job-*"), *queue.glob("archive/*/*")]
    found = {}
    for path in wanted:
        try:
            found[str(path.relative_to(queue))] = path.read_bytes()
        except FileNotFoundError:
            continue  # Moved in between, or not there at all.
    return found


def wait_for_copy(cluster: SimulatedCluster, node: ClusterNode) -> Mapping[str, bytes]:
    """Wait until a node's queue directory is the master's; return its files."""
    until(lambda: queue_files(cluster, node) == queue_files(cluster, cluster.master))
    return queue_files(cluster, node)


def test_a_delay_waits_on_master_and_nodes(world: World) -> None:
    names = ["node2.example.com", "node3.example.com"]
    started_s = time.monotonic()
    op = system.delay_op(0.3, on_master=True, on_nodes=names, no_locks=False)
    assert world.run(op)[1] == "success"
    assert time.monotonic() - started_s >= 0.3
    for node in world.cluster.nodes:
        log = world.cluster.root(node) / "var/log/ganeti/node-daemon.log"
        assert "/test_delay" in log.read_text()


def test_debians_delay_goes_through_debians_node_daemon(world: World) -> None:
    commands = Commands(world.cluster.environment())
    commands.ok("gnt-debug", "delay", "0.1")
    commands.ok("gnt-debug", "delay", "--no-master", "-n", "node3.example.com", "-r", "2", "0.05")


def test_each_candidate_holds_the_files_of_the_master(world: World) -> None:
    job_ids = [world.run(system.delay_op(), system.delay_op())[0] for _ in range(5)]
    files = wait_for_copy(world.cluster, world.cluster.nodes[1])
    assert {f"job-{job_id}" for job_id in job_ids} <= set(files)
    assert files["serial"] == f"{max(job_ids)}\n".encode()
    # Node 3 is no candidate; the serial is its daemon's own.
    assert queue_files(world.cluster, world.cluster.nodes[2]) == {"serial": b"0\n"}


def test_archived_jobs_are_moved_on_the_candidate(world: World) -> None:
    job_ids = [world.run(system.delay_op())[0] for _ in range(3)]
    wait_for_copy(world.cluster, world.cluster.nodes[1])
    Commands(world.cluster.environment()).ok("gnt-job", "archive", *map(str, job_ids))
    candidate = world.cluster.nodes[1]
    until(
        lambda: all((world.cluster.queue(candidate) / f"archive/0/job-{job_id}").exists()
                    for job_id in job_ids)
    )  # fmt: skip
    files = wait_for_copy(world.cluster, candidate)
    assert not {f"job-{job_id}" for job_id in job_ids} & set(files)


def test_the_drain_flag_reaches_the_candidate(world: World) -> None:
    flag = world.cluster.queue(world.cluster.nodes[1]) / "drain"
    commands = Commands(world.cluster.environment())
    commands.ok("gnt-cluster", "queue", "drain")
    try:
        until(flag.exists)
        assert commands.run("gnt-debug", "delay", "0.1").code == 1
    finally:
        commands.ok("gnt-cluster", "queue", "undrain")
    until(lambda: not flag.exists())
    commands.ok("gnt-debug", "delay", "0.01")


def test_the_pause_of_the_watcher_reaches_the_candidates(world: World) -> None:
    commands = Commands(world.cluster.environment())
    candidates = world.cluster.nodes[:2]
    files = [world.cluster.data(node) / "watcher.pause" for node in candidates]
    commands.ok("gnt-cluster", "watcher", "pause", "1h")
    assert all(path.exists() for path in files)
    commands.ok("gnt-cluster", "watcher", "continue")
    assert not any(path.exists() for path in files)


def test_a_candidate_that_was_down_catches_up() -> None:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=4, candidates=3)
        away = cluster.nodes[1]
        always = [node for node in cluster.nodes if node is not away]
        with nodes.node_daemons(cluster, always):
            with system.running(cluster) as daemon, daemon.client() as client:
                world = World(cluster, daemon, client)
                with nodes.node_daemon(cluster, away):
                    early, _ = world.run(system.delay_op())
                    kept, _ = world.run(system.delay_op())
                    wait_for_copy(cluster, away)
                missed = work_without(world, away, early)
                with nodes.node_daemon(cluster, away):
                    wait_for_copy(cluster, away)
            # The same across a restart of the master.
            with system.running(cluster) as daemon, daemon.client() as client:
                late = work_without(World(cluster, daemon, client), away, missed)
            with (
                nodes.node_daemon(cluster, away),
                system.running(cluster) as daemon,
            ):
                files = wait_for_copy(cluster, away)
            assert set(files) == {
                f"archive/0/job-{early}", f"archive/0/job-{missed}", f"job-{kept}", f"job-{late}",
                "serial",
            }  # fmt: skip


def work_without(world: World, away: ClusterNode, to_archive: int) -> int:
    """Run a job and archive another one while a candidate is down; return the first's id."""
    job_id, status = world.run(system.delay_op())
    assert status == "success"
    assert world.client.call("ArchiveJob", to_archive) is True
    wait_for_copy(world.cluster, world.cluster.nodes[2])
    assert f"job-{job_id}" not in queue_files(world.cluster, away)
    return job_id
