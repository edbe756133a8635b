"""Debian's commands that ask allocators: Ganeti's own `hail` finds places on simulated nodes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.broken_configs import sound
from tests.interop import debian, live, masters
from tests.interop.debian import Outcome
from tests.interop.live import Roots
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters
from tests.sample_config import Document

pytestmark = [
    needs_luxid,
    debian.needs_ganeti,
    pytest.mark.skipif(
        not Path("/usr/lib/ganeti/iallocators/hail").exists(), reason="hail is not installed"
    ),
]

#: What the jobs of an evacuation consist of, whose units are still to come.
_REFUSED: Final = re.compile(
    r"Opcode (OP_INSTANCE_(?:MIGRATE|REPLACE_DISKS|FAILOVER)) is not supported yet by this master"
)


def configuration() -> Document:
    """Return a cluster of two groups whose nodes can all have instances, and are all there."""
    made = sound()
    made["filters"] = {}
    made["cluster"]["default_iallocator"] = "hail"
    # The first one is measured, whatever is to be moved.
    made["cluster"]["enabled_disk_templates"] = ["drbd", "plain", "file"]
    made["cluster"]["ipolicy"]["disk-templates"] = ["drbd", "plain", "file"]
    for group in made["nodegroups"].values():
        group["alloc_policy"] = "preferred"
        group["ipolicy"] = {}
    for number, node in enumerate(made["nodes"].values()):
        # Both nodes of each instance are in the first group.
        group = list(made["nodegroups"])[number in (2, 5)]
        node |= {"offline": False, "drained": False, "vm_capable": True, "group": group}
    # What is only planned, or on storage that only one node has, cannot be moved.
    kept = {
        uuid: each
        for uuid, each in made["instances"].items()
        if {made["disks"][disk]["dev_type"] for disk in each["disks"]} == {"drbd"}
    }
    made["instances"] = kept
    used = {disk for each in kept.values() for disk in each["disks"]}
    made["disks"] = {uuid: disk for uuid, disk in made["disks"].items() if uuid in used}
    for instance in kept.values():
        instance |= {"admin_state": "up", "nics": []}
    return made


@pytest.fixture(scope="module")
def roots() -> Iterator[Roots]:
    with live.at_work(configuration()) as made:
        yield made


@pytest.fixture
def pair(roots: Roots) -> Masters:
    return Masters(masters.commands(roots.theirs), masters.commands(roots.ours))


NEW: Final = ("--disks", "1024", "--os-type", "noop", "--nics", "aa:00:00:00:00:01")


@pytest.mark.parametrize(
    "options",
    [
        ("-m", "allocate", "-t", "drbd", *NEW, "new"),
        ("-m", "allocate", "-t", "file", *NEW, "new"),
        ("-m", "allocate", "-t", "drbd", "--memory", "1t", *NEW, "new"),
        ("-m", "multi-allocate", "--count", "3", "-t", "plain", *NEW, "new"),
        ("-m", "node-evacuate", "--evac-mode", "primary-only", "inst1", "inst19"),
        ("-m", "node-evacuate", "--evac-mode", "secondary-only", "inst1"),
        ("-m", "relocate", "inst1.example.com"),
    ],
    ids=lambda options: " ".join(options[:4]),
)
def test_hail_says_the_same_to_both(pair: Masters, options: tuple[str, ...]) -> None:
    outcome = pair.both("gnt-debug", "allocator", "--dir", "out", "-I", "hail", *options)
    assert outcome.code == 0, outcome
    assert "success" in json.loads(outcome.output)


def test_the_input_of_an_allocator_is_shown(pair: Masters) -> None:
    options = ("-m", "allocate", "-t", "drbd", *NEW, "new")
    shown = json.loads(pair.ours.ok("gnt-debug", "allocator", "--dir", "in", *options).output)
    assert shown["request"]["type"] == "allocate"
    assert shown["request"]["required_nodes"] == 2
    assert {"inst1.example.com", "inst19.example.com"} <= shown["instances"].keys()


def refused(outcome: Outcome) -> set[str]:
    """Return the opcodes that a command says are not carried out yet; it must fail then."""
    assert outcome.code != 0, outcome
    return set(_REFUSED.findall(outcome.errors))


def test_a_node_is_evacuated_as_far_as_its_jobs_go(pair: Masters, roots: Roots) -> None:
    instance = roots.config.instances.named("inst1.example.com")
    assert instance is not None
    primary = roots.config.nodes[str(instance.primary_node)].name
    outcome = pair.ours.run("gnt-node", "evacuate", "--force", "--primary-only", primary)
    assert refused(outcome) == {"OP_INSTANCE_MIGRATE"}


def test_instances_of_a_node_are_migrated_as_far_as_their_jobs_go(
    pair: Masters, roots: Roots
) -> None:
    instance = roots.config.instances.named("inst19.example.com")
    assert instance is not None
    primary = roots.config.nodes[str(instance.primary_node)].name
    outcome = pair.ours.run("gnt-node", "migrate", "--force", primary)
    assert refused(outcome) == {"OP_INSTANCE_MIGRATE"}


def test_a_group_is_evacuated_as_far_as_its_jobs_go(pair: Masters) -> None:
    outcome = pair.ours.run("gnt-group", "evacuate", "default")
    assert refused(outcome) >= {"OP_INSTANCE_REPLACE_DISKS"}


def test_jobs_one_after_the_other_are_failovers_where_that_is_wanted(pair: Masters) -> None:
    options = ("--sequential", "--force-failover", "default")
    assert refused(pair.ours.run("gnt-group", "evacuate", *options))
    listed = pair.ours.ok(
        "gnt-job", "list", "--no-headers", "--separator=;", "-o", "id,summary,ops"
    )
    *_, first, second = listed.lines
    for job in (first, second):
        assert "INSTANCE_FAILOVER(inst" in job
        assert "INSTANCE_MIGRATE" not in job
    assert "'depends': None" in first
    assert f"'depends': [[{first.partition(';')[0]}, ['error', 'success']]]" in second


def test_both_refuse_to_evacuate_primary_and_secondary_instances_at_once(pair: Masters) -> None:
    for side in (pair.theirs, pair.ours):
        outcome = side.run("gnt-node", "evacuate", "--force", "node2.example.com")
        assert outcome.code == 1
        assert "error type: wrong_input" in outcome.errors
