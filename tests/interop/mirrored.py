"""A cluster whose instances can all be moved, for Debian's programs that move them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.broken_configs import sound
from tests.interop import live, masters
from tests.interop.masters import Masters
from tests.sample_config import Document


@contextmanager
def at_work() -> Iterator[Masters]:
    """Run both masters of it, on the same nodes: one of them may change something."""
    with live.at_work(mirrored()) as roots:
        yield Masters(masters.commands(roots.theirs), masters.commands(roots.ours))


def mirrored() -> Document:
    """Return a cluster of two groups whose nodes can all have instances, and are all there.

    Its instances have mirrored disks, both sides of them in the first group, and run.
    """
    made = sound()
    made["filters"] = {}
    made["cluster"]["default_iallocator"] = "hail"
    # The first one is measured, whatever is to be moved.
    made["cluster"]["enabled_disk_templates"] = ["drbd", "plain", "file"]
    made["cluster"]["ipolicy"]["disk-templates"] = ["drbd", "plain", "file"]
    for group in made["nodegroups"].values():
        group["alloc_policy"] = "preferred"
        group["ipolicy"] = {}
    for number, node in enumerate(made["nodes"].values()):
        # Both nodes of each instance are in the first group.
        group = list(made["nodegroups"])[number in (2, 5)]
        node |= {"offline": False, "drained": False, "vm_capable": True, "group": group}
    # What is only planned, or on storage that only one node has, cannot be moved.
    kept = {
        uuid: each
        for uuid, each in made["instances"].items()
        if {made["disks"][disk]["dev_type"] for disk in each["disks"]} == {"drbd"}
    }
    made["instances"] = kept
    used = {disk for each in kept.values() for disk in each["disks"]}
    made["disks"] = {uuid: disk for uuid, disk in made["disks"].items() if uuid in used}
    for instance in kept.values():
        instance |= {"admin_state": "up", "nics": []}
    return made
