"""What scripts on nodes are told of instances, networks and the cluster, and of an opcode. Pure.

Variables come without their prefix; `work/hook_env` adds that and makes texts of the values.
Nothing secret is among them: no DRBD disk's secret, nothing that operating systems get in private.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (BuildInstanceHookEnv, BuildDiskEnv, NICToTuple),
lib/objects.py (Network.HooksDict); hook_env.json.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config.instance import Nic
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.network import Network
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.params import BeParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import params
from masterd.instance.view import InstanceView
from masterd.opcodes.base import OpCode

#: Modes of a NIC whose link is a bridge or a switch.
_BRIDGED: Final = frozenset({"bridged", "openvswitch"})
_DRIVER: Final = ("DRIVER", "ID")
#: What the parts of a disk's logical id are called, by template; None is not told.
_ID_PARTS: Final[Mapping[str, tuple[str | None, ...]]] = {
    "plain": ("VG", "ID"),
    "file": _DRIVER,
    "sharedfile": _DRIVER,
    "gluster": _DRIVER,
    "blockdev": _DRIVER,
    "rbd": _DRIVER,
    "ext": ("PROVIDER", "ID"),
    "drbd": ("PNODE", "SNODE", "PORT", "PMINOR", "SMINOR", None),
}
#: The parts of a DRBD disk, in their order.
_CHILDREN: Final = ("DATA", "META")

_TIMEOUT: Final = {"SHUTDOWN_TIMEOUT": "shutdown_timeout"}
_NODE_ROLES: Final = {"MASTER_CAPABLE": "master_capable", "VM_CAPABLE": "vm_capable"}
#: Variables that say what an opcode was asked for, and the parameter of each.
_ASKED: Final[Mapping[str, Mapping[str, str]]] = {
    "OP_BACKUP_EXPORT": {
        "EXPORT_MODE": "mode", "EXPORT_NODE": "target_node", "EXPORT_DO_SHUTDOWN": "shutdown",
        "REMOVE_INSTANCE": "remove_instance", **_TIMEOUT,
    },
    "OP_CLUSTER_RENAME": {"NEW_NAME": "name"},
    "OP_CLUSTER_SET_PARAMS": {"NEW_VG_NAME": "vg_name"},
    "OP_INSTANCE_CREATE": {"ADD_MODE": "mode"},
    "OP_INSTANCE_FAILOVER": {
        "IGNORE_CONSISTENCY": "ignore_consistency", "FAILOVER_CLEANUP": "cleanup", **_TIMEOUT,
    },
    "OP_INSTANCE_GROW_DISK": {"DISK": "disk", "AMOUNT": "amount", "ABSOLUTE": "absolute"},
    "OP_INSTANCE_MIGRATE": {
        "MIGRATE_CLEANUP": "cleanup", "ALLOW_RUNTIME_CHANGES": "allow_runtime_changes",
    },
    "OP_INSTANCE_MOVE": {"TARGET_NODE": "target_node", **_TIMEOUT},
    "OP_INSTANCE_REBOOT": {
        "IGNORE_SECONDARIES": "ignore_secondaries", "REBOOT_TYPE": "reboot_type", **_TIMEOUT,
    },
    "OP_INSTANCE_REMOVE": _TIMEOUT,
    "OP_INSTANCE_RENAME": {"INSTANCE_NEW_NAME": "new_name"},
    "OP_INSTANCE_REPLACE_DISKS": {"MODE": "mode", "NEW_SECONDARY": "remote_node"},
    "OP_INSTANCE_SHUTDOWN": {"TIMEOUT": "timeout"},
    "OP_INSTANCE_STARTUP": {"FORCE": "force"},
    "OP_NODE_ADD": {
        "OP_TARGET": "node_name", "NODE_NAME": "node_name", "NODE_PIP": "primary_ip",
        "NODE_SIP": "secondary_ip", **_NODE_ROLES,
    },
    "OP_NODE_REMOVE": {"OP_TARGET": "node_name", "NODE_NAME": "node_name"},
    "OP_NODE_SET_PARAMS": {
        "OP_TARGET": "node_name", "MASTER_CANDIDATE": "master_candidate", "OFFLINE": "offline",
        "DRAINED": "drained", **_NODE_ROLES,
    },
}  # fmt: skip
#: Variables that are told only when their parameter says something.
_ASKED_IF_GIVEN: Final[Mapping[str, Mapping[str, str]]] = {
    "OP_INSTANCE_SET_PARAMS": {
        "NEW_DISK_TEMPLATE": "disk_template", "RUNTIME_MEMORY": "runtime_mem",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewDisk:
    """A disk that is about to be made; `size` is MiB."""

    size: int
    mode: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An instance as it is, or as it is to be; nodes by name.

    Attributes:
        status: The state it is in; of a new one whether it is to be started.
        size: Whose memory and processors are told as the instance's size.
    """

    name: str | None
    primary: str | None
    secondaries: Sequence[str]
    os: str | None
    status: object
    hypervisor: str | None
    be: BeParams
    size: BeParams
    hv: Mapping[str, object]
    nics: Sequence[Nic]
    disk_template: str
    disks: Sequence[AnyDisk | NewDisk]
    tags: Sequence[str]


