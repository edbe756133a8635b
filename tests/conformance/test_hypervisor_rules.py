"""The rules of hypervisors' parameters agree with Ganeti 3.1's."""

import json
from pathlib import Path
from typing import Any

import pytest

from masterd.config.hypervisor_rules import problems
from masterd.dialect import DIALECT_3_0, DIALECT_3_1
from masterd.instance.params import GLOBAL_HV_PARAMS
from masterd.query.hypervisor_params import KINDS

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "hypervisors_3.1.json").read_text()
)
VALUES: list[object] = FACTS["values"]
HYPERVISORS: dict[str, Any] = FACTS["hypervisors"]
RULES = DIALECT_3_1.hypervisor_rules


def defaults(hypervisor: str) -> dict[str, object]:
    return {name: facts["default"] for name, facts in HYPERVISORS[hypervisor].items()}


def test_each_hypervisor_of_3_1_has_the_parameters_of_the_reference() -> None:
    assert {name: set(rules) for name, rules in RULES.items()} == {
        name: set(parameters) for name, parameters in HYPERVISORS.items()
    }


@pytest.mark.parametrize("name", sorted(HYPERVISORS))
def test_each_parameter_of_3_1_takes_the_values_of_the_reference(name: str) -> None:
    for parameter, facts in HYPERVISORS[name].items():
        taken = [
            place
            for place, value in enumerate(VALUES)
            if not problems(RULES, name, {**defaults(name), parameter: value})
        ]
        assert taken == facts["right"], (parameter, facts["default"])


@pytest.mark.parametrize(
    ("hypervisor", "parameter", "value", "new"),
    [
        ("kvm", "disk_aio", "io_uring", True),
        ("kvm", "disk_discard", "default", False),
        ("xen-pvm", "xen_cmd", "xl", False),
        ("xen-hvm", "xen_cmd", "xl", False),
    ],
)
def test_what_one_release_takes_the_other_refuses(
    hypervisor: str, parameter: str, value: str, new: bool
) -> None:
    params = {**defaults(hypervisor), parameter: value}
    old = params if hypervisor == "kvm" else {**params, "xen_cmd": "xl"}
    assert bool(problems(RULES, hypervisor, params)) is not new
    assert bool(problems(DIALECT_3_0.hypervisor_rules, hypervisor, old)) is new


def test_instances_have_a_field_for_each_parameter_of_3_1() -> None:
    parameters = {name for parameters in HYPERVISORS.values() for name in parameters}
    assert set(KINDS) == parameters - GLOBAL_HV_PARAMS
