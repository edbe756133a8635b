"""The declared opcodes against those of Ganeti 3.0.2: parameters, defaults, summary fields."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest

import masterd.opcodes  # noqa: F401  # declares all opcodes
from masterd.opcodes.base import REGISTRY, plan_of
from masterd.opcodes.params import StorageType

FACTS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "opcodes.json").read_text()
)

_BY_JOB: Final = "OneOf cluster, export, group, instance, network, node, os"
#: Where the reference refuses more than its declaration says, sooner or later: what luxid answers
#: itself is not asked by jobs, and an instance that cannot be read cannot be made.
STRICTER: Final[Mapping[tuple[str, str], str]] = {
    ("OP_QUERY", "what"): _BY_JOB,
    ("OP_QUERY_FIELDS", "what"): _BY_JOB,
    ("OP_INSTANCE_MULTI_ALLOC", "instances"): "List of (OP_INSTANCE_CREATE document)",
}
_REASON: Final = "List of (Tuple of (String, String, Integer))"
_STORAGE_TYPES: Final = "OneOf " + ", ".join(get_args(StorageType))
#: A remark for people in a type's text: ` [Disk parameters]`.
_REMARK: Final = re.compile(r" \[[^]]*\]")
_WORDS: Final = re.compile(r"OneOf ([\w+-]+(?:, [\w+-]+)*)")


def normal(text: str) -> str:
    """Return a type's text without remarks, alternatives of words sorted."""
    bare = _REMARK.sub("", text)
    # A remark puts its type in brackets, also where one word needs none.
    bare = re.sub(r"\((\w+)\)", r"\1", bare)
    return _WORDS.sub(lambda found: "OneOf " + ", ".join(sorted(found[1].split(", "))), bare)


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


@pytest.mark.parametrize("op_id", sorted(FACTS["opcodes"]))
def test_a_parameter_takes_the_same_type(op_id: str) -> None:
    expected = {
        name: STRICTER.get((op_id, name), text)
        for name, (_, text) in FACTS["opcodes"][op_id]["parameters"].items()
    }
    expected |= {name: text for name, (_, text) in FACTS["common"].items()} | {"reason": _REASON}
    found = plan_of(op_id).parameters
    assert {name: normal(item.check.text) for name, item in found.items()} == {
        name: normal(text.replace("StorageType", _STORAGE_TYPES)) for name, text in expected.items()
    }


@pytest.mark.parametrize("op_id", sorted(FACTS["opcodes"]))
def test_an_opcode_promises_the_same_result(op_id: str) -> None:
    assert normal(plan_of(op_id).result.text) == normal(FACTS["opcodes"][op_id]["result"])
