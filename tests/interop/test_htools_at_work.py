"""Ganeti's own tools that act by themselves: hbal moves instances, and harep mends them.

Both masters make them plan the same; ours then carries it out on simulated nodes.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.interop import debian, mirrored
from tests.interop.debian import Commands
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

HBAL: Final = ("hbal", "-L", "-G", "default")
HAREP: Final = ("harep", "-L", "--job-delay=0")

#: A move as hbal prints it: the instance, its nodes, and its nodes afterwards.
MOVE: Final = re.compile(r"^ +\d+\. (\S+) +(\S+):(\S+) => (\S+):(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def pair() -> Iterator[Masters]:
    with mirrored.at_work() as both:
        yield both


def nodes_of(side: Commands, name: str) -> list[str]:
    """Return the short names of an instance's nodes, its primary first."""
    told = side.ok("gnt-instance", "list", "--no-headers", "--separator=;", "-o", "pnode,snodes",
                   name)  # fmt: skip
    return [node.partition(".")[0] for node in told.output.strip().split(";")]


def tags_of(side: Commands, name: str) -> list[str]:
    """Return what harep has noted about an instance."""
    told = side.ok("gnt-instance", "list-tags", name).lines
    return [line for line in told if line.startswith("ganeti:watcher:autorepair:")]


def test_hbal_moves_what_it_says(pair: Masters) -> None:
    said = MOVE.findall(pair.both(*HBAL).output)
    assert said
    outcome = pair.ours.run(*HBAL, "-X")
    assert outcome.code == 0, outcome
    assert MOVE.findall(outcome.output) == said
    for name, _, _, primary, secondary in said:
        assert nodes_of(pair.ours, name) == [primary, secondary]
    assert MOVE.findall(pair.ours.run(*HBAL).output) == []


def test_harep_has_an_instance_started_elsewhere_and_mirrored_anew(pair: Masters) -> None:
    before = nodes_of(pair.ours, "inst1")
    pair.ours.ok("gnt-instance", "add-tags", "inst1", "ganeti:watcher:autorepair:failover")
    pair.ours.ok("gnt-node", "modify", "--offline=yes", "--auto-promote", before[0])
    said = pair.ours.run(*HAREP, "--dry-run")
    assert "Executing ArFailover repair on inst1.example.com" in said.output, said
    assert "OP_INSTANCE_FAILOVER" in said.output
    assert nodes_of(pair.ours, "inst1") == before
    assert pair.ours.run(*HAREP).code == 0
    finish(pair.ours, "failover")
    assert nodes_of(pair.ours, "inst1") == before[::-1]
    # It finds out how that went the next time, and then that the disks have one side only.
    again = pair.ours.run(*HAREP)
    assert re.search("autorepair:result:failover:.*:success:", again.output), again
    assert "Executing ArFixStorage repair on inst1.example.com" in again.output
    finish(pair.ours, "fix-storage")
    primary, secondary = nodes_of(pair.ours, "inst1")
    assert primary == before[1]
    assert secondary not in before
    assert "Healthy: 2" in pair.ours.run(*HAREP).output


def finish(side: Commands, repair: str) -> None:
    """Wait for the job that harep has submitted, which it names in a tag."""
    (pending,) = [tag for tag in tags_of(side, "inst1") if f":pending:{repair}:" in tag]
    assert side.run("gnt-job", "wait", pending.rpartition(":")[2]).code == 0
