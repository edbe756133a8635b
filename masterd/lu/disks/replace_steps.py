"""The steps by which mirrored disks get other storage, wherever that is. All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (TLReplaceDisks: calls, order, texts).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.instance import disks
from masterd.instance.disks import shown
from masterd.lock.levels import LockLevel
from masterd.lu.disks import consistency
from masterd.lu.disks import sync as disk_sync
from masterd.lu.disks.replace_plan import Replacement, are_active
from masterd.node import disks as nodes_disks
from masterd.node import storage
from masterd.work.feedback import Feedback
from masterd.work.work import Work

STEPS: Final = 6


class Leftovers:
    """What the work has put or left on a node and no disk of the configuration names."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._ids: dict[str, None] = {}

    def add(self, disk: Disk) -> None:
        """Note something that is there now."""
        self._ids[shown(disk)] = None

    def drop(self, disk: Disk) -> None:
        """Forget something that is gone, or has a name now."""
        self._ids.pop(shown(disk), None)

    def clear(self) -> None:
        """Forget everything."""
        self._ids.clear()

    def tell(self, say: Feedback) -> None:
        """Name it to people, who may have to clean up."""
        if self._ids:
            say.warning(f"Left on node {self.node.name}: {', '.join(self._ids)}")


def instance_of(plan: Replacement) -> Instance:
    """Return the instance, which is not planned."""
    assert isinstance(plan.instance, Instance), "of a planned one no node is asked"
    return plan.instance


def numbered(config: ConfigSnapshot, plan: Replacement) -> Iterator[tuple[int, Disk]]:
    """Yield the disks that are replaced, with their numbers, in their order."""
    for number, disk in enumerate(disks.of(config, plan.instance)):
        if number in plan.numbers:
            assert isinstance(disk, Disk), "an instance that is not planned has real disks"
            yield number, disk


# --- before anything is changed -------------------------------------------------------------------


def check_there(work: Work, plan: Replacement, nodes: Sequence[Node]) -> None:
    """Make sure that nodes find the disks.

    Raises:
        OpExecError: one does not.
    """
    config = work.config.snapshot()
    for number, disk in numbered(config, plan):
        for node in nodes:
            work.say.info(f"Checking disk/{number} on {node.name}")
            result = nodes_disks.find(work.rpc, config, node, (disk, plan.instance))
            if result.payload:
                continue
            hint = ""
            if not are_active(work, config, plan.instance, nodes_of(config, plan.instance)):
                hint = (
                    "; disks seem to be not properly activated, try activate-disks on the instance"
                    " before replace-disks"
                )
            raise OpExecError(
                f"Can't find {shown(disk)} on node {node.name}: {result.error or 'disk not found'}"
                f"{hint}"
            )


def _primary(plan: Replacement) -> str:
    return instance_of(plan).primary_node


def check_volume_group(work: Work, nodes: Sequence[Node]) -> None:
    """Make sure that nodes have the cluster's volume group.

    Raises:
        OpExecError: one has not.
    """
    work.say.info("Checking volume groups")
    group = work.config.snapshot().cluster.volume_group_name
    answers = storage.volume_groups(work.rpc, nodes)
    for node in nodes:
        result = answers[node.uuid]
        result.raise_(f"Error checking node {node.name}")
        there: Any = result.payload
        if group not in there:
            raise OpExecError(f"Volume group '{group}' not found on node {node.name}")


def check_whole(work: Work, plan: Replacement, node: Node, *, own_data: bool) -> None:
    """Make sure that a node has all of the disks.

    Args:
        own_data: whether it is enough that its own data are whole.

    Raises:
        OpExecError: it has not.
    """
    config = work.config.snapshot()
    for number, disk in numbered(config, plan):
        work.say.info(f"Checking disk/{number} consistency on node {node.name}")
        if not consistency.is_whole(work, config, plan.instance, disk, node, own_data=own_data):
            raise OpExecError(
                f"Node {node.name} has degraded storage of {shown(disk)}, unsafe to replace disks"
                f" for instance {plan.instance.name}"
            )


# --- new storage ----------------------------------------------------------------------------------


def make_volume(work: Work, plan: Replacement, left: Leftovers, volume: Disk) -> None:
    """Make a volume on a node, whether that is the primary one or not.

    Raises:
        OpExecError: it could not be made.
    """
    config = work.config.snapshot()
    result = nodes_disks.create(
        work.rpc,
        config,
        left.node,
        (volume, plan.instance),
        size=volume.size,
        on_primary=False,
        info=info(plan),
        exclusive_storage=config.node_params(left.node).exclusive_storage,
    )
    result.raise_(
        f"Can't create block device {shown(volume)} on node {left.node.name} for instance"
        f" {plan.instance.name}"
    )
    left.add(volume)


def info(plan: Replacement) -> str:
    """Return what is written on devices."""
    return f"originstname+{plan.instance.name}"


# --- when the disks have it -----------------------------------------------------------------------


def finish(
    work: Work,
    plan: Replacement,
    made: Sequence[Disk],
    old: Sequence[Sequence[Disk]],
    left: Leftovers,
) -> None:
    """Wait for the mirrors, without locks that others may need; look at them; remove old storage.

    With an early release that goes first, and the rest of the locks.

    Args:
        made: the disks that were changed.
        old: the volumes that each of them had.
        left: those volumes, on their node.

    Raises:
        OpExecError: a mirror is not whole in the end.
    """
    instance, step = instance_of(plan), 5
    if plan.early_release:
        work.say.step(step, STEPS, "Removing old storage")
        _remove(work, plan, made, old, left)
        work.locks.release(LockLevel.NODE_RES)
        step += 1
    work.locks.release(LockLevel.NODE)
    work.say.step(step, STEPS, "Sync devices")
    # Whether it ends well is seen below, of these disks alone.
    disk_sync.wait(work, instance)
    _check_made(work, plan, made)
    if not plan.early_release:
        work.say.step(step + 1, STEPS, "Removing old storage")
        _remove(work, plan, made, old, left)


def _remove(
    work: Work,
    plan: Replacement,
    made: Sequence[Disk],
    old: Sequence[Sequence[Disk]],
    left: Leftovers,
) -> None:
    config = work.config.snapshot()
    for disk, volumes in zip(made, old, strict=True):
        work.say.info(f"Remove logical volumes for {disk.iv_name}")
        for volume in volumes:
            result = nodes_disks.remove(work.rpc, config, left.node, (volume, plan.instance))
            if result.ok:
                left.drop(volume)
            else:
                work.say.warning(
                    f"Can't remove {shown(volume)} on node {left.node.name}: {result.error}",
                    hint="remove unused LVs manually",
                )


def _check_made(work: Work, plan: Replacement, made: Sequence[Disk]) -> None:
    config = work.config.snapshot()
    primary = config.nodes[_primary(plan)]
    for disk in made:
        result = nodes_disks.find(work.rpc, config, primary, (disk, plan.instance))
        told: Any = result.payload
        if not told:
            raise OpExecError(
                f"Can't find DRBD device {shown(disk)} on node {primary.name}:"
                f" {result.error or 'disk not found'}"
            )
        if told["is_degraded"]:
            raise OpExecError(f"DRBD device {shown(disk)} on node {primary.name} is degraded")
