"""What a simulated node does with instances.

An instance that runs is a file, see `node_facts`; it begins and ends with what the node is told.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from masterd.testing import node_facts, node_notes
from masterd.testing.node_devices import found, opened
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Instance

#: Note of what guests are told of themselves, by name of the instance.
METADATA: Final = "metadata"

#: Note of how often an instance is looked at before it ends by itself, by its name.
_LOOKS_LEFT: Final = "looks-left"

#: Note of the devices that came and went while a guest ran, by name of the instance.
_PLUGGED: Final = "plugged"

_METADATA: Final = tuple[dict[str, Any]]
_ONE: Final = tuple[Instance]
#: Names of instance and hypervisor, and this one's parameters.
_INFO: Final = tuple[str, str | None, dict[str, Any] | None]
#: Instance, whether paused, reason.
_START: Final = tuple[Instance, bool, list[Any]]
_STOP: Final = tuple[Instance, int, list[Any]]
_REBOOT: Final = tuple[Instance, str, int, list[Any]]
_BALLOON: Final = tuple[Instance, int]
#: Instance, what is done, kind of device, device, what its kind needs besides, its number.
_HOTPLUG: Final = tuple[
    Instance, Literal["hotadd", "hotremove", "hotmod"], Literal["disk", "nic"], dict[str, Any],
    Any, int,
]  # fmt: skip


def write_looks(root: Path, name: str, looks: int) -> None:
    """Have an instance end by itself once it has been found running so often."""
    node_notes.write(root, _LOOKS_LEFT, {**_looks(root), name: looks})


def _looks(root: Path) -> dict[str, int]:
    looks: dict[str, int] = node_notes.read(root, _LOOKS_LEFT, {})
    return looks


def info(root: Path, arguments: list[object]) -> dict[str, object]:
    """Tell of one instance; nothing where it does not run."""
    name, _, _ = msgspec.convert(arguments, _INFO)
    found = node_facts.all_instances(root).get(name, {})
    left = _looks(root).get(name)
    if found and left is not None:
        if left == 0:
            mark_down(root, name)
            return {}
        write_looks(root, name, left - 1)
    return found


def names(root: Path, _arguments: list[object]) -> list[str]:
    """Tell the names of those that run."""
    return sorted(node_facts.all_instances(root))


def start(root: Path, arguments: list[object]) -> None:
    """Let an instance run, which has its disks; one that runs goes on."""
    instance, _, _ = msgspec.convert(arguments, _START)
    _run(root, instance)


def _run(root: Path, instance: Instance) -> None:
    if instance.name in node_facts.all_instances(root):
        return
    with opened(root) as devices:
        for disk in instance.disks_info:
            text = f"Block device error: Block device '{disk.words}' is not set up."
            device = found(devices, disk, text)
            if device.mirror is not None:
                device.mirror.primary = True
    mark_up(root, instance, startup_memory(root, instance))


def startup_memory(root: Path, instance: Instance) -> int:
    """Return the MiB that an instance begins with: no more than is free, but what it needs."""
    free = node_facts.hypervisor(root)["memory_free"]
    most, least = instance.beparams["maxmem"], instance.beparams["minmem"]
    return int(max(least, min(most, free)))


def mark_up(root: Path, instance: Instance, memory_mib: int) -> None:
    """Have an instance run with so much memory."""
    processors = int(instance.beparams["vcpus"])
    node_facts.write_instance(root, instance.name, memory_mib=memory_mib, processors=processors)


def mark_down(root: Path, name: str) -> None:
    """Have an instance not run, and forget what was plugged into it."""
    node_facts.remove_instance(root, name)
    plugged = node_notes.read(root, _PLUGGED, {})
    if plugged.pop(name, None) is not None:
        node_notes.write(root, _PLUGGED, plugged)


def shut_down(root: Path, arguments: list[object]) -> None:
    """Stop an instance; one that does not run stays so."""
    instance, _, _ = msgspec.convert(arguments, _STOP)
    mark_down(root, instance.name)


def reboot(root: Path, arguments: list[object]) -> None:
    """Restart an instance, which must run."""
    instance, how, _, _ = msgspec.convert(arguments, _REBOOT)
    if instance.name not in node_facts.all_instances(root):
        raise RefusedError(f"Cannot reboot instance '{instance.name}' that is not running")
    if how == "hard":
        mark_down(root, instance.name)
        _run(root, instance)
    elif how != "soft":
        raise RefusedError(f"Invalid reboot_type received: '{how}'")


def balloon(root: Path, arguments: list[object]) -> None:
    """Give an instance other memory while it runs."""
    instance, memory_mib = msgspec.convert(arguments, _BALLOON)
    if instance.name in node_facts.all_instances(root):
        mark_up(root, instance, memory_mib)


# --- devices that come and go while it runs -----------------------------------------------------


def hotplug_supported(root: Path, arguments: list[object]) -> None:
    """Refuse, unless devices of an instance can be changed while it runs."""
    (instance,) = msgspec.convert(arguments, _ONE)
    _check_hotplug(root, instance, otherwise="Hotplug is not supported by this hypervisor")


def hotplug(root: Path, arguments: list[object]) -> object:
    """Change a device of an instance that runs; return where one that goes was.

    Raises:
        ValueError: one that is to come is there, or one that is not there to be changed.
    """
    instance, action, kind, device, _, _ = msgspec.convert(arguments, _HOTPLUG)
    _check_hotplug(root, instance, otherwise="Hotplug is not supported.")
    plugged: dict[str, dict[str, bool]] = node_notes.read(root, _PLUGGED, {})
    name = str(device["uuid"])
    # Of those with which it began nothing was told: they are there until they are taken away.
    is_there = plugged.setdefault(instance.name, {}).get(name)
    if action == "hotadd" and is_there:
        raise ValueError(f"Duplicate ID '{name}' for device")
    if action != "hotadd" and is_there is False:
        raise ValueError(f"Cannot find runtime info for {kind} with UUID {name}")
    plugged[instance.name][name] = action != "hotremove"
    node_notes.write(root, _PLUGGED, plugged)
    return device.get("hvinfo") if action == "hotremove" else None


def _check_hotplug(root: Path, instance: Instance, *, otherwise: str) -> None:
    if instance.hypervisor != "kvm":
        raise RefusedError(f"Hotplug is not supported: {otherwise}")
    if instance.name not in node_facts.all_instances(root):
        raise RefusedError("Hotplug is not supported: Instance is probably down")


# --- what it is told of itself ------------------------------------------------------------------


def modify_metadata(root: Path, arguments: list[Any]) -> None:
    """Keep what guests may ask for, of one instance."""
    (told,) = msgspec.convert(arguments, _METADATA)
    guests: dict[str, object] = node_notes.read(root, METADATA, {})
    node_notes.write(root, METADATA, {**guests, str(told["name"]): told})


#: What a node does for each call on instances.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "hotplug_device": hotplug,
    "hotplug_supported": hotplug_supported,
    "instance_balloon_memory": balloon,
    "instance_info": info,
    "instance_list": names,
    "instance_metadata_modify": modify_metadata,
    "instance_reboot": reboot,
    "instance_shutdown": shut_down,
    "instance_start": start,
}
