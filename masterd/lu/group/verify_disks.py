"""OP_GROUP_VERIFY_DISKS: disks of a group that should be active and are not.

Source: Ganeti 3.0.2 lib/cmdlib/group.py, LUGroupVerifyDisks.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import instances_of_group, nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.natural import natural_key
from masterd.instance import disks as disks_of_instance
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.moves.evacuation import groups_of
from masterd.node import disks, storage
from masterd.opcodes.cluster_verify import OpGroupVerifyDisks
from masterd.work.base import Locks, LogicalUnit

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Instances whose disks should be active, and the nodes whose volumes are looked at."""

    instances: list[AnyInstance]
    nodes: list[Node]


@dataclass(slots=True)
class _Found:
    """What is wrong.

    Attributes:
        errors: why a node could not be asked, by uuid.
        offline: names of instances with disks that are there and not active.
        missing: volumes that are not there, as node uuid and name, by name of the instance.
    """

    errors: dict[str, str] = field(default_factory=dict)
    offline: set[str] = field(default_factory=set)
    missing: dict[str, list[list[str]]] = field(default_factory=dict)


class LUGroupVerifyDisks(LogicalUnit[OpGroupVerifyDisks, _Plan]):
    """Asks nodes for their volumes and their DRBD disks; the watcher activates what is found."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        group = names.group(config, self.op.group_name)
        found = config.derived(relations)
        instances = instances_of_group(config, group.uuid)
        nodes = {node.uuid for node in found.members.get(group.uuid, ())}
        for instance in instances:
            nodes.update(node.uuid for node in nodes_of(config, instance))
        wanted = {
            LockLevel.INSTANCE: {each.name for each in instances if each.name},
            LockLevel.NODEGROUP: {group.uuid, *groups_of(config, nodes)},
            LockLevel.NODE: nodes,
        }
        return {
            level: LockRequest(frozenset(some), LockMode.SHARED) for level, some in wanted.items()
        }

    def check(self, config: ConfigSnapshot) -> _Plan:
        group = names.group(config, self.op.group_name)
        instances = instances_of_group(config, group.uuid)
        locked = names.held_nodes(config, self.work.locks)
        return _Plan(
            [each for each in instances if each.disks_active],
            [node for node in locked if node.vm_capable],
        )

    def execute(self, plan: _Plan) -> list[object]:
        config = self.work.config.snapshot()
        found = _Found()
        self._look_at_volumes(config, plan, found)
        self._look_at_drbd(config, plan, found)
        missing = {name: sorted(volumes) for name, volumes in found.missing.items()}
        return [found.errors, sorted(found.offline, key=natural_key), missing]

    def _look_at_volumes(self, config: ConfigSnapshot, plan: _Plan, found: _Found) -> None:
        """Compare the volumes that nodes have with those that instances need. Switches."""
        owners = {
            key: instance.name or instance.uuid
            for instance in plan.instances
            for key in disks_of_instance.volumes(config, instance)
        }
        if not owners:
            return
        for uuid, result in storage.logical_volumes(self.work.rpc, plan.nodes, []).items():
            if result.offline:
                continue
            if not result.ok:
                self._note(found, uuid, result.node_name, result.error)
                continue
            listed: Any = result.payload
            for name, (_, _, is_online) in listed.items():
                owner = owners.pop((uuid, name), None)
                if owner is not None and not is_online:
                    found.offline.add(owner)
        for (uuid, name), owner in owners.items():
            found.missing.setdefault(owner, []).append([uuid, name])

    def _look_at_drbd(self, config: ConfigSnapshot, plan: _Plan, found: _Found) -> None:
        """Ask both nodes of DRBD disks which are not up. Switches."""
        by_node: dict[str, list[AnyInstance]] = {}
        owners: dict[str, str] = {}
        for instance in plan.instances:
            there = disks_of_instance.of(config, instance)
            owners.update((disk.uuid, instance.name or instance.uuid) for disk in there)
            if any(disk.dev_type == "drbd" for disk in there):
                for node in nodes_of(config, instance):
                    by_node.setdefault(node.uuid, []).append(instance)
        for uuid, instances in by_node.items():
            node = config.nodes[uuid]
            owned = [
                (disk, instance)
                for instance in instances
                for disk in disks_of_instance.of(config, instance)
            ]
            result = disks.drbd_needing_activation(self.work.rpc, config, node, owned)
            if not result.ok:
                self._note(found, uuid, node.name, result.error)
                continue
            faulty: Any = result.payload
            found.offline.update(owners[disk] for disk in faulty if disk in owners)

    def _note(self, found: _Found, uuid: str, name: str, error: str | None) -> None:
        """Keep why a node could not be asked; its disks may be missing, or not."""
        _log.warning("node %s does not tell of its disks: %s", name, error)
        found.errors[uuid] = error or ""
