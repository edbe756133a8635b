"""A change of the configuration and its job's record are one commit, whenever the daemon dies.

Jobs tag the cluster, each with a tag of its own, and the daemon dies at every failpoint there is.
What is found in the store each time: a job that says that it changed the configuration has its tag
there, at that serial number or before, and one that does not has none; and whatever a client was
told is so.
"""

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from masterd.clock import SystemClock
from masterd.errors import GanetiError
from masterd.job import documents
from masterd.job.model import Op
from masterd.job.status import OpStatus
from masterd.luxi.client import Client, ClientError
from masterd.testing.cluster import SimulatedCluster
from masterd.wconf.repository import ConfigRepository
from store import schema
from store.check import check
from store.failpoints import VARIABLE
from store.store import Store
from tests import system
from tests.crash.kill_loop import FAILPOINTS

#: Which hit of a failpoint ends the daemon, so that it dies early and late in a job. The last one
#: comes once in a batch of files only.
HITS = (9, 16, 23)
RARE = {"exporter.before-acknowledge": (1, 2, 3), "exporter.before-sync": (3, 5, 7)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimulatedCluster]:
    with system.simulated_cluster(nodes=1, settings="vote_pause_s = 0.1\n") as (made, _):
        yield made


def tag_until_the_end(client: Client, told: dict[int, str], life: str) -> None:
    """Submit jobs and wait for them until the daemon dies; write down what was told."""
    number = 0
    while True:
        number += 1
        op = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": "", "reason": [],
              "tags": [f"{life}-{number}"]}  # fmt: skip
        job_id = client.call("SubmitJob", [op])
        assert isinstance(job_id, int)
        told[job_id] = "submitted"
        told[job_id] = system.wait_for_end(client, job_id)


def ops_by_job(store: Store) -> Mapping[int, Op]:
    """Return the opcode of each job in the store."""
    with store.snapshot() as txn:
        rows = dict(schema.JOBS.scan(txn))
    found = {}
    for job_id, row in rows.items():
        assert isinstance(row, dict)
        (found[job_id],) = documents.from_document(job_id, row).ops
    return found


def examine(path: Path, told: Mapping[int, str]) -> Mapping[int, Op]:
    """Compare jobs and configuration in the store of a dead daemon; return the jobs' opcodes."""
    store = Store.open(path, read_only=True)
    try:
        with store.snapshot() as txn:
            assert [str(problem) for problem in check(txn)] == []
        config = ConfigRepository(store, SystemClock()).load()
        ops = ops_by_job(store)
    finally:
        store.close()
    for job_id, op in ops.items():
        (tag,) = msgspec.json.decode(op.input)["tags"]
        recorded, there = op.config_serial is not None, tag in config.cluster.tags
        assert recorded == there, f"job {job_id}, tag {tag}: record {recorded}, tag {there}"
        assert op.config_serial is None or op.config_serial <= config.serial_no
        if op.status is OpStatus.SUCCESS:
            assert recorded
    serials = [op.config_serial for op in ops.values() if op.config_serial is not None]
    assert len(set(serials)) == len(serials), "two jobs made one change"
    for job_id, status in told.items():
        assert job_id in ops
        assert status == "submitted" or ops[job_id].status == status
    return ops


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_never_is_there_one_without_the_other(cluster: SimulatedCluster, failpoint: str) -> None:
    begun = 0
    for hit in RARE.get(failpoint, HITS):
        told: dict[int, str] = {}
        daemon = system.start(cluster, environment={VARIABLE: f"{failpoint}=kill:{hit}"})
        with pytest.raises((ClientError, GanetiError)), daemon.client() as client:
            tag_until_the_end(client, told, f"{failpoint}-{hit}")
        assert daemon.process.wait(system.END_S) == -signal.SIGKILL
        ops = examine(daemon.paths.store_dir, told)
        begun += len(told)
    assert begun > 0
    with system.running(cluster) as daemon, daemon.client() as client:
        client.call("QueryClusterInfo")
    recovered = examine(daemon.paths.store_dir, {})
    for job_id, op in ops.items():
        if op.status is OpStatus.RUNNING:
            assert recovered[job_id].status is OpStatus.ERROR
            said = b"had changed the configuration" in (recovered[job_id].result or b"")
            assert said == (op.config_serial is not None)
