"""One state of the configuration, which never changes.

A snapshot may be kept as long as one likes and read without any lock: a change makes a new snapshot
that shares with the old one every object and every index the change did not touch.

Cost of a change: the index of the touched kind is copied, 10,000 references take about 50 us.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from masterd.config.cluster import Cluster, MasterNetworkParameters
from masterd.config.filter import FilterRule
from masterd.config.kinds import (
    CLUSTER,
    DISK,
    FILTER,
    GROUP,
    INSTANCE,
    KINDS,
    NETWORK,
    NODE,
    AnyDisk,
    AnyInstance,
    Configured,
    Kind,
)
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import ConfigObject
from masterd.config.params import NdParams, fill
from masterd.errors import ConfigurationError
from masterd.limits import CONFIG_CARRIED_MAX

T = TypeVar("T", bound=ConfigObject)
R = TypeVar("R")


class Objects(Mapping[str, T], Generic[T]):
    """The objects of one kind by uuid, and by name where they have one."""

    __slots__ = ("_by_uuid", "_uuid_by_name")

    def __init__(self, objects: Mapping[str, T]) -> None:
        self._by_uuid: dict[str, T] = dict(objects)
        self._uuid_by_name: dict[str, str] = {
            name: uuid for uuid, value in objects.items() if (name := _name(value)) is not None
        }

    def __getitem__(self, uuid: str) -> T:
        return self._by_uuid[uuid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_uuid)

    def __len__(self) -> int:
        return len(self._by_uuid)

    def named(self, name: str) -> T | None:
        """Return the object of that name."""
        uuid = self._uuid_by_name.get(name)
        return None if uuid is None else self._by_uuid[uuid]

    def find(self, name_or_uuid: str) -> T | None:
        """Return the object of that name or else that uuid."""
        found = self.named(name_or_uuid)
        return found if found is not None else self._by_uuid.get(name_or_uuid)

    def expand(self, name: str) -> T | None:
        """Return the object whose name begins with the labels `name`, if only one does.

        "node4" stands for "node4.lab.example"; a whole name goes before a beginning; upper and
        lower case are the same. Source: Ganeti 3.0.2 lib/utils/text.py, MatchNameComponent.
        """
        exact = self.named(name)
        if exact is not None:
            return exact
        wanted = name.lower()
        known = [(each, each.lower()) for each in self._uuid_by_name]
        for matching in (
            [each for each, lower in known if lower == wanted],
            [each for each, lower in known if lower.startswith(wanted + ".")],
        ):
            if len(matching) == 1:
                return self.named(matching[0])
        return None

    def sorted(self) -> list[T]:
        """Return all in order of uuid, as `config.data` has them."""
        return [value for _, value in sorted(self._by_uuid.items())]

    def changed(self, changes: Mapping[str, T | None]) -> "Objects[T]":
        """Return these objects with some of them replaced, added, or removed (None)."""
        new: Objects[T] = Objects.__new__(Objects)
        by_uuid, uuid_by_name = self._by_uuid.copy(), self._uuid_by_name.copy()
        for uuid in changes:
            old = by_uuid.pop(uuid, None) if changes[uuid] is None else by_uuid.get(uuid)
            name = None if old is None else _name(old)
            if name is not None and uuid_by_name.get(name) == uuid:
                del uuid_by_name[name]
        for uuid, value in changes.items():
            if value is not None:
                by_uuid[uuid] = value
                name = _name(value)
                if name is not None:
                    uuid_by_name[name] = uuid
        new._by_uuid, new._uuid_by_name = by_uuid, uuid_by_name
        return new


def _name(value: ConfigObject) -> str | None:
    return getattr(value, "name", None)


#: Uuids of the objects that a change touches, by the name of their kind; the cluster's too.
Touched = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Derivation(Generic[R]):
    """Something computed from a whole configuration, and kept up to date from change to change.

    Attributes:
        compute: Computes it from a snapshot. Pure.
        carry: Makes that of the next snapshot out of that of the one before and what was touched;
            must give what `compute` would. Called on the hub, so its cost counts.
    """

    compute: "Callable[[ConfigSnapshot], R]"
    carry: "Callable[[R, ConfigSnapshot, ConfigSnapshot, Touched], R]"

    def __call__(self, config: "ConfigSnapshot") -> R:
        """Compute it."""
        return self.compute(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSnapshot:
    """The whole configuration as of `serial_no`. Times are seconds since the epoch."""

    version: int
    ctime: float
    mtime: float
    serial_no: int
    cluster: Cluster
    nodes: Objects[Node]
    nodegroups: Objects[NodeGroup]
    instances: Objects[AnyInstance]
    networks: Objects[Network]
    disks: Objects[AnyDisk]
    filters: Objects[FilterRule]
    _derived: dict[Callable[..., object], object] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        *,
        version: int,
        ctime: float,
        mtime: float,
        serial_no: int,
        cluster: Cluster,
        objects: Mapping[Kind[Configured], Objects[Configured]],
    ) -> "ConfigSnapshot":
        """Make a snapshot of the objects of all kinds."""

        def section(kind: Kind[T]) -> Objects[T]:
            # Under each kind stand objects of that kind alone.
            return cast(Objects[T], objects[cast(Kind[Configured], kind)])

        return cls(
            version=version,
            ctime=ctime,
            mtime=mtime,
            serial_no=serial_no,
            cluster=cluster,
            nodes=section(NODE),
            nodegroups=section(GROUP),
            instances=section(INSTANCE),
            networks=section(NETWORK),
            disks=section(DISK),
            filters=section(FILTER),
        )

    def derived(self, compute: Callable[["ConfigSnapshot"], R]) -> R:
        """Return `compute(self)`, computed once for this snapshot. `compute` must be pure.

        A `Derivation` is carried into the snapshots that follow.
        """
        found = self._derived.get(compute)
        if found is None:
            found = self._derived[compute] = compute(self)
        return cast(R, found)  # what `compute` returned is kept under `compute`

    def objects(self, kind: Kind[Configured]) -> Objects[Configured]:
        """Return the objects of a kind other than the cluster."""
        found: Objects[Configured] = getattr(self, kind.section)
        return found

    def get(self, kind: Kind[Configured], uuid: str) -> Configured | None:
        """Return one object of any kind."""
        if kind is CLUSTER:
            return self.cluster if uuid == self.cluster.uuid else None
        return self.objects(kind).get(uuid)

    def changed(
        self,
        changes: Iterable[tuple[Kind[Configured], str, Configured | None]],
        *,
        serial_no: int,
        mtime: float,
    ) -> "ConfigSnapshot":
        """Return the next snapshot, in which some objects are replaced, added or removed (None)."""
        cluster = self.cluster
        by_kind: dict[Kind[Configured], dict[str, Configured | None]] = {}
        for kind, uuid, value in changes:
            if isinstance(value, Cluster):
                cluster = value
            else:
                by_kind.setdefault(kind, {})[uuid] = value
        objects = {
            kind: self.objects(kind).changed(by_kind[kind])
            if kind in by_kind
            else self.objects(kind)
            for kind in KINDS
        }
        changed = ConfigSnapshot.of(
            version=self.version,
            ctime=self.ctime,
            mtime=mtime,
            serial_no=serial_no,
            cluster=cluster,
            objects=objects,
        )
        touched = {kind.name: frozenset(uuids) for kind, uuids in by_kind.items()}
        if sum(map(len, touched.values())) <= CONFIG_CARRIED_MAX:
            for derivation, derived in list(self._derived.items()):
                if isinstance(derivation, Derivation):
                    carried = derivation.carry(derived, self, changed, touched)
                    changed._derived[derivation] = carried
        return changed

    # --- nodes ----------------------------------------------------------------------------------

    @property
    def master(self) -> Node:
        """The master node.

        Raises:
            ConfigurationError: the cluster names a master that is no node.
        """
        node = self.nodes.get(self.cluster.master_node)
        if node is None:
            raise ConfigurationError(f"Master node {self.cluster.master_node} is not a node")
        return node

    def master_candidates(self) -> list[Node]:
        """Return the nodes flagged as candidates and the master, in order of uuid."""
        master = self.cluster.master_node
        return [
            node for node in self.nodes.sorted() if node.master_candidate or node.uuid == master
        ]

    def queue_replicas(self) -> list[Node]:
        """Return the nodes besides the master that hold a copy of the queue, offline ones too."""
        master = self.cluster.master_node
        return [node for node in self.master_candidates() if node.uuid != master]

    def online_nodes(self) -> list[Node]:
        """Return the nodes that are not marked offline, in order of uuid."""
        return [node for node in self.nodes.sorted() if not node.offline]

    def node_params(self, node: Node) -> NdParams:
        """Return the node's parameters filled from its group's and the cluster's."""
        group = self.nodegroups.get(node.group)
        layers = (node.ndparams,) if group is None else (group.ndparams, node.ndparams)
        return fill(self.cluster.ndparams, *layers)

    def group_nodes(self, group_uuid: str) -> list[Node]:
        """Return the nodes of a group, in order of uuid."""
        return [node for node in self.nodes.sorted() if node.group == group_uuid]

    # --- cluster --------------------------------------------------------------------------------

    @property
    def master_network(self) -> MasterNetworkParameters:
        """What a node must be told to take or drop the master IP."""
        return MasterNetworkParameters(
            uuid=self.cluster.master_node,
            ip=self.cluster.master_ip,
            netmask=self.cluster.master_netmask,
            netdev=self.cluster.master_netdev,
            ip_family=self.cluster.primary_ip_family,
        )
