"""OP_GROUP_EVACUATE: jobs that bring all instances of a group to other groups.

Source: Ganeti 3.0.2 lib/cmdlib/group.py, LUGroupEvacuate. There it always fails, by an assertion
about a lock that it forgot to ask for; here it does what it is meant to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from masterd.config.kinds import AnyInstance
from masterd.config.node import NodeGroup
from masterd.config.relations import instances_of_group, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.iallocator.request import ChangeGroup
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.moves import evacuation
from masterd.lu.moves.evacuation import Jobs
from masterd.opcodes.base import OpCode
from masterd.opcodes.depends import Dependencies
from masterd.opcodes.group import OpGroupEvacuate
from masterd.opcodes.instance_move import OpInstanceFailover, OpInstanceMigrate
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True)
class _Evacuation:
    """Which instances leave the group, and for which others, by uuid."""

    group: NodeGroup
    targets: list[str]
    instances: list[str]
    allocator: str


class LUGroupEvacuate(LogicalUnit[OpGroupEvacuate, _Evacuation]):
    """Submits an allocator's jobs; those that have a node in the group are its instances."""

    HOOKS = HookPath("group-evacuate", "GROUP")

    def needs(self, config: ConfigSnapshot) -> Locks:
        group, targets = self._ends(config)
        evacuation.allocator(config, self.op.iallocator)
        instances = instances_of_group(config, group.uuid)
        nodes = {uuid for each in instances for uuid in _nodes(config, each)}
        groups = {group.uuid, *targets, *evacuation.groups_of(config, nodes)}
        if not targets:
            groups = {*config.nodegroups}
        nodes |= {node.uuid for node in config.nodes.values() if node.group in groups}
        shared = LockMode.SHARED
        return {
            LockLevel.INSTANCE: LockRequest(_names(instances), shared),
            LockLevel.NODEGROUP: LockRequest(frozenset(groups) if targets else ALL, shared),
            LockLevel.NODE: LockRequest(frozenset(nodes), shared),
        }

    def check(self, config: ConfigSnapshot) -> _Evacuation:
        group, targets = self._ends(config)
        targets = targets or [uuid for uuid in sorted(config.nodegroups) if uuid != group.uuid]
        if not targets:
            raise OpPrereqError(
                f"There is no group that could take the instances of {group.name}", ECode.INVAL
            )
        leaving = [each.name for each in instances_of_group(config, group.uuid) if each.name]
        return _Evacuation(
            group, targets, leaving, evacuation.allocator(config, self.op.iallocator)
        )

    def hooks(self, plan: _Evacuation, config: ConfigSnapshot) -> Hooked:
        env = {"GROUP_NAME": self.op.group_name, "TARGET_GROUPS": " ".join(plan.targets)}
        members = (node.uuid for node in config.group_nodes(plan.group.uuid))
        nodes = tuple(dict.fromkeys((config.cluster.master_node, *members)))
        return Hooked(env, nodes, nodes)

    def describe(self, plan: _Evacuation) -> Description:
        return [
            f"Move instance {name} out of group {plan.group.name}, where allocator"
            f" '{plan.allocator}' says"
            for name in plan.instances
        ]

    def execute(self, plan: _Evacuation) -> WithJobs:
        say = self.work.say
        request = ChangeGroup(instances=plan.instances, target_groups=plan.targets)
        found = evacuation.ask(self.work, plan.allocator, request)
        early = self.op.early_release
        jobs = evacuation.jobs(self.work, found, early_release=early, by_node=False)
        say.info(f"The allocator has {len(jobs)} jobs to evacuate group {self.op.group_name}")
        if self.op.force_failover:
            say.info("Instances are failed over where they would be migrated")
            jobs = [[_failover(op) for op in ops] for ops in jobs]
        if self.op.sequential:
            say.info("The jobs run one after the other")
            jobs = _in_turn(jobs)
        return WithJobs(jobs)

    def _ends(self, config: ConfigSnapshot) -> tuple[NodeGroup, list[str]]:
        """Return the group, and the uuids of those that the opcode says instances may go to."""
        group = names.group(config, self.op.group_name)
        targets = [names.group(config, name).uuid for name in self.op.target_groups or ()]
        if group.uuid in targets:
            raise OpPrereqError(
                f"Group {group.name} cannot take the instances that leave it", ECode.INVAL
            )
        return group, targets


def _failover(op: OpCode) -> OpCode:
    """Return what does the same as a migration, with the instance stopped."""
    if not isinstance(op, OpInstanceMigrate):
        return op
    return OpInstanceFailover(
        instance_name=op.instance_name,
        instance_uuid=op.instance_uuid,
        target_node=op.target_node,
        target_node_uuid=op.target_node_uuid,
        ignore_ipolicy=op.ignore_ipolicy,
        cleanup=op.cleanup,
    )


def _in_turn(jobs: Jobs) -> Jobs:
    """Let each job wait for the one before, however that ends."""
    first, rest = jobs[:1], jobs[1:]
    before: Dependencies = ((-1, ("error", "success")),)
    return [*first, *([replace(op, depends=before) for op in ops] for ops in rest)]


def _nodes(config: ConfigSnapshot, instance: AnyInstance) -> list[str]:
    """Return the uuids of an instance's nodes."""
    primary = () if instance.primary_node is None else (instance.primary_node,)
    return [*primary, *config.derived(relations).secondaries.get(instance.uuid, ())]


def _names(instances: Sequence[AnyInstance]) -> frozenset[str]:
    return frozenset(each.name for each in instances if each.name)
