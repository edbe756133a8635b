"""What nodes are asked about instances. All functions switch.

A node is told an instance whole, its parameters filled and its disks as that node has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from masterd.config.instance import Nic
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.objects import FreeParams, Hypervisor
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import documents
from masterd.node.documents import Document
from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.result import RpcResult

#: A reason trail: who, why, when (nanoseconds since the epoch).
Trail = Sequence[Sequence[object]]
RebootType = Literal["soft", "hard", "full"]
HotplugAction = Literal["hotadd", "hotremove", "hotmod"]


def _told(
    nodes: Nodes,
    call_name: str,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *rest: object,
) -> RpcResult:
    return one(nodes, call_name, at, documents.instance(config, instance, at.uuid), *rest)


# --- life -----------------------------------------------------------------------------------------


def start(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    paused: bool,
    reason: Trail,
    hvparams: FreeParams | None = None,
    beparams: FreeParams | None = None,
) -> RpcResult:
    """Start it; the parameters given go before those it has."""
    told = documents.instance(config, instance, at.uuid, hvparams=hvparams, beparams=beparams)
    return one(nodes, "instance_start", at, told, paused, reason)


def shut_down(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    timeout_s: int,
    reason: Trail,
) -> RpcResult:
    """Stop it, by force after `timeout_s`."""
    return _told(nodes, "instance_shutdown", config, at, instance, timeout_s, reason)


def reboot(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    kind: RebootType,
    *,
    timeout_s: int,
    reason: Trail,
) -> RpcResult:
    """Reboot it from inside or outside."""
    return _told(nodes, "instance_reboot", config, at, instance, kind, timeout_s, reason)


def install(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    reinstall: bool,
    debug: int,
    osparams: FreeParams | None = None,
) -> RpcResult:
    """Install its operating system; the parameters given go before those it has."""
    told = documents.instance(config, instance, at.uuid, osparams=osparams)
    return one(nodes, "instance_os_add", at, told, reinstall, debug)


def rename_inside(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    old_name: str,
    debug: int,
) -> RpcResult:
    """Have its operating system's script rename it."""
    return _told(nodes, "instance_run_rename", config, at, instance, old_name, debug)


def balloon(
    nodes: Nodes, config: ConfigSnapshot, at: Where, instance: AnyInstance, *, memory_mib: int
) -> RpcResult:
    """Give it more or less memory while it runs."""
    return _told(nodes, "instance_balloon_memory", config, at, instance, memory_mib)


def modify_metadata(nodes: Nodes, at: Where, data: Document) -> RpcResult:
    """Tell the metadata daemon of it."""
    return one(nodes, "instance_metadata_modify", at, data)


def can_hotplug(
    nodes: Nodes, config: ConfigSnapshot, at: Where, instance: AnyInstance
) -> RpcResult:
    """Ask whether devices can be changed while it runs; failing means no."""
    return _told(nodes, "hotplug_supported", config, at, instance)


def hotplug_disk(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    action: HotplugAction,
    disk: AnyDisk,
    *,
    extra: object,
    index: int,
) -> RpcResult:
    """Change a disk while it runs; `extra` is the path and uri of the device."""
    # As in the reference, without the sides of a DRBD disk: only its device is plugged.
    told = documents.disk(config, disk, instance.primary_node or "", "")
    rest = (action, "disk", told, extra, index)
    return _told(nodes, "hotplug_device", config, at, instance, *rest)


def hotplug_nic(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    action: HotplugAction,
    nic: Nic,
    *,
    extra: object,
    index: int,
) -> RpcResult:
    """Change a network interface while it runs."""
    rest = (action, "nic", documents.nic(config, nic), extra, index)
    return _told(nodes, "hotplug_device", config, at, instance, *rest)


# --- migration ------------------------------------------------------------------------------------


def can_migrate(
    nodes: Nodes, config: ConfigSnapshot, at: Where, instance: AnyInstance
) -> RpcResult:
    """Ask its node whether it can be migrated; failing means no."""
    return _told(nodes, "instance_migratable", config, at, instance)


def migration_info(
    nodes: Nodes, config: ConfigSnapshot, at: Where, instance: AnyInstance
) -> RpcResult:
    """Ask its node for what the target must know. Payload: the hypervisor's."""
    return _told(nodes, "migration_info", config, at, instance)


def accept(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    info: object,
    address: str,
) -> RpcResult:
    """Prepare the target for it; `address` is the target's own."""
    return _told(nodes, "accept_instance", config, at, instance, info, address)


def migrate(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    address: str,
    live: bool,
) -> RpcResult:
    """Begin to migrate it away to `address`."""
    told = documents.instance(config, instance, at.uuid)
    name = config.cluster.cluster_name
    return one(nodes, "instance_migrate", at, name, told, address, live)


def migration_status(
    nodes: Nodes, config: ConfigSnapshot, at: Where, instance: AnyInstance
) -> RpcResult:
    """Ask its node how far it is. Payload: status, transferred and total RAM."""
    return _told(nodes, "instance_get_migration_status", config, at, instance)


def finish_at_source(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    success: bool,
    live: bool,
) -> RpcResult:
    """End a migration on the node it came from."""
    return _told(nodes, "instance_finalize_migration_src", config, at, instance, success, live)


def finish_at_target(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    info: object,
    success: bool,
) -> RpcResult:
    """End a migration on the node it went to."""
    return _told(nodes, "instance_finalize_migration_dst", config, at, instance, info, success)


# --- what runs ------------------------------------------------------------------------------------


def info(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    *,
    hvparams: FreeParams | None = None,
) -> RpcResult:
    """Ask for one. Payload: memory, vcpus, state, time; empty where it does not run.

    Args:
        hvparams: filled parameters of the hypervisor; otherwise the cluster's are told.
    """
    hypervisor = instance.hypervisor
    params = {} if hypervisor is None else config.cluster.hvparams.get(hypervisor, {})
    params = params if hvparams is None else hvparams
    return one(nodes, "instance_info", at, instance.name, hypervisor, params)


def all_info(
    nodes: Nodes,
    places: Iterable[Where],
    hypervisors: Sequence[str],
    hvparams: Mapping[Hypervisor, FreeParams],
) -> Mapping[str, RpcResult]:
    """Ask for all. Payload: by name, as `info`."""
    return several(nodes, "all_instances_info", places, list(hypervisors), hvparams)


def names(
    nodes: Nodes,
    places: Iterable[Where],
    hypervisors: Sequence[str],
    hvparams: Mapping[Hypervisor, FreeParams],
) -> Mapping[str, RpcResult]:
    """Ask which run. Payload: their names."""
    return several(nodes, "instance_list", places, list(hypervisors), hvparams)


def consoles(
    nodes: Nodes, by_node: Iterable[tuple[Where, Mapping[str, Document]]]
) -> Mapping[str, RpcResult]:
    """Ask how consoles are reached; what is told of instances goes by name. Payload: by name."""
    asked = list(by_node)
    told = {at.uuid: instances for at, instances in asked}
    return several(nodes, "instance_console_info", (at for at, _ in asked), told)
