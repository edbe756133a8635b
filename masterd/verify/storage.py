"""What a node has found about its volume group and its DRBD disks. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup; lib/utils/lvm.py.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.pattern import Pattern
from masterd.instance import disks
from masterd.verify import asked, problems
from masterd.verify.group import GroupView, NodeImage
from masterd.verify.problems import Problem, problem, warning

Found = Mapping[str, Any]

#: MiB that a volume group must have. Source: constants MIN_VG_SIZE.
GROUP_SIZE_MIN_MIB: Final = 20_480
#: By which part sizes may differ where disks are given away whole. Source: constants PART_MARGIN.
PV_MARGIN: Final = 0.01


def volume_group(view: GroupView, image: NodeImage, found: Found) -> Iterator[Problem]:
    """Look at the volume group and at the disks that it is made of."""
    name, code = view.config.cluster.volume_group_name, problems.NODE_LVM
    if name is None:
        return
    node = image.node
    groups = found.get("vglist")
    if not groups:
        yield problem(code, node.name, "does not tell of its volume groups")
    elif name not in groups:
        yield problem(code, node.name, f"lacks the volume group '{name}'")
    elif groups[name] < GROUP_SIZE_MIN_MIB:
        text = f"the volume group '{name}' has {groups[name]} MiB, {GROUP_SIZE_MIN_MIB} are needed"
        yield problem(code, node.name, text)
    listed = found.get("pvlist")
    if listed is None:
        yield problem(code, node.name, "does not tell of its physical volumes")
        return
    for volume in listed:
        if ":" in volume["name"]:
            text = (
                f"the physical volume '{volume['name']}' of '{volume['vg_name']}' has a ':' in it"
            )
            yield problem(code, node.name, text)
    if view.has_exclusive_storage:
        yield from _whole_disks(image, found, [volume["size"] for volume in listed])


def _whole_disks(image: NodeImage, found: Found, sizes: Sequence[int]) -> Iterator[Problem]:
    """Look whether disks can be given away whole: all of one size, each for one purpose."""
    code, name = problems.NODE_LVM, image.node.name
    if sizes:
        image.pv_sizes = smallest, largest = min(sizes), max(sizes)
        if _differ(smallest, largest):
            text = f"physical volumes are of too different sizes: {smallest} to {largest} MiB"
            yield problem(code, name, text)
    for volume, users in found.get("exclusive-pvs") or ():
        text = f"the physical volume {volume} is shared by unrelated volumes: {', '.join(users)}"
        yield problem(code, name, text)


def group_disk_sizes(view: GroupView, images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Compare the sizes of physical volumes over the group, where disks are given away whole."""
    known = [(*image.pv_sizes, image.node.uuid) for image in images if image.pv_sizes is not None]
    if view.config.cluster.volume_group_name is None or not known:
        return
    smallest, where_smallest = min((least, uuid) for least, _, uuid in known)
    largest, where_largest = max((most, uuid) for _, most, uuid in known)
    if _differ(smallest, largest):
        yield problem(
            problems.GROUP_PV_SIZES,
            view.group.name,
            f"physical volumes are of too different sizes: {smallest} MiB on"
            f" {view.name_of(where_smallest)}, {largest} MiB on {view.name_of(where_largest)}",
        )


def _differ(smallest: int, largest: int) -> bool:
    return smallest * (1 + PV_MARGIN) < largest * (1 - PV_MARGIN)


def volumes(config: ConfigSnapshot, image: NodeImage, found: Found) -> Iterator[Problem]:
    """Read the logical volumes."""
    if config.cluster.volume_group_name is None:
        image.volumes = None
        return
    listed = found.get(asked.VOLUMES, "nothing was told of them")
    if isinstance(listed, dict):
        image.volumes = listed
    else:
        image.volumes = None
        text = f"its logical volumes cannot be listed: {listed}"
        yield problem(problems.NODE_LVM, image.node.name, text)


