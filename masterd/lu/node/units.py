"""OP_NODE_MODIFY_STORAGE and OP_REPAIR_NODE_STORAGE: one storage unit of a node.

Source: Ganeti 3.0.2 lib/cmdlib/node.py, LUNodeModifyStorage, LURepairNodeStorage; constants
MODIFIABLE_STORAGE_FIELDS, VALID_STORAGE_OPERATIONS, LDS_FAULTY.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disks as disks_of_instance
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.node.storage import arguments, check_enabled
from masterd.node import disks, storage
from masterd.opcodes.node_storage import OpNodeModifyStorage, OpRepairNodeStorage
from masterd.work.base import Description, Locks, LogicalUnit

#: What may be changed, by type of storage.
_CHANGEABLE: Final[Mapping[str, frozenset[str]]] = {"lvm-pv": frozenset({"allocatable"})}
#: Types of storage that can be repaired, and how that is called.
_REPAIRABLE: Final = frozenset({"lvm-vg"})
_REPAIR: Final = "fix-consistency"
#: State of a local disk that is broken.
_FAULTY: Final = 4


class LUNodeModifyStorage(LogicalUnit[OpNodeModifyStorage, Node]):
    """Changes what LVM lets one change of a physical volume."""

    def check_arguments(self) -> None:
        self._node(self.work.config.snapshot())
        changeable = _CHANGEABLE.get(self.op.storage_type)
        if changeable is None:
            raise OpPrereqError(
                f"Storage units of type '{self.op.storage_type}' can not be modified", ECode.INVAL
            )
        others = sorted(set(self.op.changes) - changeable)
        if others:
            raise OpPrereqError(
                "The following fields can not be modified for storage units of type"
                f" '{self.op.storage_type}': {', '.join(others)}",
                ECode.INVAL,
            )

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(frozenset({self._node(config).uuid}))}

    def check(self, config: ConfigSnapshot) -> Node:
        check_enabled(config.cluster, self.op.storage_type)
        return self._node(config)

    def describe(self, plan: Node) -> Description:
        told = ", ".join(f"{name}={value}" for name, value in sorted(self.op.changes.items()))
        return [f"Set {told or 'nothing'} of storage unit '{self.op.name}' on {plan.name}"]

    def execute(self, plan: Node) -> None:
        cluster = self.work.config.snapshot().cluster
        kind = self.op.storage_type
        result = storage.modify_unit(
            self.work.rpc, plan, kind, arguments(cluster, kind), self.op.name, self.op.changes
        )
        result.raise_(f"Failed to modify storage unit '{self.op.name}' on {plan.name}")

    def _node(self, config: ConfigSnapshot) -> Node:
        return names.node(config, self.op.node_name, self.op.node_uuid)


class LURepairNodeStorage(LogicalUnit[OpRepairNodeStorage, Node]):
    """Has LVM drop what is missing of a volume group.

    Instances with disks there must not lose their last good copy by that: their other nodes are
    asked before.
    """

    def check_arguments(self) -> None:
        self._node(self.work.config.snapshot())
        if self.op.storage_type not in _REPAIRABLE:
            raise OpPrereqError(
                f"Storage units of type '{self.op.storage_type}' can not be repaired", ECode.INVAL
            )

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(frozenset({self._node(config).uuid}))}

    def check(self, config: ConfigSnapshot) -> Node:
        check_enabled(config.cluster, self.op.storage_type)
        node = self._node(config)
        for instance, other in _other_ends(config, node):
            problem = self._problem(config, instance, other)
            if problem is None:
                continue
            if not self.op.ignore_consistency:
                raise problem
            self.work.say.warning(problem.message)
        return node

    def describe(self, plan: Node) -> Description:
        return [f"Repair storage unit '{self.op.name}' on {plan.name}"]

    def execute(self, plan: Node) -> None:
        self.work.say(f"Repairing storage unit '{self.op.name}' on {plan.name} ...")
        cluster = self.work.config.snapshot().cluster
        kind = self.op.storage_type
        result = storage.repair_unit(
            self.work.rpc, plan, kind, arguments(cluster, kind), self.op.name, _REPAIR
        )
        result.raise_(f"Failed to repair storage unit '{self.op.name}' on {plan.name}")

    def _problem(
        self, config: ConfigSnapshot, instance: AnyInstance, other: Node
    ) -> OpPrereqError | None:
        """Return why an instance needs its disks on this node. Switches."""
        there = disks_of_instance.of(config, instance)
        result = disks.mirror_status(self.work.rpc, config, other, instance, there)
        if not result.ok:
            text = f"Failed to get disk status from node {other.name}: {result.error}"
            return OpPrereqError(text, ECode.ENVIRON)
        states: Any = result.payload
        if not any(state and state.get("ldisk_status") == _FAULTY for state in states):
            return None
        text = f"Instance '{instance.name}' has faulty disks on node '{other.name}'"
        return OpPrereqError(text, ECode.STATE)

    def _node(self, config: ConfigSnapshot) -> Node:
        return names.node(config, self.op.node_name, self.op.node_uuid)


def _other_ends(config: ConfigSnapshot, node: Node) -> Iterator[tuple[AnyInstance, Node]]:
    """Yield instances with active disks on a node, with each of their other nodes."""
    found = config.derived(relations)
    here = (*found.primary_of.get(node.uuid, ()), *found.secondary_of.get(node.uuid, ()))
    for instance in here:
        if not instance.disks_active:
            continue
        for other in nodes_of(config, instance):
            if other.uuid != node.uuid:
                yield instance, other
