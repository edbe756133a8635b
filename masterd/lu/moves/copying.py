"""OP_INSTANCE_MOVE: an instance that has its disks on one node goes to another with copies of them.

It is stopped meanwhile. As long as not all copies are whole, it belongs where it was, and the
copies are removed when one fails; afterwards it belongs to the other node.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py, LUInstanceMove (checks, order, texts).
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, GanetiError, OpExecError, OpPrereqError
from masterd.instance import disks, hook_env
from masterd.instance.view import InstanceView
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.backup import moving
from masterd.lu.backup.moving import DiskTransfer
from masterd.lu.disks import assembly, creation
from masterd.lu.instance import guest, host_checks
from masterd.lu.instance.remove import check_templates
from masterd.lu.moves import starting, target_checks
from masterd.node import instances
from masterd.node.imports import RawEnd
from masterd.opcodes.instance_move import OpInstanceMove
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

#: Templates whose disks can be copied. Source: constants DTS_COPYABLE.
_COPYABLE: Final = frozenset({"file", "plain"})


@dataclass(frozen=True, slots=True)
class _Move:
    """Which instance leaves which node for which."""

    instance: Instance
    source: Node
    target: Node


class LUInstanceMove(LogicalUnit[OpInstanceMove, _Move]):
    """Copies the disks of a stopped instance to another node, and has it go on there."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-move", "INSTANCE")

    def needs(self, config: ConfigSnapshot) -> Locks:
        plan = self._plan(config)
        nodes = LockRequest(frozenset({plan.source.uuid, plan.target.uuid}))
        return {
            LockLevel.INSTANCE: LockRequest(frozenset({plan.instance.name})),
            LockLevel.NODE: nodes,
            LockLevel.NODE_RES: nodes,
        }

    def _plan(self, config: ConfigSnapshot) -> _Move:
        found = guest.find(config, self.op)
        target = names.node(config, self.op.target_node, self.op.target_node_uuid)
        return _Move(found.instance, found.node, target)

    def check(self, config: ConfigSnapshot) -> _Move:
        plan = self._plan(config)
        instance, target = plan.instance, plan.target
        _check_disks(config, instance)
        if target.uuid == plan.source.uuid:
            raise OpPrereqError(
                f"Instance {instance.name} is already on the node {target.name}", ECode.STATE
            )
        guest.check_online(target)
        target_checks.not_drained(target)
        target_checks.vm_capable(target)
        ignore = self.op.ignore_ipolicy
        target_checks.policy(self.work, config, instance, target, ignore=ignore)
        if instance.admin_state == "up":
            host_checks.memory(
                self.work,
                target,
                (instance.hypervisor, config.cluster.hvparams.get(instance.hypervisor, {})),
                InstanceView(config, instance).be_params.maxmem,
                f"moving instance {instance.name}",
            )
        else:
            self.work.say.info(
                "Not checking memory on the secondary node as instance will not be started"
            )
        host_checks.bridges(self.work, config, target, instance.nics)
        _check_templates(config, instance)
        return plan

    def hooks(self, plan: _Move, config: ConfigSnapshot) -> Hooked:
        subject = hook_env.subject(config, config.instances[plan.instance.uuid])
        env = {
            **hook_env.asked(self.op, target_node=plan.target.name),
            **hook_env.instance_env(config, subject),
        }
        nodes = tuple(
            dict.fromkeys((config.cluster.master_node, plan.source.uuid, plan.target.uuid))
        )
        return Hooked(env, nodes, nodes)

    def tells_change(self, plan: _Move) -> bool:
        # It is the disks whose change is told of.
        return bool(plan.instance.disks)

    def describe(self, plan: _Move) -> Description:
        name, number = plan.instance.name, len(plan.instance.disks)
        source, target = plan.source.name, plan.target.name
        said = [
            f"Stop instance {name} on node {source}, and copy its {number} disks to {target}",
            f"Record {target} as its node, and remove the disks from node {source}",
        ]
        is_up = plan.instance.admin_state == "up"
        return [*said, f"Start instance {name} on node {target}"] if is_up else said

    def execute(self, plan: _Move) -> None:
        work, instance, uuid = self.work, plan.instance, plan.instance.uuid
        self._stop(plan)
        self._copy(plan)
        try:
            work.config.update(lambda draft: _moved(draft, uuid, plan.target))
        except GanetiError:
            assembly.remove(work, instance, only_at=plan.target)
            raise
        work.say.info("Removing the disks on the original node")
        assembly.remove(work, guest.now(work.config, uuid), only_at=plan.source)
        if instance.admin_state == "up":
            target = plan.target
            work.say.info(f"Starting instance {instance.name} on node {target.name}")
            starting.start(work, uuid, target, self.op.reason)

    def _stop(self, plan: _Move) -> None:
        """Stop the instance. Switches.

        Raises:
            RpcError: it may run yet, and that matters.
        """
        work, name, source = self.work, plan.instance.name, plan.source
        work.say.info(f"Shutting down instance {name} on source node {source.name}")
        result = instances.shut_down(
            work.rpc,
            work.config.snapshot(),
            source,
            plan.instance,
            timeout_s=self.op.shutdown_timeout,
            reason=self.op.reason,
        )
        text = f"Could not shutdown instance {name} on node {source.name}"
        if self.op.ignore_consistency:
            more = f"Proceeding anyway. Please make sure node {source.name} is down. Error details"
            result.warn(f"{text}. {more}", work.say.warning)
        else:
            result.raise_(text)

    def _copy(self, plan: _Move) -> None:
        """Make copies of all disks on the target. Switches.

        Raises:
            OpExecError: one is not whole; then none are there, as far as the target did it.
        """
        work, instance = self.work, plan.instance
        those = _disks(work.config.snapshot(), instance)
        try:
            creation.create(work, instance, those, only_at=plan.target)
        except OpExecError:
            work.say.warning("Device creation failed")
            raise
        transfers = [
            DiskTransfer(f"disk/{index}", RawEnd(disk, instance), RawEnd(disk, instance))
            for index, disk in enumerate(those)
        ]
        way = plan.source, plan.target
        copied = moving.between_nodes(work, instance, way, self.op.compress, transfers)
        if all(copied):
            return
        work.say.warning("Some disks failed to copy, aborting")
        assembly.remove(work, instance, only_at=plan.target)
        shown = ", ".join(str(index) for index, well in enumerate(copied) if not well)
        raise OpExecError(f"Errors during disk copy: disks {shown} did not arrive whole")


