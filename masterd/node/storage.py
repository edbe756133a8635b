"""What nodes are asked about their storage and other means. All functions switch."""

from collections.abc import Iterable, Mapping, Sequence

from masterd.config.objects import FreeParams
from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.result import RpcResult

#: Kind of storage, key, parameters.
Unit = Sequence[object]
#: Name of a hypervisor and its parameters.
HypervisorSpec = Sequence[object]


def info(
    nodes: Nodes,
    places: Iterable[Where],
    units: Sequence[Unit] | Mapping[str, Sequence[Unit]] | None,
    hypervisors: Sequence[HypervisorSpec],
) -> Mapping[str, RpcResult]:
    """Ask for free and whole storage, memory, processors.

    Payload: boot id, storage units, hypervisors.

    Args:
        units: those of all nodes, or by node uuid; None for none.
        hypervisors: name and parameters of each.
    """
    return several(nodes, "node_info", places, units, hypervisors)


def units(
    nodes: Nodes,
    places: Iterable[Where],
    kind: str,
    arguments: Sequence[object],
    name: str | None,
    fields: Sequence[str],
) -> Mapping[str, RpcResult]:
    """Ask for units of a kind, or one of them. Payload: rows of the fields."""
    return several(nodes, "storage_list", places, kind, list(arguments), name, list(fields))


def modify_unit(
    nodes: Nodes,
    at: Where,
    kind: str,
    arguments: Sequence[object],
    name: str | None,
    changes: Mapping[str, object],
) -> RpcResult:
    """Change a unit."""
    return one(nodes, "storage_modify", at, kind, list(arguments), name, changes)


def repair_unit(
    nodes: Nodes,
    at: Where,
    kind: str,
    arguments: Sequence[object],
    name: str | None,
    operation: str,
) -> RpcResult:
    """Carry out an operation on a unit."""
    return one(nodes, "storage_execute", at, kind, list(arguments), name, operation)


def volume_groups(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for volume groups. Payload: MiB by name."""
    return several(nodes, "vg_list", places)


def logical_volumes(
    nodes: Nodes, places: Iterable[Where], groups: Sequence[str]
) -> Mapping[str, RpcResult]:
    """Ask for the volumes of volume groups. Payload: size, inactive, online by "group/volume"."""
    return several(nodes, "lv_list", places, list(groups))


def volumes(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for all volumes. Payload: name, size, device, group of each."""
    return several(nodes, "node_volumes", places)


def providers(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for external storage providers. Payload: name, path, valid, message, parameters."""
    return several(nodes, "extstorage_diagnose", places)


def make_directory(nodes: Nodes, at: Where, path: str) -> RpcResult:
    """Make the directory of an instance's disk files."""
    return one(nodes, "file_storage_dir_create", at, path)


def remove_directory(nodes: Nodes, at: Where, path: str) -> RpcResult:
    """Remove the directory of an instance's disk files."""
    return one(nodes, "file_storage_dir_remove", at, path)


def rename_directory(nodes: Nodes, at: Where, old: str, new: str) -> RpcResult:
    """Rename the directory of an instance's disk files."""
    return one(nodes, "file_storage_dir_rename", at, old, new)


def validate_hypervisor(
    nodes: Nodes, places: Iterable[Where], hypervisor: str, params: FreeParams
) -> Mapping[str, RpcResult]:
    """Have nodes check filled parameters of a hypervisor; failing says what is wrong."""
    return several(nodes, "hypervisor_validate_params", places, hypervisor, params)
