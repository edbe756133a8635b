"""DRBD disks get new volumes on one of their nodes; the configuration stays as it is.

New volumes are made under names of their own. Then each disk lets go of its volumes, the old ones
are put aside under other names, the new ones get theirs, and the disk takes them up and fills them
from the other node.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (TLReplaceDisks: calls, order, texts).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from masterd.config.disk import Disk
from masterd.errors import OpExecError
from masterd.instance import disk_trees
from masterd.instance.disks import DRBD_META_MIB, shown
from masterd.lu.disks import replace_steps as steps
from masterd.lu.disks.replace_plan import Replacement
from masterd.lu.disks.replace_steps import STEPS, Leftovers
from masterd.node import disks as nodes_disks
from masterd.work.work import Work


@dataclass(frozen=True, slots=True)
class _Swap:
    """A disk with the volumes that it has and those that it gets."""

    disk: Disk
    old: Sequence[Disk]
    new: Sequence[Disk]


def run(work: Work, plan: Replacement) -> None:
    """Replace the volumes of disks on one node. Switches.

    Raises:
        OpExecError: it failed; what is on the node by then and no disk names is told.
    """
    assert plan.target is not None, "there is something to do"
    left = Leftovers(plan.target)
    try:
        _run(work, plan, left)
    except OpExecError:
        left.tell(work.say)
        raise


def _run(work: Work, plan: Replacement, left: Leftovers) -> None:
    assert plan.other is not None, "there is something to do"
    work.say.step(1, STEPS, "Check device existence")
    steps.check_there(work, plan, [plan.other, left.node])
    steps.check_volume_group(work, [left.node, plan.other])
    work.say.step(2, STEPS, "Check peer consistency")
    steps.check_whole(work, plan, plan.other, own_data=False)
    work.say.step(3, STEPS, "Allocate new storage")
    swaps = list(_made(work, plan, left))
    work.say.step(4, STEPS, "Changing drbd configuration")
    aside = [_swap(work, plan, left, swap) for swap in swaps]
    steps.finish(work, plan, [swap.disk for swap in swaps], aside, left)


def _made(work: Work, plan: Replacement, left: Leftovers) -> list[_Swap]:
    """Make the new volumes of all disks."""
    config, swaps = work.config.snapshot(), []
    for number, disk in steps.numbered(config, plan):
        work.say.info(f"Adding storage on {left.node.name} for disk/{number}")
        data, meta = disk_trees.parts(config, disk, steps.instance_of(plan).primary_node)
        names = [f"{work.new_uuid()}.disk{number}_{kind}" for kind in ("data", "meta")]
        new = [
            disk_trees.new_part(data, names[0], disk.size, work.new_uuid()),
            disk_trees.new_part(meta, names[1], DRBD_META_MIB, work.new_uuid()),
        ]
        for volume in new:
            steps.make_volume(work, plan, left, volume)
        swaps.append(_Swap(disk, [data, meta], new))
    return swaps


def _swap(work: Work, plan: Replacement, left: Leftovers, swap: _Swap) -> list[Disk]:
    """Have a disk take up its new volumes; return the old ones under their other names.

    Raises:
        OpExecError: the node failed. Where it did not take the new volumes, they are gone again.
    """
    config, node, owner = work.config.snapshot(), left.node, plan.instance
    whole = (swap.disk, owner)
    work.say.info(f"Detaching {swap.disk.iv_name} drbd from local storage")
    result = nodes_disks.remove_children(work.rpc, config, node, whole, swap.old)
    result.raise_(
        f"Can't detach drbd from local storage on node {node.name} for device {shown(swap.disk)}"
    )
    suffix = f"_replaced-{work.clock.now_us() // 1_000_000}"
    aside = [
        disk_trees.renamed(part, (part.logical_id[0], f"{part.logical_id[1]}{suffix}"))
        for part in swap.old
    ]
    there = [
        (old, other)
        for old, other in zip(swap.old, aside, strict=True)
        if nodes_disks.find(work.rpc, config, node, (old, owner)).payload
    ]
    work.say.info("Renaming the old LVs on the target node")
    result = nodes_disks.rename(work.rpc, node, [(old, to.logical_id) for old, to in there])
    result.raise_(f"Can't rename old LVs on node {node.name}, {_as_told(there)}")
    for _, other in there:
        left.add(other)
    taking = [
        disk_trees.renamed(new, old.logical_id) for old, new in zip(swap.old, swap.new, strict=True)
    ]
    work.say.info("Renaming the new LVs on the target node")
    pairs = list(zip(swap.new, taking, strict=True))
    result = nodes_disks.rename(work.rpc, node, [(new, to.logical_id) for new, to in pairs])
    result.raise_(f"Can't rename new LVs on node {node.name}, {_as_told(pairs)}")
    for new in swap.new:
        left.drop(new)
    work.say.info(f"Adding new mirror component on {node.name}")
    result = nodes_disks.add_children(work.rpc, config, node, whole, taking)
    if not result.ok:
        for new in taking:
            gone = nodes_disks.remove(work.rpc, config, node, (new, owner))
            if not gone.ok:
                work.say.warning(
                    f"Can't remove {shown(new)} again on node {node.name}: {gone.error}",
                    hint="cleanup manually the unused logical volumes",
                )
        raise OpExecError(
            f"Can't add local storage to drbd {shown(swap.disk)} on node {node.name}:"
            f" {result.error}"
        )
    return aside


def _as_told(renamed: Sequence[tuple[Disk, Disk]]) -> str:
    """Name volumes whose node may have renamed them or not: both are looked for afterwards."""
    return ", ".join(f"{shown(old)} to {shown(new)}" for old, new in renamed)
