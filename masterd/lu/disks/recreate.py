"""OP_INSTANCE_RECREATE_DISKS: disks that were lost are made again, elsewhere if asked.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (LUInstanceRecreateDisks: checks, order, texts,
locks); rpc_flow.json, prereqs.json, lock_requests.json.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, get_args

import msgspec

from masterd.config.disk import Disk, DiskMode
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.iallocator.request import Allocate
from masterd.iallocator.run import Allocators
from masterd.instance import disk_trees, disks, new_disks
from masterd.instance.view import InstanceView
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.disks import creation as disk_creation
from masterd.lu.instance import guest
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_disks import OpInstanceRecreateDisks
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

#: What of a disk may be another than before.
_MODIFIABLE: Final = frozenset({"mode", "size", "spindles"})

#: Parameters of disks, as what they are, by the disk's number.
Changes = Mapping[int, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Recreation:
    """Disks that are made again.

    Attributes:
        changes: what each of them has otherwise than before.
        nodes: where the instance goes, the primary one first; none where it stays.
    """

    instance: Instance
    changes: Changes
    nodes: Sequence[Node]


class LUInstanceRecreateDisks(LogicalUnit[OpInstanceRecreateDisks, Recreation]):
    """Makes disks of an instance that does not run anew, empty.

    With other nodes the instance goes there; what is left on the old ones stays.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-recreate-disks", "INSTANCE")

    def check_arguments(self) -> None:
        op = self.op
        counts = Counter(number for number, _ in _numbered(op))
        twice = sorted(number for number, count in counts.items() if count > 1)
        if twice:
            raise OpPrereqError(
                f"Some disks have been specified more than once: {', '.join(map(str, twice))}",
                ECode.INVAL,
            )
        if op.iallocator or op.nodes:
            config = self.work.config.snapshot()
            first = op.nodes[0] if op.nodes else None
            found = evacuation.allocator_or_node(config, op.iallocator, first)
            self.op = replace(op, iallocator=found)
        _changes(op)

    # --- locks --------------------------------------------------------------------------------

    def needs(self, config: ConfigSnapshot) -> Locks:
        found = guest.find(config, self.op)
        wanted = dict(guest.lock(config, self.op))
        uuids = frozenset(node.uuid for node in self._named(config))
        if self.op.iallocator is not None:
            # An allocator stays in the group of the primary node.
            group = found.node.group
            wanted[LockLevel.NODEGROUP] = LockRequest(frozenset({group}), LockMode.SHARED)
            uuids = frozenset(node.uuid for node in config.group_nodes(group))
        elif not uuids:
            uuids = frozenset(node.uuid for node in nodes_of(config, found.instance))
        nodes = LockRequest(uuids)
        return {**wanted, LockLevel.NODE: nodes, LockLevel.NODE_RES: nodes}

    def _named(self, config: ConfigSnapshot) -> list[Node]:
        """Return the nodes that the opcode names."""
        if self.op.nodes:
            return [names.node(config, name) for name in self.op.nodes]
        return [names.node_of(config, uuid) for uuid in self.op.node_uuids or ()]

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Recreation:
        op, found = self.op, guest.find(config, self.op)
        instance, nodes = found.instance, self._named(config)
        if nodes:
            _check_number(config, instance, nodes)
        if op.iallocator is None:
            guest.check_online(nodes[0] if nodes else found.node)
        if not instance.disks:
            raise OpPrereqError(f"Instance '{instance.name}' has no disks", ECode.INVAL)
        moves = bool(nodes) or op.iallocator is not None
        if not (moves and found.node.offline):
            guest.check_not_running(
                self.work, config, found, "cannot recreate disks", wanted=guest.NOT_RUNNING
            )
        changes = _changes(op) or {number: {} for number in range(len(instance.disks))}
        highest = max(changes)
        if highest >= len(instance.disks):
            raise OpPrereqError(f"Invalid disk index '{highest}'", ECode.INVAL)
        if moves and len(changes) != len(instance.disks):
            raise OpPrereqError(
                "Can't recreate disks partially and change the nodes at the same time",
                ECode.INVAL,
            )
        if op.iallocator is not None:
            nodes = self._allocated(config, instance, op.iallocator)
            uuids = [node.uuid for node in nodes]
            self.work.locks.keep(LockLevel.NODE, uuids)
            self.work.locks.keep(LockLevel.NODE_RES, uuids)
        _check_spindles(config, nodes or nodes_of(config, instance), changes)
        _check_template(config, instance)
        return Recreation(instance, changes, nodes)

    def _allocated(self, config: ConfigSnapshot, instance: Instance, name: str) -> list[Node]:
        """Return the nodes that an allocator finds, as if the instance were a new one. Switches.

        Allocators cannot be asked for other places for all copies of an instance.
        """
        view = InstanceView(config, instance)
        request = Allocate(
            name=instance.name,
            disk_template=view.disk_template,
            group_name=None,
            tags=instance.tags,
            os=instance.os,
            vcpus=view.be_params.vcpus,
            memory=view.be_params.maxmem,
            spindle_use=view.be_params.spindle_use,
            disks=[
                {"size": disk.size, "mode": disk.mode, "spindles": disk.spindles}
                for disk in view.disks
            ],
            nics=[{}],
            hypervisor=instance.hypervisor,
        )
        answer = Allocators(self.work.rpc, self.work.in_thread).run(config, name, request)
        if not answer.success:
            raise OpPrereqError(
                f"Can't compute nodes using iallocator '{name}': {answer.info}", ECode.NORES
            )
        assert isinstance(answer.result, list), "what places an instance is answered so"
        nodes = [names.node(config, str(node)) for node in answer.result]
        shown = ", ".join(node.name for node in nodes)
        self.work.say.info(
            f"Selected nodes for instance {instance.name} via iallocator {name}: {shown}"
        )
        return nodes

    # --- what is told -------------------------------------------------------------------------

    def hooks(self, plan: Recreation, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.instance.uuid], self.op)

    def tells_change(self, plan: Recreation) -> bool:
        return bool(plan.nodes)

    def describe(self, plan: Recreation) -> Description:
        numbers = ", ".join(map(str, sorted(plan.changes)))
        where = f" on {' and '.join(node.name for node in plan.nodes)}" if plan.nodes else ""
        return [f"Make disks {numbers} of instance {plan.instance.name} again{where}"]

    # --- the work -----------------------------------------------------------------------------

    def execute(self, plan: Recreation) -> None:
        work = self.work
        self._record(plan, self._changed(plan))
        if plan.nodes:
            work.say.warning(
                "Changing the instance's nodes, you will have to remove any disks left on the older"
                " nodes manually"
            )
        config = work.config.snapshot()
        instance = guest.now(work.config, plan.instance.uuid)
        those = [
            disk
            for number, disk in enumerate(disks.of(config, instance))
            if number in plan.changes and isinstance(disk, Disk)
        ]
        made = disk_creation.create(work, instance, those)
        if not config.cluster.prealloc_wipe_disks:
            return
        try:
            disk_creation.wipe(work, instance, those)
        except OpExecError:
            disk_creation.undo(work, instance, made)
            raise

    def _changed(self, plan: Recreation) -> list[Disk]:
        """Return the disks that are made again, as they are from now on."""
        config, changed = self.work.config.snapshot(), []
        uuids = tuple(node.uuid for node in plan.nodes)
        for number, disk in enumerate(disks.of(config, plan.instance)):
            if number not in plan.changes:
                continue
            assert isinstance(disk, Disk), "it was looked at before"
            if uuids:
                disk = self._moved(disk, uuids)
            changed.append(disk_trees.changed(disk, plan.changes[number]))
        return changed

    def _moved(self, disk: Disk, uuids: tuple[str, ...]) -> Disk:
        """Return a disk that is on other nodes; a mirror has its port and secret there too."""
        moved = disk_trees.on_nodes(disk, uuids)
        if disk.dev_type == "drbd":
            minors = self.work.reserve.new_minors(uuids)
            port, secret = disk.logical_id[2], disk.logical_id[5]
            logical_id = (*uuids, port, *minors, secret)
            moved = msgspec.structs.replace(moved, logical_id=logical_id)
        return moved

    def _record(self, plan: Recreation, changed: Sequence[Disk]) -> None:
        """Record the disks, and the instance where it goes to other nodes. Switches."""

        def change(draft: Draft) -> None:
            for disk in changed:
                draft.put(disk)
                draft.touch(DISK, disk.uuid)
            if plan.nodes:
                instance = draft.require(INSTANCE, plan.instance.uuid)
                primary = plan.nodes[0].uuid
                draft.put(msgspec.structs.replace(instance, primary_node=primary))
                draft.touch(INSTANCE, instance.uuid)

        self.work.config.update(change)


