"""Every opcode has a logical unit, and every unit has a scenario."""

import re
from pathlib import Path
from typing import Final

from masterd import lu
from masterd.dialect import DIALECT_3_0
from masterd.lu.registry import LOGICAL_UNITS
from masterd.work.base import LogicalUnit

ROOT: Final = Path(__file__).parents[2]

#: A command of a scenario begins with the name of an opcode.
_COMMAND: Final = re.compile(r"([A-Z][A-Z_]+)(?= |$)")

#: Opcodes that change nothing, here or on a node, so that a dry run has nothing to tell.
CHANGE_NOTHING: Final = frozenset(
    [
        "OP_CLUSTER_CONFIG_QUERY",
        "OP_CLUSTER_QUERY",
        "OP_CLUSTER_VERIFY_CONFIG",
        "OP_CLUSTER_VERIFY_GROUP",
        "OP_EXT_STORAGE_DIAGNOSE",
        "OP_GROUP_VERIFY_DISKS",
        "OP_INSTANCE_CONSOLE",
        "OP_INSTANCE_QUERY_DATA",
        "OP_NODE_QUERYVOLS",
        "OP_NODE_QUERY_STORAGE",
        "OP_OS_DIAGNOSE",
        "OP_QUERY",
        "OP_QUERY_FIELDS",
        "OP_TAGS_GET",
        "OP_TAGS_SEARCH",
        "OP_TEST_ALLOCATOR",
        "OP_TEST_DELAY",
        "OP_TEST_DUMMY",
        "OP_TEST_JQUEUE",
        "OP_TEST_OS_PARAMS",
    ]
)


def test_every_opcode_has_a_unit() -> None:
    assert frozenset(DIALECT_3_0.opcodes) - LOGICAL_UNITS.keys() == frozenset()


def test_every_unit_has_a_scenario() -> None:
    lines = (
        line
        for path in (ROOT / "tests" / "scenario").glob("lu*.txt")
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    told = {f"OP_{found[1]}" for line in lines if (found := _COMMAND.match(line))}
    assert LOGICAL_UNITS.keys() - told == set()


def test_every_unit_that_has_scripts_says_what_they_are_told() -> None:
    silent = [
        op_id
        for op_id, unit in LOGICAL_UNITS.items()
        if unit.HOOKS is not None and unit.hooks is LogicalUnit.hooks
    ]
    assert silent == []


def test_every_unit_that_changes_something_says_in_a_dry_run_what() -> None:
    silent = {
        op_id for op_id, unit in LOGICAL_UNITS.items() if unit.describe is LogicalUnit.describe
    }
    assert silent == CHANGE_NOTHING


def test_the_families_are_named() -> None:
    text = lu.__doc__ or ""
    there = (path.stem for path in (ROOT / "masterd" / "lu").glob("[a-z]*.py"))
    assert [name for name in there if f"`{name}`" not in text] == []
