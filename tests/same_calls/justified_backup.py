"""Exports, and imports of them."""

from typing import Final

from tests.same_calls.difference import Justified

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
)
