"""Operating systems that are not trusted, and helpers."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_HELPER: Final = "INSTANCE_CREATE in a helper"
_TOLD: Final = r"calls\.node[0-9]\.example\.com\[[0-9]+\]\[1\]"
_TIME: Final = r"1[0-9]{9}\.[0-9]+"

JUSTIFIED: Final = (
    *(
        Justified(
            _HELPER, rf"{place}\.(serial_no|mtime)",
            "a disk that gets another place gets another name, which the reference does without a"
            " new number; ours puts the temporary disk in with one change, the reference with two",
            theirs=rf"^([1-6]|{_TIME})$", ours=rf"^([1-5]|{_TIME})$",
        )
        for place in (
            r"config\.(disks|instances)\.[0-9a-f-]+", rf"{_TOLD}\[[01]\]",
            rf"{_TOLD}\[[01]\]\.disks_info\[[0-2]\]",
        )
    ),
    Justified(
        _HELPER, rf"{_TOLD}\[0\]\.(nodes|children|iv_name)",
        "of a disk that is not recorded yet, or no more, the reference tells less",
        theirs="^None$", ours=r"^(\[\]|'disk/0'|'')$",
    ),
    Justified(
        _HELPER, rf"{_TOLD}\[0\]\.disks",
        "the reference tells of the instance as it was before it had the temporary disk, though"
        " with that among those described",
        theirs=r"^\[('[^']*'(, )?){1,2}\]$", ours=r"^\[('[^']*'(, )?){2,3}\]$",
    ),
    Justified(
        _HELPER, rf"{_TOLD}\[0\]\.disks_active",
        "the reference tells of the instance as it was before its disks came up",
        theirs=exactly(False), ours=exactly(True),
    ),
    *(
        Justified(
            f"{_HELPER} (not installed|of which an image is written)", place,
            "the reference has the scripts run though nothing is to be installed, or an image has"
            " been written already; of systems that are trusted it does not, and ours never",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"calls\.node2\.example\.com", "os_export", "os_diagnose"),
            (r"config\.instances\.[0-9a-f-]+\.disks_active", "^True$", "^False$"),
            (r"job\.ops\[0\]\.log", "message", "message"),
        )
    ),
    *(
        Justified(
            f"{_HELPER} where volumes are not enabled", place,
            "ours looks before it stops the instance and takes its disks down; and the instance is"
            " there by then, so this is no refusal",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"calls\.node2\.example\.com", "instance_shutdown", "instance_metadata_modify"),
            (r"job\.ops\[0\]\.log", "message", "message"),
            (r"job\.ops\[0\]\.result\[0\]", "OpPrereqError", "OpExecError"),
        )
    ),
    *(
        Justified(
            "INSTANCE_REINSTALL", place,
            "the reference puts what the opcode gives in the place of the instance's parameters,"
            " private ones too, and so forgets all where it gives none; ours changes those that are"
            " given, as scripts are told of them",
            theirs=theirs, ours=ours,
        )
        for place, theirs, ours in (
            (r"config\.instances\.[0-9a-f-]+\.osparams(_private)?\.[a-z-]+",
             "^(None|'default')$", "^(None|'(yes|small|hush|/srv/image)')$"),
            (rf"{_TOLD}\[[01]\]\.osparams(_private)?\.[a-z-]+",
             "^(None|'default'|'big')$", "^(None|'(yes|small|hush|/srv/image)')$"),
        )
    ),
    Justified(
        "INSTANCE_REINSTALL",
        rf"(config|config\.instances\.[0-9a-f-]+|{_TOLD}\[[01]\])\.(serial_no|mtime)",
        "the reference records system and parameters one after the other, and what they were before"
        " as a change",
        theirs=rf"^([1-9]|{_TIME}|True)$", ours=rf"^([0-9]|{_TIME}|False)$",
    ),
    Justified(
        _HELPER, r"job\.ops\[0\]\.result\[1\]",
        "codes are for what is refused; here a part of the work has been done",
        theirs=exactly([["new.example.com"], "environment_error"]),
        ours=exactly([["new.example.com"]]),
    ),
    Justified(
        f"{_HELPER} of an image that is not there", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the node that has it not",
        theirs=exactly([]), ours=exactly(["node2.example.com"]),
    ),
)  # fmt: skip
