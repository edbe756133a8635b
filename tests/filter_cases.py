"""Predicates of job filter rules, and whether they match a job, as a 3.0.2 luxid was seen to judge.

The job is OP_TEST_DELAY with the parameters below; `tests/interop/test_filters_in_effect.py` asks a
luxid again.
"""

from typing import Any, Final

#: The job's one opcode.
DELAY: Final[dict[str, Any]] = {
    "OP_ID": "OP_TEST_DELAY",
    "duration": 0.001,
    "on_master": False,
    "on_nodes": ["node1"],
    "reason": [["gnt:user", "x", 1]],
}

_IS_DELAY: Final = ["=", "OP_ID", "OP_TEST_DELAY"]
_ABOVE: Final = [">", "id", 0]
_IS_X: Final = ["=", "reason", "x"]

MATCHING: Final[list[list[Any]]] = [
    [],
    *(
        [["jobid", wanted]]
        for wanted in (
            None,
            [">", "id", "watermark"],
            ["!=", "id", 0],
            ["!=", "id", "watermark"],
            ["&"],
            ["!", ["|"]],
            # What decides comes before what cannot be compared.
            ["|", _ABOVE, ["=", "foo", 1]],
            ["|", _ABOVE, ["?", "id"]],
            ["|", _ABOVE, ["=", "id", "x"]],
        )
    ),
    *(
        [["opcode", wanted]]
        for wanted in (
            None,
            ["&"],
            _IS_DELAY,
            ["=~", "OP_ID", "TEST"],
            ["!", ["?", "on_master"]],
            ["!", ["?", "interruptible"]],
            ["<", "duration", 1],
            [">", "duration", 0],
            ["=", "repeat", 0],
            ["<=", "repeat", 0],
            ["=[]", "on_nodes", "node1"],
            ["!", ["=[]", "on_nodes", "x"]],
            ["!", ["=~", "OP_ID", "x"]],
            # Values of different kinds are not equal, and ordered by their kinds.
            ["|", _IS_DELAY, ["=", "duration", "x"]],
            ["|", ["=", "duration", "x"], _IS_DELAY],
            ["!", ["=", "duration", "x"]],
            ["!", ["=", "on_nodes", "x"]],
            ["!", ["=", "on_master", "x"]],
            ["!", ["<", "OP_ID", 5]],
            ["!", ["<", "on_nodes", 5]],
            ["<", "duration", "x"],
            ["<", "OP_ID", "P"],
            ["|", _IS_DELAY, ["?", "duration"]],
        )
    ),
    *(
        [["reason", wanted]]
        for wanted in (
            None,
            ["&"],
            _IS_X,
            ["=", "source", "gnt:user"],
            ["=", "source", "gnt:opcode:test_delay"],
            ["!", ["=", "source", "gnt:user"]],
            ["=", "timestamp", 1],
            [">", "timestamp", 1000],
            ["<", "reason", "y"],
            ["&", ["=", "source", "gnt:user"], _IS_X],
            ["|", _IS_X, ["=~", "reason", "q"]],
            ["|", _IS_X, ["=", "foo", "q"]],
            ["|", _IS_X, ["=", "timestamp", "q"]],
            ["|", ["=", "timestamp", "q"], _IS_X],
            ["!", ["=", "reason", 1]],
            ["!", ["=", "timestamp", "x"]],
            ["!", ["=", "reason", "watermark"]],
        )
    ),
]

NOT_MATCHING: Final[list[list[Any]]] = [
    *(
        [["jobid", wanted]]
        for wanted in (
            ["<=", "id", "watermark"],
            ["=", "foo", 1],
            ["!", ["=", "foo", 1]],
            ["?", "id"],
            ["!", ["?", "id"]],
            ["=~", "id", "."],
            ["!", ["=~", "id", "."]],
            ["=[]", "id", 1],
            ["!", ["=[]", "id", 1]],
            ["=", "id", "x"],
            ["!", ["=", "id", "x"]],
            ["|", ["=", "foo", 1], _ABOVE],
            ["|"],
        )
    ),
    *(
        [["opcode", wanted]]
        for wanted in (
            ["=", "instance_name", "x"],
            ["!", ["=", "instance_name", "x"]],
            ["!", ["=", "on_node_uuids", "x"]],
            ["|", _IS_DELAY, ["=", "nope", 1]],
            ["|", ["=", "nope", 1], _IS_DELAY],
            ["!", ["=", "OP_ID.x", 1]],
            ["?", "on_master"],
            ["=", "priority", 0],
            ["?", "reason"],
            ["!", ["?", "dry_run"]],
            ["!", ["=", "comment", "x"]],
            ["!", ["=", "depends", "x"]],
            ["!", ["=", "debug_level", 5]],
            ["=", "OP_ID", "OP_TEST"],
            ["=", "OP_ID", "watermark"],
            ["=", "duration", 0],
            ["=", "duration", 1],
            ["=", "on_master", 0],
            ["=", "on_master", "false"],
            ["<", "OP_ID", 5],
            [">", "duration", "x"],
            ["!", ["<", "duration", "x"]],
            ["!", ["<", "on_master", 5]],
            ["=", "on_nodes", "x"],
            ["=[]", "on_nodes", "x"],
            # These cannot be compared.
            ["=[]", "on_nodes", 1],
            ["!", ["=[]", "on_nodes", 1]],
            ["!", ["=[]", "OP_ID", "x"]],
            ["!", ["=[]", "duration", 1]],
            ["?", "duration"],
            ["!", ["?", "duration"]],
            ["|", ["?", "duration"], _IS_DELAY],
            ["=~", "duration", "."],
            ["!", ["=~", "duration", "."]],
            ["!", ["=~", "on_nodes", "x"]],
            ["|", ["=~", "on_nodes", "x"], _IS_DELAY],
            ["|"],
        )
    ),
    *(
        [["reason", wanted]]
        for wanted in (
            ["=~", "reason", "^x"],
            ["!", ["=~", "reason", "q"]],
            ["?", "reason"],
            ["=[]", "reason", "x"],
            ["=", "reason", 1],
            ["=", "timestamp", "watermark"],
            ["!", ["=", "foo", "x"]],
            ["&", ["=", "source", "gnt:opcode:test_delay"], _IS_X],
            ["|"],
        )
    ),
    [["reason", _IS_X], ["opcode", ["=", "OP_ID", "NOPE"]]],
]
