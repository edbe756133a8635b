"""What a simulated node does with disks: makes, finds, changes, removes, brings up and down.

What it has is in `node_devices`; the two sides of DRBD disks are in `node_mirrors`.

Source: Ganeti 3.0.2 lib/backend.py (answers, checks, texts).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_mirrors, node_notes
from masterd.testing.node_devices import (
    FILES,
    MIB,
    Device,
    DeviceError,
    Devices,
    found,
    key,
    opened,
)
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Disk, Instance

#: Where the links to an instance's disks lie, below a root.
LINKS_DIR: Final = "var/run/ganeti/instance-disks"

#: Templates whose disks the secondary node brings up as well. Source: objects.py.
_ON_SECONDARY: Final = frozenset({"drbd", "plain"})

#: Templates whose disks can have snapshots of their own. Source: constants DTS_SNAPSHOT_CAPABLE.
_SNAPSHOTS: Final = frozenset({"plain", "ext"})

#: Major numbers of block devices. Source: the kernel's list; drbd.py.
_MAJOR: Final = {"plain": 253, "rbd": 252, "ext": 251, "blockdev": 8}

#: Characters of what is written on a device. Source: bdev.py, SetInfo.
_INFO_CHARS: Final = 128
_NOT_INFO: Final = re.compile(r"^[^A-Za-z0-9_+.]|[^-A-Za-z0-9_+.]")

#: Disk, size, owner, whether on the primary, what is written on it, whether storage is exclusive.
_CREATE: Final = tuple[Disk, int, str, bool, str, bool]
_ONE: Final = tuple[Disk]
_MANY: Final = tuple[list[Disk]]
_INFO: Final = tuple[Disk, str]
_WIPE: Final = tuple[Disk, int, int]
_IMAGE: Final = tuple[Disk, str, int]
_ASSEMBLE: Final = tuple[Disk, Instance, bool, int]
#: Disk, MiB, whether only to try, whether what is below, whether storage is exclusive.
_GROW: Final = tuple[Disk, int, bool, bool, bool]
_RENAME: Final = tuple[list[tuple[Disk, list[Any]]]]
_SNAPSHOT: Final = tuple[Disk, str | None, int | None]
_CONVERT: Final = tuple[Disk, Disk]


def _found_or_none(devices: Devices, disk: Disk) -> Device | None:
    try:
        return devices.find(disk)
    except DeviceError:
        return None


# --- making and removing ------------------------------------------------------------------------


def create(root: Path, arguments: list[object]) -> list[object]:
    """Make a device; return its logical id, without its secret."""
    disk, _, _, on_primary, info, exclusive = msgspec.convert(arguments, _CREATE)
    with opened(root) as devices:
        for part in disk.parts:
            try:
                _bring_up(devices, part, as_primary=on_primary)
            except DeviceError as error:
                raise RefusedError(f"Can't assemble device {part.words}: {error}") from error
        try:
            made = devices.create(disk, exclusive=exclusive, primary=on_primary)
        except DeviceError as error:
            raise RefusedError(f"Can't create block device: {error}") from error
        made.up = on_primary or disk.dev_type in _ON_SECONDARY
        _inscribe(devices, disk, made, info)
    return [*disk.logical_id[:5], *(None for _ in disk.logical_id[5:])]


def remove(root: Path, arguments: list[object]) -> None:
    """Remove a device and its parts; one that is not there is gone already."""
    (disk,) = msgspec.convert(arguments, _ONE)
    with opened(root) as devices:
        _remove(devices, disk)


def _remove(devices: Devices, disk: Disk) -> None:
    if _found_or_none(devices, disk) is not None:
        devices.remove(disk)
    for part in disk.parts:
        _remove(devices, part)


# --- bringing up and down -----------------------------------------------------------------------


def assemble(root: Path, arguments: list[object]) -> object:
    """Bring a disk up; tell its device, and on the primary node the link to it and its uri."""
    disk, instance, on_primary, index = msgspec.convert(arguments, _ASSEMBLE)
    with opened(root) as devices:
        try:
            _bring_up(devices, disk, as_primary=on_primary)
        except DeviceError as error:
            raise RefusedError(f"Error while assembling disk: {error}") from error
    if not on_primary and disk.dev_type not in _ON_SECONDARY:
        return [True, True]
    if not on_primary:
        return [device_path(root, disk), None, None]
    return [device_path(root, disk), link(root, instance.name, index), uri(disk, instance)]


def _bring_up(devices: Devices, disk: Disk, *, as_primary: bool) -> None:
    parts = [_brought_up(devices, part, as_primary=as_primary) for part in disk.parts]
    if not as_primary and disk.dev_type not in _ON_SECONDARY:
        return
    if disk.dev_type == "drbd":
        node_mirrors.assemble(devices, disk, has_parts=all(parts), as_primary=as_primary)
        return
    device = devices.find(disk)
    if device is None:
        raise DeviceError(
            f"{key(disk)}: No such file"
            if disk.dev_type in FILES
            else f"Can't activate lv {key(disk)}:   Failed to find logical volume"
        )
    device.up = True


def _brought_up(devices: Devices, part: Disk, *, as_primary: bool) -> bool:
    """Bring a part up; tell whether it could be: a mirror does without."""
    try:
        _bring_up(devices, part, as_primary=as_primary)
    except DeviceError:
        return False
    return True


def shut_down(root: Path, arguments: list[object]) -> None:
    """Take a disk and its parts down; volumes stay as they are."""
    (disk,) = msgspec.convert(arguments, _ONE)
    with opened(root) as devices:
        _take_down(devices, disk)


def _take_down(devices: Devices, disk: Disk) -> None:
    device = devices.find(disk)
    if device is not None:
        device.up = False
    for part in disk.parts:
        _take_down(devices, part)


def device_path(root: Path, disk: Disk) -> str:
    """Return the path of a disk's device."""
    name = key(disk)
    return name if disk.dev_type not in FILES else str(node_notes.local(root, name))


