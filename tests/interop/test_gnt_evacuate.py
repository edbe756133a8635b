"""Debian's commands that ask allocators: Ganeti's own `hail` finds places on simulated nodes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.interop import debian, mirrored
from tests.interop.debian import Commands
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [
    needs_luxid,
    debian.needs_ganeti,
    pytest.mark.skipif(
        not Path("/usr/lib/ganeti/iallocators/hail").exists(), reason="hail is not installed"
    ),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with mirrored.at_work() as both:
        yield both


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


def told(side: Commands, name: str, field: str) -> str:
    """Return a field of an instance, as a master tells it."""
    return side.ok("gnt-instance", "list", "--no-headers", "-o", field, name).output.strip()


def primary(side: Commands, name: str) -> str:
    """Return the primary node of an instance."""
    return told(side, name, "pnode")


def test_a_node_is_evacuated(pair: Masters) -> None:
    node = primary(pair.ours, "inst1")
    outcome = pair.ours.ok("gnt-node", "evacuate", "--force", "--primary-only", node)
    assert "All instances evacuated successfully" in outcome.output
    assert primary(pair.ours, "inst1") != node


def test_instances_of_a_node_are_migrated(pair: Masters) -> None:
    node = primary(pair.ours, "inst19")
    outcome = pair.ours.ok("gnt-node", "migrate", "--force", node)
    assert "All instances migrated successfully" in outcome.output
    assert primary(pair.ours, "inst19") != node


def test_a_group_is_evacuated(pair: Masters) -> None:
    outcome = pair.ours.ok("gnt-group", "evacuate", "default")
    assert "All instances evacuated successfully" in outcome.output
    for name in ("inst1", "inst19"):
        for field in ("pnode.group", "snodes.group"):
            assert told(pair.ours, name, field) == "group1"


def test_jobs_one_after_the_other_are_failovers_where_that_is_wanted(pair: Masters) -> None:
    pair.ours.ok("gnt-group", "evacuate", "--sequential", "--force-failover", "group1")
    listed = pair.ours.ok(
        "gnt-job", "list", "--no-headers", "--separator=;", "-o", "id,summary,ops"
    )
    *_, first, second = listed.lines
    for job in (first, second):
        assert "INSTANCE_FAILOVER(inst" in job
        assert "INSTANCE_MIGRATE" not in job
    assert "'depends': None" in first
    assert f"'depends': [[{first.partition(';')[0]}, ['error', 'success']]]" in second
    for name in ("inst1", "inst19"):
        assert told(pair.ours, name, "pnode.group") == "default"


def test_both_refuse_to_evacuate_primary_and_secondary_instances_at_once(pair: Masters) -> None:
    for side in (pair.theirs, pair.ours):
        outcome = side.run("gnt-node", "evacuate", "--force", primary(side, "inst19"))
        assert outcome.code == 1
        assert "error type: wrong_input" in outcome.errors
