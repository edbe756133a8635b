"""Instances that get another name."""

from typing import Final

from tests.same_calls.difference import Justified

_TIME: Final = r"1[0-9]{9}(\.[0-9]+)?"

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_RENAME", r"config\.cluster\.serial_no",
        "the reference counts a name as a change of the cluster object, so that simple files are"
        " written; ours are when what they say changes",
        theirs="^107$", ours="^106$",
    ),
    *(
        Justified(
            "INSTANCE_RENAME", rf"{place}\.(serial_no|mtime)",
            "the reference gives an instance another name, and its disks other paths, without a new"
            " number",
            theirs=rf"^([1-9][0-9]?|{_TIME})$", ours=rf"^([1-9][0-9]?|{_TIME})$",
        )
        for place in (
            r"config\.(disks|instances)\.[0-9a-f-]+",
            r"calls\.node[0-9]\.example\.com\[[0-9]+\]\[1\]\[[01]\](\.disks_info\[[0-2]\])?",
        )
    ),
    Justified(
        "INSTANCE_RENAME (on files )?to its own name", r"config\.serial_no",
        "a name that stays is no change here",
        theirs="^3$", ours="^2$",
    ),
    Justified(
        "INSTANCE_RENAME to its own name", r"calls\.node1\.example\.com",
        "likewise, so no scripts for changes of the configuration follow",
        theirs="config-update", ours=r"^\[\['hooks_runner', \['instance-rename', 'pre'",
    ),
)  # fmt: skip