def group_is_told(config: ConfigSnapshot, node: Node, found: Found) -> Iterator[Problem]:
    """Look whether the free space of the volume group is told."""
    name = config.cluster.volume_group_name
    if name is None:
        return
    groups = found.get("vglist") or {}
    if name not in groups:
        text = f"tells nothing of the volume group '{name}', which is missing or broken"
        yield problem(problems.NODE_LVM, node.name, text)
    elif not str(groups[name]).isdecimal():
        text = f"tells no size of the volume group '{name}' that can be read"
        yield problem(problems.NODE_RPC, node.name, text)


def orphans(view: GroupView, images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Tell of volumes in the cluster's volume group that nobody knows, and nobody reserved."""
    cluster = view.config.cluster
    reserved = [Pattern(f"^(?:{text})$") for text in cluster.reserved_lvs]
    for image in images:
        for name in image.volumes or ():
            group, _, _ = name.partition("/")
            if group != cluster.volume_group_name or name in view.volumes.get(image.node.uuid, ()):
                continue
            if not any(pattern.search(name) for pattern in reserved):
                text = f"has the unknown volume {name}"
                yield warning(problems.NODE_ORPHAN_VOLUME, image.node.name, text)


# --- DRBD ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Minor:
    """Whose a minor is, and whether it must be in use."""

    disk: str
    instance: AnyInstance | None
    is_active: bool


def drbd(view: GroupView, image: NodeImage, found: Found) -> Iterator[Problem]:
    """Compare minors in use with those that disks have."""
    node = image.node
    yield from _helper(view, node, found)
    used = found.get("drbd-list", [])
    if not isinstance(used, list | tuple):
        text = f"the state of its DRBD disks cannot be read: {used}"
        yield problem(problems.NODE_DRBD, node.name, text)
        return
    known = _minors(view.config).get(node.uuid, {})
    for minor, owner in known.items():
        if owner.is_active and minor not in used:
            whose = "no instance" if owner.instance is None else owner.instance.name
            text = f"DRBD minor {minor} of disk {owner.disk} ({whose}) is not active"
            yield problem(problems.NODE_DRBD, node.name, text)
    for minor in used:
        if minor not in known:
            text = f"DRBD minor {minor} is in use, and belongs to no disk"
            yield problem(problems.NODE_DRBD, node.name, text)


def _helper(view: GroupView, node: Node, found: Found) -> Iterator[Problem]:
    wanted, code = view.config.cluster.drbd_usermode_helper, problems.NODE_DRBD_HELPER
    if not wanted:
        return
    told = found.get("drbd-helper")
    if told is None:
        yield problem(code, node.name, "does not tell of its helper for DRBD")
    elif told:
        is_well, helper = told
        if not is_well:
            yield problem(code, node.name, f"the helper for DRBD fails its check: {helper}")
        elif helper != wanted:
            yield problem(code, node.name, f"has the helper {helper} for DRBD, not {wanted}")


def _minors(config: ConfigSnapshot) -> Mapping[str, Mapping[int, _Minor]]:
    """Return the minors of all disks, by node and number."""
    owners = config.derived(relations).owners
    found: defaultdict[str, dict[int, _Minor]] = defaultdict(dict)
    for disk in config.disks.values():
        for part in disks.tree(disk):
            if part.dev_type != "drbd" or part.logical_id is None:
                continue
            first, second, _, first_minor, second_minor, _ = part.logical_id
            uuid = next(iter(owners.get(disk.uuid, ())), None)
            owner = None if uuid is None else config.instances[uuid]
            minor = _Minor(disk.uuid, owner, owner is not None and bool(owner.disks_active))
            found[str(first)][int(str(first_minor))] = minor
            found[str(second)][int(str(second_minor))] = minor
    return found


def drbd_versions(images: Sequence[NodeImage]) -> Iterator[Problem]:
    """Compare the versions of DRBD over the group."""
    told = {
        image.node.uuid: image.found["drbd-version"]
        for image in images
        if image.found and image.found.get("drbd-version")
    }
    if len(set(told.values())) > 1:
        for image in images:
            if image.node.uuid in told:
                text = f"has version {told[image.node.uuid]} of DRBD, which differs from others"
                yield warning(problems.NODE_DRBD_HELPER, image.node.name, text)
