"""Mirrored disks put on other storage, or on another node."""

from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

_LATE: Final = "something was changed by then, so this is no refusal"
_NODE: Final = r"node[0-9]\.example\.com"
_NOT_TOLD: Final = (
    "the reference cannot read that a node tells nothing of a mirror, though it means to"
)
_OLD_NODES: Final = (
    "the parts of a disk go to its new node, too; the reference leaves the old one in them, and in"
    " the disk as it tells nodes of it"
)

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_REPLACE_DISKS", rf"calls\.{_NODE}\[[0-9]+\]\[1\](\[[01]\]){{1,3}}"
        r"\.(children|nodes|iv_name|mode|name|uuid|serial_no|[cm]time)",
        "of a disk that is no disk of the configuration the reference tells less; node daemons look"
        " at none of this",
        theirs=exactly(None),
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS (to a node|where)",
        rf"(config\.disks|calls\.{_NODE}).*\.nodes\[[01]\]",
        _OLD_NODES, theirs="-4", ours="-4",
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS (to a node|where)", r"config\.serial_no",
        "an instance and its disks are changed at once here, one after the other there",
        theirs="^[3579]$", ours="^[13]$",
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS where", r"job\.ops\[0\]\.log\[0\]\[1\]",
        "the reference names the instance by its uuid",
        theirs=rf"^\['{_NODE}'\]$", ours=rf"^\['inst19\.example\.com', '{_NODE}'\]$",
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS", r"job\.ops\[0\]\.log",
        "ours tells what is on nodes by then and no disk names",
        theirs=r"\]\]\]$", ours=rf"\], \['message', \['{_NODE}'\]\]\]$",
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the node, the reference none or its uuid",
        theirs=exactly([]), ours=rf"^\['{_NODE}'\]$",
    ),
    *(
        Justified("INSTANCE_REPLACE_DISKS on the primary node of one that", place, _LATE,
                  theirs=theirs, ours=ours)
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("OpPrereqError"), exactly("OpExecError")),
            (r"job\.ops\[0\]\.result\[1\]", "(environment_error|wrong_state)",
             exactly([["inst19.example.com"]])),
        )
    ),
    *succeeds(
        "INSTANCE_REPLACE_DISKS of a planned one in place",
        "the reference does nothing, and then fails because it still has locks",
        theirs=["OpExecError", [[]]], ours=None,
    ),
    *succeeds(
        "INSTANCE_REPLACE_DISKS to a node of a planned one with two disks",
        "the reference cannot have two minors of one node at once, though it asks for them",
        theirs=["ReservationError", [[]]], ours=None,
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS to a node of a planned one with two disks",
        r"config\..*|job\.ops\[0\]\.log", "likewise",
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS (of a planned one in place|to a node of a planned one with two)",
        rf"calls\.{_NODE}", "likewise, and runs no scripts after the work",
    ),
    *(
        Justified("INSTANCE_REPLACE_DISKS where an allocator names none", place,
                  "the reference does not expect it, and takes the first of none",
                  theirs=theirs, ours=ours)
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("OpExecError"), exactly("OpPrereqError")),
            (r"job\.ops\[0\]\.result\[1\]", exactly([[]]), exactly([[], "unknown_entity"])),
        )
    ),
    *succeeds(
        "INSTANCE_REPLACE_DISKS by itself, not told", _NOT_TOLD,
        theirs=["ConfigurationError", [[]]], ours=None,
    ),
    Justified(
        "INSTANCE_REPLACE_DISKS by itself, not told", rf"calls\.{_NODE}|job\.ops\[0\]\.log",
        _NOT_TOLD,
    ),
)  # fmt: skip
