"""Debian's commands about the cluster's address and files do the same as with the reference."""

import re
from collections.abc import Iterator

import pytest

from masterd.testing.faults import Fault, FaultKind
from tests.broken_configs import sound
from tests.interop import debian, live, masters
from tests.interop.live import Roots
from tests.interop.luxid import needs_luxid
from tests.interop.masters import Masters

pytestmark = [needs_luxid, debian.needs_ganeti]

UP = ("gnt-cluster", "activate-master-ip")
DOWN = ("gnt-cluster", "deactivate-master-ip", "--yes")
_WORDS = {"come up": "activate", "go down": "deactivate"}
FILES = ("gnt-cluster", "redist-conf")


@pytest.fixture(scope="module")
def roots() -> Iterator[Roots]:
    made = sound()
    made["filters"] = {}
    # Simulated nodes take the files of Ganeti only.
    made["cluster"]["modify_etc_hosts"] = False
    with live.at_work(made) as roots:
        yield roots


@pytest.fixture
def pair(roots: Roots) -> Iterator[Masters]:
    yield Masters(masters.commands(roots.theirs), masters.commands(roots.ours))
    roots.control.clear()


def in_their_words(text: str) -> str:
    return re.sub(
        "The cluster's address did not (come up|go down)",
        lambda found: f"Could not {_WORDS[found[1]]} the master IP",
        text,
    )


@pytest.mark.parametrize("command", [UP, DOWN, FILES], ids=lambda command: command[1])
def test_it_is_done_and_nothing_is_said(pair: Masters, command: tuple[str, ...]) -> None:
    outcome = pair.both(*command)
    assert (outcome.code, outcome.output) == (0, "")


@pytest.mark.parametrize(
    ("command", "call"),
    [(UP, "node_activate_master_ip"), (DOWN, "node_deactivate_master_ip")],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_master_that_fails_is_told_of(
    pair: Masters, roots: Roots, command: tuple[str, ...], call: str
) -> None:
    roots.control.set(roots.cluster.master.name, Fault(FaultKind.FAIL, (call,)))
    assert pair.alike(*command, reworded=in_their_words).code == 1
