"""DRBD disks get another secondary node.

The volumes are made there, then a side of each disk that stands alone. The old side is taken down,
the primary node lets go of it, and the disks are recorded with the new node. Only then both sides
are connected, and what is on the old node goes.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (TLReplaceDisks: calls, order, texts).
"""

from collections.abc import Sequence

from masterd.config.disk import Disk
from masterd.config.kinds import INSTANCE, AnyDisk
from masterd.config.node import Node
from masterd.config.transaction import Draft
from masterd.errors import GanetiError, OpExecError
from masterd.instance import disk_trees, disks
from masterd.instance.disks import shown
from masterd.lock.levels import LockLevel
from masterd.lu.disks import replace_steps as steps
from masterd.lu.disks.replace_plan import Replacement
from masterd.lu.disks.replace_steps import STEPS, Leftovers
from masterd.node import disks as nodes_disks
from masterd.work.work import Work


def run(work: Work, plan: Replacement) -> None:
    """Move one side of all disks to another node. Switches.

    Raises:
        GanetiError: it failed; what is on nodes by then and no disk names is told.
    """
    assert plan.target is not None, "there is something to do"
    assert plan.new is not None, "there is a new node"
    ahead, behind = Leftovers(plan.new), Leftovers(plan.target)
    try:
        _run(work, plan, ahead, behind)
    except GanetiError:
        ahead.tell(work.say)
        behind.tell(work.say)
        raise


def record_planned(work: Work, plan: Replacement) -> None:
    """Record another secondary node for a planned instance. Switches.

    Raises:
        OpExecError: of a disk it is not known how it is connected.
    """
    work.say("Instance forthcoming, will only update the configuration")
    those = disks.of(work.config.snapshot(), plan.instance)
    try:
        _record(work, plan, _moved(work, plan, those))
    except ValueError as error:
        raise OpExecError(f"Instance {plan.instance.name} cannot be moved: {error}") from error


def _run(work: Work, plan: Replacement, ahead: Leftovers, behind: Leftovers) -> None:
    config, instance = work.config.snapshot(), steps.instance_of(plan)
    primary = config.nodes[instance.primary_node]
    work.say.step(1, STEPS, "Check device existence")
    steps.check_there(work, plan, [primary])
    steps.check_volume_group(work, [primary])
    work.say.step(2, STEPS, "Check peer consistency")
    steps.check_whole(work, plan, primary, own_data=True)
    work.say.step(3, STEPS, "Allocate new storage")
    old = [disk for _, disk in steps.numbered(config, plan)]
    for number, disk in enumerate(old):
        work.say.info(f"Adding new local storage on {ahead.node.name} for disk/{number}")
        for part in disk_trees.parts(config, disk, primary.uuid):
            steps.make_volume(work, plan, ahead, part)
    work.say.step(4, STEPS, "Changing drbd configuration")
    moved = _moved(work, plan, old)
    for number, side in enumerate(moved):
        work.say.info(f"activating a new drbd on {ahead.node.name} for disk/{number}")
        _make_alone(work, plan, ahead, side)
    _part(work, plan, primary, old)
    _record(work, plan, moved)
    ahead.clear()
    for disk in old:
        for part in disk.children:
            behind.add(part)
    work.locks.release(LockLevel.NODE)
    made = _attach(work, plan, primary)
    steps.finish(work, plan, made, [disk.children for disk in old], behind)


def _moved(work: Work, plan: Replacement, those: Sequence[AnyDisk]) -> list[AnyDisk]:
    """Return disks with the new node in the place of the old one, and a minor there."""
    assert plan.new is not None, "there is a new node"
    minors = work.reserve.new_minors([plan.new.uuid for _ in those])
    primary = plan.instance.primary_node or ""
    return [
        disk_trees.with_secondary(disk, primary, plan.new.uuid, minor)
        for disk, minor in zip(those, minors, strict=True)
    ]


def _make_alone(work: Work, plan: Replacement, ahead: Leftovers, disk: AnyDisk) -> None:
    """Make the new side of a disk, which stands alone.

    Raises:
        OpExecError: it could not be made.
    """
    config, node = work.config.snapshot(), ahead.node
    assert isinstance(disk, Disk), "an instance that is not planned has real disks"
    result = nodes_disks.create_alone(
        work.rpc,
        config,
        node,
        (disk, plan.instance),
        size=disk.size,
        info=steps.info(plan),
        exclusive_storage=config.node_params(node).exclusive_storage,
    )
    result.raise_(
        f"Can't create block device {shown(disk)} on node {node.name} for instance"
        f" {plan.instance.name}"
    )
    ahead.add(disk)


def _part(work: Work, plan: Replacement, primary: Node, old: Sequence[Disk]) -> None:
    """Take the old side down, and have the primary node stand alone.

    Raises:
        OpExecError: the primary node does not.
    """
    config, owner = work.config.snapshot(), plan.instance
    assert plan.target is not None, "there is something to do"
    for number, disk in enumerate(old):
        work.say.info(f"Shutting down drbd for disk/{number} on old node")
        result = nodes_disks.shut_down(work.rpc, config, plan.target, (disk, owner))
        if not result.ok:
            work.say.warning(
                f"Failed to shutdown drbd for {shown(disk)} on old node {plan.target.name}:"
                f" {result.error}",
                hint="Please cleanup this device manually as soon as possible",
            )
    work.say.info("Detaching primary drbds from the network (=> standalone)")
    result = nodes_disks.drbd_disconnect(work.rpc, config, [primary], owner, old)[primary.uuid]
    if not result.ok:
        raise OpExecError(
            f"Can't detach the disks from the network on node {primary.name}: {result.error}"
        )


def _record(work: Work, plan: Replacement, moved: Sequence[AnyDisk]) -> None:
    """Record where disks are, which is a change of the instance too. Switches."""
    work.say.info("Updating instance configuration")

    def change(draft: Draft) -> None:
        for disk in moved:
            draft.put(disk)
        draft.touch(INSTANCE, plan.instance.uuid)

    work.config.update(change)


def _attach(work: Work, plan: Replacement, primary: Node) -> list[Disk]:
    """Connect both sides; return the disks as they are recorded.

    Raises:
        OpExecError: one could not be connected.
    """
    work.say.info("Attaching primary drbds to new secondary (standalone => connected)")
    config = work.config.snapshot()
    assert plan.new is not None, "there is a new node"
    made = [disk for disk in disks.of(config, plan.instance) if isinstance(disk, Disk)]
    nodes = [primary, plan.new]
    answers = nodes_disks.drbd_attach(
        work.rpc, config, nodes, plan.instance, made, both_primary=False
    )
    for node in nodes:
        result = answers[node.uuid]
        if not result.ok:
            raise OpExecError(
                f"Can't attach drbd disks on node {node.name}: {result.error} (please do a"
                f" gnt-instance info {plan.instance.name} to see the status of disks)"
            )
    return made
