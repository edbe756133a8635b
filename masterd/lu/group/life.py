"""OP_GROUP_ADD, OP_GROUP_REMOVE, OP_GROUP_RENAME: which groups there are.

Source: Ganeti 3.0.2 lib/cmdlib/group.py (checks, hooks, results); prereqs.json, rpc_flow.json.
"""

from typing import ClassVar, Final

import msgspec

from masterd.config.kinds import GROUP
from masterd.config.node import NodeGroup
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.cluster import communication
from masterd.lu.group import params as group_params
from masterd.opcodes.group import OpGroupAdd, OpGroupRemove, OpGroupRename
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "GROUP"


class LUGroupAdd(LogicalUnit[OpGroupAdd, NodeGroup]):
    """Adds a group without nodes, and connects it to the network instances are talked to by."""

    HOOKS: ClassVar[HookPath | None] = HookPath("group-add", _KIND)
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def check(self, config: ConfigSnapshot) -> NodeGroup:
        _check_unused(config, self.op.group_name, "Desired group name '{name}' already exists as a")
        uuid = self.work.new_uuid()
        self.work.locks.add(LockLevel.NODEGROUP, uuid)
        return group_params.new_group(config, self.op, uuid)

    def hooks(self, plan: NodeGroup, config: ConfigSnapshot) -> Hooked:
        return on_master(config, {"GROUP_NAME": self.op.group_name})

    def describe(self, plan: NodeGroup) -> Description:
        return [f"Add node group {plan.name}"]

    def execute(self, plan: NodeGroup) -> WithJobs | None:
        def add(draft: Draft) -> None:
            present = draft.named(GROUP, plan.name)
            if present is not None:
                raise _taken(plan.name, present, "Desired group name '{name}' already exists as a")
            draft.put(plan)

        self.work.config.update(add)
        return self._connected(plan)

    def _connected(self, group: NodeGroup) -> WithJobs | None:
        """Return the job that connects the new group, if there is a network for that."""
        config = self.work.config.snapshot()
        wanted = config.cluster.instance_communication_network
        if not wanted or config.networks.named(wanted) is None:
            return None
        return WithJobs([[communication.connect(group.uuid, wanted)]])


class LUGroupRemove(LogicalUnit[OpGroupRemove, NodeGroup]):
    """Removes a group that has no nodes and is not the last."""

    HOOKS: ClassVar[HookPath | None] = HookPath("group-remove", _KIND)
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def needs(self, config: ConfigSnapshot) -> Locks:
        return locked(config, self.op.group_name)

    def check(self, config: ConfigSnapshot) -> NodeGroup:
        group = names.group(config, self.op.group_name)
        members = config.derived(relations).members.get(group.uuid, ())
        if members:
            told = sorted((node.name for node in members), key=natural_key)
            raise OpPrereqError(
                f"Group '{self.op.group_name}' not empty, has the following nodes:"
                f" {', '.join(told)}",
                ECode.STATE,
            )
        if len(config.nodegroups) == 1:
            raise OpPrereqError(
                f"Group '{self.op.group_name}' is the only group, cannot be removed", ECode.STATE
            )
        return group

    def hooks(self, plan: NodeGroup, config: ConfigSnapshot) -> Hooked:
        return on_master(config, {"GROUP_NAME": self.op.group_name})

    def describe(self, plan: NodeGroup) -> Description:
        return [f"Remove node group {plan.name}"]

    def execute(self, plan: NodeGroup) -> None:
        self.work.config.update(lambda draft: draft.remove(GROUP, plan.uuid))


class LUGroupRename(LogicalUnit[OpGroupRename, NodeGroup]):
    """Gives a group another name, which is the result."""

    HOOKS: ClassVar[HookPath | None] = HookPath("group-rename", _KIND)

    def needs(self, config: ConfigSnapshot) -> Locks:
        return locked(config, self.op.group_name)

    def check(self, config: ConfigSnapshot) -> NodeGroup:
        _check_unused(config, self.op.new_name, "Desired new name '{name}' clashes with existing")
        return names.group(config, self.op.group_name)

    def hooks(self, plan: NodeGroup, config: ConfigSnapshot) -> Hooked:
        members = config.derived(relations).members.get(plan.uuid, ())
        nodes = list(dict.fromkeys((config.cluster.master_node, *(node.uuid for node in members))))
        env = {"OLD_NAME": self.op.group_name, "NEW_NAME": self.op.new_name}
        return Hooked(env, nodes, nodes)

    def describe(self, plan: NodeGroup) -> Description:
        return [f"Rename node group {plan.name} to {self.op.new_name}"]

    def execute(self, plan: NodeGroup) -> str:
        def rename(draft: Draft) -> None:
            present = draft.named(GROUP, self.op.new_name)
            if present is not None:
                raise _taken(
                    self.op.new_name, present, "Desired new name '{name}' clashes with existing"
                )
            group = draft.require(GROUP, plan.uuid)
            draft.put(msgspec.structs.replace(group, name=self.op.new_name))

        self.work.config.update(rename)
        return self.op.new_name


def locked(config: ConfigSnapshot, name: str) -> Locks:
    """Return the lock on the group of that name."""
    group = names.group(config, name)
    return {LockLevel.NODEGROUP: LockRequest(frozenset({group.uuid}))}


def on_master(config: ConfigSnapshot, env: dict[str, object]) -> Hooked:
    """Return what only the scripts of the master are told."""
    nodes = (config.cluster.master_node,)
    return Hooked(env, nodes, nodes)


def _check_unused(config: ConfigSnapshot, name: str, text: str) -> None:
    """Refuse a name, or uuid, that a group has."""
    found = config.nodegroups.get(name) or config.nodegroups.named(name)
    if found is not None:
        raise _taken(name, found, text)


def _taken(name: str, group: NodeGroup, text: str) -> OpPrereqError:
    told = f"{text.format(name=name)} node group (UUID: {group.uuid})"
    return OpPrereqError(told, ECode.EXISTS)
