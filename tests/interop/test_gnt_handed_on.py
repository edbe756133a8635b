"""Debian's commands whose work is handed on to jobs print the same as with the reference.

A rule rejects the jobs, which are other opcodes' affair; the commands tell what became of them.
The simulated nodes are the same for both.
"""

import re
from collections.abc import Iterator

import pytest

from tests.interop import debian, live, masters
from tests.interop.live import Roots
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters
from tests.interop.mirrored import mirrored
from tests.same_calls.case import rejecting

pytestmark = [needs_luxid, debian.needs_ganeti]

#: What the jobs consist of.
HANDED_ON = (
    *("OP_CLUSTER_VERIFY_CONFIG", "OP_CLUSTER_VERIFY_GROUP", "OP_GROUP_VERIFY_DISKS"),
    *("OP_INSTANCE_FAILOVER", "OP_INSTANCE_MIGRATE", "OP_INSTANCE_REPLACE_DISKS"),
)

#: What ours says of the same in other words.
_WORDS = (("Instances that leave node ([a-z0-9.]+):", r"Evacuating instances from node '\1':"),)


@pytest.fixture(scope="module")
def roots() -> Iterator[Roots]:
    made = mirrored()
    rejecting(*HANDED_ON)(made)
    with live.at_work(made) as roots:
        yield roots


@pytest.fixture
def pair(roots: Roots) -> Masters:
    return Masters(masters.commands(roots.theirs), masters.commands(roots.ours))


def primary(roots: Roots, name: str) -> str:
    """Return the name of an instance's primary node."""
    instance = roots.config.instances.named(name)
    assert instance is not None
    return roots.config.nodes[str(instance.primary_node)].name


def in_one_order(text: str) -> str:
    """Return a text without ids of jobs, and with its lines in order: jobs end as they do."""
    for ours, theirs in _WORDS:
        text = re.sub(ours, theirs, text)
    return "\n".join(sorted(re.sub(r"\b[Jj]ob:? ?[0-9]+\b", "job N", text).splitlines()))


def alike(pair: Masters, *command: str) -> int:
    """Run a command on both, which must do the same; return its exit code."""
    return pair.alike(*command, reworded=in_one_order).code


def test_the_jobs_that_verify_a_cluster(pair: Masters) -> None:
    assert alike(pair, "gnt-cluster", "verify") == 1
    assert alike(pair, "gnt-cluster", "verify", "--node-group", "group1", "--error-codes") == 1
    assert alike(pair, "gnt-cluster", "verify", "--node-group", "nothing") == 1


def test_the_jobs_that_verify_disks(pair: Masters) -> None:
    assert alike(pair, "gnt-cluster", "verify-disks") == 0
    assert alike(pair, "gnt-cluster", "verify-disks", "--node-group", "group1") == 0


def test_the_jobs_that_empty_a_node(pair: Masters, roots: Roots) -> None:
    node = primary(roots, "inst1.example.com")
    assert alike(pair, "gnt-node", "evacuate", "--force", "--primary-only", node) == 1
    assert alike(pair, "gnt-node", "evacuate", "--force", "--secondary-only", node) == 0
    assert alike(pair, "gnt-node", "evacuate", "--force", "--primary-only", "nobody") == 0


def test_the_jobs_that_migrate_what_runs_on_a_node(pair: Masters, roots: Roots) -> None:
    assert alike(pair, "gnt-node", "migrate", "--force", primary(roots, "inst19.example.com")) == 1
    assert alike(pair, "gnt-node", "migrate", "--force", "nobody") == 1