# --- what the opcode says -------------------------------------------------------------------------


def _numbered(op: OpInstanceRecreateDisks) -> list[tuple[int, Mapping[str, object]]]:
    """Return the disks that an opcode names; those given by number alone once each."""
    alone = sorted({each for each in op.disks if isinstance(each, int)})
    given = [(each[0], each[1]) for each in op.disks if not isinstance(each, int)]
    return [*((number, {}) for number in alone), *given]


def _changes(op: OpInstanceRecreateDisks) -> dict[int, Mapping[str, object]]:
    """Return what disks are to have otherwise.

    Raises:
        OpPrereqError: it is nothing that may change, or no way to reach a disk.
        TypeEnforcementError: it is unknown, or has a value of no meaning.
    """
    found: dict[int, Mapping[str, object]] = {}
    for number, given in _numbered(op):
        found[number] = new_disks.typed_params(given, "")
        others = sorted(given.keys() - _MODIFIABLE)
        if others:
            raise OpPrereqError(
                f"Parameters for disk {number} try to change unmodifiable parameter(s):"
                f" {', '.join(others)}",
                ECode.INVAL,
            )
        mode = found[number].get("mode", "rw")
        if mode not in get_args(DiskMode):
            raise OpPrereqError(f"Invalid disk access mode '{mode}'", ECode.INVAL)
    return found


