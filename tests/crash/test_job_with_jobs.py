"""An opcode's end and the jobs it hands its work to are one commit, whenever the daemon dies.

Jobs verify the cluster, which is the work of jobs that each of them submits, and the daemon dies at
every failpoint of the store. What is found there each time: a job that succeeded names jobs that
are there, and every job that another submitted is named by one that succeeded.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from masterd.errors import GanetiError
from masterd.job.status import OpStatus
from masterd.luxi.client import Client, ClientError
from masterd.testing.cluster import SimulatedCluster
from store.failpoints import VARIABLE
from store.store import Store
from tests import system
from tests.crash.kill_loop import FAILPOINTS
from tests.crash.test_config_with_job import ops_by_job

POINTS: Final = tuple(point for point in FAILPOINTS if point.startswith("store."))

#: Which hit of a failpoint ends the daemon: commits of a job, its end among them, are some ten. On
#: a slow machine fewer share a commit, and more of them come before the first end.
HITS: Final = (11, 14, 19, 27, 38, 54)
#: After so many lives those that go on longer are left out, once a job had handed its work on.
LIVES_MIN: Final = 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=1, settings="vote_pause_s = 0.1\n") as (made, _):
        yield made


def verify_until_the_end(client: Client) -> None:
    """Submit jobs, one after another, until the daemon dies."""
    while True:
        op = {"OP_ID": "OP_CLUSTER_VERIFY", "reason": []}
        job_id = client.call("SubmitJob", [op])
        assert isinstance(job_id, int)
        system.wait_for_end(client, job_id)


def named_and_there(path: Path) -> tuple[set[int], set[int], set[int]]:
    """Return ids of a dead daemon's store: all, those named by a parent, those that have one."""
    store = Store.open(path, read_only=True)
    try:
        ops = ops_by_job(store)
    finally:
        store.close()
    named: set[int] = set()
    children: set[int] = set()
    for job_id, op in ops.items():
        if op.op_id != "OP_CLUSTER_VERIFY":
            assert msgspec.json.decode(op.input)["comment"] == "Submitted by OP_CLUSTER_VERIFY"
            children.add(job_id)
        elif op.status is OpStatus.SUCCESS:
            result = msgspec.json.decode(op.result or b"null")
            named.update(told for accepted, told in result["jobs"] if accepted)
    return set(ops), named, children


@pytest.mark.parametrize("failpoint", POINTS)
def test_never_is_there_one_without_the_other(cluster: SimulatedCluster, failpoint: str) -> None:
    found: set[int] = set()
    for life, hit in enumerate(HITS):
        if found and life >= LIVES_MIN:
            break
        daemon = system.start(cluster, environment={VARIABLE: f"{failpoint}=kill:{hit}"})
        with pytest.raises((ClientError, GanetiError)), daemon.client() as client:
            verify_until_the_end(client)
        assert daemon.process.wait(system.END_S) == -signal.SIGKILL
        everything, named, children = named_and_there(daemon.paths.store_dir)
        assert named == children
        assert named <= everything
        found |= children
    assert found != set()
