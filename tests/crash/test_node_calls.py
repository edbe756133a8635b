"""A job that a crash ended names every call that had reached a node, whenever the daemon dies.

Jobs add groups, around which nodes run scripts, and the daemon dies at every failpoint of the
store. What the nodes were asked, the job that had not ended had noted before; what it had noted as
answered, they were asked; and after the next start its error tells both.
"""

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from masterd.errors import GanetiError
from masterd.job import call_rows
from masterd.job.node_calls import NodeCalls, story
from masterd.luxi.client import Client, ClientError
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.control import NodeControl
from store.check import check
from store.failpoints import VARIABLE
from store.schema import NODE_CALLS
from store.store import Store
from tests import system
from tests.crash.test_job_with_jobs import POINTS

#: Which hit of a failpoint ends the daemon: one after another, so that each step of a job is met.
HITS: Final = range(11, 23)
#: After so many lives no more are lived, once a job was found that had asked.
LIVES_MIN: Final = 2


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[SimulatedCluster, NodeControl]]:
    with system.simulated_cluster(nodes=2, settings="vote_pause_s = 0.1\n") as world:
        yield world


def add_until_the_end(client: Client, life: str, added: dict[str, int]) -> None:
    """Add groups, one after another, until the daemon dies; write down whose job is whose."""
    while True:
        name = f"g{life}{len(added)}"
        op = {"OP_ID": "OP_GROUP_ADD", "group_name": name, "reason": []}
        job_id = client.call("SubmitJob", [op])
        assert isinstance(job_id, int)
        added[name] = job_id
        system.wait_for_end(client, job_id)


def notes(path: Path) -> Mapping[int, Sequence[NodeCalls]]:
    """Return what jobs in the store of a dead daemon had noted."""
    store = Store.open(path, read_only=True)
    try:
        with store.snapshot() as txn:
            assert check(txn) == []
            return {job_id: call_rows.read(txn, job_id) for job_id, _ in NODE_CALLS.keys(txn)}
    finally:
        store.close()


def asked_of_nodes(control: NodeControl) -> Counter[str]:
    """Return how often scripts were asked for, by the group they were told of."""
    told: list[Any] = [each.arguments for each in control.recorded() if each.call == "hooks_runner"]
    return Counter(str(environment["GANETI_GROUP_NAME"]) for _, _, environment in told)


@pytest.mark.parametrize("failpoint", POINTS)
def test_no_call_that_reached_a_node_is_untold(
    nodes: tuple[SimulatedCluster, NodeControl], failpoint: str
) -> None:
    cluster, control = nodes
    found = 0
    for life, hit in enumerate(HITS):
        if found and life >= LIVES_MIN:
            break
        control.record(left_out=())
        daemon = system.start(cluster, environment={VARIABLE: f"{failpoint}=kill:{hit}"})
        added: dict[str, int] = {}
        prefix = f"{POINTS.index(failpoint)}-{life}-"
        with pytest.raises((ClientError, GanetiError)), daemon.client() as client:
            add_until_the_end(client, prefix, added)
        assert daemon.process.wait(system.END_S) == -signal.SIGKILL
        reached = asked_of_nodes(control)
        noted = notes(daemon.paths.store_dir)
        found += len(noted)
        with system.running(cluster) as again, again.client() as client:
            for name, job_id in added.items():
                mine = noted.get(job_id, ())
                examine(client, job_id, mine, reached[name])
        assert notes(daemon.paths.store_dir) == {}
    assert found != 0


def examine(client: Client, job_id: int, mine: Sequence[NodeCalls], reached: int) -> None:
    """Compare what a job had noted, what nodes were asked for it, and what is told of it now."""
    rows: Any = client.call("QueryJobs", [job_id], ["status", "opresult"])
    ((status, (result,)),) = rows
    if not mine:
        assert status in ("success", "queued", "waiting", "running", "error")
        assert status == "success" or "calls to nodes" not in str(result)
        return
    answered = sum(1 for each in mine if each.done is not None)
    assert answered <= reached <= len(mine)
    assert status == "error"
    assert f"calls to nodes {story(mine)}" in str(result)
    assert msgspec.json.encode(result).startswith(b'["OpExecError",["Unclean master daemon')
