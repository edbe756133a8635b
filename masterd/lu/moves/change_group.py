"""OP_INSTANCE_CHANGE_GROUP: jobs that bring an instance to another group.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py, LUInstanceChangeGroup.
"""

from dataclasses import dataclass
from typing import ClassVar

from masterd.config.instance import Instance
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.iallocator.request import ChangeGroup
from masterd.instance import hook_env
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.instance import guest
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_move import OpInstanceChangeGroup
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True)
class _Change:
    """Which instance goes to one of which groups, by uuid."""

    instance: Instance
    targets: list[str]
    allocator: str


class LUInstanceChangeGroup(LogicalUnit[OpInstanceChangeGroup, _Change]):
    """Submits an allocator's jobs."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-change-group", "INSTANCE")

    def needs(self, config: ConfigSnapshot) -> Locks:
        instance, shared = guest.find(config, self.op).instance, LockMode.SHARED
        targets = self._targets(config)
        evacuation.allocator(config, self.op.iallocator)
        groups, nodes = LockRequest(ALL, shared), LockRequest(ALL, shared)
        if targets:
            # Wherever it goes, and where it is.
            wanted = frozenset({*targets, *_groups(config, instance)})
            groups = LockRequest(wanted, shared)
            members = {node.uuid for uuid in wanted for node in config.group_nodes(uuid)}
            own = {node.uuid for node in nodes_of(config, instance)}
            nodes = LockRequest(frozenset(members | own), shared)
        return {
            LockLevel.INSTANCE: LockRequest(frozenset({instance.name}), shared),
            LockLevel.NODEGROUP: groups,
            LockLevel.NODE: nodes,
        }

    def check(self, config: ConfigSnapshot) -> _Change:
        instance = guest.find(config, self.op).instance
        own = _groups(config, instance)
        targets = self._targets(config) or {*config.nodegroups} - own
        unfit = sorted(config.nodegroups[uuid].name for uuid in targets & own)
        if unfit:
            raise OpPrereqError(
                f"Can't use group(s) '{', '.join(unfit)}' as targets, they are used by the instance"
                f" '{instance.name}'",
                ECode.INVAL,
            )
        if not targets:
            raise OpPrereqError("There are no possible target groups", ECode.INVAL)
        allocator = evacuation.allocator(config, self.op.iallocator)
        return _Change(instance, sorted(targets), allocator)

    def hooks(self, plan: _Change, config: ConfigSnapshot) -> Hooked:
        subject = hook_env.subject(config, config.instances[plan.instance.uuid])
        env = {
            "TARGET_GROUPS": " ".join(plan.targets),
            **hook_env.instance_env(config, subject),
        }
        master = (config.cluster.master_node,)
        return Hooked(env, master, master)

    def describe(self, plan: _Change) -> Description:
        name = plan.instance.name
        return [f"Move instance {name} to another group, where allocator '{plan.allocator}' says"]

    def execute(self, plan: _Change) -> WithJobs:
        name = plan.instance.name
        request = ChangeGroup(instances=[name], target_groups=plan.targets)
        what = f"change the group of instance '{name}'"
        found = evacuation.ask(self.work, plan.allocator, request, what=what)
        early = self.op.early_release
        jobs = evacuation.jobs(self.work, found, early_release=early, by_node=False)
        self.work.say.info(
            f"The allocator has {len(jobs)} jobs for changing the group of instance '{name}'"
        )
        return WithJobs(jobs)

    def _targets(self, config: ConfigSnapshot) -> set[str]:
        """Return the uuids of the groups that the opcode names."""
        return {names.group(config, name).uuid for name in self.op.target_groups or ()}


def _groups(config: ConfigSnapshot, instance: Instance) -> frozenset[str]:
    return evacuation.groups_of(config, (node.uuid for node in nodes_of(config, instance)))
