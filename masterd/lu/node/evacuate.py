"""OP_NODE_EVACUATE and OP_NODE_MIGRATE: jobs that bring a node's instances elsewhere.

Source: Ganeti 3.0.2 lib/cmdlib/node.py, LUNodeEvacuate and LUNodeMigrate.
"""

from dataclasses import dataclass

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.iallocator.request import EvacuateNode
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.moves import evacuation
from masterd.opcodes.instance_disks import OpInstanceReplaceDisks
from masterd.opcodes.instance_move import OpInstanceMigrate
from masterd.opcodes.node import OpNodeEvacuate, OpNodeMigrate
from masterd.work.base import Description, Locks, LogicalUnit, WithJobs
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True)
class _Evacuation:
    """Which instances leave the node; either `allocator` says where to, or all go to `remote`."""

    node: str
    instances: list[str]
    allocator: str | None
    remote: str | None


class LUNodeEvacuate(LogicalUnit[OpNodeEvacuate, _Evacuation]):
    """Submits jobs that move the instances of a node whose primary, or secondary, node it is."""

    def check_arguments(self) -> None:
        self._allocator(self.work.config.snapshot())

    def needs(self, config: ConfigSnapshot) -> Locks:
        node, remote = self._ends(config)
        # Wherever an allocator brings an instance, it stays in its group.
        others = config.group_nodes(node.group) if remote is None else [remote]
        nodes = frozenset({node.uuid, *(other.uuid for other in others)})
        return {
            LockLevel.INSTANCE: _shared(frozenset(self._instances(config, node))),
            LockLevel.NODEGROUP: _shared(evacuation.groups_of(config, nodes)),
            LockLevel.NODE: _shared(nodes),
        }

    def check(self, config: ConfigSnapshot) -> _Evacuation:
        node, remote = self._ends(config)
        leaving = self._instances(config, node)
        if leaving:
            shown = ", ".join(sorted(leaving, key=natural_key))
            self.work.say.info(f"Instances that leave node {node.name}: {shown}")
        else:
            self.work.say.info(f"Node {node.name} has no instances that could leave it")
        if remote is not None:
            for name in leaving:
                if names.instance(config, name).primary_node == remote.uuid:
                    raise OpPrereqError(
                        f"Instance {name} has its primary node on {remote.name} already, which"
                        " cannot be its secondary node too",
                        ECode.INVAL,
                    )
        to = None if remote is None else remote.name
        return _Evacuation(node.name, leaving, self._allocator(config), to)

    def describe(self, plan: _Evacuation) -> Description:
        to = f"node {plan.remote}" if plan.remote else f"where allocator '{plan.allocator}' says"
        return [f"Move instance {name} off node {plan.node}, to {to}" for name in plan.instances]

    def execute(self, plan: _Evacuation) -> WithJobs:
        if not plan.instances:
            return WithJobs(())
        if plan.allocator is None:
            return WithJobs([[self._replacement(plan, name)] for name in plan.instances])
        request = EvacuateNode(
            instances=plan.instances,
            mode=self.op.mode,
            ignore_soft_errors=bool(self.op.ignore_soft_errors),
        )
        found = evacuation.ask(self.work, plan.allocator, request)
        early = self.op.early_release
        return WithJobs(evacuation.jobs(self.work, found, early_release=early, by_node=True))

    def _replacement(self, plan: _Evacuation, instance: str) -> OpInstanceReplaceDisks:
        return OpInstanceReplaceDisks(
            instance_name=instance,
            remote_node=plan.remote,
            disks=(),
            mode="replace_new_secondary",
            early_release=self.op.early_release,
        )

    def _allocator(self, config: ConfigSnapshot) -> str | None:
        return evacuation.allocator_or_node(config, self.op.iallocator, self.op.remote_node)

    def _ends(self, config: ConfigSnapshot) -> tuple[Node, Node | None]:
        """Return the node, and where its instances go if the opcode says so."""
        op = self.op
        node = names.node(config, op.node_name, op.node_uuid)
        if op.remote_node is None:
            return node, None
        remote = names.node(config, op.remote_node, op.remote_node_uuid)
        if remote.uuid == node.uuid:
            raise OpPrereqError("A node cannot take the instances that leave it", ECode.INVAL)
        if op.mode != "secondary-only":
            raise OpPrereqError(
                "Only secondary instances can go to a node that is named; for others an allocator"
                " is needed",
                ECode.INVAL,
            )
        return node, remote

    def _instances(self, config: ConfigSnapshot, node: Node) -> list[str]:
        if self.op.mode == "all":
            raise OpPrereqError(
                "Allocators cannot be asked to move primary and secondary instances at once; choose"
                " one of the two",
                ECode.INVAL,
            )
        return evacuation.names_on(config, node.uuid, self.op.mode)


class LUNodeMigrate(LogicalUnit[OpNodeMigrate, Node]):
    """Submits a job for each primary instance of a node, which migrates it."""

    HOOKS = HookPath("node-migrate", "NODE")

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: _shared(frozenset({self._node(config).uuid}))}

    def check(self, config: ConfigSnapshot) -> Node:
        return self._node(config)

    def hooks(self, plan: Node, config: ConfigSnapshot) -> Hooked:
        env = {
            "NODE_NAME": plan.name,
            "ALLOW_RUNTIME_CHANGES": self.op.allow_runtime_changes,
        }
        master = (config.cluster.master_node,)
        return Hooked(env, master, master)

    def describe(self, plan: Node) -> Description:
        return [f"Migrate instance {name} off node {plan.name}" for name in self._leaving(plan)]

    def execute(self, plan: Node) -> WithJobs:
        return WithJobs([[self._migration(name)] for name in self._leaving(plan)])

    def _migration(self, instance: str) -> OpInstanceMigrate:
        op = self.op
        return OpInstanceMigrate(
            instance_name=instance,
            mode=op.mode,
            live=op.live,
            iallocator=op.iallocator,
            target_node=op.target_node,
            allow_runtime_changes=op.allow_runtime_changes,
            ignore_ipolicy=op.ignore_ipolicy,
        )

    def _leaving(self, node: Node) -> list[str]:
        return evacuation.names_on(self.work.config.snapshot(), node.uuid, "primary-only")

    def _node(self, config: ConfigSnapshot) -> Node:
        return names.node(config, self.op.node_name, self.op.node_uuid)


def _shared(wanted: frozenset[str]) -> LockRequest:
    return LockRequest(wanted, LockMode.SHARED)
