"""Debian's commands print the same, byte by byte, whether luxid answers them or our daemon.

Both have the same generated configuration, and nodes that do not answer.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from masterd.config import document
from tests.interop import debian, masters
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters
from tests.sample_config import sample

pytestmark = [needs_luxid, debian.needs_ganeti]

#: Commands that are not compared, and why. Outputs of all others are equal, without exception.
JUSTIFIED: Final = {
    "gnt-instance info, gnt-network info, gnt-os list, gnt-cluster search-tags, gnt-debug locks": (
        "they need more than luxid; tests/interop/test_gnt_jobs_told.py has them"
    ),
    "gnt-node volumes": "its opcode is not carried out yet",
    "gnt-node list-storage": "nodes that do not answer are told of in our own words",
    "gnt-job list": "tests/interop/test_gnt_job.py has it, on queues with jobs in them",
}

KINDS: Final = ("node", "instance", "group", "network", "filter", "backup")

#: Seed, nodes, groups, instances.
CONFIGURATIONS: Final = [(2, 6, 2, 60), (5, 3, 1, 3)]


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=lambda each: f"{each[3]}-instances")
def pair(request: pytest.FixtureRequest) -> Iterator[Masters]:
    seed, nodes, groups, instances = request.param
    config = document.split(sample(seed, nodes=nodes, groups=groups, instances=instances))
    with masters.both(config, masters.reference) as both:
        yield both


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_list_is_the_same(pair: Masters, kind: str) -> None:
    assert pair.both(f"gnt-{kind}", "list").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_all_fields_is_the_same(pair: Masters, kind: str) -> None:
    fields = pair.fields(kind)
    outcome = pair.both(f"gnt-{kind}", "list", "-o", ",".join(fields))
    assert (outcome.code, outcome.errors) == (0, "")
    assert len(outcome.lines[0].split()) >= len(fields)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_for_programs_is_the_same(pair: Masters, kind: str) -> None:
    fields = pair.fields(kind)
    outcome = pair.both(
        f"gnt-{kind}", "list", "--no-headers", "--separator=\t", "-o", ",".join(fields)
    )
    assert outcome.code == 0
    assert {line.count("\t") for line in outcome.lines} == {len(fields) - 1}


@pytest.mark.parametrize("units", ["h", "m", "g", "t"])
def test_sizes_are_the_same_in_all_units(pair: Masters, units: str) -> None:
    fields = "name,be/maxmem,be/minmem,disk.sizes,disk_usage,oper_ram,sda_size"
    assert pair.both("gnt-instance", "list", "--units", units, "-o", fields).code == 0
    assert pair.both("gnt-node", "list", "--units", units, "-o", "name,mtotal,dfree").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("gnt-cluster", "info"),
        ("gnt-cluster", "info", "--roman"),
        ("gnt-cluster", "getmaster"),
        ("gnt-cluster", "version"),
        ("gnt-cluster", "show-ispecs-cmd"),
        ("gnt-cluster", "queue", "info"),
        ("gnt-cluster", "watcher", "info"),
        ("gnt-cluster", "list-tags"),
        ("gnt-node", "list-tags", "node2.example.com"),
        ("gnt-instance", "list-tags", "inst1.example.com"),
        ("gnt-group", "list-tags", "default"),
        ("gnt-network", "list-tags", "net1"),
        ("gnt-node", "info"),
        ("gnt-node", "info", "node2.example.com"),
        ("gnt-group", "info"),
        ("gnt-group", "show-ispecs-cmd", "default"),
        ("gnt-filter", "info"),
        ("gnt-job", "list-fields"),
    ],
    ids=" ".join,
)
def test_what_is_told_of_one_thing_is_the_same(pair: Masters, command: tuple[str, ...]) -> None:
    assert pair.both(*command).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("node", "list", "-F", "drained or offline"),
        ("node", "list", "-F", 'role == "M" and pinst_cnt >= 0'),
        ("node", "list", "-F", '"production" in tags'),
        ("node", "list", "-v"),
        ("node", "list", "node2.example.com", "master"),
        ("node", "list", "-o", "+uuid"),
        ("instance", "list", "-F", "be/maxmem > 1024 and name =~ m/1/"),
        ("instance", "list", "-F", 'not (hypervisor == "kvm")'),
        ("instance", "list", "inst1.example.com"),
        ("instance", "list", "inst1*"),
        ("instance", "list", "-F", 'name =* "inst1*"'),
        ("instance", "list", "-v"),
        ("group", "list", "-F", "node_cnt > 0"),
    ],
    ids=" ".join,
)
def test_a_selection_is_the_same(pair: Masters, arguments: tuple[str, ...]) -> None:
    kind, *others = arguments
    assert pair.both(f"gnt-{kind}", *others).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("node", "list", "nobody"),
        ("node", "list", "-F", "name =="),
        ("node", "list", "-F", "nosuchfield == 1"),
        ("node", "list", "-F", 'pinst_cnt == "many"'),
        ("instance", "list", "nobody.example.com"),
        ("group", "list", "nosuchgroup"),
        ("group", "list-tags", "nosuchgroup"),
        ("instance", "list-tags", "nobody.example.com"),
        ("network", "list", "nosuchnetwork"),
        ("backup", "list", "-n", "nobody"),
    ],
    ids=" ".join,
)
def test_a_refusal_is_the_same(pair: Masters, arguments: tuple[str, ...]) -> None:
    kind, *others = arguments
    assert pair.both(f"gnt-{kind}", *others).code != 0


def test_unknown_fields_are_the_same(pair: Masters) -> None:
    outcome = pair.both("gnt-node", "list", "-o", "name,nosuchfield")
    assert "Queried for unknown fields nosuchfield" in outcome.errors
