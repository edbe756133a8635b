"""Disks of instances made larger."""

from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

_LATE: Final = "something was changed by then, so this is no refusal"

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_GROW_DISK", r"config\.serial_no",
        "a disk and its instance are changed at once here, by two changes there",
        theirs=exactly(2), ours=exactly(1),
    ),
    Justified(
        "INSTANCE_GROW_DISK of (DRBD disks that are up|a volume)",
        r"calls\.node[345]\.example\.com\[[23]\]\[1\]\[3\]",
        "the reference counts the disks that it brings up, not those of the instance, and so has"
        " the link of the first one lead to another",
        theirs=exactly(0), ours=exactly(1),
    ),
    Justified(
        "INSTANCE_GROW_DISK of a shared file", r"calls\.node3\.example\.com\[[0-9]\]\[1\]\[3\]",
        "likewise", theirs=exactly(0), ours=exactly(2),
    ),
    Justified(
        "INSTANCE_GROW_DISK", r"job\.ops\[0\]\.log",
        "ours tells which nodes have more by then than is recorded",
        theirs=r"^\[\['message', \['inst[0-9]+\.example\.com'\]\]\]$",
        ours=r"\], \['message', \['node[0-9]\.example\.com'.*\]\]\]$",
    ),
    *(
        Justified("INSTANCE_GROW_DISK", place, _LATE, theirs=theirs, ours=ours)
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("OpPrereqError"), exactly("OpExecError")),
            (r"job\.ops\[0\]\.result\[1\]", "(environment_error|wrong_state)",
             exactly([["inst19.example.com"]])),
        )
    ),
    *succeeds(
        "INSTANCE_GROW_DISK of one that is offline",
        "the reference grows the disk, and then fails because the instance is not merely down",
        theirs=["OpPrereqError", [["inst19.example.com"], "wrong_state"]],
        ours=None,
    ),
    Justified(
        "INSTANCE_GROW_DISK of one that is offline", r"calls\.node[12]\.example\.com",
        "likewise, and leaves the disk up",
    ),
    Justified(
        "INSTANCE_GROW_DISK overwritten", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid, or none",
        theirs=exactly([]), ours=exactly(["node1.example.com"]),
    ),
)  # fmt: skip
