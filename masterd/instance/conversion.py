"""The disks of an instance as they become with another template. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (ComputeDisksInfo), instance_set_params.py
(which templates, order); constants DTS_NOT_CONVERTIBLE_*; disk_trees.json conversions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from masterd.config.cluster import Cluster
from masterd.config.disk import Disk
from masterd.config.kinds import AnyDisk
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disks, new_disks
from masterd.instance.new_disks import NewDisk

_MIXED: Final = "mixed"
_FROM_NEVER: Final = frozenset({"diskless"})
_TO_NEVER: Final = frozenset({"blockdev", "diskless"})
_PROVIDED: Final = "ext"
#: What a disk keeps of what is asked for of a new one.
_KEPT: Final = ("size", "mode", "name", "spindles")


def check_templates(cluster: Cluster, present: Sequence[AnyDisk], template: str) -> None:
    """Refuse disks that cannot get a template, whatever the nodes have.

    Raises:
        OpPrereqError: they are.
    """
    was = disks.template(present)
    if was == _MIXED:
        raise OpPrereqError("Disks of several templates cannot be converted")
    if was in _FROM_NEVER:
        raise OpPrereqError(f"Disks cannot be converted from template '{was}'", ECode.INVAL)
    if template in _TO_NEVER:
        raise OpPrereqError(f"Disks cannot be converted to template '{template}'", ECode.INVAL)
    if template == was != _PROVIDED:
        raise OpPrereqError(f"Instance already has disk template {template}", ECode.INVAL)
    enabled = cluster.enabled_disk_templates
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled in cluster. Enabled disk templates are:"
            f" {', '.join(enabled)}",
            ECode.STATE,
        )
    if template in new_disks.ON_VOLUMES and not cluster.volume_group_name:
        raise OpPrereqError(
            f"Disk template '{template}' needs volumes, which the cluster does not support",
            ECode.STATE,
        )


def wanted(
    present: Sequence[AnyDisk], template: str, volume_group: str | None, given: Mapping[str, Any]
) -> list[NewDisk]:
    """Return what is asked for in the place of disks.

    Args:
        volume_group: where volumes go, unless the disk has some already.
        given: the provider of the new disks and its parameters; without one, none of these.

    Raises:
        OpPrereqError: a parameter is one of all disks; or the provider is missing, out of place, or
            the one that the disks have.
    """
    known = sorted(given.keys() & (new_disks.PARAMS - {"provider"}))
    if known:
        raise OpPrereqError(
            f"Parameters of all disks cannot be those of a provider: {', '.join(known)}",
            ECode.INVAL,
        )
    return [_wanted(disk, template, volume_group, given) for disk in present]


def _wanted(
    disk: AnyDisk, template: str, volume_group: str | None, given: Mapping[str, Any]
) -> NewDisk:
    own = {key: value for key in _KEPT if (value := getattr(disk, key)) is not None}
    found = new_disks.read({**own, **given}, template, volume_group)
    params = disk.params or {}
    if disk.dev_type == template == _PROVIDED and found.provider == _provider(disk):
        raise OpPrereqError(
            f"Disk {disk.iv_name} has provider '{found.provider}' already", ECode.INVAL
        )
    if template in new_disks.HAVE_ACCESS and "access" in params:
        found = replace(found, access=str(params["access"]))
    group = _group(disk)
    if template in new_disks.ON_VOLUMES and group is not None:
        found = replace(found, volume_group=group)
    return found


def _provider(disk: AnyDisk) -> object:
    return (disk.params or {}).get("provider", (disk.logical_id or ("",))[0])


def _group(disk: AnyDisk) -> str | None:
    """Return the volume group of a disk's data; None where they are on no volume."""
    below = disk.children[0] if disk.dev_type == "drbd" and disk.children else disk
    if below.dev_type != "plain" or below.logical_id is None:
        return None
    return str(below.logical_id[0])


def data_of(mirror: Disk, primary: str) -> Disk:
    """Return the volume with a DRBD disk's data as a disk of its own on a node."""
    return msgspec.structs.replace(
        mirror.children[0],
        size=mirror.size,
        mode=mirror.mode,
        name=mirror.name,
        nodes=(primary,),
    )
