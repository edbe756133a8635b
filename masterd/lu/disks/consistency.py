"""Whether the copies of disks on a node are whole.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (CheckDiskConsistency: calls, their order).
"""

from typing import Any, Final

from masterd.config.disk import Disk
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disk_trees
from masterd.node import disks as nodes_disks
from masterd.work.work import Work

#: Templates of which a node that does not run the instance has something. Source: objects.py,
#: AssembleOnSecondary.
_ON_SECONDARY: Final = frozenset({"drbd", "plain"})
#: What a node tells of a mirror with its own data. Source: constants LDS_OKAY.
_OKAY: Final = 1


def is_whole(
    work: Work,
    config: ConfigSnapshot,
    instance: AnyInstance,
    disk: AnyDisk,
    node: Node,
    *,
    own_data: bool = False,
) -> bool:
    """Tell whether a disk and all its parts are whole on a secondary node. Switches.

    One of which nodes have nothing of their own is not asked for; one that is missing is told of.

    Args:
        own_data: whether of a mirror it is enough that the node's own data are whole.
    """
    if disk.dev_type in _ON_SECONDARY:
        result = nodes_disks.find(work.rpc, config, node, (disk, instance))
        if not result.ok:
            work.say.warning(f"Can't find disk on node {node.name}: {result.error}")
            return False
        told: Any = result.payload
        if not told:
            work.say.warning(f"Can't find disk on node {node.name}")
            return False
        if (told.get("ldisk_status") != _OKAY) if own_data else told.get("is_degraded"):
            return False
    if not isinstance(disk, Disk):
        return True
    parts = disk_trees.parts(config, disk, instance.primary_node or "")
    return all(is_whole(work, config, instance, part, node) for part in parts)