def link(root: Path, instance: str, index: int) -> str:
    """Return the path of the link to a disk of an instance."""
    return f"{root / LINKS_DIR}/{instance}:{index}"


def uri(disk: Disk, instance: Instance) -> str | None:
    """Return by what a hypervisor reaches a disk that it opens itself.

    Raises:
        RefusedError: this one cannot.
    """
    if (disk.params or {}).get("access", "kernelspace") != "userspace":
        return None
    params = disk.params or {}
    if instance.hypervisor == "kvm" and disk.dev_type == "rbd":
        return f"rbd:{params.get('pool', 'rbd')}/{disk.logical_id[1]}"
    if instance.hypervisor == "kvm" and disk.dev_type == "gluster":
        place = f"{params.get('host')}:{params.get('port')}/{params.get('volume')}"
        return f"gluster://{place}/{disk.logical_id[1]}"
    if instance.hypervisor == "kvm" and disk.dev_type == "ext":
        return f"ext:{disk.logical_id[0]}/{disk.logical_id[1]}"
    raise RefusedError(
        "Error while assembling disk: Userspace access with"
        f" {disk.dev_type} block device and {instance.hypervisor} hypervisor is not supported"
    )


# --- looking ------------------------------------------------------------------------------------


def find(root: Path, arguments: list[object]) -> dict[str, object] | None:
    """Tell how a device is; nothing where it is not there."""
    (disk,) = msgspec.convert(arguments, _ONE)
    with opened(root) as devices:
        try:
            device = devices.find(disk)
        except DeviceError as error:
            raise RefusedError(f"Failed to find device: {error}") from error
        return None if device is None else status(root, disk, device)


def status(root: Path, disk: Disk, device: Device) -> dict[str, object]:
    """Return how a device is, as the real node daemon tells it: without what is not so."""
    if device.mirror is not None:
        return node_mirrors.status(root, device.mirror)
    told: dict[str, object] = {"dev_path": device_path(root, disk)}
    if disk.dev_type in _MAJOR:
        told |= {"major": _MAJOR[disk.dev_type], "minor": 0}
    return told | {"is_degraded": False, "ldisk_status": 1}


