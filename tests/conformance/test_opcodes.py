"""The declared opcodes against those of Ganeti 3.0.2: parameters, defaults, summary fields."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

import masterd.opcodes  # noqa: F401  # declares all opcodes
from masterd.opcodes.base import REGISTRY, plan_of

FACTS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "opcodes.json").read_text()
)


def test_there_are_the_same_75_opcodes() -> None:
    assert set(REGISTRY) == set(FACTS["opcodes"])
    assert len(REGISTRY) == 75


@pytest.mark.parametrize("op_id", sorted(FACTS["opcodes"]))
def test_an_opcode_has_the_same_parameters_and_defaults(op_id: str) -> None:
    expected = FACTS["common"] | FACTS["opcodes"][op_id]["parameters"]
    found = plan_of(op_id).parameters
    assert {
        name: "required" if item.required else item.default for name, item in found.items()
    } == {name: default for name, (default, _) in expected.items()}


@pytest.mark.parametrize("op_id", sorted(FACTS["opcodes"]))
def test_an_opcode_shows_the_same_field_in_its_summary(op_id: str) -> None:
    opcode, field = REGISTRY[op_id], FACTS["opcodes"][op_id]["summary"]
    own_words = "summary" in vars(opcode)
    assert own_words or field == opcode.SUMMARY_FIELD
