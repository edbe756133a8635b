"""The cluster as an allocator is told of it: from the configuration and what nodes said. Pure.

Every node is named; those that can have instances and are online are measured too. Every instance
is named that has a name and a node: a planned one may have neither, and then there is nothing to
place (the reference fails on it).

Source: Ganeti 3.0.2 lib/masterd/iallocator.py, IAllocator (keys, arithmetic, refusals).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import is_forthcoming, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.iallocator.request import Document, Measured
from masterd.instance.view import InstanceView
from masterd.query.config_table import plain
from masterd.query.group_fields import filled_policy
from masterd.rpc.result import RpcResult

#: Of the form of the input. Source: constants IALLOCATOR_VERSION.
_VERSION: Final = 2

_LVM: Final = "lvm-vg"
_SPINDLES: Final = "lvm-pv"
#: Storage type of the disk templates whose storage nodes can measure.
_MEASURED: Final = {"plain": _LVM, "drbd": _LVM, "file": "file"}

StorageUnit = tuple[str, str | None, list[object]]


@dataclass(frozen=True, slots=True)
class Told:
    """What nodes said, by uuid.

    Attributes:
        info: answers to `node_info`.
        running: answers to `all_instances_info`.
    """

    info: Mapping[str, RpcResult]
    running: Mapping[str, RpcResult]


def asked(config: ConfigSnapshot) -> list[Node]:
    """Return the nodes to be asked; offline ones have a place in the answer."""
    return [node for node in config.nodes.sorted() if node.vm_capable]


def storage_units(config: ConfigSnapshot, node: Node, template: str) -> list[StorageUnit]:
    """Return the storage of a disk template to be measured on a node; perhaps none."""
    cluster = config.cluster
    kind = _MEASURED.get(template)
    if kind is None:
        return []
    if kind != _LVM:
        return [(kind, cluster.file_storage_dir, [])]
    exclusive = config.node_params(node).exclusive_storage
    kinds = (_LVM, _SPINDLES) if exclusive else (_LVM,)
    return [(each, cluster.volume_group_name, [exclusive]) for each in kinds]


def document(config: ConfigSnapshot, measured: Measured, told: Told) -> Document:
    """Return an allocator's input but for the request.

    Raises:
        OpExecError: a node did not answer, or not as it must.
    """
    cluster = config.cluster
    return {
        "version": _VERSION,
        "cluster_name": cluster.cluster_name,
        "cluster_tags": list(cluster.tags),
        "enabled_hypervisors": list(cluster.enabled_hypervisors),
        "ipolicy": plain(cluster.ipolicy),
        "nodegroups": {
            group.uuid: {
                "name": group.name,
                "alloc_policy": group.alloc_policy,
                "networks": sorted(group.networks),
                "ipolicy": filled_policy(cluster.ipolicy, group),
                "tags": list(group.tags),
            }
            for group in config.nodegroups.values()
        },
        "nodes": {
            node.name: {**_live(config, node, measured, told), **_static(config, node)}
            for node in config.nodes.sorted()
        },
        "instances": {
            instance.name: _instance(config, instance)
            for instance in config.instances.sorted()
            if instance.name and instance.primary_node in config.nodes
        },
    }


# --- nodes --------------------------------------------------------------------------------------


def _static(config: ConfigSnapshot, node: Node) -> Document:
    return {
        "tags": list(node.tags),
        "primary_ip": node.primary_ip,
        "secondary_ip": node.secondary_ip,
        "offline": node.offline,
        "drained": node.drained,
        "master_candidate": node.master_candidate,
        "group": node.group,
        "master_capable": node.master_capable,
        "vm_capable": node.vm_capable,
        "ndparams": plain(config.node_params(node)),
    }


def _live(config: ConfigSnapshot, node: Node, measured: Measured, told: Told) -> Document:
    """Return what a node has and what is free of it; nothing for one that was not asked."""
    if node.offline or not node.vm_capable:
        return {}
    info, running = told.info[node.uuid], told.running[node.uuid]
    info.raise_(f"Node {node.name} does not tell what it has")
    running.raise_(f"Node {node.name} does not tell which instances run on it")
    storage, hypervisor = _parts(node, info.payload)
    own, own_up, missing = _memory(config, node, running.payload)
    return {
        "total_memory": _number(node, hypervisor, "memory_total"),
        "reserved_memory": _number(node, hypervisor, "memory_dom0"),
        "free_memory": _number(node, hypervisor, "memory_free") - missing,
        **_room(node, storage, measured.template),
        "total_cpus": _number(node, hypervisor, "cpu_total"),
        "reserved_cpus": _number(node, hypervisor, "cpu_dom0"),
        "i_pri_memory": own,
        "i_pri_up_memory": own_up,
    }


def _parts(node: Node, payload: object) -> tuple[list[Any], Mapping[str, object]]:
    """Take an answer to `node_info` apart: storage units, and the one hypervisor."""
    match payload:
        case [_, list(storage), [dict(hypervisor)]]:
            return storage, hypervisor
        case [_, None, [dict(hypervisor)]]:
            return [], hypervisor
    raise OpExecError(f"Node {node.name} tells what it has in a form that is not known")


def _number(node: Node, told: object, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    if value is None:
        raise OpExecError(f"Node {node.name} does not tell its {name}")
    if not isinstance(value, int):
        raise OpExecError(f"Node {node.name} tells a {name} that is not a whole number: {value!r}")
    return value


def _memory(config: ConfigSnapshot, node: Node, running: object) -> tuple[int, int, int]:
    """Return the memory of a node's primary instances, in MiB.

    Of all, of those that should be up, and how much of the node's free memory those may still come
    to take.
    """
    uses: Mapping[str, Any] = running if isinstance(running, dict) else {}
    own = own_up = missing = 0
    for instance in config.derived(relations).primary_of.get(node.uuid, ()):
        most = InstanceView(config, instance).be_params.maxmem
        own += most
        if instance.admin_state == "up" and not is_forthcoming(instance):
            own_up += most
            missing += max(0, most - _used(node, uses.get(instance.name or "")))
    return own, own_up, missing


def _used(node: Node, running: object) -> int:
    """Return MiB that an instance uses; some hypervisors tell fractions. 0 where it is not told."""
    if isinstance(running, dict) and isinstance(running.get("memory"), float):
        return int(running["memory"])
    return 0 if running is None else _number(node, running, "memory")


def _room(node: Node, storage: Iterable[object], template: str) -> Document:
    """Return MiB and spindles of a template's storage; zeros where it cannot be measured."""
    kind = _MEASURED.get(template)
    units: dict[str, Mapping[str, Any]] = {}
    for unit in storage if kind is not None else ():
        if isinstance(unit, dict):
            units.setdefault(str(unit.get("type")), unit)
    if kind is not None and kind not in units:
        raise OpExecError(f"Node {node.name} does not tell of the storage for '{template}' disks")
    disk = units.get(kind or "", {})
    spindles = units.get(_SPINDLES, {}) if kind == _LVM else {}
    return {
        "total_disk": disk.get("storage_size", 0),
        "free_disk": disk.get("storage_free", 0),
        "total_spindles": spindles.get("storage_size", 0),
        "free_spindles": spindles.get("storage_free", 0),
    }


# --- instances ----------------------------------------------------------------------------------


def _instance(config: ConfigSnapshot, instance: AnyInstance) -> Document:
    row = InstanceView(config, instance)
    primary = config.nodes[instance.primary_node or ""]
    return {
        "tags": list(instance.tags),
        # Of a planned one they may be missing.
        "admin_state": instance.admin_state or "down",
        "vcpus": row.be_params.vcpus,
        "memory": row.be_params.maxmem,
        "spindle_use": row.be_params.spindle_use,
        "os": instance.os,
        "nodes": [primary.name, *(node.name for node in row.secondaries)],
        "nics": [
            {
                "mac": nic.mac,
                "ip": nic.ip,
                "mode": params.mode,
                "link": params.link,
                **({"bridge": params.link} if params.mode == "bridged" else {}),
            }
            for nic, params in zip(instance.nics, row.nic_params, strict=True)
        ],
        "disks": [
            {
                "dev_type": disk.dev_type,
                "size": disk.size,
                "mode": disk.mode,
                "spindles": disk.spindles,
            }
            for disk in row.disks
        ],
        "disk_template": row.disk_template,
        "disks_active": bool(instance.disks_active),
        "hypervisor": instance.hypervisor,
        "disk_space_total": row.disk_usage,
    }
