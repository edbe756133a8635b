"""What disks are made of, and on which nodes they are. Pure.

Source: Ganeti 3.0.2 lib/objects.py (GetNodes, ComputeLDParams, ComputeGrowth, RecordGrow),
lib/config (GetInstanceDiskParams).
"""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from masterd.config.disk import Disk
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.objects import FreeParams
from masterd.config.params import DiskTemplate, fill_free
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError, ECode, OpPrereqError

#: MiB of a DRBD disk's metadata volume. Source: constants DRBD_META_SIZE.
DRBD_META_MIB: Final = 128
#: Templates whose disks take no room that the cluster counts.
_NOT_COUNTED: Final = frozenset({"blockdev", "diskless"})
#: Templates whose disks can grow. Source: constants DTS_GROWABLE.
GROWABLE: Final = frozenset({"drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"})
#: Templates whose disks are files that Ganeti makes directories for. Source: constants DT_FILE.
IN_DIRECTORIES: Final = frozenset({"file", "sharedfile"})


def of(config: ConfigSnapshot, instance: AnyInstance) -> Sequence[AnyDisk]:
    """Return an instance's disks that are there, in their order."""
    return config.derived(relations).disks.get(instance.uuid, ())


def template(disks: Sequence[AnyDisk]) -> str:
    """Return the template that disks have in common; "diskless" or "mixed" where there is none."""
    templates = {disk.dev_type for disk in disks if disk.dev_type is not None}
    if not templates:
        return "diskless"
    return templates.pop() if len(templates) == 1 else "mixed"


def usage_mib(disks: Sequence[AnyDisk]) -> int:
    """Return what disks take on each of their nodes."""
    return sum(
        (disk.size or 0) + (DRBD_META_MIB if disk.dev_type == "drbd" else 0)
        for disk in disks
        if disk.dev_type not in _NOT_COUNTED
    )


def shown_mib(size_mib: int) -> str:
    """Return a size with the unit that suits it."""
    if size_mib < 1024:
        return f"{size_mib}M"
    if size_mib < 1024 * 1024:
        return f"{size_mib / 1024:.1f}G"
    return f"{size_mib / 1024 / 1024:.1f}T"


def shown(disk: AnyDisk) -> str:
    """Return what a disk is called in messages; a DRBD disk's id holds a secret."""
    logical_id = disk.logical_id or ()
    parts = logical_id[2:5] if disk.dev_type == "drbd" else logical_id
    return f"{disk.iv_name or disk.dev_type} ({'/'.join(map(str, parts))})"


def shown_whole(disk: AnyDisk) -> str:
    """Return what a disk is called where it may stay on a node: with all that it is made of."""
    below = [shown(part) for part in tree(disk) if part is not disk]
    return f"{shown(disk)}, made of {', '.join(below)}," if below else shown(disk)


def node_uuids(disk: AnyDisk, primary_node: str) -> tuple[str, ...]:
    """Return the nodes on which a disk has to be assembled.

    Raises:
        ConfigurationError: it is a DRBD disk that is not on the instance's primary node.
    """
    if disk.dev_type != "drbd" or disk.logical_id is None:
        return (primary_node,)
    first, second = str(disk.logical_id[0]), str(disk.logical_id[1])
    if primary_node not in (first, second):
        raise ConfigurationError(f"Disk {disk.uuid} is not on node {primary_node}")
    return first, second


def tree(disk: AnyDisk) -> Iterator[AnyDisk]:
    """Yield a disk and all it is made of, each before its parts."""
    yield disk
    for child in disk.children:
        yield from tree(child)


def without_size(disk: AnyDisk) -> AnyDisk:
    """Return a disk of whose size, and of its parts' sizes, nothing is known."""
    return msgspec.structs.replace(
        disk,
        size=0,
        children=tuple(msgspec.structs.replace(child, size=0) for child in disk.children),
    )


def directories(disks: Iterable[AnyDisk]) -> list[str]:
    """Return the directories that disks in files have for themselves, sorted."""
    found = {
        posixpath.dirname(str(disk.logical_id[1]))
        for disk in disks
        if disk.dev_type in IN_DIRECTORIES and disk.logical_id is not None
    }
    return sorted(found)


def ports(disks: Iterable[AnyDisk]) -> list[int]:
    """Return the ports that DRBD disks are connected by."""
    return [
        int(disk.logical_id[2])
        for disk in disks
        if disk.dev_type == "drbd" and disk.logical_id is not None
    ]


def uuid_at(instance: AnyInstance, index: int) -> str:
    """Return the uuid of a disk by its number.

    Raises:
        OpPrereqError: the instance has none of that number.
    """
    if index >= len(instance.disks):
        raise OpPrereqError(
            f"Invalid disk index: {index} (the instance has {len(instance.disks)} disks)",
            ECode.INVAL,
        )
    return instance.disks[index]


def growth(disk: AnyDisk, amount_mib: int) -> dict[str, int]:
    """Return what of each volume group a disk takes more on each of its nodes when it grows."""
    below = disk.children[0] if disk.dev_type == "drbd" and disk.children else disk
    if below.dev_type != "plain" or below.logical_id is None:
        return {}
    return {str(below.logical_id[0]): amount_mib}


def grown(disk: Disk, amount_mib: int) -> Disk:
    """Return a disk that has become larger; with a DRBD disk its data have."""
    parts = disk.children
    if disk.dev_type == "drbd" and parts:
        parts = (grown(parts[0], amount_mib), *parts[1:])
    return msgspec.structs.replace(disk, size=disk.size + amount_mib, children=parts)


def volumes(config: ConfigSnapshot, instance: AnyInstance) -> Iterator[tuple[str, str]]:
    """Yield the logical volumes of an instance: node uuid, and name as "group/volume"."""
    primary = instance.primary_node
    if primary is None:
        return
    for disk in of(config, instance):
        for uuid in node_uuids(disk, primary):
            for part in tree(disk):
                if part.dev_type == "plain" and part.logical_id is not None:
                    group, name = part.logical_id
                    yield uuid, f"{group}/{name}"


def group_params(config: ConfigSnapshot, group_uuid: str, template: DiskTemplate) -> FreeParams:
    """Return the parameters of a template's disks in a group, filled from the cluster's."""
    group = config.nodegroups.get(group_uuid)
    whole = config.cluster.diskparams.get(template, {})
    return fill_free(whole, {} if group is None else group.diskparams.get(template, {}))