def subject(config: ConfigSnapshot, instance: AnyInstance) -> Subject:
    """Return an instance of the configuration as scripts are told of it."""
    view = InstanceView(config, instance)
    return Subject(
        name=instance.name,
        primary=None if view.primary is None else view.primary.name,
        secondaries=[node.name for node in view.secondaries],
        os=instance.os,
        status=instance.admin_state,
        hypervisor=instance.hypervisor,
        be=view.be_params,
        size=view.be_params,
        hv=view.whole_hv_params,
        nics=instance.nics,
        disk_template=view.disk_template,
        disks=view.disks,
        tags=instance.tags,
    )


def instance_env(config: ConfigSnapshot, told: Subject) -> dict[str, object]:
    """Return the variables of an instance; its networks are looked up in the configuration."""
    env: dict[str, object] = {
        "OP_TARGET": told.name,
        "INSTANCE_NAME": told.name,
        "INSTANCE_PRIMARY": told.primary,
        "INSTANCE_SECONDARIES": " ".join(told.secondaries),
        "INSTANCE_OS_TYPE": told.os,
        "INSTANCE_STATUS": told.status,
        "INSTANCE_MINMEM": told.size.minmem,
        "INSTANCE_MAXMEM": told.size.maxmem,
        "INSTANCE_MEMORY": told.size.maxmem,
        "INSTANCE_VCPUS": told.size.vcpus,
        "INSTANCE_DISK_TEMPLATE": told.disk_template,
        "INSTANCE_HYPERVISOR": told.hypervisor,
        "INSTANCE_NIC_COUNT": len(told.nics),
        "INSTANCE_DISK_COUNT": len(told.disks),
        "INSTANCE_TAGS": " ".join(told.tags),
    }
    for index, nic in enumerate(told.nics):
        env.update(_prefixed(f"INSTANCE_NIC{index}_", _nic(config, nic)))
    for index, disk in enumerate(told.disks):
        env.update(_prefixed(f"INSTANCE_DISK{index}_", _disk(disk)))
    be: dict[str, object] = write(told.be)
    env.update(_prefixed("INSTANCE_BE_", be.items()))
    env.update(_prefixed("INSTANCE_HV_", told.hv.items()))
    return env


def moved(config: ConfigSnapshot, instance: AnyInstance, target: str) -> dict[str, object]:
    """Return what is told besides when an instance goes to another node, given by name.

    The node it leaves becomes the secondary one of an instance with DRBD disks.
    """
    view = InstanceView(config, instance)
    leaving = None if view.primary is None else view.primary.name
    return {
        "OLD_PRIMARY": leaving,
        "NEW_PRIMARY": target,
        # Only DRBD disks name other nodes.
        "NEW_SECONDARY": leaving if view.secondaries else "",
        **old_secondary(config, instance),
    }


