"""OP_GROUP_SET_PARAMS: what a group says of its nodes and instances; and what a new one says.

Source: Ganeti 3.0.2 lib/cmdlib/group.py, lib/cmdlib/common.py (checks, texts); prereqs.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from masterd.config import typed
from masterd.config.kinds import GROUP
from masterd.config.node import NodeGroup
from masterd.config.objects import write
from masterd.config.params import PartialNdParams
from masterd.config.relations import instances_of_group
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.instance import disk_params, policy
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.opcodes.group import OpGroupAdd, OpGroupSetParams
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath


def new_group(config: ConfigSnapshot, op: OpGroupAdd, uuid: str) -> NodeGroup:
    """Return the group that an opcode describes.

    Raises:
        OpPrereqError: a parameter has no meaning.
        TypeEnforcementError: it has a value that is none for its type.
    """
    own = policy.of_group(op.ipolicy)
    if op.ipolicy:
        policy.check_templates(policy.filled(config, own), config.cluster.enabled_disk_templates)
    return NodeGroup(
        name=op.group_name,
        ndparams=typed.given(
            PartialNdParams, typed.typed(op.ndparams or {}, typed.NODE), "ndparams"
        ),
        alloc_policy=op.alloc_policy or "preferred",
        ipolicy=own,
        diskparams=disk_params.changed({}, op.diskparams or {}),
        networks={},
        hv_state_static=typed.hypervisor_state({}, op.hv_state) if op.hv_state else {},
        disk_state_static=typed.disk_state({}, op.disk_state) if op.disk_state else {},
        uuid=uuid,
        serial_no=1,
    )


@dataclass(frozen=True, slots=True)
class Changed:
    """A group as it was and as it will be, by the parameters that change."""

    group: NodeGroup
    fields: Mapping[str, Any]


class LUGroupSetParams(LogicalUnit[OpGroupSetParams, Changed]):
    """Changes a group's parameters; tells instances that fit the new policy no more.

    The result tells node and disk parameters as they are now, where they were changed.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("group-modify", "GROUP")

    def check_arguments(self) -> None:
        op = self.op
        given = (
            op.ndparams, op.diskparams, op.alloc_policy, op.hv_state, op.disk_state, op.ipolicy
        )  # fmt: skip
        if all(each is None for each in given):
            raise OpPrereqError("Please pass at least one modification", ECode.INVAL)
        for template, params in (op.diskparams or {}).items():
            disk_params.check_access_mode(template, params)

    def needs(self, config: ConfigSnapshot) -> Locks:
        group = names.group(config, self.op.group_name)
        there = frozenset(each.name for each in instances_of_group(config, group.uuid) if each.name)
        return {
            LockLevel.INSTANCE: LockRequest(there, LockMode.SHARED),
            LockLevel.NODEGROUP: LockRequest(frozenset({group.uuid})),
        }

    def check(self, config: ConfigSnapshot) -> Changed:
        op = self.op
        group = names.group(config, op.group_name)
        fields: dict[str, Any] = {}
        if op.ndparams:
            params = typed.updated(write(group.ndparams), op.ndparams, typed.NODE)
            fields["ndparams"] = typed.given(PartialNdParams, params, "ndparams")
        if op.diskparams:
            fields["diskparams"] = disk_params.changed(group.diskparams, op.diskparams)
            disk_params.check_access(
                instances_of_group(config, group.uuid), config, fields["diskparams"]
            )
        if op.hv_state:
            fields["hv_state_static"] = typed.hypervisor_state(group.hv_state_static, op.hv_state)
        if op.disk_state:
            fields["disk_state_static"] = typed.disk_state(group.disk_state_static, op.disk_state)
        if op.alloc_policy:
            fields["alloc_policy"] = op.alloc_policy
        if op.ipolicy:
            fields["ipolicy"] = policy.changed(group.ipolicy, op.ipolicy)
            self._check_policy(config, group, msgspec.structs.replace(group, **fields))
        return Changed(group, fields)

    def hooks(self, plan: Changed, config: ConfigSnapshot) -> Hooked:
        nodes = (config.cluster.master_node,)
        env = {"GROUP_NAME": self.op.group_name, "NEW_ALLOC_POLICY": self.op.alloc_policy}
        return Hooked(env, nodes, nodes)

    def describe(self, plan: Changed) -> Description:
        return [f"Change {', '.join(sorted(plan.fields))} of node group {plan.group.name}"]

    def execute(self, plan: Changed) -> list[list[object]]:
        def change(draft: Draft) -> None:
            group = draft.require(GROUP, plan.group.uuid)
            draft.put(msgspec.structs.replace(group, **plan.fields))
            draft.touch(GROUP, group.uuid)

        self.work.config.update(change)
        told: list[list[object]] = []
        if "ndparams" in plan.fields:
            told.append(["ndparams", str(write(plan.fields["ndparams"]))])
        if "diskparams" in plan.fields:
            told.append(["diskparams", str(plan.fields["diskparams"])])
        return told

    def _check_policy(self, config: ConfigSnapshot, before: NodeGroup, after: NodeGroup) -> None:
        old, new = (policy.filled(config, group.ipolicy) for group in (before, after))
        policy.check_templates(new, config.cluster.enabled_disk_templates)
        broken = policy.newly_violating(config, before.uuid, old, new)
        if broken:
            self.work.say.warning(
                "After the ipolicy change the following instances violate them:"
                f" {', '.join(sorted(broken, key=natural_key))}"
            )
