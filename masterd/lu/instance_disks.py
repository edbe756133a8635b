"""The disks of an instance: brought up and down, whatever they are made of.

A disk is brought up on each node that has a copy of it: that is the primary node of the instance
alone, or both ends of a DRBD disk, which then needs no word about the volumes below it.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (order of calls, what counts as a failure).
"""

from collections.abc import Iterator

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.lu import guest
from masterd.node import disks as nodes_disks
from masterd.work.work import Work


def shut_down(work: Work, uuid: str, *, primary_counts: bool = True) -> bool:
    """Take an instance's disks down on all its nodes; return whether all went well. Switches.

    They are recorded as not active before. What fails is told of and the rest goes on.

    Args:
        primary_counts: Whether a failure on the primary node is one; on another node it is none
            where that is offline.
    """
    instance = guest.record(work.config, uuid, disks_active=False)
    config = work.config.snapshot()
    well = True
    for _, disk, node in _places(config, instance):
        result = nodes_disks.shut_down(work.rpc, config, node, (disk, instance))
        if result.ok:
            continue
        work.say.warning(
            f"Could not shutdown block device {disk.iv_name} on node {node.name}: {result.error}"
        )
        on_primary = node.uuid == instance.primary_node
        well = well and not (primary_counts if on_primary else not result.offline)
    return well


def _places(config: ConfigSnapshot, instance: Instance) -> Iterator[tuple[int, AnyDisk, Node]]:
    """Yield the disks of an instance with their index and each node that has a copy."""
    for index, disk in enumerate(disks.of(config, instance)):
        for uuid in disks.node_uuids(disk, instance.primary_node):
            yield index, disk, config.nodes[uuid]
