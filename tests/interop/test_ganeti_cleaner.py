"""Debian's `ganeti-cleaner` removes old files of the archive, and they stay away."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.layout import Layout
from exporter.rebuild import Comparison, compare
from masterd.luxi.client import Client
from masterd.paths import Paths
from masterd.testing.cluster import SimulatedCluster
from store.store import Store
from tests import system
from tests.interop import debian
from tests.interop.debian import Commands

pytestmark = debian.needs_ganeti

#: Debian's cleaner keeps archived jobs for 21 days.
OLD_S = 22 * 86400


@pytest.fixture
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=2) as (made, _):
        yield made


def archived_jobs(client: Client, count: int) -> list[int]:
    """Run and archive jobs; return their ids."""
    job_ids = [client.call("SubmitJob", [system.delay_op()]) for _ in range(count)]
    for job_id in job_ids:
        assert isinstance(job_id, int)
        assert system.wait_for_end(client, job_id) == "success"
        assert client.call("ArchiveJob", job_id) is True
    return [job_id for job_id in job_ids if isinstance(job_id, int)]


def compared(cluster: SimulatedCluster, layout: Layout) -> Comparison:
    """Compare mirror and store; no daemon is running."""
    store = Store.open(Paths.from_environment(cluster.environment()).store_dir, read_only=True)
    try:
        return compare(store, layout)
    finally:
        store.close()


def make_old(path: Path) -> None:
    then_s = path.stat().st_mtime - OLD_S
    os.utime(path, (then_s, then_s))


def test_removed_files_stay_away_and_are_no_fault(cluster: SimulatedCluster) -> None:
    layout = Layout(cluster.queue(cluster.master))
    with system.running(cluster) as daemon, daemon.client() as client:
        old = archived_jobs(client, 3)
        young = archived_jobs(client, 2)
    for job_id in old:
        make_old(layout.archived_job(job_id))

    with system.running(cluster) as daemon, daemon.client() as client:
        Commands(cluster.environment()).ok("ganeti-cleaner", "master")
        assert not any(layout.archived_job(job_id).exists() for job_id in old)
        assert all(layout.archived_job(job_id).exists() for job_id in young)
        more = archived_jobs(client, 2)
        # The store still knows them.
        assert client.call("QueryJobs", old, ["status"]) == [["success"]] * 3

    with system.running(cluster) as daemon, daemon.client() as client:
        more += archived_jobs(client, 1)
    assert not any(layout.archived_job(job_id).exists() for job_id in old)
    assert all(layout.archived_job(job_id).exists() for job_id in young + more)
    found = compared(cluster, layout)
    assert found.differences == []
    assert (found.archived, found.removed, found.pending) == (8, 3, 0)


def test_an_old_job_that_is_archived_late_is_old_for_the_cleaner_too(
    cluster: SimulatedCluster,
) -> None:
    layout = Layout(cluster.queue(cluster.master))
    with system.running(cluster) as daemon, daemon.client() as client:
        job_id = client.call("SubmitJob", [system.delay_op()])
        assert isinstance(job_id, int)
        assert system.wait_for_end(client, job_id) == "success"
        answer: Any = client.call("QueryJobs", [job_id], ["end_ts"])
    with system.running(cluster) as daemon, daemon.client() as client:
        assert client.call("ArchiveJob", job_id) is True
    # The cleaner counts from the last change of the file; archiving is none.
    (((ended_s, _),),) = answer
    assert abs(layout.archived_job(job_id).stat().st_mtime - ended_s) < 2


def test_the_cleaner_of_nodes_leaves_the_queue_alone(cluster: SimulatedCluster) -> None:
    layout = Layout(cluster.queue(cluster.master))
    with system.running(cluster) as daemon, daemon.client() as client:
        (job_id,) = archived_jobs(client, 1)
    make_old(layout.archived_job(job_id))
    Commands(cluster.environment()).ok("ganeti-cleaner", "node")
    assert layout.archived_job(job_id).exists()