def dimensions(root: Path, arguments: list[object]) -> list[object]:
    """Tell bytes and spindles of each disk; those not made here are a MiB larger than is told."""
    (disks,) = msgspec.convert(arguments, _MANY)
    with opened(root) as devices:
        return [_dimensions(_found_or_none(devices, disk)) for disk in disks]


def _dimensions(device: Device | None) -> list[object] | None:
    if device is None:
        return None
    return [(device.size + device.granted) * MIB, device.spindles]


def mirror_status(root: Path, arguments: list[object]) -> list[object]:
    """Tell of each disk how its mirror is, or what was said beforehand."""
    (disks,) = msgspec.convert(arguments, _MANY)
    with opened(root) as devices:
        told = [
            status(root, disk, found(devices, disk, f"Can't find device {disk.words}"))
            for disk in disks
        ]
    return node_mirrors.as_was_said(root, told)


def mirror_status_of_each(root: Path, arguments: list[object]) -> list[object]:
    """Tell of each disk whether it is there, and how its mirror is, or what was said beforehand."""
    (disks,) = msgspec.convert(arguments, _MANY)
    answers: list[object] = []
    with opened(root) as devices:
        for disk in disks:
            try:
                device = found(devices, disk, f"Can't find device {disk.words}")
                (told,) = node_mirrors.as_was_said(root, [status(root, disk, device)])
                answers.append([True, told])
            except (RefusedError, DeviceError) as error:
                answers.append([False, str(error)])
    return answers


# --- writing on them ----------------------------------------------------------------------------


def set_info(root: Path, arguments: list[object]) -> None:
    """Write on a device whose it is."""
    disk, info = msgspec.convert(arguments, _INFO)
    with opened(root) as devices:
        device = found(devices, disk, f"Cannot find block device {disk.words}")
        _inscribe(devices, disk, device, info)


def _inscribe(devices: Devices, disk: Disk, device: Device, info: str) -> None:
    device.info = _NOT_INFO.sub("_", info)[:_INFO_CHARS]
    for part in disk.parts:
        of_part = devices.find(part)
        if of_part is not None:
            _inscribe(devices, part, of_part, info)


def wipe(root: Path, arguments: list[object]) -> None:
    """Overwrite a piece of a device, which must have it."""
    disk, offset, size = msgspec.convert(arguments, _WIPE)
    with opened(root) as devices:
        device = _found_or_none(devices, disk)
        if device is None:
            raise RefusedError(f"Cannot wipe device {disk.iv_name}: device not found")
        _check_piece("Wipe", device, offset, size)


def image(root: Path, arguments: list[object]) -> None:
    """Write an image onto a device: a file of the node, or what somebody serves."""
    disk, source, size = msgspec.convert(arguments, _IMAGE)
    if "://" not in source and not node_notes.local(root, source).exists():
        raise RefusedError(f"Image '{source}' not found")
    with opened(root) as devices:
        device = _found_or_none(devices, disk)
        if device is None:
            raise RefusedError(f"Cannot image device {disk.iv_name}: device not found")
        if size < 0:
            raise RefusedError("Negative size")
        if size > device.size:
            raise RefusedError("Image size is bigger than device size")


def _check_piece(what: str, device: Device, offset: int, size: int) -> None:
    if offset < 0:
        raise RefusedError("Negative offset")
    if size < 0:
        raise RefusedError("Negative size")
    if offset > device.size:
        raise RefusedError(f"{what} offset is bigger than device size")
    if offset + size > device.size:
        raise RefusedError(f"{what} offset and size are bigger than device size")


def convert(root: Path, arguments: list[object]) -> None:
    """Copy what is on one device to another."""
    source, target = msgspec.convert(arguments, _CONVERT)
    with opened(root) as devices:
        text = f"Cannot copy from device '{source.uuid}': device not found"
        held = found(devices, source, text)
        text = f"Cannot copy to device '{target.uuid}': device not found"
        room = found(devices, target, text)
        if target.dev_type == "blockdev":
            text = "Importing data is not supported for the PersistentBlockDevice template"
            raise DeviceError(text)
        if room.size < held.size:
            raise RefusedError(
                "Disk conversion command 'dd' exited with error: exited with exit code 1;"
                " output: No space left on device"
            )


