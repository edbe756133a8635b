"""Debian's commands that verify a cluster, on both masters."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import pytest

from masterd.config import document
from tests.broken_configs import sound
from tests.interop import debian, masters
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

#: Groups of the configuration.
GROUPS: Final = 2

_VERIFY: Final = ("gnt-cluster", "verify", "--error-codes", "--node-group=group1")

#: A line of what is wrong: severity, code, kind of object, name.
_FOUND: Final = re.compile(r"  - (ERROR|WARNING):([A-Z0-9]+):([a-z]+):([^:]+):")


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


def found(lines: Iterable[str]) -> Counter[tuple[str, ...]]:
    """Return severity, code, kind and name of each problem that a command printed.

    Of nodes that do not run their hooks the reference tells by their uuids, and which node is
    the first that does not tell of its keys is left to chance.
    """
    told = (match.groups() for line in lines if (match := _FOUND.search(line)))
    nameless = ("ENODEHOOKS", "ENODESSH")
    return Counter((*each[:3], "") if each[1] in nameless else each for each in told)


def test_the_same_is_found_to_be_wrong_where_no_node_answers(pair: Masters) -> None:
    ours = pair.ours.run("gnt-cluster", "verify", "--error-codes")
    theirs = pair.theirs.run("gnt-cluster", "verify", "--error-codes")
    assert ours.code == theirs.code == 1
    assert found(ours.lines) == found(theirs.lines)
    assert {code for _, code, _, _ in found(ours.lines)} >= {"ENODERPC", "ENODESSH"}
    for outcome in (ours, theirs):
        assert sum("* Verifying group" in line for line in outcome.lines) == GROUPS


def test_what_is_ignored_is_only_warned_about(pair: Masters) -> None:
    codes = {code for _, code, _, _ in found(pair.ours.run(*_VERIFY).lines)}
    outcome = pair.ours.run(*_VERIFY, *(f"--ignore-errors={code}" for code in codes))
    assert {severity for severity, *_ in found(outcome.lines)} == {"WARNING"}