def _disks(config: ConfigSnapshot, instance: Instance) -> list[Disk]:
    return [disk for disk in disks.of(config, instance) if isinstance(disk, Disk)]


def _check_disks(config: ConfigSnapshot, instance: Instance) -> None:
    """Refuse disks that cannot be copied.

    Raises:
        OpPrereqError: there is one.
    """
    those = _disks(config, instance)
    for index, disk in enumerate(those):
        if disk.dev_type not in _COPYABLE:
            raise OpPrereqError(
                f"Instance disk {index} has disk type {disk.dev_type} and is not suitable for"
                " copying",
                ECode.STATE,
            )


def _check_templates(config: ConfigSnapshot, instance: Instance) -> None:
    """Refuse disks that cannot be made on the target, while the instance still runs.

    Raises:
        OpPrereqError: there are some.
    """
    those = _disks(config, instance)
    if disks.template(those) == "mixed":
        raise OpPrereqError(
            f"Instance {instance.name} has disks of several templates, which cannot be copied"
            " together",
            ECode.STATE,
        )
    check_templates(config, those)


def _moved(draft: Draft, uuid: str, target: Node) -> None:
    """Record that an instance and its disks are on a node."""
    instance = draft.require(INSTANCE, uuid)
    draft.put(msgspec.structs.replace(instance, primary_node=target.uuid))
    for each in instance.disks:
        disk = draft.require(DISK, each)
        draft.put(msgspec.structs.replace(disk, nodes=(target.uuid,)))
