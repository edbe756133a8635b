"""Instances moved with copies of their disks."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_COUNTED: Final = (
    "the reference counts disks as changed before they are copied, and records instance and disks"
    " one by one; ours records it when they have arrived, at once"
)
_LATE: Final = "the reference stops the instance before it refuses its disks"

JUSTIFIED: Final = (
    *(
        Justified("INSTANCE_MOVE", place, _COUNTED, theirs=theirs, ours=ours)
        for place, theirs, ours in (
            (r"config\.serial_no", "^[1-9]$", "^[0-3]$"),
            (r"config\.mtime", "^True$", "^False$"),
            (r"config\.disks\.[0-9a-f-]+\.serial_no", "^[23]$", "^[12]$"),
            (r"config\.disks\.[0-9a-f-]+\.mtime", "^17[0-9]{8}", "^1795456800$"),
            (r"calls\.node[23]\.example\.com\[[0-9]+\]\[1\].*\.serial_no", "^[2-9]$", "^[1-9]$"),
            (r"calls\.node[23]\.example\.com\[[0-9]+\]\[1\].*\.mtime", "^17", "^17"),
        )
    ),
    Justified(
        "INSTANCE_MOVE off a dead node",
        r"job\.ops\[0\]\.log",
        "with each disk that it records the reference tells what is wrong with the configuration",
        theirs=r"\['message', \[\]\], \['message', \['node2\.example\.com', 'node3",
    ),
    Justified(
        "INSTANCE_MOVE onto a node without guests",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid",
        theirs=exactly([]),
        ours=exactly(["node3.example.com"]),
    ),
    *(
        Justified(f"INSTANCE_MOVE of {what}", place, _LATE, theirs=theirs, ours=ours)
        for what, place, theirs, ours in (
            ("disks of several templates", r"job\.ops\[0\]\.result\[0\]",
             exactly("OpExecError"), exactly("OpPrereqError")),
            ("disks of several templates", r"job\.ops\[0\]\.result\[1\]",
             exactly([[]]), exactly([["inst18.example.com"], "wrong_state"])),
            ("(disks of several|a) templates?", r"job\.ops\[0\]\.log",
             "inst18.*node2", "^(?!.*inst18.*node2)"),
            ("(disks of several|a) templates?", r"calls\.node[123]\.example\.com",
             "'instance-move', 'pre'", "^(?!.*'instance-move')"),
        )
    ),
)  # fmt: skip
