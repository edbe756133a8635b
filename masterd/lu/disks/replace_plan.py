"""Which disks of an instance are replaced, and on which nodes.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (TLReplaceDisks: checks, order, texts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.iallocator.request import Relocate
from masterd.iallocator.run import Allocators
from masterd.instance import disks, policy
from masterd.lu import names
from masterd.lu.instance import guest
from masterd.node import disks as nodes_disks
from masterd.opcodes.instance_disks import OpInstanceReplaceDisks
from masterd.work.work import Work

_AUTO: Final = "replace_auto"
_ELSEWHERE: Final = "replace_new_secondary"
_ON_PRIMARY: Final = "replace_on_primary"
#: What a node tells of a mirror without its own data. Source: constants LDS_FAULTY.
_FAULTY: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What is replaced.

    Attributes:
        numbers: of the disks; none where nothing is to be done.
        target: the node whose storage is replaced, or goes; None where nothing is to be done.
        other: the node that keeps the data meanwhile.
        new: the node that becomes the secondary one, where another does.
        early_release: whether the old storage goes before the mirrors are the same.
    """

    instance: AnyInstance
    numbers: Sequence[int]
    target: Node | None
    other: Node | None
    new: Node | None = None
    early_release: bool = False

    @property
    def nodes(self) -> list[Node]:
        """All nodes that are needed."""
        return [node for node in (self.new, self.other, self.target) if node is not None]


def chosen(
    work: Work, config: ConfigSnapshot, op: OpInstanceReplaceDisks, instance: AnyInstance
) -> Replacement:
    """Return what is to be replaced, after asking an allocator or nodes where needed. Switches.

    Raises:
        OpPrereqError: it cannot be.
    """
    primary, secondary = _ends(config, instance)
    remote = _remote(work, config, op, instance, secondary)
    if remote is not None and remote.uuid == primary.uuid:
        raise OpPrereqError("The specified node is the primary node of the instance", ECode.INVAL)
    if remote is not None and remote.uuid == secondary.uuid:
        raise OpPrereqError(
            "The specified node is already the secondary node of the instance", ECode.INVAL
        )
    if op.disks and op.mode in (_AUTO, _ELSEWHERE):
        raise OpPrereqError("Cannot specify disks to be replaced", ECode.INVAL)
    if op.mode == _AUTO:
        plan, asked = _by_itself(work, config, instance, (primary, secondary))
    else:
        plan, asked = _as_told(work, op, instance, (primary, secondary, remote))
    those = disks.of(config, instance)
    if not those or any(disk.dev_type != "drbd" for disk in those):
        raise OpPrereqError("Can only run replace disks for DRBD8-based instances", ECode.INVAL)
    if remote is not None:
        _check_policy(work, config, op, instance, (primary, remote))
    for node in asked:
        guest.check_online(node)
    return plan


def _ends(config: ConfigSnapshot, instance: AnyInstance) -> tuple[Node, Node]:
    """Return the primary and the secondary node."""
    secondaries = config.derived(relations).secondaries.get(instance.uuid, ())
    if len(secondaries) != 1 or instance.primary_node is None:
        raise OpPrereqError(
            "The instance has a strange layout, expected one secondary but found"
            f" {len(secondaries)}",
            ECode.FAULT,
        )
    return names.node_of(config, instance.primary_node), names.node_of(config, secondaries[0])


def _remote(
    work: Work,
    config: ConfigSnapshot,
    op: OpInstanceReplaceDisks,
    instance: AnyInstance,
    secondary: Node,
) -> Node | None:
    """Return the new secondary node: named, found by an allocator, or none. Switches."""
    if op.iallocator is None:
        if op.remote_node is None:
            return None
        return names.node(config, op.remote_node, op.remote_node_uuid)
    request = Relocate(instance=instance.uuid, from_nodes=[secondary.uuid])
    answer = Allocators(work.rpc, work.in_thread).run(config, op.iallocator, request)
    if not answer.success:
        raise OpPrereqError(
            f"Can't compute nodes using iallocator '{op.iallocator}': {answer.info}", ECode.NORES
        )
    assert isinstance(answer.result, list), "what relocates an instance is answered so"
    name = str(answer.result[0]) if answer.result else None
    found = None if name is None else config.nodes.named(name)
    if found is None:
        raise OpPrereqError(f"Node {name} not found in configuration", ECode.NOENT)
    work.say.info(f"Selected new secondary for instance '{instance.name}': {name}")
    return found


