"""Debian's commands that verify a cluster, whose work is handed on to jobs."""

from collections.abc import Iterator

import pytest

from masterd.config import document
from tests.broken_configs import sound
from tests.interop import debian, masters
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

#: Groups of the configuration.
GROUPS = 2


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    made = sound()
    # External storage only, which cannot be verified: so no command needs a node.
    for uuid, instance in [*made["instances"].items()]:
        kinds = {made["disks"][disk]["dev_type"] for disk in instance["disks"]}
        if kinds != {"ext"}:
            del made["instances"][uuid]
    kept = {disk for each in made["instances"].values() for disk in each["disks"]}
    made["disks"] = {uuid: disk for uuid, disk in made["disks"].items() if uuid in kept}
    made["filters"] = {}
    with masters.both(document.split(made), masters.working_reference) as both:
        yield both


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--node-group", "group1"), 0), (("--node-group", "no"), 1)]
)
def test_disks_are_verified_alike_where_none_can_be(
    pair: Masters, options: tuple[str, ...], code: int
) -> None:
    assert pair.both("gnt-cluster", "verify-disks", *options).code == code


def test_a_group_that_is_not_verified_is_told_and_the_command_fails(pair: Masters) -> None:
    outcome = pair.ours.run("gnt-cluster", "verify")
    assert outcome.code == 1
    text = "Opcode OP_CLUSTER_VERIFY_GROUP is not supported yet by this master daemon"
    assert outcome.errors.count(text) == GROUPS
    assert f"{GROUPS} job(s) failed while verifying the cluster." in outcome.lines
