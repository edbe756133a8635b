"""Debian's commands that ask with a job print the same, byte by byte, as with the reference.

The reference is all of it: luxid, wconfd, and the processes that carry out its jobs.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from tests.broken_configs import sound
from tests.interop import debian, masters
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

#: The reference tells each job of an inconsistent configuration; ours is told by the verification.
SAMPLE: Final = sound()
#: The reference fails on a planned instance without a node or a name.
INSTANCES: Final = sorted(
    each["name"] for each in SAMPLE["instances"].values() if "forthcoming" not in each
)


@pytest.fixture(scope="module")
def config() -> ConfigSnapshot:
    return document.split(SAMPLE)


@pytest.fixture(scope="module")
def pair(config: ConfigSnapshot) -> Iterator[Masters]:
    with masters.both(config, masters.working_reference) as both:
        yield both


@pytest.mark.parametrize("name", INSTANCES)
def test_what_is_configured_of_an_instance(pair: Masters, name: str) -> None:
    outcome = pair.both("gnt-instance", "info", "--static", name)
    assert outcome.code == 0
    assert f"- Instance name: {name}" in outcome.output


@pytest.mark.parametrize(
    "command",
    # In this order: what some of them change is what others show.
    [
        ("gnt-network", "info"),
        ("gnt-network", "info", "net1"),
        ("gnt-cluster", "search-tags", "."),
        ("gnt-cluster", "search-tags", "prod"),
        ("gnt-cluster", "search-tags", "nothing-like-this"),
        ("gnt-cluster", "search-tags", "("),
        ("gnt-debug", "locks"),
        ("gnt-debug", "locks", "-o", "name,mode,owner,pending"),
        ("gnt-instance", "info", "--static", "nobody"),
        ("gnt-instance", "list-tags", "inst3.example.com"),
        ("gnt-os", "list"),
        ("gnt-os", "diagnose"),
        ("gnt-storage", "diagnose"),
        ("gnt-cluster", "add-tags", "new:tag", "other"),
        ("gnt-cluster", "list-tags"),
        ("gnt-cluster", "remove-tags", "nothing"),
        ("gnt-cluster", "remove-tags", "other"),
        ("gnt-node", "add-tags", "node2.example.com", "a b"),
        ("gnt-instance", "add-tags", "inst3.example.com", "one", "two"),
        ("gnt-instance", "list-tags", "inst3.example.com"),
    ],
    ids=" ".join,
)
def test_a_command_prints_the_same(pair: Masters, command: tuple[str, ...]) -> None:
    assert pair.both(*command).code in (0, 1)
