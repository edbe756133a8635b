"""What may be asked of an allocator, and the part of its input that says so. Pure.

Six modes: place a new instance, several, or the second copy of one; move one, those of a node, or
those of a group.

Source: Ganeti 3.0.2 lib/masterd/iallocator.py, the classes of requests (keys, checks).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from masterd.config.kinds import AnyInstance
from masterd.config.objects import Hypervisor
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError, ProgrammerError
from masterd.instance.disks import DRBD_META_MIB
from masterd.instance.migration import MIRRORED
from masterd.instance.new_disks import MIRRORED_INSIDE
from masterd.instance.view import InstanceView

#: Templates whose disks take no room that the cluster counts.
_NOT_COUNTED: Final = frozenset({"blockdev", "diskless"})

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Measured:
    """What nodes are asked about: one hypervisor, and the storage of one disk template."""

    hypervisor: Hypervisor
    template: str


class Request(ABC):
    """One question for an allocator."""

    #: What the script takes for the request's type.
    MODE: ClassVar[str]

    __slots__ = ()

    @abstractmethod
    def document(self, config: ConfigSnapshot) -> Document:
        """Return the keys of this mode, without "type".

        Raises:
            OpPrereqError: it cannot be asked for in this configuration.
        """

    def whole_document(self, config: ConfigSnapshot) -> Document:
        """Return what stands under "request" in the script's input; raises as `document`."""
        return {**self.document(config), "type": self.MODE}

    def measured(self, config: ConfigSnapshot) -> Measured:
        """Return what the nodes are to be asked about."""
        cluster = config.cluster
        return Measured(cluster.enabled_hypervisors[0], cluster.enabled_disk_templates[0])

    def script_options(self) -> dict[str, str | None]:
        """Return options of the script besides the cluster's; None for one without a value."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocate(Request):
    """A place for a new instance. Memory and sizes of disks are MiB.

    Attributes:
        disks: one document for each, with at least `size`.
        nics: one document for each.
        group_name: where it must go, by name.
        allowed_nodes: names of the nodes that are possible; None for all.
    """

    MODE: ClassVar[str] = "allocate"

    name: str
    disk_template: str | None
    group_name: str | None
    tags: Sequence[str]
    os: str | None
    vcpus: int
    memory: int
    spindle_use: int
    disks: Sequence[Mapping[str, object]]
    nics: Sequence[Mapping[str, object]]
    hypervisor: Hypervisor | None
    allowed_nodes: Sequence[str] | None = None

    @property
    def nodes_wanted(self) -> int:
        """How many nodes the answer must have."""
        return 2 if self.disk_template in MIRRORED_INSIDE else 1

    def document(self, config: ConfigSnapshot) -> Document:
        for name in ("disk_template", "os", "hypervisor"):
            if getattr(self, name) is None:
                raise OpPrereqError(
                    f"No {name} is named for instance '{self.name}', which an allocator must know",
                    ECode.INVAL,
                )
        return {
            "name": self.name,
            "disk_template": self.disk_template,
            "group_name": self.group_name,
            "tags": list(self.tags),
            "os": self.os,
            "vcpus": self.vcpus,
            "memory": self.memory,
            "spindle_use": self.spindle_use,
            "disks": [{**disk, "dev_type": self.disk_template} for disk in self.disks],
            "disk_space_total": self._disk_space(),
            "nics": [dict(nic) for nic in self.nics],
            "required_nodes": self.nodes_wanted,
            "hypervisor": self.hypervisor,
        }

    def whole_document(self, config: ConfigSnapshot) -> Document:
        whole = Request.whole_document(self, config)
        if self.allowed_nodes is not None:
            whole["restrict-to-nodes"] = list(self.allowed_nodes)
        return whole

    def measured(self, config: ConfigSnapshot) -> Measured:
        default = Request.measured(self, config)
        return Measured(
            self.hypervisor or default.hypervisor, self.disk_template or default.template
        )

    def _disk_space(self) -> int:
        if self.disk_template in _NOT_COUNTED:
            return 0
        own = DRBD_META_MIB if self.disk_template in MIRRORED_INSIDE else 0
        return sum(_size(disk) + own for disk in self.disks)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateMany(Request):
    """Places for several new instances, as many as possible."""

    MODE: ClassVar[str] = "multi-allocate"

    instances: Sequence[Allocate]

    def document(self, config: ConfigSnapshot) -> Document:
        return {"instances": [each.document(config) for each in self.instances]}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateSecondary(Request):
    """A node for the second copy of an instance that has one copy only."""

    MODE: ClassVar[str] = "allocate-secondary"

    name: str

    def document(self, config: ConfigSnapshot) -> Document:
        return {"name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocate(Request):
    """Another node for an instance, in place of some of its nodes. Both by uuid."""

    MODE: ClassVar[str] = "relocate"

    instance: str
    from_nodes: Sequence[str]

    def document(self, config: ConfigSnapshot) -> Document:
        row = InstanceView(config, self.found(config))
        templates = {disk.dev_type for disk in row.disks}
        if not templates <= MIRRORED:
            raise OpPrereqError(
                f"Instance {row.instance.name} cannot be relocated: its disks are not mirrored",
                ECode.INVAL,
            )
        if templates & MIRRORED_INSIDE and len(row.secondaries) != 1:
            raise OpPrereqError(
                f"Instance {row.instance.name} has {len(row.secondaries)} secondary nodes, not one",
                ECode.STATE,
            )
        return {
            "name": row.instance.name,
            "disk_space_total": row.disk_usage,
            "required_nodes": 1,
            "relocate_from": self.names(config),
        }

    def measured(self, config: ConfigSnapshot) -> Measured:
        instance = self.found(config)
        default = Request.measured(self, config)
        template = InstanceView(config, instance).disk_template
        return Measured(instance.hypervisor or default.hypervisor, template)

    def names(self, config: ConfigSnapshot) -> list[str]:
        """Return the names of the nodes it leaves; a disk may name one that is not there."""
        return [config.nodes[uuid].name for uuid in self.from_nodes if uuid in config.nodes]

    def found(self, config: ConfigSnapshot) -> AnyInstance:
        """Return the instance, which its lock keeps from going away."""
        instance = config.instances.get(self.instance)
        if instance is None:
            raise ProgrammerError(f"There is no instance {self.instance} to be relocated")
        return instance


@dataclass(frozen=True, slots=True, kw_only=True)
class EvacuateNode(Request):
    """Other nodes for the instances of a node, by name.

    Attributes:
        mode: "primary-only", "secondary-only", or "all".
        ignore_soft_errors: whether rules that only advise may be broken.
    """

    MODE: ClassVar[str] = "node-evacuate"

    instances: Sequence[str]
    mode: str
    ignore_soft_errors: bool = False

    def document(self, config: ConfigSnapshot) -> Document:
        return {"instances": list(self.instances), "evac_mode": self.mode}

    def script_options(self) -> dict[str, str | None]:
        return {"ignore-soft-errors": None} if self.ignore_soft_errors else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup(Request):
    """Nodes in other groups for instances; instances by name, groups by uuid."""

    MODE: ClassVar[str] = "change-group"

    instances: Sequence[str]
    target_groups: Sequence[str]

    def document(self, config: ConfigSnapshot) -> Document:
        return {"instances": list(self.instances), "target_groups": list(self.target_groups)}


def _size(disk: Mapping[str, object]) -> int:
    size = disk["size"]
    if not isinstance(size, int):
        raise ProgrammerError(f"The size of a disk is not a number of MiB: {size!r}")
    return size