def _check_number(config: ConfigSnapshot, instance: Instance, nodes: Sequence[Node]) -> None:
    """Refuse more or fewer nodes than an instance has, or one of them twice."""
    present = len(nodes_of(config, instance))
    if len(nodes) != present:
        raise OpPrereqError(
            f"Instance {instance.name} currently has {present} nodes, but {len(nodes)} replacement"
            " nodes were specified",
            ECode.INVAL,
        )
    if len({node.uuid for node in nodes}) != present:
        raise OpPrereqError(
            f"Node {nodes[0].name} cannot have both copies of the disks of instance"
            f" {instance.name}",
            ECode.INVAL,
        )


def _check_spindles(config: ConfigSnapshot, nodes: Sequence[Node], changes: Changes) -> None:
    """Refuse spindles where no node gives whole disks away."""
    if any(config.node_params(node).exclusive_storage for node in nodes):
        return
    if any(each.get("spindles") is not None for each in changes.values()):
        raise OpPrereqError(
            "Spindles in instance disks cannot be specified when exclusive storage is not active",
            ECode.INVAL,
        )


def _check_template(config: ConfigSnapshot, instance: Instance) -> None:
    """Refuse disks of a template that is not enabled, or of several."""
    those = disks.of(config, instance)
    if not all(isinstance(disk, Disk) for disk in those):
        raise OpPrereqError(f"Instance '{instance.name}' has disks that are planned", ECode.STATE)
    template, enabled = disks.template(those), config.cluster.enabled_disk_templates
    if template == "mixed":
        raise OpExecError(
            f"Disks of instance {instance.name} have several templates, and can be made again only"
            " where they have one"
        )
    if template not in enabled:
        raise OpPrereqError(
            f"Disk template '{template}' is not enabled in cluster. Enabled disk templates are:"
            f" {','.join(enabled)}"
        )
