"""Exports, and imports of them."""

from typing import Final

from tests.same_calls.difference import Justified, exactly

_ZEROS: Final = "BACKUP_EXPORT (.*, )?with zeros"
_TIME: Final = r"1[0-9]{9}(\.[0-9]+)?"
_NOT_IMPORTED: Final = (
    "the reference says that an image has no effect on an import, and writes it; and it brings the"
    " data of an instance without an operating system to no disk, though it means to"
)

JUSTIFIED: Final = (
    Justified(
        "BACKUP_EXPORT",
        r"calls\.node[0-9]\.example\.com\[[0-9]+\]\[1\](\[0\]|\[1\]\[[0-9]\]|\[5\]\[1\]\[0\])"
        r"\.(children|nodes|mode|serial_no|[cm]time)",
        "of a snapshot, which the configuration never has, the reference tells less; node daemons"
        " look at none of these",
        theirs="^None$",
        ours=r"^(\[\]|'rw'|1|0)$",
    ),
    Justified(
        "BACKUP_EXPORT .*(goes away|removed here)",
        r"config\.(cluster\.)?serial_no",
        "an instance goes with its disks and ports in one change here, in several there",
        theirs="^([2-4]|108)$",
        ours="^([13]|107)$",
    ),
    *(
        Justified(
            _ZEROS,
            place,
            "a disk that gets another place gets another name, which the reference does without a"
            " new number; ours puts the temporary disk in with one change, the reference with two,"
            " and tells afterwards of the instance as it was before",
            theirs=rf"^([1-9]|107|{_TIME})$",
            ours=rf"^([1-9]|1[01]|106|{_TIME})$",
        )
        for place in (
            r"config\.(cluster\.|disks\.[0-9a-f-]+\.)?(serial_no|mtime)",
            r"calls\.node[23]\.example\.com\[[0-9]+\](\[[0-9]\]){2,4}(\.disks_info\[[01]\])?"
            r"\.(serial_no|mtime)",
        )
    ),
    Justified(
        _ZEROS,
        r"calls\.node2\.example\.com\[[0-9]+\]\[1\]\[0\]\.iv_name",
        "of a disk that is not recorded yet, or no more, the reference tells less",
        theirs="^None$",
        ours="^'(disk/0)?'$",
    ),
    Justified(
        _ZEROS,
        r"calls\.node2\.example\.com\[[0-9]+\]\[1\]\[0\]\.disks",
        "the reference tells of the instance as it was before it had the temporary disk, though"
        " with that among those described",
        theirs=r"^\['[^',]*'\]$",
        ours=r"^\['[^',]*', '[^',]*'\]$",
    ),
    Justified(
        _ZEROS,
        r"calls\.node2\.example\.com\[[0-9]+\]\[1\]\[0\]\.disks_active",
        "the reference tells of the instance as it was before its disks came up",
        theirs=exactly(False),
        ours=exactly(True),
    ),
    Justified(
        f"{_ZEROS} of an image that is not there",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names the node that has it not",
        theirs=exactly([]),
        ours=exactly(["node2.example.com"]),
    ),
    Justified(
        "INSTANCE_CREATE (of two disks )?from an?(other| export| old export| path)",
        r"calls\.node[23]\.example\.com\[[0-9]+\]\[1\]\[[13]\]\.serial_no",
        "an instance enters the configuration with its disks in one change here, in several there",
        theirs="^[234]$",
        ours="^[12]$",
    ),
    Justified(
        "INSTANCE_CREATE from an export of NICs in networks",
        r"(config\.networks\.[0-9a-f-]+"
        r"|calls\.node[23]\.example\.com\[[0-9]+\]\[1\]\[[013]\]\.nics\[0\]\.netinfo)"
        r"\.(serial_no|mtime)",
        "an address that is taken changes its network, which the reference does without a new"
        " number",
        theirs=r"^(4|1[0-9]{9}\.[0-9]+)$",
        ours=r"^(5|1[0-9]{9}\.[0-9]+)$",
    ),
    Justified(
        "INSTANCE_CREATE (from an export, stopped|from an export without a system"
        "|without a system from another cluster)",
        r"job\.ops\[0\]\.log|calls\.node[23]\.example\.com",
        _NOT_IMPORTED,
    ),
    Justified(
        "INSTANCE_CREATE from another cluster$",
        r"job\.ops\[0\]\.result\[1\]\[0\]",
        "the reference names the node by its uuid",
        theirs=exactly([]),
        ours=exactly(["node2.example.com"]),
    ),
    *(
        Justified(
            "INSTANCE_CREATE from an export (that says nothing|without a (name|link))",
            place,
            "a description that cannot be used is nothing of which a fault of the program should"
            " be told, and nothing has been changed",
            theirs=theirs,
            ours=ours,
        )
        for place, theirs, ours in (
            (
                r"job\.ops\[0\]\.result\[0\]",
                "^'(ProgrammerError|OpExecError)'$",
                exactly("OpPrereqError"),
            ),
            (r"job\.ops\[0\]\.result\[1\]", exactly([[]]), exactly([[], "environment_error"])),
        )
    ),
    *(
        Justified(
            "(BACKUP_EXPORT to|INSTANCE_CREATE from) another cluster with a certificate of"
            " (somebody else|nobody)",
            place,
            "a certificate without a good signature is refused like any other that is no good",
            theirs=theirs,
            ours=ours,
        )
        for place, theirs, ours in (
            (r"job\.ops\[0\]\.result\[0\]", exactly("GenericError"), exactly("OpPrereqError")),
            (r"job\.ops\[0\]\.result\[1\]", exactly([[]]), exactly([[], "wrong_input"])),
        )
    ),
)
