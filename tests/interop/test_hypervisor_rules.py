"""Ganeti's hypervisors and our rules agree on which parameters are right."""

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from masterd.config.hypervisor_rules import RULES_3_0, problems
from tests.interop import debian
from tests.interop.library import Library, library

pytestmark = debian.needs_ganeti

#: Sets of parameters per hypervisor, each with some values changed.
TRIES: Final = 1500

VALUES: Final[tuple[object, ...]] = (
    "", "x", "/boot/vmlinuz", "/a/../b", "relative/path", "http://here/x.iso", "0", "-1", "7", 0, 1,
    -1, 4, 6, 8, 9, 32, 33, 65534, 65535, 65536, 38400, True, False, None, "true", "False", "maybe",
    "none", "native", "threads", "default", "writeback", "cdrom", "disk", "network", "acd", "cdn",
    "user", "pool", "paravirtual", "ide", "ioemu", "e1000", "exit", "reboot", "live", "xl", "lsi",
    "0-2,5", "2-0", "1,,2", "1:all:2", "all", "1::2", "192.0.2.7", "::1", "auto", "glz", "off",
    "never", "filter", "tablet", "enabled", "unmap", [], {}, 1.5,
)  # fmt: skip

PROGRAM: Final = """
from ganeti import constants, errors, hypervisor, utils

def answer(question):
    if question is None:
        return {name: dict(params) for name, params in constants.HVC_DEFAULTS.items()}
    name, params = question
    try:
        kind = hypervisor.GetHypervisorClass(name)
        utils.ForceDictType(params, constants.HVS_PARAMETER_TYPES)
        kind.CheckParameterSyntax(params)
    except (errors.GenericError, AttributeError, TypeError) as error:
        return str(error)
"""


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module")
def defaults(reference: Library) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = reference.ask(None)
    return found


def test_each_hypervisor_has_the_same_parameters(defaults: dict[str, dict[str, Any]]) -> None:
    assert {name: set(rules) for name, rules in RULES_3_0.items()} == {
        name: set(params) for name, params in defaults.items()
    }


@pytest.mark.parametrize("name", RULES_3_0)
def test_the_same_parameters_are_right(
    reference: Library, defaults: dict[str, dict[str, Any]], name: str
) -> None:
    chance = random.Random(name)
    verdicts = set()
    for _ in range(TRIES):
        params = dict(defaults[name])
        for key in chance.sample(sorted(params), min(len(params), chance.randint(0, 3))):
            params[key] = chance.choice(VALUES)
        if chance.random() < 0.02:
            params.pop(chance.choice(sorted(params)))
        if chance.random() < 0.02:
            params["colour"] = "red"
        theirs = reference.ask([name, params])
        ours = problems(RULES_3_0, name, params)
        assert (theirs is None) == (ours == []), (params, theirs, ours)
        verdicts.add(theirs is None)
    assert verdicts == {True, False}


def test_an_unknown_hypervisor_is_told() -> None:
    assert problems(RULES_3_0, "vax", {}) == ["there is no hypervisor 'vax'"]
