"""Disks of instances made again."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_NODE: Final = r"node[0-9]\.example\.com"
_BEFORE: Final = (
    "the reference records changes and runs scripts before it looks at the template; ours refuses"
    " it before anything is changed"
)

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_RECREATE_DISKS", r"config\.serial_no",
        "an instance and its disks are changed at once here, one after the other there",
        theirs="^[2-7]$", ours="^1$",
    ),
    Justified(
        "INSTANCE_RECREATE_DISKS", rf"(config\.disks|calls\.{_NODE}).*\.nodes\[[01]\]",
        "the parts of a disk go to its new nodes, too; the reference leaves the old ones in them,"
        " and in the disk as it tells nodes of it",
        theirs="-4", ours="-4",
    ),
    *(
        Justified("INSTANCE_RECREATE_DISKS of (a template that is not enabled|several templates)",
                  place, _BEFORE)
        for place in (
            r"config\.(disks\..*\.)?(serial_no|mtime)", rf"calls\.{_NODE}",
        )
    ),
    Justified(
        "INSTANCE_RECREATE_DISKS of a template that is not enabled", r"job\.ops\[0\]\.log",
        _BEFORE, ours=exactly([]),
    ),
    Justified(
        "INSTANCE_RECREATE_DISKS of several templates", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the instance",
        theirs=exactly([]), ours=exactly(["inst9.example.com"]),
    ),
)  # fmt: skip