# --- sizes, names, snapshots --------------------------------------------------------------------


def grow(root: Path, arguments: list[object]) -> None:
    """Make a disk larger: what is below it, or the disk itself."""
    disk, amount, dry_run, is_below, _ = msgspec.convert(arguments, _GROW)
    with opened(root) as devices:
        device = found(devices, disk, f"Cannot find block device {disk.words}")
        try:
            _grow(devices, disk, device, amount, dry_run=dry_run, is_below=is_below)
        except DeviceError as error:
            raise RefusedError(f"Failed to grow block device: {error}") from error


def _grow(
    devices: Devices, disk: Disk, device: Device, amount: int, *, dry_run: bool, is_below: bool
) -> None:
    if disk.dev_type != "drbd":
        # Only volumes are tried: for the others there is always room.
        if is_below and (not dry_run or disk.dev_type in ("plain", "blockdev")):
            devices.grow(disk, device, amount, dry_run=dry_run)
        return
    data = devices.find(disk.parts[0]) if disk.parts else None
    if device.mirror is None or not device.mirror.local or data is None:
        raise DeviceError(f"{key(disk).removeprefix('/dev/')}: cannot grow diskless device")
    _grow(devices, disk.parts[0], data, amount, dry_run=dry_run, is_below=is_below)
    if not dry_run and not is_below:
        device.size = disk.size + amount
        device.mirror.syncs, device.mirror.looks = "source", 0


def rename(root: Path, arguments: list[object]) -> None:
    """Give devices other logical ids; all are tried."""
    (pairs,) = msgspec.convert(arguments, _RENAME)
    problems = []
    with opened(root) as devices:
        for disk, new_id in pairs:
            device = devices.find(disk)
            if device is None:
                problems.append(f"Can't find device {disk.words} in rename")
                continue
            try:
                new = msgspec.structs.replace(disk, logical_id=new_id)
                devices.rename(disk, device, new)
            except DeviceError as error:
                problems.append(f"Can't rename device '{disk.words}' to '{new_id}': {error}")
    if problems:
        raise RefusedError("; ".join(problems))


def snapshot(root: Path, arguments: list[object]) -> list[str]:
    """Make a snapshot of a disk, or of a mirror's data; return its logical id."""
    disk, name, size = msgspec.convert(arguments, _SNAPSHOT)
    if disk.dev_type == "drbd":
        if not disk.parts:
            raise RefusedError(
                f"DRBD device '{disk.words}' without backing storage cannot be snapshotted"
            )
        return snapshot(root, [msgspec.to_builtins(disk.parts[0]), name, size])
    if disk.dev_type not in _SNAPSHOTS:
        raise RefusedError(
            f"Cannot snapshot block device '{tuple(disk.logical_id)}' of type '{disk.dev_type}'"
        )
    with opened(root) as devices:
        found(devices, disk, f"Cannot find block device {disk.words}")
        place, own = disk.logical_id
        new_id = [place, name or f"{own}.snap"]
        new = msgspec.structs.replace(disk, logical_id=new_id, size=size or disk.size)
        devices.remove(new)
        devices.create(new, exclusive=False, primary=True).up = False
    return new_id


#: What a node does for each call on disks.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "blockdev_assemble": assemble,
    "blockdev_convert": convert,
    "blockdev_create": create,
    "blockdev_find": find,
    "blockdev_getdimensions": dimensions,
    "blockdev_getmirrorstatus": mirror_status,
    "blockdev_getmirrorstatus_multi": mirror_status_of_each,
    "blockdev_grow": grow,
    "blockdev_image": image,
    "blockdev_remove": remove,
    "blockdev_rename": rename,
    "blockdev_setinfo": set_info,
    "blockdev_shutdown": shut_down,
    "blockdev_snapshot": snapshot,
    "blockdev_wipe": wipe,
}
