"""Volumes and devices that are there already and become the disks of a new instance.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (checks, order, texts); constants
ADOPTABLE_BLOCKDEV_ROOT.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from masterd.config.disk import Disk
from masterd.config.node import Node
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disks
from masterd.instance.new_disks import NewDisk
from masterd.node import disks as nodes_disks
from masterd.node import storage
from masterd.wconf.reservations import Thing
from masterd.work.work import Work

_DEVICES: Final = "/dev/disk/"


def volumes(work: Work, node: Node, wanted: Sequence[NewDisk]) -> list[NewDisk]:
    """Return disks that are logical volumes of a node, with the sizes they have. Switches.

    Raises:
        OpPrereqError: one is not there, is in use, or is meant twice.
    """
    paths = [f"{disk.volume_group}/{disk.adopted}" for disk in wanted]
    if len(set(paths)) != len(paths):
        raise OpPrereqError("Duplicate volume names given for adoption", ECode.INVAL)
    for disk in wanted:
        work.reserve.thing(Thing.LV, (disk.volume_group, disk.adopted))
    groups = storage.volume_groups(work.rpc, (node,))[node.uuid]
    groups.raise_(f"Cannot get VG information from node {node.name}", prereq=True)
    known: Any = groups.payload
    result = storage.logical_volumes(work.rpc, (node,), list(known))[node.uuid]
    result.raise_(f"Cannot get LV information from node {node.name}", prereq=True)
    told: Any = result.payload
    missing = sorted(path for path in paths if path not in told)
    if missing:
        raise OpPrereqError(f"Missing logical volume(s): {', '.join(missing)}", ECode.INVAL)
    online = sorted(path for path in paths if told[path][2])
    if online:
        raise OpPrereqError(
            f"Online logical volumes found, cannot adopt: {', '.join(online)}", ECode.STATE
        )
    return [
        replace(disk, size=int(float(told[path][0])))
        for disk, path in zip(wanted, paths, strict=True)
    ]


def devices(work: Work, node: Node, wanted: Sequence[NewDisk]) -> list[NewDisk]:
    """Return disks that are devices of a node, with the sizes they have. Switches.

    Raises:
        OpPrereqError: one is not there, is no disk, or is meant twice.
    """
    paths = [posixpath.normpath(posixpath.join("/", disk.adopted or "")) for disk in wanted]
    if len(set(paths)) != len(paths):
        raise OpPrereqError("Duplicate disk names given for adoption", ECode.INVAL)
    outside = sorted(path for path in paths if not path.startswith(_DEVICES))
    if outside:
        raise OpPrereqError(
            f"Device node(s) {', '.join(outside)} lie outside {_DEVICES} and cannot be adopted",
            ECode.INVAL,
        )
    result = nodes_disks.sizes(work.rpc, (node,), paths)[node.uuid]
    result.raise_(f"Cannot get block device information from node {node.name}", prereq=True)
    told: Any = result.payload
    missing = sorted(path for path in paths if path not in told)
    if missing:
        raise OpPrereqError(f"Missing block device(s): {', '.join(missing)}", ECode.INVAL)
    return [
        replace(disk, adopted=path, size=int(float(told[path])))
        for disk, path in zip(wanted, paths, strict=True)
    ]


def rename(work: Work, node: Node, made: Sequence[Disk], wanted: Sequence[NewDisk]) -> None:
    """Give adopted volumes the names that the disks made of them have. Switches.

    Raises:
        RpcError: the node failed.
    """
    pairs = [(old, disk.logical_id) for old, disk in _old_and_new(made, wanted)]
    nodes_disks.rename(work.rpc, node, pairs).raise_("Failed to rename adopted volumes")


def rename_back(work: Work, node: Node, made: Sequence[Disk], wanted: Sequence[NewDisk]) -> None:
    """Give adopted volumes the names that they had; where that fails it is told. Switches."""
    both = _old_and_new(made, wanted)
    result = nodes_disks.rename(work.rpc, node, [(new, old.logical_id) for old, new in both])
    told = ", ".join(f"{disks.shown(new)} was {disks.shown(old)}" for old, new in both)
    result.warn(f"Failed to give adopted volumes their old names: {told}", work.say.warning)


def _old_and_new(made: Sequence[Disk], wanted: Sequence[NewDisk]) -> list[tuple[Disk, Disk]]:
    """Return each adopted volume as it was called, and as it is called now."""
    return [
        (msgspec.structs.replace(disk, logical_id=(disk.logical_id[0], asked.adopted or "")), disk)
        for disk, asked in zip(made, wanted, strict=True)
    ]
