"""OP_NODE_SET_PARAMS: what a node is for, and what it is assumed to have.

Source: Ganeti 3.0.2 lib/cmdlib/node.py LUNodeSetParams (checks, order, texts); prereqs.json,
rpc_flow.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final

import msgspec

from masterd.config import typed
from masterd.config.kinds import NODE
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.params import PartialNdParams
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.instance import hook_env
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.node import address as node_address
from masterd.lu.node import candidate_pool, user_shutdown
from masterd.node import membership, ssh, verify
from masterd.opcodes.node import OpNodeSetParams
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

#: What decides the role of a node, in the order in which the result tells it.
_FLAGS: Final = ("master_candidate", "drained", "offline")
_CAPABILITIES: Final = ("master_capable", "vm_capable")
_KVM: Final = "kvm"


class Role(Enum):
    """What a node is for, by the flag that says so."""

    CANDIDATE = "master_candidate"
    DRAINED = "drained"
    OFFLINE = "offline"
    REGULAR = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a node.

    Attributes:
        node: as it was.
        flags: as they are wished for, once it is clear what that means; None stays.
        fields: what the configuration says from then on.
    """

    node: Node
    flags: Mapping[str, bool | None]
    was: Role
    becomes: Role
    fields: Mapping[str, Any]


class LUNodeSetParams(LogicalUnit[OpNodeSetParams, Change]):
    """Changes roles and parameters of a node; with `auto_promote`, others take its place.

    The result tells the capabilities, address and flags that were changed, as texts.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("node-modify", "NODE")
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def check_arguments(self) -> None:
        op = self.op
        names.node(self.work.config.snapshot(), op.node_name, op.node_uuid)
        states = (op.offline, op.master_candidate, op.drained, op.master_capable, op.vm_capable)
        if all(
            each is None
            for each in (*states, op.secondary_ip, op.ndparams, op.hv_state, op.disk_state)
        ):
            raise OpPrereqError("Please pass at least one modification", ECode.INVAL)
        if states.count(True) > 1:
            raise OpPrereqError(
                "Can't set the node into more than one state at the same time", ECode.INVAL
            )
        if op.secondary_ip is not None:
            node_address.check_form(op.secondary_ip)

    def needs(self, config: ConfigSnapshot) -> Locks:
        node = names.node(config, self.op.node_name, self.op.node_uuid)
        nodes = LockRequest(ALL if self._fills_pool else frozenset({node.uuid}))
        wanted = {LockLevel.NODE: nodes, LockLevel.NODE_RES: nodes}
        if self.op.secondary_ip is None:
            return wanted
        affected = node_address.mirrored_on(config, node)
        there = frozenset(each.name for each in affected if each.name)
        return {LockLevel.INSTANCE: LockRequest(there, LockMode.SHARED), **wanted}

    def check(self, config: ConfigSnapshot) -> Change:
        op = self.op
        node = names.node(config, op.node_name, op.node_uuid)
        self._check_allowed(config, node)
        was = _role(node)
        flags = self._flags(config, node)
        becomes = _role_of(flags, was)
        if was is Role.OFFLINE and becomes is not was:
            self._check_answers(node)
        if op.secondary_ip is not None:
            node_address.check_change(self.work, config, node, op.secondary_ip, force=op.force)
        return Change(node, flags, was, becomes, {**self._fields(node), **_said(was, becomes)})

    def hooks(self, plan: Change, config: ConfigSnapshot) -> Hooked:
        nodes = (config.cluster.master_node, plan.node.uuid)
        env = hook_env.asked(self.op, node_name=plan.node.name, **plan.flags)
        return Hooked(env, nodes, nodes)

    def describe(self, plan: Change) -> Description:
        told = [f"Change {', '.join(sorted(plan.fields))} of node {plan.node.name}"]
        if self._fills_pool and plan.becomes is not plan.was:
            told.append("Promote other nodes to master candidates, as many as there should be")
        return told

    def execute(self, plan: Change) -> list[list[str]]:
        config = self.work.config
        uuid = plan.node.uuid
        others = self._fills_pool and plan.becomes is not plan.was
        is_demoted = plan.was is Role.CANDIDATE and plan.becomes is not plan.was

        def change(draft: Draft) -> list[str]:
            draft.put(msgspec.structs.replace(draft.require(NODE, uuid), **plan.fields))
            if is_demoted:
                candidate_pool.forget_certificate(draft, uuid)
            return candidate_pool.fill(draft, without=uuid) if others else []

        promoted = config.update(change, quietly=not (is_demoted or others))
        node = config.snapshot().nodes[uuid]
        if plan.becomes is not plan.was:
            self._change_role(plan, node, promoted)
        silently = _KVM not in config.snapshot().cluster.enabled_hypervisors
        now = self.work.config.snapshot()
        user_shutdown.ensure(self.work, now, [node], tell_of_stops=not silently)
        self._change_keys(plan, node)
        wanted = {name: getattr(self.op, name) for name in (*_CAPABILITIES, "secondary_ip")}
        told = [[name, str(value)] for name, value in wanted.items() if value is not None]
        return told + [[name, str(value)] for name, value in _said(plan.was, plan.becomes).items()]

    @property
    def _might_demote(self) -> bool:
        op = self.op
        return op.master_candidate is False or op.master_capable is False or _leaves(op)

    @property
    def _fills_pool(self) -> bool:
        """Whether others may become candidates; all nodes are locked then."""
        return self.op.auto_promote and self._might_demote

    # --- checks ---------------------------------------------------------------------------------

    def _check_allowed(self, config: ConfigSnapshot, node: Node) -> None:
        op = self.op
        is_master = node.uuid == config.cluster.master_node
        if is_master and any(getattr(op, flag) is not None for flag in _FLAGS):
            raise OpPrereqError(
                "The master role can be changed only via master-failover", ECode.INVAL
            )
        if op.master_candidate and not node.master_capable:
            raise OpPrereqError(
                f"Node {node.name} is not master capable, cannot make it a master candidate",
                ECode.STATE,
            )
        found = config.derived(relations)
        if op.vm_capable is False and (
            found.primary_of.get(node.uuid) or found.secondary_of.get(node.uuid)
        ):
            raise OpPrereqError(
                f"Node {node.name} hosts instances, cannot unset the vm_capable flag", ECode.STATE
            )
        if node.master_candidate and self._might_demote and not self._fills_pool:
            size = config.cluster.candidate_pool_size
            pool = candidate_pool.pool(config.nodes.values(), size, without=node.uuid)
            if pool.present < pool.wanted:
                raise OpPrereqError(
                    "Not enough master candidates, please pass auto promote option to allow"
                    " promotion (--auto-promote or RAPI auto_promote=True)",
                    ECode.STATE,
                )

    def _check_power(self, config: ConfigSnapshot, node: Node) -> None:
        op = self.op
        if not config.node_params(node).oob_program:
            if op.powered is not None:
                raise OpPrereqError(
                    f"Unable to change powered state for node {node.name} as it does not support"
                    " out-of-band handling",
                    ECode.STATE,
                )
        elif op.offline is False and node.offline and not (node.powered or op.powered):
            raise OpPrereqError(
                f"Node {node.name} needs to be turned on before its offline status can be reset",
                ECode.STATE,
            )

    def _flags(self, config: ConfigSnapshot, node: Node) -> dict[str, bool | None]:
        """Return what the flags are to be: those that nobody can unset stay, others follow."""
        op, say = self.op, self.work.say
        flags: dict[str, bool | None] = {flag: getattr(op, flag) for flag in _FLAGS}
        for flag, value in flags.items():
            if value is False and getattr(node, flag) is False:
                say.info(f"Ignoring request to unset flag {flag}, already unset")
                flags[flag] = None
        self._check_power(config, node)
        is_freed = False in (flags["drained"], flags["offline"])
        is_able = op.master_capable and not node.master_capable
        if (is_freed or is_able) and not _leaves(op) and candidate_pool.has_room(config):
            flags["master_candidate"] = True
            say.info("Auto-promoting node to master candidate")
        if op.master_capable is False and node.master_candidate:
            if node.uuid == config.cluster.master_node:
                raise OpPrereqError("Master must remain master capable", ECode.STATE)
            say.info("Demoting from master candidate")
            flags["master_candidate"] = False
        return flags

    def _check_answers(self, node: Node) -> None:
        """Refuse to count on a node that does not answer. Switches."""
        result = verify.version(self.work.rpc, [node])[node.uuid]
        result.raise_(
            f"Node {node.name} is being de-offlined but fails to report its version",
            prereq=True,
            code=ECode.STATE,
        )
        self.work.say.warning(
            "Transitioning node from offline to online state without using re-add. Please make sure"
            " the node is healthy!"
        )

    def _fields(self, node: Node) -> dict[str, Any]:
        """Return what changes besides the role."""
        op = self.op
        wanted = {name: getattr(op, name) for name in (*_CAPABILITIES, "powered", "secondary_ip")}
        fields = {name: value for name, value in wanted.items() if value is not None}
        if op.ndparams:
            params = typed.updated(write(node.ndparams), op.ndparams, typed.NODE)
            check_not_global(op.ndparams)
            fields["ndparams"] = typed.given(PartialNdParams, params, "ndparams")
        if op.hv_state:
            fields["hv_state_static"] = typed.hypervisor_state(node.hv_state_static, op.hv_state)
        if op.disk_state:
            fields["disk_state_static"] = typed.disk_state(node.disk_state_static, op.disk_state)
        return fields

    # --- work -----------------------------------------------------------------------------------

    def _change_role(self, plan: Change, node: Node, promoted: list[str]) -> None:
        """Have the nodes learn of the new roles. Switches."""
        if plan.was is Role.CANDIDATE and plan.becomes is not Role.OFFLINE:
            result = membership.demote(self.work.rpc, node)
            result.warn("Node failed to demote itself", self.work.say.warning)
        if self._fills_pool:
            candidate_pool.welcome(self.work, promoted, without=node.uuid)
        if plan.becomes is Role.CANDIDATE:
            candidate_pool.admit(self.work, node)

    def _change_keys(self, plan: Change, node: Node) -> None:
        """Have nodes let a new candidate in, and one that was no longer. Switches."""
        config = self.work.config.snapshot()
        if plan.becomes is plan.was or not config.cluster.modify_ssh_setup:
            return
        if plan.becomes is Role.CANDIDATE:
            candidate_pool.spread_key(self.work, node)
        if plan.was is Role.CANDIDATE:
            results = ssh.remove_key(
                self.work.rpc, [config.master], node, candidate_pool.candidates(config),
                candidate_pool.could_be_candidates(config),
                from_authorized_keys=True, from_public_keys=False, clear_authorized_keys=False,
                clear_public_keys=False, readd=False,
            )  # fmt: skip
            result = results[config.master.uuid]
            result.raise_(f"The ssh key of {node.name}, no candidate any more, could not be taken")
            candidate_pool.tell_untaken(self.work, result)


# --- pure ---------------------------------------------------------------------------------------


def check_not_global(params: Mapping[str, object]) -> None:
    """Refuse parameters that all nodes of a group have in common."""
    if "exclusive_storage" in params:
        raise OpPrereqError(
            "The following node parameters are global and cannot be customized at node level,"
            " please modify them at cluster or group level: exclusive_storage",
            ECode.INVAL,
        )


def _leaves(op: OpNodeSetParams) -> bool:
    """Tell whether the node is to be counted on no more."""
    return op.offline is True or op.drained is True


def _role(node: Node) -> Role:
    return next((role for role in Role if role.value and getattr(node, role.value)), Role.REGULAR)


def _role_of(flags: Mapping[str, bool | None], was: Role) -> Role:
    """Return the role that flags ask for; one that is only taken away leaves none."""
    for role in Role:
        if role.value and flags[role.value]:
            return role
    return Role.REGULAR if False in flags.values() else was


def _said(was: Role, becomes: Role) -> dict[str, bool]:
    """Return the flags that another role changes."""
    changed = {was.value, becomes.value} if was is not becomes else set()
    return {flag: flag == becomes.value for flag in _FLAGS if flag in changed}
