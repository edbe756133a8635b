"""OP_INSTANCE_REPLACE_DISKS: mirrored disks get other storage, or another secondary node.

What is replaced decides `replace_plan`; `replace_in_place` and `replace_node` do the work, by the
steps of `replace_steps`.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (LUInstanceReplaceDisks, TLReplaceDisks: checks,
order, texts, locks); rpc_flow.json, lock_requests.json.
"""

from dataclasses import replace
from typing import ClassVar, Final

from masterd.config.instance import Instance
from masterd.config.kinds import AnyInstance
from masterd.config.relations import is_forthcoming, nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, GanetiError, OpExecError, OpPrereqError
from masterd.instance import disks, hook_env
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import replace_in_place, replace_node, replace_plan
from masterd.lu.disks.replace_plan import Replacement
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_disks import OpInstanceReplaceDisks
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_ELSEWHERE: Final = "replace_new_secondary"


class LUInstanceReplaceDisks(LogicalUnit[OpInstanceReplaceDisks, Replacement]):
    """Replaces the storage of DRBD disks on one of their nodes, or that node.

    Of a planned instance the configuration alone changes.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("mirrors-replace", "INSTANCE")

    def check_arguments(self) -> None:
        op = self.op
        if op.mode != _ELSEWHERE:
            if op.remote_node is not None or op.iallocator is not None:
                raise OpPrereqError(
                    "The iallocator and new node options can only be used when changing the"
                    " secondary node",
                    ECode.INVAL,
                )
            return
        if op.remote_node is None and op.iallocator is None:
            raise OpPrereqError(
                "When changing the secondary either an iallocator script must be used or the new"
                " node given",
                ECode.INVAL,
            )
        config = self.work.config.snapshot()
        found = evacuation.allocator_or_node(config, op.iallocator, op.remote_node)
        self.op = replace(op, iallocator=found)

    # --- locks --------------------------------------------------------------------------------

    def needs(self, config: ConfigSnapshot) -> Locks:
        op, found = self.op, self._instance(config)
        uuids = frozenset(node.uuid for node in nodes_of(config, found))
        wanted = {LockLevel.INSTANCE: LockRequest(frozenset({found.name or ""}))}
        if op.remote_node is not None:
            uuids |= {names.node(config, op.remote_node, op.remote_node_uuid).uuid}
        elif op.iallocator is not None:
            # Wherever an allocator brings the copy, it stays in the instance's groups.
            groups = evacuation.groups_of(config, uuids)
            wanted[LockLevel.NODEGROUP] = LockRequest(groups, LockMode.SHARED)
            uuids = frozenset(node.uuid for each in groups for node in config.group_nodes(each))
        nodes = LockRequest(uuids)
        return {**wanted, LockLevel.NODE: nodes, LockLevel.NODE_RES: nodes}

    def _instance(self, config: ConfigSnapshot) -> AnyInstance:
        return names.instance(config, self.op.instance_name, self.op.instance_uuid)

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Replacement:
        instance = self._instance(config)
        plan = replace_plan.chosen(self.work, config, self.op, instance)
        uuids = [node.uuid for node in plan.nodes]
        self.work.locks.keep(LockLevel.NODE, uuids)
        self.work.locks.keep(LockLevel.NODE_RES, uuids)
        self.work.locks.release(LockLevel.NODEGROUP)
        for number in plan.numbers:
            disks.uuid_at(instance, number)
        return plan

    # --- what is told -------------------------------------------------------------------------

    def hooks(self, plan: Replacement, config: ConfigSnapshot) -> Hooked:
        instance = config.instances[plan.instance.uuid]
        # What was named stays that node, though by now others may begin with the same name.
        named = None if self.op.remote_node is None else plan.new
        env = {
            **hook_env.asked(self.op, remote_node=None if named is None else named.name),
            **hook_env.old_secondary(config, instance),
            **hook_env.instance_env(config, hook_env.subject(config, instance)),
        }
        uuids = [config.cluster.master_node, instance.primary_node or ""]
        if named is not None:
            uuids.append(named.uuid)
        nodes = tuple(dict.fromkeys(uuids))
        return Hooked(env, nodes, nodes)

    def tells_change(self, plan: Replacement) -> bool:
        return plan.new is not None

    def describe(self, plan: Replacement) -> Description:
        name = plan.instance.name
        if plan.target is None:
            return [f"No disks need replacement for instance '{name}'"]
        numbers = ", ".join(map(str, plan.numbers))
        if plan.new is None:
            return [f"Replace the storage of disks {numbers} of {name} on {plan.target.name}"]
        return [f"Move disks {numbers} of {name} from {plan.target.name} to {plan.new.name}"]

    # --- the work -----------------------------------------------------------------------------

    def execute(self, plan: Replacement) -> None:
        work, instance = self.work, plan.instance
        if plan.target is None:
            work.say(f"No disks need replacement for instance '{instance.name}'")
            return
        self._tell(plan)
        if is_forthcoming(instance):
            if plan.new is None:
                work.say("Instance forthcoming, not touching disks")
            else:
                replace_node.record_planned(work, plan)
            work.locks.release(LockLevel.NODE)
            return
        assert isinstance(instance, Instance), "it is not planned"
        if instance.disks_active:
            self._replace(plan)
            return
        instance_disks.start(work, instance.uuid, force=True)
        try:
            self._replace(plan)
        except GanetiError:
            self._shut_down_again(instance.uuid)
            raise
        instance_disks.shut_down_after_work(work, instance.uuid)

    def _shut_down_again(self, uuid: str) -> None:
        """Take disks down after a failure, which remains what the job ends with. Switches."""
        try:
            instance_disks.shut_down_after_work(self.work, uuid)
        except OpExecError as error:
            self.work.say.warning(f"The disks stay up: {error.message}")

    def _replace(self, plan: Replacement) -> None:
        run = replace_in_place.run if plan.new is None else replace_node.run
        run(self.work, plan)

    def _tell(self, plan: Replacement) -> None:
        work, instance = self.work, plan.instance
        config = work.config.snapshot()
        numbers = ", ".join(map(str, plan.numbers))
        work.say(f"Replacing disk(s) {numbers} for instance '{instance.name}'")
        primary = config.nodes[instance.primary_node or ""].name
        work.say(f"Current primary node: {primary}")
        secondaries = config.derived(relations).secondaries.get(instance.uuid, ())
        shown = ", ".join(config.nodes[uuid].name for uuid in secondaries)
        work.say(f"Current secondary node: {shown}")
