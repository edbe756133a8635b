"""The declared opcodes against those of Ganeti 3.0.2: parameters, defaults, summary fields."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest

import masterd.opcodes  # noqa: F401  # declares all opcodes
from masterd.opcodes.base import CATALOGUE_3_0, REGISTRY, encode_input, load, plan_of
from masterd.opcodes.errors import OpCodeError
from masterd.opcodes.params import StorageType
from masterd.opcodes.release_3_1 import CATALOGUE_3_1

FACTS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "opcodes.json").read_text()
)

#: Only those opcodes that are not as in 3.0.2.
FACTS_3_1: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "opcodes_3.1.json").read_text()
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


def test_3_1_has_one_opcode_more() -> None:
    assert set(CATALOGUE_3_1) - set(REGISTRY) == {"OP_NETWORK_RENAME"}
    assert set(REGISTRY) <= set(CATALOGUE_3_1)


@pytest.mark.parametrize("op_id", sorted(CATALOGUE_3_1))
def test_an_opcode_of_3_1_is_as_3_1_has_it(op_id: str) -> None:
    """What `FACTS_3_1` does not name is there as in 3.0."""
    facts = FACTS_3_1["opcodes"].get(op_id) or FACTS["opcodes"][op_id]
    expected = FACTS["common"] | facts["parameters"]
    plan = CATALOGUE_3_1.plan_of(op_id)
    assert {
        name: "required" if item.required else item.default
        for name, item in plan.parameters.items()
    } == {name: default for name, (default, _) in expected.items()}
    if op_id in FACTS_3_1["opcodes"]:
        texts = {name: normal(text) for name, (_, text) in facts["parameters"].items()}
        assert {name: normal(plan.parameters[name].check.text) for name in texts} == texts
        assert normal(plan.result.text) == normal(facts["result"])
        own_words = "summary" in vars(plan.opcode)
        assert own_words or facts["summary"] == plan.opcode.SUMMARY_FIELD


def test_opcodes_of_3_1_are_read_and_kept_in_its_form() -> None:
    reason: list[object] = []
    document = {"OP_ID": "OP_INSTANCE_SET_PARAMS", "instance_name": "inst1", "reason": reason}
    stored = CATALOGUE_3_1.load(document).to_input()
    assert stored["hotplug"] is True
    assert "hotplug_if_possible" not in stored
    with pytest.raises(OpCodeError, match="unknown parameter 'hotplug_if_possible'"):
        CATALOGUE_3_1.load({**document, "hotplug_if_possible": True})
    assert load({**document, "hotplug_if_possible": True}).to_input()["hotplug"] is False
    disks = {"OP_ID": "OP_CLUSTER_VERIFY_DISKS", "is_strict": False, "reason": reason}
    assert CATALOGUE_3_1.load(disks).to_input()["is_strict"] is False
    with pytest.raises(OpCodeError, match="unknown parameter 'is_strict'"):
        load(disks)


def test_instances_allocated_together_are_created_in_the_form_of_the_release() -> None:
    create = {"OP_ID": "OP_INSTANCE_CREATE", "instance_name": "inst1", "mode": "create",
              "disks": [], "nics": []}  # fmt: skip
    document = {"OP_ID": "OP_INSTANCE_MULTI_ALLOC", "instances": [create], "reason": []}
    for catalogue, checked in ((CATALOGUE_3_0, True), (CATALOGUE_3_1, False)):
        [stored] = json.loads(encode_input(catalogue.load(document)))["instances"]
        assert (stored["ip_check"], stored["name_check"]) == (checked, checked)


@pytest.mark.parametrize(
    ("duration", "told"),
    [(0.1, "100000000 ns"), (2, "2000000000 ns"), (1e-9, "1 ns"), (0, "0 ns")],
)
def test_3_1_tells_delays_in_nanoseconds(duration: float, told: str) -> None:
    document = {"OP_ID": "OP_TEST_DELAY", "duration": duration, "reason": []}
    assert CATALOGUE_3_1.summary_of(document) == f"TEST_DELAY({told})"


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
