"""Roles and parameters of nodes."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_TOO_FEW: Final = (
    "the reference tells in between that there are too few candidates; ours promotes others with"
    " the same change"
)

_BETWEEN: Final = r"\['message', \[\]\], \['message', \['node4"

_SOME_FILE: Final = r"^\['(node1\.example\.com', ')?node[56]\.example\.com'\]$"

_TWO: Final = ["message", ["node4.example.com", "node5.example.com"]]

#: What is told of keys that were not taken: of two nodes promoted, of one demoted.
_UNTAKEN: Final = [
    *[["message", []], ["message", ["node5.example.com"]]] * 2,
    *(["message", names] for names in ([], ["node3.example.com"], ["node6.example.com"])),
]

JUSTIFIED: Final = (
    Justified(
        "NODE_SET_PARAMS",
        r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?serial_no",
        "the reference writes a node for its parameters, again for its role, then those that take"
        " its place and the certificates, each by itself; ours changes it at once",
        theirs="^[0-9]+$",
    ),
    Justified(
        "NODE_(REMOVE|ADD)",
        r"config\.(cluster\.)?(serial_no|mtime)",
        "likewise, and the cluster object has the time of that, too",
        theirs=r"^([0-9]+|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "NODE_(REMOVE|ADD)",
        r"job\.ops\[0\]\.log\[0\]\[1\]",
        "the reference sends files in the order of a hash table, so others fail; a path of the"
        " master is among the words of some",
        theirs=_SOME_FILE,
        ours=_SOME_FILE,
        by_chance=True,
    ),
    Justified(
        "NODE_ADD (a node|a candidate)",
        r"calls\.node1\.example\.com\[[0-9]\]\[1\]\[2\] \(order\)",
        "nodes stand in the order of their uuids, of which that of the new one is drawn",
        by_chance=True,
    ),
    *(
        Justified(
            "NODE_ADD a node",
            rf"job\.ops\[0\]\.result\[{index}\]",
            "the reference trips over volumes that a node does not tell; ours refuses the node",
            theirs=exactly(theirs),
            ours=exactly(ours),
        )
        for index, theirs, ours in (
            (0, "OpExecError", "OpPrereqError"),
            (1, [[]], [["node6.example.com"], "environment_error"]),
        )
    ),
    Justified(
        "NODE_ADD (a node|that has not its address)",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names nodes by their uuids, or not at all",
        theirs=exactly([]),
        ours=r"^\[('node1\.example\.com', )?'node6\.example\.com'\]$",
    ),
    Justified(
        "NODE_ADD in another network",
        r"job\.ops\[0\]\.result\[1\]",
        "codes are for what is refused; here a part of the work has been done",
        theirs=exactly([["node6.example.com"], "environment_error"]),
        ours=exactly([["node6.example.com"]]),
    ),
    Justified(
        "NODE_SET_PARAMS as it is",
        r"config\.(cluster\.|nodes\.[0-9a-f-]+\.)?mtime",
        "what leaves a node as it is is no change here, and nothing is distributed",
        theirs=r"^(True|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "NODE_(SET_PARAMS (offline with another promoted|demoted, and others|no longer capable)"
        "|REMOVE)",
        r"config\.nodes\.[0-9a-f-]+\.mtime",
        "the reference leaves the time of a node that it promotes",
    ),
    Justified(
        "NODE_SET_PARAMS offline with another promoted",
        r"job\.ops\[0\]\.log",
        _TOO_FEW,
        theirs=_BETWEEN,
        ours=rf"^(?!.*{_BETWEEN})",
    ),
    Justified(
        "NODE_SET_PARAMS no longer capable",
        r"job\.ops\[0\]\.log",
        _TOO_FEW,
        theirs=exactly([["message", []]] * 2 + [["message", ["node4.example.com"]]]),
        ours=exactly([["message", []], ["message", ["node4.example.com"]]]),
    ),
    Justified(
        "NODE_SET_PARAMS demoted, and others promoted",
        r"job\.ops\[0\]\.log",
        "likewise; and it names nodes whose scripts fail by their uuids",
        theirs=exactly([*[["message", []]] * 2, _TWO, *_UNTAKEN, *[["message", []]] * 2]),
        ours=exactly([_TWO, *_UNTAKEN, *(["message", [f"node{n}.example.com"]] for n in (1, 2))]),
    ),
    Justified(
        "NODE_SET_PARAMS offline with another promoted",
        r"config\.cluster\.candidate_certs\.[0-9a-f-]+",
        "a node that is no candidate any more may not call as one, whatever fails later; at the"
        " reference it still may",
        theirs="^'DIGEST .*'$",
        ours=exactly(None),
    ),
    Justified(
        "NODE_(SET_PARAMS (offline with another promoted|another address that it has not)|REMOVE)",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid, or not at all",
        theirs=exactly([]),
        ours=exactly(["node4.example.com"]),
    ),
)
