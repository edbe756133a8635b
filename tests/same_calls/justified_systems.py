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
            rf"{_TOLD}\[0\]\[0\]", rf"{_TOLD}\[[01]\]\.disks_info\[[0-2]\]",
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
    Justified(
        f"{_HELPER} of an image that is not there", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the node that has it not",
        theirs=exactly([]), ours=exactly(["node2.example.com"]),
    ),
)  # fmt: skip