def old_secondary(config: ConfigSnapshot, instance: AnyInstance) -> dict[str, object]:
    """Return what is told besides when an instance gets another secondary node."""
    secondaries = InstanceView(config, instance).secondaries
    return {"OLD_SECONDARY": secondaries[0].name if secondaries else ""}


def source(node: str, path: str, images: Sequence[object]) -> dict[str, object]:
    """Return what is told besides of an instance that comes from an export.

    Args:
        images: in the order of the disks, False where one has none.
    """
    return {"SRC_NODE": node, "SRC_PATH": path, "SRC_IMAGES": list(images)}


def asked(op: OpCode, **decided: object) -> dict[str, object]:
    """Return the variables that say what an opcode was asked for.

    Args:
        decided: Parameters that the opcode leaves open, or gives in a short form, by name.
    """
    given = {**op.to_input(), **decided}
    wanted = _ASKED_IF_GIVEN.get(op.OP_ID, {})
    env = {name: given[parameter] for name, parameter in _ASKED.get(op.OP_ID, {}).items()}
    if "REMOVE_INSTANCE" in env:
        env["REMOVE_INSTANCE"] = bool(env["REMOVE_INSTANCE"])
    return {
        **env,
        **{name: given[parameter] for name, parameter in wanted.items() if given[parameter]},
    }


def network_env(network: Network) -> dict[str, object]:
    """Return the variables of a network that has them, as NICs and opcodes tell them."""
    told: dict[str, object] = {
        "NETWORK_SUBNET": network.network,
        "NETWORK_GATEWAY": network.gateway,
        "NETWORK_SUBNET6": network.network6,
        "NETWORK_GATEWAY6": network.gateway6,
        "NETWORK_MAC_PREFIX": network.mac_prefix,
    }
    return {
        "NETWORK_NAME": network.name,
        **{name: value for name, value in told.items() if value},
    }


def cluster_env(config: ConfigSnapshot) -> dict[str, object]:
    """Return the variables of an opcode whose object is the cluster."""
    return {"OP_TARGET": config.cluster.cluster_name}


def tags_env(config: ConfigSnapshot, nodes: Iterable[Node]) -> dict[str, object]:
    """Return the tags of cluster and nodes, which a verification tells."""
    return {
        "CLUSTER_TAGS": " ".join(config.cluster.tags),
        **{f"NODE_TAGS_{node.name}": " ".join(node.tags) for node in nodes},
    }


def _nic(config: ConfigSnapshot, nic: Nic) -> Iterator[tuple[str, object]]:
    how = params.nic(config.cluster, nic.nicparams)
    if nic.name:
        yield "NAME", nic.name
    yield "UUID", nic.uuid
    yield "IP", nic.ip or ""
    yield "MAC", nic.mac
    yield "MODE", how.mode
    yield "LINK", how.link
    yield "VLAN", how.vlan
    if how.mode in _BRIDGED:
        yield "BRIDGE", how.link
    if nic.network is None:
        return
    network = config.networks.get(nic.network)
    if network is None:
        yield "NETWORK_NAME", nic.network
        return
    yield from network_env(network).items()
    yield "NETWORK_UUID", network.uuid
    yield "NETWORK_TAGS", " ".join(network.tags)


def _disk(disk: AnyDisk | NewDisk) -> Iterator[tuple[str, object]]:
    if disk.name:
        yield "NAME", disk.name
    yield "SIZE", disk.size
    yield "MODE", disk.mode
    if isinstance(disk, NewDisk):
        yield "UUID", ""
        return
    yield "UUID", disk.uuid
    yield "DEV_TYPE", disk.dev_type
    # A planned disk may have no id yet.
    names = _ID_PARTS.get(disk.dev_type or "", ())
    for name, value in zip(names, disk.logical_id or (), strict=False):
        if name is not None:
            yield name, value
    if disk.dev_type == "drbd":
        for part, child in zip(_CHILDREN, disk.children, strict=False):
            for name, value in zip(("VG", "ID"), child.logical_id or (), strict=False):
                yield f"{part}_{name}", value


def _prefixed(prefix: str, told: Iterable[tuple[str, object]]) -> dict[str, object]:
    return {prefix + name: value for name, value in told}
