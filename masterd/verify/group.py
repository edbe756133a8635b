"""What the configuration expects of a group of nodes. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/cluster/verify.py, LUClusterVerifyGroup (what belongs to a group).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node, NodeGroup
from masterd.config.relations import by_name, nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.natural import natural_key
from masterd.instance import disks, params

#: The template whose disks are on two nodes that mirror each other.
MIRRORED_INSIDE: Final = "drbd"


def by_node_name(nodes: Iterator[Node] | Sequence[Node]) -> list[Node]:
    """Return nodes in natural order of their names."""
    return sorted(nodes, key=lambda node: natural_key(node.name))


def is_mirrored_inside(config: ConfigSnapshot, instance: AnyInstance) -> bool:
    """Tell whether an instance has a disk on two nodes."""
    return any(disk.dev_type == MIRRORED_INSIDE for disk in disks.of(config, instance))


def instances_at_home(config: ConfigSnapshot, group: NodeGroup) -> list[AnyInstance]:
    """Return the instances whose primary node is in a group, in natural order."""
    found = config.derived(relations)
    return by_name(
        instance
        for node in found.members.get(group.uuid, ())
        for instance in found.primary_of.get(node.uuid, ())
    )


class GroupView:
    """A group in one configuration, with what is derived of it."""

    def __init__(self, config: ConfigSnapshot, group: NodeGroup) -> None:
        self.config = config
        self.group = group
        self.nodes = by_node_name(config.group_nodes(group.uuid))
        self.instances = instances_at_home(config, group)

    @cached_property
    def online(self) -> list[Node]:
        """Its nodes that are not marked offline."""
        return [node for node in self.nodes if not node.offline]

    @cached_property
    def candidates(self) -> list[str]:
        """Names of its master candidates that are online, sorted."""
        return sorted(node.name for node in self.online if node.master_candidate)

    @cached_property
    def outside(self) -> list[Node]:
        """Nodes of other groups, in natural order."""
        return by_node_name(
            [node for node in self.config.nodes.values() if node.group != self.group.uuid]
        )

    @cached_property
    def reached_outside(self) -> list[Node]:
        """Nodes of other groups that hold disks of its instances."""
        there = {
            node.uuid: node
            for instance in self.instances
            if is_mirrored_inside(self.config, instance)
            for node in nodes_of(self.config, instance)
            if node.group != self.group.uuid
        }
        return by_node_name(list(there.values()))

    @cached_property
    def volumes(self) -> Mapping[str, set[str]]:
        """Names of the logical volumes that instances have on each node, by its uuid.

        Also those of instances of other groups that have a secondary node in this one.
        """
        found: defaultdict[str, set[str]] = defaultdict(set)
        own = {node.uuid for node in self.nodes}
        known = self.config.derived(relations)
        at_home = {instance.uuid for instance in self.instances}
        guests = {
            instance.uuid: instance
            for uuid in own
            for instance in known.secondary_of.get(uuid, ())
            if instance.uuid not in at_home
        }
        for instance in (*self.instances, *guests.values()):
            for uuid, name in disks.volumes(self.config, instance):
                found[uuid].add(name)
        return found

    @cached_property
    def has_exclusive_storage(self) -> bool:
        """Whether one of its nodes gives whole disks away; then all of them are treated so."""
        return any(self.config.node_params(node).exclusive_storage for node in self.nodes)

    @cached_property
    def bridges(self) -> list[str]:
        """Bridges that its instances need, and the one that new ones would get."""
        cluster = self.config.cluster
        used = [params.nic(cluster, nic.nicparams) for each in self.instances for nic in each.nics]
        return sorted(
            {each.link for each in (cluster.nicparams["default"], *used) if each.mode == "bridged"}
        )

    def name_of(self, uuid: str) -> str:
        """Return the name of a node, or its uuid where there is none."""
        node = self.config.nodes.get(uuid)
        return uuid if node is None else node.name

    def primaries(self, node: Node) -> Sequence[AnyInstance]:
        """Return the instances whose primary node it is."""
        return self.config.derived(relations).primary_of.get(node.uuid, ())


@dataclass(slots=True)
class NodeImage:
    """What a node has found, as far as it could be read.

    Attributes:
        found: findings by check; None while, or where, it did not answer.
        error: why it did not answer.
        volumes: by name "group/volume"; none where nobody asked, None where they are not known.
        running: names of the instances that run.
        memory_free: MiB.
        operating_systems: by name, what was found of each in its order; None where unreadable.
        pv_sizes: of its smallest and its largest physical volume, MiB.
    """

    node: Node
    found: Mapping[str, Any] | None = None
    error: str | None = None
    volumes: Mapping[str, Any] | None = field(default_factory=dict)
    running: Sequence[str] = ()
    memory_free: int = 0
    operating_systems: Mapping[str, list[list[Any]]] | None = None
    pv_sizes: tuple[int, int] | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it should have answered and did not."""
        return self.found is None and not self.node.offline
