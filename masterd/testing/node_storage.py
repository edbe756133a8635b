"""What a simulated node tells of its storage: volume groups, physical and logical volumes, files.

There is one volume group that is named without being asked for, on two physical volumes, which lie
half each on what the node has of storage. Logical volumes are those that the node was told to
make, and one that no instance uses.

Source: Ganeti 3.0.2 lib/backend.py (answers), lib/storage/container.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_facts, node_notes
from masterd.testing.node_devices import Devices
from masterd.testing.node_notes import RefusedError

VOLUME_GROUP: Final = "xenvg"
PHYSICAL_VOLUMES: Final = ("/dev/sda3", "/dev/sda10")

#: The volume that no instance uses, and its MiB.
_UNUSED: Final = ("swap", "2048.00")

#: Note of the physical volumes that take no more.
_CLOSED: Final = "closed-volumes"

#: Storage that can be measured, besides `lvm-pv`, whose unit are spindles.
_MEASURED: Final = ("file", "lvm-vg")

#: Storage type, arguments, name, and what is to be done, or told.
_CHANGE: Final = tuple[str, list[object], str | None, dict[str, object]]
_OPERATION: Final = tuple[str, list[object], str | None, str]
_LIST: Final = tuple[str, list[list[str]], str | None, list[str]]


def unit(root: Path, kind: str, name: str, parameters: list[object]) -> dict[str, object]:
    """Return what a node has of storage of a kind, and what of it is free.

    Raises:
        RefusedError: storage of this kind is not measured.
    """
    capacity = node_facts.capacity_of(root)
    if kind == "lvm-pv":
        is_exclusive = bool(parameters and parameters[0])
        free = size = capacity.spindles if is_exclusive else 0
    elif kind in _MEASURED:
        size = capacity.storage_mib
        free = size - _used_mib(root, kind, name)
    else:
        raise RefusedError(f"Storage of type '{kind}' is not measured")
    return {"type": kind, "name": name, "storage_free": free, "storage_size": size}


def _used_mib(root: Path, kind: str, name: str) -> int:
    used = node_facts.capacity_of(root).storage_used_mib
    if kind == "file":
        return used
    volumes = Devices(root).volumes()
    return used + sum(each.size for (group, _), each in volumes.items() if group == name)


def units(root: Path, arguments: list[object]) -> list[list[object]]:
    """Tell of each unit of a kind, or of one of them, what is asked for."""
    kind, groups, name, fields = msgspec.convert(arguments, _LIST)
    if kind not in (*_MEASURED, "lvm-pv"):
        raise RefusedError(f"Storage of type '{kind}' is not measured")
    rows: list[list[object]] = []
    for known in _known(root, kind, groups):
        unknown = [field for field in fields if field not in known]
        if unknown:
            raise RefusedError(f"Unknown field: '{unknown[0]}'")
        if name in (None, known["name"]):
            rows.append([known[field] for field in fields])
    return rows


def _known(root: Path, kind: str, groups: list[list[str]]) -> list[dict[str, object]]:
    if kind == "lvm-pv":
        closed = closed_volumes(root)
        return [
            {
                "name": each["name"],
                "size": each["size"],
                "used": each["size"] - each["free"],
                "free": each["free"],
                "allocatable": each["name"] not in closed,
            }
            for each in physical_volumes(root, [VOLUME_GROUP])
        ]
    size = node_facts.capacity_of(root).storage_mib
    found: list[dict[str, object]] = []
    for name in (VOLUME_GROUP,) if kind == "lvm-vg" else groups[0]:
        used = _used_mib(root, kind, name)
        found.append(
            {"name": name, "size": size, "used": used, "free": size - used, "allocatable": True}
        )
    return found


def physical_volumes(root: Path, groups: list[str]) -> list[dict[str, Any]]:
    """Return the physical volumes of volume groups, as they are told when a node is verified."""
    if VOLUME_GROUP not in groups:
        return []
    share = len(PHYSICAL_VOLUMES)
    size = node_facts.capacity_of(root).storage_mib // share
    free = size - _used_mib(root, "lvm-vg", VOLUME_GROUP) // share
    return [
        {"name": name, "vg_name": VOLUME_GROUP, "size": size, "free": free, "attributes": "a--",
         "lv_list": []}
        for name in PHYSICAL_VOLUMES
    ]  # fmt: skip


def modify_unit(root: Path, arguments: list[object]) -> None:
    """Let a physical volume take more, or not."""
    kind, _, name, changes = msgspec.convert(arguments, _CHANGE)
    if kind != "lvm-pv" or name not in PHYSICAL_VOLUMES:
        raise RefusedError(f"Failed to find physical volume '{name}'")
    closed = set(closed_volumes(root)) - {name}
    if not changes.get("allocatable", True):
        closed.add(name)
    node_notes.write(root, _CLOSED, sorted(closed))


def closed_volumes(root: Path) -> list[str]:
    """Return the physical volumes that take no more."""
    closed: list[str] = node_notes.read(root, _CLOSED, [])
    return closed


def operate_on_unit(_root: Path, arguments: list[object]) -> None:
    """Repair a volume group, where nothing is ever broken."""
    kind, _, name, operation = msgspec.convert(arguments, _OPERATION)
    if kind != "lvm-vg" or operation != "fix-consistency":
        raise RefusedError(f"Operation '{operation}' is not supported for storage type '{kind}'")
    if name != VOLUME_GROUP:
        raise RefusedError(f"Volume group '{name}' could not be repaired")


def volume_groups(root: Path, _arguments: list[object]) -> dict[str, int]:
    """Return the sizes of volume groups, MiB."""
    return {VOLUME_GROUP: node_facts.capacity_of(root).storage_mib}


def volumes(root: Path, _arguments: list[object]) -> list[dict[str, str]]:
    """Return the logical volumes, and on which physical one each lies."""
    name, size = _UNUSED
    made = [
        (own, f"{device.size:.2f}", group)
        for (group, own), device in sorted(Devices(root).volumes().items())
    ]
    return [
        {"name": own, "size": mib, "dev": PHYSICAL_VOLUMES[0], "vg": group}
        for own, mib, group in [(name, size, VOLUME_GROUP), *made]
    ]


def logical_volumes(root: Path, arguments: list[object]) -> dict[str, list[object]]:
    """Return size, whether inactive, whether in use, of the logical volumes of some groups."""
    groups = msgspec.convert(arguments[0], list[str] | None) or ()
    name, size = _UNUSED
    found: dict[str, list[object]] = {f"{VOLUME_GROUP}/{name}": [size, False, True]}
    for (group, own), device in sorted(Devices(root).volumes().items()):
        found[f"{group}/{own}"] = [f"{device.size:.2f}", False, device.up]
    return {
        name: told for name, told in found.items() if not groups or name.split("/")[0] in groups
    }


#: What a node does for each call on storage.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "lv_list": logical_volumes,
    "node_volumes": volumes,
    "storage_execute": operate_on_unit,
    "storage_list": units,
    "storage_modify": modify_unit,
    "vg_list": volume_groups,
}
