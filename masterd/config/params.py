"""Parameter sets, and the one mechanism that fills them from layer to layer.

Each set comes twice: *filled*, where every parameter has a value, and *partial*, where a missing
one is inherited. A cluster holds filled sets, groups and nodes and instances partial ones.
"""

from typing import Literal, TypeVar

import msgspec

from masterd.config.objects import ConfigObject, FreeParams

DiskTemplate = Literal[
    "blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"
]
NicMode = Literal["bridged", "openvswitch", "pool", "routed"]

F = TypeVar("F", bound=ConfigObject)


def fill(base: F, *layers: ConfigObject) -> F:
    """Return `base` with what the layers say, the last layer that says something winning.

    Args:
        base: A filled set.
        layers: Partial sets of the same parameters, the most general first.
    """
    said: dict[str, object] = {}
    for layer in layers:
        for name in layer.__struct_fields__:
            value = getattr(layer, name)
            if value is not None:
                said[name] = value
    return msgspec.structs.replace(base, **said) if said else base


def fill_free(*layers: FreeParams) -> dict[str, object]:
    """Return the union of free-form parameters, the last layer that says something winning."""
    return {name: value for layer in layers for name, value in layer.items()}


class BeParams(ConfigObject, frozen=True, kw_only=True):
    """Backend parameters: memory in MiB, processors, and what to do when a node fails."""

    minmem: int
    maxmem: int
    vcpus: int
    auto_balance: bool
    always_failover: bool
    spindle_use: int


class PartialBeParams(ConfigObject, frozen=True, kw_only=True):
    """Backend parameters an instance sets itself."""

    minmem: int | None = None
    maxmem: int | None = None
    vcpus: int | None = None
    auto_balance: bool | None = None
    always_failover: bool | None = None
    spindle_use: int | None = None


class NdParams(ConfigObject, frozen=True, kw_only=True):
    """Node parameters. `cpu_speed` is relative to a reference processor."""

    oob_program: str
    spindle_count: int
    exclusive_storage: bool
    ovs: bool
    ovs_name: str
    ovs_link: str
    ssh_port: int
    cpu_speed: float


class PartialNdParams(ConfigObject, frozen=True, kw_only=True):
    """Node parameters a group or node sets itself."""

    oob_program: str | None = None
    spindle_count: int | None = None
    exclusive_storage: bool | None = None
    ovs: bool | None = None
    ovs_name: str | None = None
    ovs_link: str | None = None
    ssh_port: int | None = None
    cpu_speed: float | None = None


class NicParams(ConfigObject, frozen=True, kw_only=True):
    """How a network interface is connected."""

    mode: NicMode
    link: str
    vlan: str


class PartialNicParams(ConfigObject, frozen=True, kw_only=True):
    """What a NIC, or a network in a group, sets itself."""

    mode: NicMode | None = None
    link: str | None = None
    vlan: str | None = None


class InstanceSpec(ConfigObject, frozen=True, kw_only=True, rename="kebab"):
    """Size of an instance: memory and disk in MiB, counts of the rest."""

    memory_size: int
    disk_size: int
    disk_count: int
    cpu_count: int
    nic_count: int
    spindle_use: int


class PartialInstanceSpec(ConfigObject, frozen=True, kw_only=True, rename="kebab"):
    """The standard size as far as a group sets it."""

    memory_size: int | None = None
    disk_size: int | None = None
    disk_count: int | None = None
    cpu_count: int | None = None
    nic_count: int | None = None
    spindle_use: int | None = None


class SpecRange(ConfigObject, frozen=True, kw_only=True):
    """Smallest and largest size of one class of instances."""

    min: InstanceSpec
    max: InstanceSpec


class InstancePolicy(ConfigObject, frozen=True, kw_only=True, rename="kebab"):
    """Which instances are admitted; ratios are virtual to physical."""

    minmax: tuple[SpecRange, ...]
    std: InstanceSpec
    spindle_ratio: float
    vcpu_ratio: float
    disk_templates: tuple[DiskTemplate, ...]


class PartialInstancePolicy(ConfigObject, frozen=True, kw_only=True, rename="kebab"):
    """What a group sets itself."""

    minmax: tuple[SpecRange, ...] | None = None
    std: PartialInstanceSpec | None = None
    spindle_ratio: float | None = None
    vcpu_ratio: float | None = None
    disk_templates: tuple[DiskTemplate, ...] | None = None
