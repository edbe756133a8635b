"""Instances that are there."""

import re
from typing import Final

from tests.same_calls.difference import Justified, exactly, succeeds

JUSTIFIED: Final = (
    Justified(
        "INSTANCE_QUERY_DATA on a node", r"calls\.node3\.example\.com",
        "ours asks for all disks at once, also where the answer for one then makes all of it fail",
    ),
    Justified(
        "INSTANCE_QUERY_DATA on a node", r"job\.ops\[0\]\.result\[1\]\[0\]",
        "ours names both, node and instance",
        ours=r"inst0\.example\.com.*node3\.example\.com",
    ),
    Justified(
        "INSTANCE_REBOOT (whole|of one that does not run)",
        r"calls\..*\.GANETI_POST_INSTANCE_STATUS",
        "the reference tells scripts the state from before the instance is recorded as up",
        theirs=exactly("down"), ours=exactly("up"),
    ),
    *succeeds(
        "INSTANCE_CONSOLE of a chroot",
        "the reference looks on the master for what is mounted on the instance's node",
        theirs=["HypervisorError", [["inst8.example.com"]]],
        ours={"instance": "inst8.example.com", "kind": "ssh", "host": "node6.example.com",
              "user": "root", "command": ["chroot", re.compile("'.*/chroot-hypervisor/.*'")]},
    ),
    Justified(
        "INSTANCE_REMOVE", r"config\.(cluster\.)?serial_no",
        "an instance goes with its disks and ports in one change here, in several there",
        theirs="^([2-7]|108|109|110)$", ours="^(1|107)$",
    ),
    Justified(
        "INSTANCE_REMOVE of files that are not enabled", r"calls\..*",
        "the reference removes the disks before it refuses them, and goes on to record them",
        ours=exactly(None),
    ),
    *succeeds(
        "INSTANCE_ACTIVATE_DISKS of which one is not told",
        "the reference cannot read that a node tells nothing of a mirror, though it means to",
        theirs=["ConfigurationError", [[]]],
        ours=[["node1.example.com", "disk/0", "/dev/disk"]],
    ),
    Justified(
        "INSTANCE_ACTIVATE_DISKS of which one is not told", r"job\.ops\[0\]\.log",
        "the reference cannot read that a node tells nothing of a mirror, though it means to",
        theirs=exactly([["message", ["inst19.example.com"]]]),
    ),
    Justified(
        "(BACKUP|INSTANCE)_.*", r"calls\..*(\.tags \(order\)|\.GANETI_(POST_)?INSTANCE_TAGS)",
        "the tags of an instance are a set at the reference, in the order of a hash table",
        by_chance=True,
    ),
)  # fmt: skip
