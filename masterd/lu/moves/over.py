"""OP_INSTANCE_FAILOVER and OP_INSTANCE_MIGRATE: the units; see `switch` for what they have done.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py (what scripts are told, and where).
"""

from typing import ClassVar, Final, Generic, TypeVar

from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import hook_env
from masterd.lu.moves import cleanup, failover, migration, switch
from masterd.lu.moves.switch import Switch, Way
from masterd.opcodes.instance_move import OpInstanceFailover, OpInstanceMigrate
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "INSTANCE"

Op = TypeVar("Op", OpInstanceFailover, OpInstanceMigrate)


class _Over(LogicalUnit[Op, Switch], Generic[Op]):
    """What both units have in common."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return switch.needs(config, self.op)

    def check(self, config: ConfigSnapshot) -> Switch:
        return switch.check(self.work, config, self.op)

    def describe(self, plan: Switch) -> Description:
        name, source, target = plan.instance.name, plan.source.name, plan.target.name
        if plan.way is Way.CLEANUP:
            return [f"Find out on which node instance {name} runs, and have only it use the disks"]
        if plan.way is Way.FAILOVER:
            said = f"Stop instance {name} on node {source}, and record {target} as its node"
            if plan.instance.admin_state != "up":
                return [said]
            return [said, f"Start instance {name} on node {target}"]
        how = "while it runs" if plan.live else "while it is stopped"
        return [f"Migrate instance {name} from node {source} to {target}, {how}"]

    def execute(self, plan: Switch) -> None:
        match plan.way:
            case Way.FAILOVER:
                failover.run(self.work, plan)
            case Way.MIGRATION:
                migration.run(self.work, plan)
            case Way.CLEANUP:
                cleanup.run(self.work, plan)

    def _env(self, plan: Switch, config: ConfigSnapshot) -> dict[str, object]:
        instance = config.instances[plan.instance.uuid]
        target = plan.target
        if instance.primary_node is not None and instance.primary_node != plan.source.uuid:
            # A cleanup may have found the instance elsewhere.
            target = config.nodes[instance.primary_node]
        return {
            **hook_env.asked(self.op),
            **hook_env.instance_env(config, hook_env.subject(config, instance)),
            **hook_env.moved(config, instance, target.name),
        }


class LUInstanceFailover(_Over[OpInstanceFailover]):
    """Has an instance go on at another node, which may well be the only one that still lives."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-failover", _KIND)

    def check_arguments(self) -> None:
        if self.op.cleanup:
            raise OpPrereqError(
                "A failover leaves nothing to be cleaned up; a migration may", ECode.INVAL
            )

    def hooks(self, plan: Switch, config: ConfigSnapshot) -> Hooked:
        # What the node that is left says does not count: it may be why the instance goes.
        pre = [node for node in _nodes(plan, config) if node != plan.source.uuid]
        if config.cluster.master_node == plan.source.uuid:
            pre.append(plan.source.uuid)
        return Hooked(self._env(plan, config), pre, (*pre, plan.source.uuid))


class LUInstanceMigrate(_Over[OpInstanceMigrate]):
    """Has an instance go on at another node without being stopped, if that can be."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-migrate", _KIND)

    def hooks(self, plan: Switch, config: ConfigSnapshot) -> Hooked:
        nodes = _nodes(plan, config)
        return Hooked({**self._env(plan, config), "MIGRATE_LIVE": plan.live}, nodes, nodes)


def _nodes(plan: Switch, config: ConfigSnapshot) -> list[str]:
    """Return the uuids of the nodes that have to do with it."""
    own = (node.uuid for node in nodes_of(config, plan.instance))
    return list(dict.fromkeys((config.cluster.master_node, *own, plan.target.uuid)))
