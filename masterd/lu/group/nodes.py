"""OP_GROUP_ASSIGN_NODES: moves nodes into a group.

Source: Ganeti 3.0.2 lib/cmdlib/group.py LUGroupAssignNodes (checks, classes of error, texts).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from masterd.config.kinds import GROUP, NODE, AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.relations import nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import OpExecError
from masterd.filter.natural import natural_key
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.opcodes.group import OpGroupAssignNodes
from masterd.work.base import Description, Locks, LogicalUnit


@dataclass(frozen=True, slots=True)
class Move:
    """Nodes and where they go."""

    nodes: tuple[Node, ...]
    group: NodeGroup


class LUGroupAssignNodes(LogicalUnit[OpGroupAssignNodes, Move]):
    """Moves nodes; without `force` none that would part a mirrored instance's nodes."""

    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def needs(self, config: ConfigSnapshot) -> Locks:
        move = self._move(config)
        groups = {move.group.uuid, *(node.group for node in move.nodes)}
        return {
            LockLevel.NODEGROUP: LockRequest(frozenset(groups)),
            LockLevel.NODE: LockRequest(frozenset(node.uuid for node in move.nodes)),
        }

    def check(self, config: ConfigSnapshot) -> Move:
        move = self._move(config)
        there = {node.uuid: move.group.uuid for node in move.nodes}
        new, lasting = split_by(config, there)
        if new and not self.op.force:
            raise OpExecError(
                "The following instances get split by this change and --force was not given:"
                f" {_told(new)}"
            )
        if new:
            self.work.say.warning(
                f"This operation will split the following instances: {_told(new)}"
            )
            if lasting:
                self.work.say.warning(
                    "In addition, these already-split instances continue to be split across"
                    f" groups: {_told(lasting)}"
                )
        return move

    def describe(self, plan: Move) -> Description:
        told = sorted((node.name for node in plan.nodes), key=natural_key)
        return [f"Assign {', '.join(told)} to node group {plan.group.name}"]

    def execute(self, plan: Move) -> None:
        def assign(draft: Draft) -> None:
            for uuid in (node.uuid for node in plan.nodes):
                node = draft.require(NODE, uuid)
                if node.group != plan.group.uuid:
                    draft.touch(GROUP, node.group)
                    draft.touch(GROUP, plan.group.uuid)
                    draft.put(msgspec.structs.replace(node, group=plan.group.uuid))

        self.work.config.update(assign)

    def _move(self, config: ConfigSnapshot) -> Move:
        """Return what the opcode names; no nodes are all."""
        group = names.group(config, self.op.group_name)
        found = [names.node(config, name) for name in self.op.nodes] or config.nodes.values()
        return Move(tuple({node.uuid: node for node in found}.values()), group)


def split_by(
    config: ConfigSnapshot, moved: Mapping[str, str]
) -> tuple[list[AnyInstance], list[AnyInstance]]:
    """Return the mirrored instances whose nodes a move parts, and those it leaves parted.

    Args:
        moved: new group by node, uuids.
    """
    found = config.derived(relations)
    new: list[AnyInstance] = []
    lasting: list[AnyInstance] = []
    for instance in found.instances:
        if not any(disk.dev_type == "drbd" for disk in found.disks.get(instance.uuid, ())):
            continue
        nodes = nodes_of(config, instance)
        is_split = len({node.group for node in nodes}) > 1
        will_be = len({moved.get(node.uuid, node.group) for node in nodes}) > 1
        if will_be:
            (lasting if is_split else new).append(instance)
    return new, lasting


def _told(instances: Iterable[AnyInstance]) -> str:
    names_ = (instance.name or instance.uuid for instance in instances)
    return ", ".join(sorted(names_, key=natural_key))
