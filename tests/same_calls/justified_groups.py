"""Groups, and what allocators are asked."""

import re
from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

_NO_MODE: Final = "the reference has the mode for a first secondary node, but its test refuses it"

_NO_LOCK: Final = (
    "always fails at the reference, by an assertion about a lock that it forgot to ask for; ours"
    " does what is meant"
)

JUSTIFIED: Final = (
    Justified(
        "GROUP_VERIFY_DISKS",
        r"job\.ops\[0\]\.result\[(1\]|2\]\.inst[0-9]+\.example\.com) \(order\)",
        "the reference has no order here: that of a hash table; ours sorts",
        by_chance=True,
    ),
    Justified(
        "GROUP_VERIFY_DISKS", r"job\.ops\[0\]\.result\[0\]\.[0-9a-f-]+",
        "why a connection broke is told in each library's own words",
        theirs="^'Error [0-9]+: GnuTLS recv error .*'$",
        ours="^'The node closed the connection without an answer'$",
    ),
    Justified(
        "GROUP_REMOVE", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference tells which nodes a group still has by their uuids, ours by their names",
        ours="example.com",
    ),
    Justified(
        "GROUP_ASSIGN_NODES nodes that are there",
        r"config\.(cluster\.)?(serial_no|mtime)|calls\..*",
        "a node that is in the group already is no change here",
    ),
    Justified(
        "GROUP_ASSIGN_NODES split.*", r"config\.cluster\.mtime",
        "a node that changes gives the cluster object a new time, with its serial number",
    ),
    *succeeds(
        "TEST_ALLOCATOR what the script would get",
        "the input of an allocator is no text at the reference but bytes, which its job's result"
        " must not be: it always fails",
        theirs=["OpResultError", [["cluster.example.com"]]],
        # The same input is compared where it is sent to a node.
        ours=re.compile(
            r"""^'\{"version":2,"cluster_name":"cluster\.example\.com",.*"""
            r""""request":\{"name":"new\.example\.com",.*"type":"allocate"\}\}\\n'$"""
        ),
    ),
    *(
        Justified(
            "TEST_ALLOCATOR no disks", rf"job\.ops\[0\]\.result\[{index}\]",
            "the reference trips over disks that are missing; ours refuses them",
            theirs=exactly(theirs), ours=exactly(ours),
        )
        for index, theirs, ours in (
            (0, "OpExecError", "OpPrereqError"), (1, [[]], [[], "wrong_input"])
        )
    ),
    *succeeds(
        "TEST_ALLOCATOR a first secondary node", _NO_MODE,
        theirs=["OpPrereqError", [[], "wrong_input"]], ours="what it likes",
    ),
    Justified(
        "TEST_ALLOCATOR a first secondary node", r"calls\..*", _NO_MODE,
        theirs=exactly(None), ours=r"^\[\['(node_info|iallocator_runner)', .*\]$",
    ),
    Justified(
        "TEST_ALLOCATOR no mirrored disks", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the instance whose disks are not mirrored",
        theirs=r"^\[\]$",
    ),
    # All of what is done is compared where that is mended.
    *succeeds(
        "GROUP_EVACUATE as it is", _NO_LOCK,
        theirs=["OpExecError", [[]]],
        ours={"jobs": [[True, re.compile("[0-9]+")]] * 2},
        log=[["message", ["inst1.example.com"]], ["message", []]],
    ),
    Justified(
        "GROUP_EVACUATE as it is", "submitted", _NO_LOCK,
        theirs=exactly([]),
        ours=r"^\[\[\{.*_REPLACE_DISKS'.*\}\], \[\{.*_MIGRATE'.*\}, \{.*_FAILOVER'.*\}\]\]$",
    ),
    Justified(
        "GROUP_EVACUATE as it is", r"calls\..*", _NO_LOCK,
        theirs=exactly(None), ours=r"^\[\['(hooks_runner|node_info)',.*\]$",
    ),
    Justified(
        "(TEST_ALLOCATOR|(NODE|GROUP)_EVACUATE)",
        r"calls\..* \{\}.*\.(tags|instances) \(order\)",
        "tags, and locked instances, are sets at the reference, in the order of a hash table",
        by_chance=True,
    ),
)  # fmt: skip
