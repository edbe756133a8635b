"""Another template for all disks of an instance (OP_INSTANCE_SET_PARAMS with disk_template).

Volumes become the data of mirrors, and the other way round, without a copy (`convert_mirrors`);
any other disks are made anew and copied (`convert_copies`). The instance is down meanwhile.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (conversions: checks, order, texts);
disk_trees.json conversions.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.instance import conversion, disks, new_disks, policy
from masterd.lu import names
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import convert_copies, convert_mirrors
from masterd.lu.disks.convert_plan import Conversion as Conversion
from masterd.lu.instance import guest as guests
from masterd.lu.instance import host_checks
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Row
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.work import Work

_FILE_DRIVER: Final = "loop"


def normal(work: Work, config: ConfigSnapshot, op: OpInstanceSetParams) -> OpInstanceSetParams:
    """Return a request for another template in full: allocator, file driver, no idle nodes.

    Asked before anything is locked, and only where `disk_template` is given.

    Raises:
        OpPrereqError: it cannot be carried out anywhere.
    """
    if op.disk_template in new_disks.MIRRORED_INSIDE:
        found = evacuation.allocator_or_node(config, op.iallocator, op.remote_node)
        op = replace(op, iallocator=found)
    else:
        if op.remote_node:
            work.say.warning("Secondary node will be ignored on non-mirrored disk template")
        op = replace(op, remote_node=None, remote_node_uuid=None)
    if op.disk_template in new_disks.IN_FILES:
        op = replace(op, file_driver=op.file_driver or _FILE_DRIVER)
    return op


def nodes_to_lock(
    config: ConfigSnapshot, op: OpInstanceSetParams, own: frozenset[str]
) -> frozenset[str]:
    """Return the uuids of the nodes to lock, where those of the instance are `own`. Pure.

    Where an allocator finds the node, that are all of their groups.

    Raises:
        OpPrereqError: a node is named that there is not.
    """
    if op.remote_node:
        return own | {names.node(config, op.remote_node, op.remote_node_uuid).uuid}
    if op.disk_template not in new_disks.MIRRORED_INSIDE:
        return own
    members = config.derived(relations).members
    groups = {config.nodes[uuid].group for uuid in own}
    return frozenset(node.uuid for group in groups for node in members.get(group, ()))


# --- checks ---------------------------------------------------------------------------------------


def check(work: Work, config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams) -> Conversion:
    """Check that the disks can get another template. Switches.

    Raises:
        OpPrereqError: they cannot.
    """
    template, cluster = op.disk_template, config.cluster
    assert template is not None, "this is asked for"
    present = disks.of(config, guest.instance)
    conversion.check_templates(cluster, present, template)
    guests.check_not_running(work, config, guest, "cannot change disk template")
    wanted = conversion.wanted(present, template, cluster.volume_group_name, op.ext_params)
    directory = new_disks.directory(cluster, template, guest.instance.name, op.file_storage_dir)
    secondary = None
    if op.remote_node:
        secondary = names.node(config, op.remote_node, op.remote_node_uuid)
        _check_secondary(work, config, guest, op, secondary)
    _check_group(config, guest, template)
    nodes = [guest.node] if secondary is None else [guest.node, secondary]
    if template not in new_disks.WITH_EXCLUSIVE_STORAGE and any(
        config.node_params(node).exclusive_storage for node in nodes
    ):
        raise OpPrereqError(
            f"Disks cannot be converted from template '{disks.template(present)}' to '{template}'"
            " when exclusive storage is enabled",
            ECode.STATE,
        )
    plan = Conversion(
        source=disks.template(present),
        template=template,
        wanted=wanted,
        directory=directory,
        driver=op.file_driver,
        secondary=secondary,
        allocator=op.iallocator,
        wait_for_sync=op.wait_for_sync,
    )
    _check_room(work, config, plan, nodes)
    return plan


def _check_secondary(
    work: Work, config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams, node: Node
) -> None:
    """Refuse a node that may not get the other copies of disks."""
    if node.uuid == guest.node.uuid:
        raise OpPrereqError(
            f"Node {node.name} cannot be the secondary node, as it is the primary one", ECode.STATE
        )
    guests.check_online(node)
    for refused, word in ((node.drained, "drained"), (not node.vm_capable, "non-vm_capable")):
        if refused:
            raise OpPrereqError(f"Can't use {word} node: {node.name}", ECode.STATE)
    if node.group == guest.node.group:
        return
    group = config.nodegroups[node.group]
    admits = policy.filled(config, group.ipolicy)
    broken = policy.violations(config, admits, guest.instance)
    if broken:
        text = (
            f"Instance does not meet target node group's ({group.name}) instance policy:"
            f" {', '.join(broken)}"
        )
        if not op.ignore_ipolicy:
            raise OpPrereqError(text, ECode.INVAL)
        work.say.warning(text)
    work.say.warning(
        "The primary and secondary nodes are in two different node groups; the disk parameters"
        " from the first disk's node group will be used"
    )


def _check_group(config: ConfigSnapshot, guest: Guest, template: str) -> None:
    """Refuse a template that the group of the instance does not admit, even if that is ignored."""
    group = config.nodegroups[guest.node.group]
    admitted = policy.filled(config, group.ipolicy).disk_templates
    if template not in admitted:
        raise OpPrereqError(
            f"Disk template '{template}' is not allowed in group {group.name} (allowed templates:"
            f" {', '.join(admitted)})",
            ECode.STATE,
        )


def _check_room(
    work: Work, config: ConfigSnapshot, plan: Conversion, nodes: Sequence[Node]
) -> None:
    """Refuse volumes for which nodes have no room, where they are not there already. Switches."""
    if plan.template not in new_disks.ON_VOLUMES or (plan.source, plan.template) == (
        "drbd",
        "plain",
    ):
        return
    if plan.source == "plain":
        nodes = nodes[1:]
    if nodes:
        host_checks.room(work, config, nodes, new_disks.room_by_group(plan.wanted, plan.template))


# --- work -----------------------------------------------------------------------------------------


def execute(work: Work, guest: Guest, op: OpInstanceSetParams, plan: Conversion) -> list[Row]:
    """Take the disks down, and give them another template; return rows of the result. Switches.

    It gives locks of nodes back as soon as it can.

    Raises:
        OpExecError: it failed.
        OpPrereqError: an allocator finds no node for mirrors.
    """
    if not instance_disks.shut_down(work, guest.instance.uuid):
        raise OpExecError("Cannot shutdown instance disks, so they stay as they are")
    instance = guests.now(work.config, guest.instance.uuid)
    work.say(f"Converting disk template from '{plan.source}' to '{plan.told}'")
    match (plan.source, plan.template):
        case ("plain", "drbd"):
            convert_mirrors.to_mirrors(work, instance, plan)
        case ("drbd", "plain"):
            convert_mirrors.to_volumes(work, instance)
        case _:
            convert_copies.convert(work, instance, plan)
    return [("disk_template", plan.template)]
