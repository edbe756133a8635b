"""What a simulated node does with its side of DRBD disks.

A side that was made, that got new parts, or that meets another other side than before has to
synchronise. How that goes on, a test says with `write_sync`: the percentages that are seen one
after the other, each time that somebody looks, until both sides are the same. Where nothing was
said they are the same at once. A side that is paused, or stands alone, stays as it is.

Beside that, `write_mirrors` says what looks at all disks of a node find, whatever they are.

Source: Ganeti 3.0.2 lib/storage/drbd.py, drbd_info.py; lib/backend.py (answers, checks, texts).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.testing import node_facts, node_notes
from masterd.testing.node_devices import (
    Device,
    DeviceError,
    Devices,
    Mirror,
    check_meta,
    found,
    key,
    opened,
    whole_side,
)
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Disk

_SYNC: Final = "sync"
_MIRRORS: Final = "mirrors"

#: Source: drbd.py, _DRBD_MAJOR; constants LDS_*.
_MAJOR: Final = 147
_OKAY, _SYNCING, _UNKNOWN, _FAULTY = 1, 2, 3, 4

_DONE: Final = 100.0

_DISKS: Final = tuple[list[Disk]]
_ATTACH: Final = tuple[list[Disk], bool]
_PAUSE: Final = tuple[list[Disk], bool]
_OPEN: Final = tuple[str | None, list[Disk], bool]
_CLOSE: Final = tuple[str | None, list[Disk]]
_PARTS: Final = tuple[Disk, list[Disk]]


def write_sync(root: Path, percents: Sequence[float]) -> None:
    """Say which percentages a side of a node shows while it synchronises, a look each."""
    node_notes.write(root, _SYNC, list(percents))


def write_mirrors(root: Path, states: list[dict[str, object]]) -> None:
    """Say what each look at mirrors finds that are not fine; the last state stays."""
    node_notes.write(root, _MIRRORS, states)


def as_was_said(root: Path, told: list[dict[str, object]]) -> list[object]:
    """Return how disks are, changed by what one look was said to find."""
    first, *rest = node_notes.read(root, _MIRRORS, [{}])
    if rest:
        node_notes.write(root, _MIRRORS, rest)
    return [{**each, **first} for each in told]


# --- one side -----------------------------------------------------------------------------------


def assemble(devices: Devices, disk: Disk, *, has_parts: bool, as_primary: bool) -> None:
    """Bring a side up, or complete one that is.

    Raises:
        DeviceError: it cannot be written, though it should.
    """
    device = devices.side(disk)
    mirror, whole = _mirror(device), whole_side(disk)
    mirror.local = has_parts or (device.up and mirror.local)
    if not device.up:
        mirror.primary, mirror.connected = False, False
    device.up = True
    if whole.connected and not mirror.connected:
        _connect(mirror, whole.peer, both=False)
    if as_primary:
        _open(mirror)


def _open(mirror: Mirror) -> None:
    if not mirror.local and not mirror.connected:
        raise DeviceError(
            f"drbd{mirror.minor}: can't make drbd device primary:"
            " State change failed: (-2) Need access to UpToDate data"
        )
    mirror.primary = True


def _connect(mirror: Mirror, peer: str | None, *, both: bool) -> None:
    if mirror.peer not in (None, peer) and not mirror.syncs and mirror.local:
        mirror.syncs, mirror.looks = "source", 0  # It meets another one, which has nothing yet.
    mirror.peer, mirror.connected, mirror.both = peer, True, both


def look(root: Path, mirror: Mirror) -> float | None:
    """Return how far a side is that synchronises, and let it go on; None where all is the same."""
    percents = node_notes.read(root, _SYNC, [])
    if not mirror.syncs or not mirror.connected or not mirror.local:
        return None
    if mirror.looks >= len(percents):
        mirror.syncs, mirror.looks = "", 0
        return None
    percent = float(percents[mirror.looks])
    mirror.looks += not mirror.paused
    return percent


def status(root: Path, mirror: Mirror) -> dict[str, object]:
    """Return how a side is, as the real node daemon tells it: without what is not so."""
    percent = look(root, mirror)
    told: dict[str, object] = {
        "dev_path": f"/dev/drbd{mirror.minor}",
        "major": _MAJOR,
        "minor": mirror.minor,
        "is_degraded": not mirror.connected or not mirror.local or percent is not None,
        "ldisk_status": _own_data(mirror, percent),
    }
    if percent is not None:
        left = len(node_notes.read(root, _SYNC, [])) - mirror.looks
        told |= {"sync_percent": percent, "estimated_time": left}
    return told


def _own_data(mirror: Mirror, percent: float | None) -> int:
    if not mirror.local:
        return _FAULTY
    if mirror.syncs != "target":
        return _OKAY
    return _UNKNOWN if percent is None else _SYNCING


def _mirror(device: Device) -> Mirror:
    """Return the side of a DRBD disk.

    Raises:
        ValueError: the disk is of another template.
    """
    if device.mirror is None:
        raise ValueError("the device is no mirror")
    return device.mirror


# --- both sides ---------------------------------------------------------------------------------


def disconnect(root: Path, arguments: list[object]) -> None:
    """Let sides stand alone."""
    (disks,) = msgspec.convert(arguments, _DISKS)
    with opened(root) as devices:
        for mirror in [_found(devices, disk) for disk in disks]:
            mirror.connected = False


def attach(root: Path, arguments: list[object]) -> None:
    """Connect sides that stand alone; both may be written, where that is wanted."""
    disks, both = msgspec.convert(arguments, _ATTACH)
    with opened(root) as devices:
        for disk, mirror in [(disk, _found(devices, disk)) for disk in disks]:
            whole = whole_side(disk)
            problem = None
            if not whole.connected:
                problem = "missing network info in AttachNet()"
            elif mirror.connected:
                problem = "device is not standalone in AttachNet"
            if problem is not None:
                text = f"Can't change network configuration: drbd{mirror.minor}: {problem}"
                raise RefusedError(text)
            _connect(mirror, whole.peer, both=both)


def wait_sync(root: Path, arguments: list[object]) -> list[object]:
    """Tell whether all sides are the same as their others, and the least percentage."""
    (disks,) = msgspec.convert(arguments, _DISKS)
    least, all_done = _DONE, True
    with opened(root) as devices:
        for mirror in [_found(devices, disk) for disk in disks]:
            if not mirror.connected:
                raise RefusedError(f"DRBD device /dev/drbd{mirror.minor} is not in sync")
            percent = look(root, mirror)
            if percent is not None:
                least, all_done = min(least, percent), False
    return [all_done, least]


def needing_activation(root: Path, arguments: list[object]) -> list[str | None]:
    """Return the uuids of DRBD disks that are not up, stand alone, or have no data here."""
    (disks,) = msgspec.convert(arguments, _DISKS)
    with opened(root) as devices:
        sides = [(disk, devices.find(disk)) for disk in disks]
        return [
            disk.uuid
            for disk, device in sides
            if device is None or not (_mirror(device).connected and _mirror(device).local)
        ]


def pause(root: Path, arguments: list[object]) -> list[object]:
    """Hold synchronisations, or let them go on; tell of each disk whether that was done."""
    disks, is_pause = msgspec.convert(arguments, _PAUSE)
    answers: list[object] = []
    with opened(root) as devices:
        for disk in disks:
            try:
                device = devices.find(disk)
            except DeviceError:
                device = None
            if device is None:
                text = f"Cannot change sync for device {disk.iv_name}: device not found"
                answers.append([False, text])
                continue
            if device.mirror is not None:
                device.mirror.paused = is_pause
            answers.append([True, None])
    return answers


def _found(devices: Devices, disk: Disk) -> Mirror:
    return _mirror(found(devices, disk, f"Can't find device {disk.words}"))


# --- primary and secondary ----------------------------------------------------------------------


def open_all(root: Path, arguments: list[object]) -> None:
    """Let disks be written on this node."""
    _, disks, _ = msgspec.convert(arguments, _OPEN)
    with opened(root) as devices:
        those = [found(devices, disk, f"Can't find device {disk.words}") for disk in disks]
        problems = []
        for device in those:
            try:
                if device.mirror is not None:
                    _open(device.mirror)
            except DeviceError as error:
                problems.append(str(error))
        if problems:
            raise RefusedError(f"Can't open devices: {','.join(problems)}")


def close_all(root: Path, arguments: list[object]) -> None:
    """Let disks be written on this node no longer; a guest that runs holds them open."""
    instance, disks = msgspec.convert(arguments, _CLOSE)
    with opened(root) as devices:
        those = [found(devices, disk, f"Can't find device {disk.words}") for disk in disks]
        mirrors = [device.mirror for device in those if device.mirror is not None]
        if instance in node_facts.all_instances(root) and mirrors:
            problems = [
                f"drbd{mirror.minor}: can't switch drbd device to secondary:"
                " State change failed: (-12) Device is held open by someone"
                for mirror in mirrors
            ]
            raise RefusedError(f"Can't close devices: {','.join(problems)}")
        for mirror in mirrors:
            mirror.primary = False


# --- parts --------------------------------------------------------------------------------------


def add_parts(root: Path, arguments: list[object]) -> None:
    """Give a side that has no data the two devices for them; they are to be filled.

    Raises:
        ValueError: it has some, or these do not do.
    """
    disk, parts = msgspec.convert(arguments, _PARTS)
    with opened(root) as devices:
        text = f"Can't find parent device '{disk.words}' in add children"
        mirror = _mirror(found(devices, disk, text))
        words = [part.words for part in parts]
        made = [found(devices, part, f"Can't find new device(s) to add: {words}") for part in parts]
        if len(made) != 2:
            raise ValueError(f"drbd{mirror.minor}: need two devices for AddChildren")
        if mirror.local:
            raise ValueError(f"drbd{mirror.minor}: already attached to a local disk")
        try:
            check_meta(made[1].size)
        except DeviceError as error:
            raise ValueError(str(error)) from error
        mirror.local, mirror.syncs, mirror.looks = True, "target", 0


def remove_parts(root: Path, arguments: list[object]) -> None:
    """Take a side's data away; one that has none is left alone.

    Raises:
        ValueError: those are not its own.
    """
    disk, parts = msgspec.convert(arguments, _PARTS)
    with opened(root) as devices:
        text = f"Can't find parent device '{disk.words}' in remove children"
        mirror = _mirror(found(devices, disk, text))
        if not mirror.local:
            return
        if len(parts) != 2:
            raise ValueError(f"drbd{mirror.minor}: we need two children in RemoveChildren")
        for own, told in zip(disk.parts, parts, strict=False):
            if key(own) != key(told):
                raise ValueError(
                    f"drbd{mirror.minor}: mismatch in local storage"
                    f" ({key(told)} != {key(own)}) in RemoveChildren"
                )
        mirror.local, mirror.syncs = False, ""


#: What a node does for each call on mirrors.
CALLS: Final[dict[str, Callable[[Path, list[Any]], object]]] = {
    "blockdev_addchildren": add_parts,
    "blockdev_close": close_all,
    "blockdev_open": open_all,
    "blockdev_pause_resume_sync": pause,
    "blockdev_removechildren": remove_parts,
    "drbd_attach_net": attach,
    "drbd_disconnect_net": disconnect,
    "drbd_needs_activation": needing_activation,
    "drbd_wait_sync": wait_sync,
}