# --- in each mode ---------------------------------------------------------------------------------


def _as_told(
    work: Work,
    op: OpInstanceReplaceDisks,
    instance: AnyInstance,
    ends: tuple[Node, Node, Node | None],
) -> tuple[Replacement, list[Node]]:
    """Return what the opcode says, and which nodes must be online."""
    primary, secondary, remote = ends
    numbers = op.disks or range(len(instance.disks))
    early = op.early_release
    if op.mode != _ELSEWHERE:
        target, other = primary, secondary
        if op.mode != _ON_PRIMARY:
            target, other = secondary, primary
        plan = Replacement(
            instance=instance, numbers=numbers, target=target, other=other, early_release=early
        )
        return plan, [target, other]
    assert remote is not None, "a new secondary node was named or found"
    if remote.drained:
        raise OpPrereqError(f"Can't use drained node {remote.name}", ECode.STATE)
    if not remote.vm_capable:
        raise OpPrereqError(f"Can't use non-vm_capable node {remote.name}", ECode.STATE)
    if secondary.offline and not early:
        early = True
        work.say.info(
            f"Old secondary {secondary.name} is offline, automatically enabling early-release mode"
        )
    plan = Replacement(
        instance=instance,
        numbers=numbers,
        target=secondary,
        other=primary,
        new=remote,
        early_release=early,
    )
    return plan, [remote, primary]


def _by_itself(
    work: Work, config: ConfigSnapshot, instance: AnyInstance, ends: tuple[Node, Node]
) -> tuple[Replacement, list[Node]]:
    """Return what is broken by what nodes tell, and which must be online. Switches."""
    if not are_active(work, config, instance, ends):
        raise OpPrereqError(
            f"Please run activate-disks on instance {instance.name} first", ECode.STATE
        )
    primary, secondary = ends
    on_primary = _faulty(work, config, instance, primary)
    on_secondary = _faulty(work, config, instance, secondary)
    if on_primary and on_secondary:
        raise OpPrereqError(
            f"Instance {instance.name} has faulty disks on more than one node and can not be"
            " repaired automatically",
            ECode.STATE,
        )
    if not on_primary and not on_secondary:
        return Replacement(instance=instance, numbers=(), target=None, other=None), []
    target, other = (primary, secondary) if on_primary else (secondary, primary)
    numbers = on_primary or on_secondary
    return Replacement(instance=instance, numbers=numbers, target=target, other=other), [
        target,
        other,
    ]


def are_active(
    work: Work, config: ConfigSnapshot, instance: AnyInstance, nodes: Sequence[Node]
) -> bool:
    """Tell whether nodes find all disks of an instance, but for those that are offline. Switches.

    The first disk that is not found ends the search.
    """
    for number, disk in enumerate(disks.of(config, instance)):
        for node in nodes:
            work.say.info(f"Checking disk/{number} on {node.name}")
            result = nodes_disks.find(work.rpc, config, node, (disk, instance))
            if not result.offline and not result.payload:
                return False
    return True


def _faulty(work: Work, config: ConfigSnapshot, instance: AnyInstance, node: Node) -> list[int]:
    """Return the numbers of the disks that have no data on a node. Switches."""
    those = disks.of(config, instance)
    result = nodes_disks.mirror_status(work.rpc, config, node, instance, those)
    result.raise_(
        f"Failed to get disk status from node {node.name}", prereq=True, code=ECode.ENVIRON
    )
    told: Any = result.payload
    return [
        number for number, each in enumerate(told) if each and each.get("ldisk_status") == _FAULTY
    ]


def _check_policy(
    work: Work,
    config: ConfigSnapshot,
    op: OpInstanceReplaceDisks,
    instance: AnyInstance,
    ends: tuple[Node, Node],
) -> None:
    """Refuse a node in another group that does not admit the instance, or warn of it."""
    primary, remote = ends
    if primary.group == remote.group:
        return
    group = config.nodegroups[remote.group]
    broken = policy.violations(config, policy.filled(config, group.ipolicy), instance)
    if not broken:
        return
    text = (
        f"Instance does not meet target node group's ({group.name}) instance policy:"
        f" {', '.join(broken)}"
    )
    if not op.ignore_ipolicy:
        raise OpPrereqError(text, ECode.INVAL)
    work.say.warning(text)
