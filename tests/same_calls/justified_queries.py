"""Tags, queries, and opcodes for tests."""

from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

_NO_UNIT: Final = "no job of the reference carries it out, though it is declared"

JUSTIFIED: Final = (
    Justified(
        "(TAGS_(GET|SEARCH)|NODE_QUERY_STORAGE|NODE_QUERYVOLS)", r"job\.ops\[0\]\.result \(order\)",
        "the reference has no order here: that of a hash table; ours sorts",
        by_chance=True,
    ),
    Justified(
        "TAGS_SET nothing new", r"config\.(cluster\.)?(serial_no|mtime)",
        "tags that are there already are no change here, and nothing is distributed",
        theirs="^(107|1|True|1[0-9.]+)$",
    ),
    *succeeds(
        "QUERY of a job",
        "a job of the reference shows operating systems and storage providers only, though the"
        " opcode accepts the other resources; ours shows them too, as both daemons do",
        theirs=["OpPrereqError", [[], "wrong_input"]],
        ours={
            "fields": [{"name": "name", "title": "Group", "kind": "text", "doc": "Group name"}],
            "data": [[[0, "default"]], [[0, "group1"]]],
        },
    ),
    *succeeds(
        "QUERY_FIELDS of a job",
        "likewise, of what can be shown of a resource",
        theirs=["OpPrereqError", [[], "wrong_input"]],
        ours={
            "fields": [
                {"name": "name", "title": "Node", "kind": "text", "doc": "Node name"},
                {
                    "name": "mfree", "title": "MFree", "kind": "unit",
                    "doc": "Memory available for instance allocations",
                },
            ]
        },
    ),
    Justified(
        "QUERY exports", r"calls\.[^ ]*\[1\]",
        "the reference's daemon gives this call an empty object for the arguments it has not",
        theirs=exactly({}), ours=exactly([]),
    ),
    *succeeds(
        "TEST_DUMMY with (messages|jobs)", _NO_UNIT,
        theirs=["OpCodeUnknown", [[]]], ours=None, log=[["message", []], ["message", []]],
    ),
)  # fmt: skip
