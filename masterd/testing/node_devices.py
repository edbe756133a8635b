"""Which devices a simulated node has: one for each disk, and for each disk that a disk is made of.

What the node was told to make, to change or to remove is in the note `devices`. A disk of which it
was never told anything counts as being there, up and whole, as the disk's own document says it is:
tests begin with clusters whose disks nobody made here. `be_strict` ends that for a node. Disks in
files are files below the root as well, once the node has made them, and whoever removes the file
removes the disk.

How a DRBD disk synchronises, `node_mirrors` says. Volume groups have no end of names: each one that
is asked for has the node's `storage_mib`.

Source: Ganeti 3.0.2 lib/storage (which errors, in which words).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from masterd.testing import node_facts, node_notes
from masterd.testing.node_notes import RefusedError
from masterd.testing.told_objects import Disk

_NOTE: Final = "devices"
_STRICT: Final = "strict"

MIB: Final = 1024 * 1024

#: Templates whose disks are files, by where the logical id has the path.
FILES: Final = frozenset({"file", "sharedfile", "gluster"})

#: How messages name the devices of each template but `plain`.
_KINDS: Final = {
    "blockdev": "Persistent block", "drbd": "DRBD", "ext": "extstorage", "file": "FileStorage",
    "gluster": "FileStorage", "rbd": "RBD", "sharedfile": "FileStorage",
}  # fmt: skip

#: Source: bdev.py, _VALID_NAME_RE, _INVALID_NAMES, _INVALID_SUBSTRINGS.
_VOLUME: Final = re.compile(r"[a-zA-Z0-9+_.-]*")
_RESERVED: Final = frozenset({".", "..", "snapshot", "pvmove"})
_INSIDE: Final = ("_mlog", "_mimage")

#: MiB that a DRBD disk's metadata take, least and most. Source: drbd.py, _CheckMetaSize.
_META_MIB: Final = (128, 1024)

#: Where Gluster's volumes are mounted.
_GLUSTER: Final = "/var/run/ganeti/gluster"

#: Where the administrator says which directories may hold disks. Source: pathutils.
ALLOWED_PATHS: Final = "etc/ganeti/file-storage-paths"


class DeviceError(Exception):
    """A device cannot do that; calls put their own words before it."""


class Mirror(msgspec.Struct, kw_only=True):
    """This node's side of a DRBD disk.

    Attributes:
        minor: of the device on this node.
        local: whether it has its parts here.
        peer: address of the other side; None where it was never connected.
        connected: or standing alone.
        primary: whether it may be written.
        both: whether the other side may be written as well.
        syncs: "source" or "target" of a synchronisation; empty where both sides are the same.
        looks: how often this one was looked at.
        paused: whether it goes on.
    """

    minor: int
    local: bool = True
    peer: str | None = None
    connected: bool = True
    primary: bool = False
    both: bool = False
    syncs: str = ""
    looks: int = 0
    paused: bool = False


class Device(msgspec.Struct, kw_only=True):
    """A device.

    Attributes:
        size: MiB.
        info: what was written on it.
        there: False once it was removed.
        up: whether somebody uses it.
        granted: whether the node knows of it by its document alone.
        spindles: physical volumes it lies on, where storage is exclusive.
        mirror: of a DRBD disk.
    """

    size: int
    info: str = ""
    there: bool = True
    up: bool = True
    granted: bool = False
    spindles: int | None = None
    mirror: Mirror | None = None


def be_strict(root: Path) -> None:
    """Have a node take no disk for granted: only those that it has made are there."""
    node_notes.write(root, _STRICT, True)


def write_volume(root: Path, group: str, name: str, size_mib: int, *, up: bool = False) -> None:
    """Let a node have a logical volume."""
    devices = Devices(root)
    devices.put(f"/dev/{group}/{name}", Device(size=size_mib, up=up))
    devices.save()


def clear_up(root: Path, paths: Iterable[str]) -> None:
    """Let a node have devices no longer, such as `/dev/xenvg/name`: an administrator removes them.

    Raises:
        KeyError: there is none with that path.
    """
    with opened(root) as devices:
        for path in paths:
            devices.take_away(path)


def key(disk: Disk) -> str:
    """Return by what a device is found: its path, or the name in what keeps it."""
    if disk.dev_type == "drbd":
        return f"/dev/drbd{local_minor(disk)}"
    if disk.dev_type == "gluster":
        params = disk.params or {}
        return f"{_GLUSTER}/{params.get('volume', 'gv0')}/{disk.logical_id[1]}"
    first, second = disk.logical_id
    if disk.dev_type == "plain":
        return f"/dev/{first}/{second}"
    if disk.dev_type == "rbd":
        return f"/dev/rbd/{(disk.params or {}).get('pool', first)}/{second}"
    if disk.dev_type == "ext":
        return f"/dev/{first}/{second}"
    return str(second)


def local_minor(disk: Disk) -> int:
    """Return the minor of a DRBD disk on this node.

    Raises:
        ValueError: the call does not say which.
    """
    told = disk.dynamic_params or {}
    missing = {"local-ip", "remote-ip", "local-minor", "remote-minor"} - set(told)
    if missing:
        raise ValueError(f"Invalid dynamic parameters {told}")
    return int(told["local-minor"])


class Devices:
    """A node's devices, as long as one call is carried out."""

    def __init__(self, root: Path) -> None:
        """Read what the node with this root directory has."""
        self._root = root
        self._known = msgspec.convert(node_notes.read(root, _NOTE, {}), dict[str, Device])
        self._strict = bool(node_notes.read(root, _STRICT, False))
        self._before = msgspec.json.encode(self._known)
        self._granted: dict[str, bytes] = {}

    def save(self) -> None:
        """Keep what was changed; what was only granted is asked of its document again."""
        kept = {
            name: device
            for name, device in self._known.items()
            if self._granted.get(name) != msgspec.json.encode(device)
        }
        if msgspec.json.encode(kept) != self._before:
            node_notes.write(self._root, _NOTE, kept)

    def volumes(self) -> dict[tuple[str, str], Device]:
        """Return the logical volumes that the node has made, by volume group and name."""
        found = {}
        for name, device in self._known.items():
            _, of, *rest = name.split("/")
            if of == "dev" and len(rest) == 2 and device.there and not device.granted:
                found[rest[0], rest[1]] = device
        return found

    def minors(self) -> list[int]:
        """Return the minors of the DRBD disks that are up because the node was told so."""
        return sorted(
            device.mirror.minor
            for device in self._known.values()
            if device.mirror is not None and device.there and device.up and not device.granted
        )

    def find(self, disk: Disk) -> Device | None:
        """Return the device of a disk, to be changed in place; None where it is not there.

        Raises:
            DeviceError: its path is none for disks.
            ValueError: no device can be meant.
        """
        name = key(disk)
        if disk.dev_type in FILES:
            self._check_path(name)
        device = self._known.get(name)
        if device is None and (not self._strict or disk.dev_type == "blockdev"):
            device = self._known[name] = _as_told(disk)
            self._granted[name] = msgspec.json.encode(device)
        if device is None or not device.there or (device.mirror is not None and not device.up):
            return None
        is_file = disk.dev_type in FILES and not device.granted
        return None if is_file and not self._file(name).is_file() else device

    def side(self, disk: Disk) -> Device:
        """Return this side of a DRBD disk, also where it is down or was never up."""
        name = key(disk)
        self.find(disk)
        device = self._known.get(name)
        if device is None or not device.there or device.mirror is None:
            device = self._known[name] = Device(size=disk.size, up=False, mirror=whole_side(disk))
        return device

    def create(self, disk: Disk, *, exclusive: bool, primary: bool) -> Device:
        """Make a device; its parts are there.

        Raises:
            DeviceError: it cannot be.
            ValueError: nothing like that can be made.
        """
        if exclusive and disk.dev_type != "plain":
            raise ValueError(f"{_KINDS[disk.dev_type]} device requested with exclusive_storage")
        name = key(disk)
        known = self._known.get(name)
        is_there = (
            known is not None
            and known.there
            and not known.granted
            and (known.up or known.mirror is None)
        )
        made = Device(size=disk.size)
        match disk.dev_type:
            case "plain":
                self._check_volume(disk, exclusive=exclusive, is_there=is_there)
                made.spindles = disk.spindles if exclusive else None
            case "drbd":
                self._check_mirror(disk, is_there=is_there)
                made.mirror = _fresh_mirror(disk, primary=primary)
            case "file" | "sharedfile" | "gluster":
                self._make_file(name, disk)
            case "rbd" | "ext":
                if is_there:
                    raise DeviceError(f"{name}: exists already")
        self._known[name] = made
        return made

    def remove(self, disk: Disk) -> None:
        """Have a device no longer."""
        name = key(disk)
        if disk.dev_type == "blockdev":
            return  # It was there before, and stays.
        if disk.dev_type in FILES:
            self._file(name).unlink(missing_ok=True)
        self._known[name] = Device(size=0, there=False)

    def take_away(self, path: str) -> None:
        """Have a device no longer that is known by its path.

        Raises:
            KeyError: there is none.
        """
        if not self._known[path].there:
            raise KeyError(path)
        self._known[path] = Device(size=0, there=False)

    def grow(self, disk: Disk, device: Device, amount: int, *, dry_run: bool) -> None:
        """Make a device larger by `amount` MiB.

        Raises:
            DeviceError: it cannot be.
        """
        name = key(disk)
        if disk.dev_type == "blockdev":
            raise DeviceError("Grow is not supported for PersistentBlockDev storage")
        if disk.dev_type in FILES and amount < 0:
            raise DeviceError(f"{name}: can't grow by negative amount")
        if disk.dev_type == "plain" and amount > (free := self.free_mib(disk.logical_id[0])):
            raise DeviceError(f"Can't grow LV {name}: insufficient free space: {free:g} MiB")
        if dry_run:
            return
        device.size += amount
        if disk.dev_type in FILES and not device.granted:
            _stretch(self._file(name), device.size)

    def rename(self, disk: Disk, device: Device, new: Disk) -> None:
        """Give a device another logical id.

        Raises:
            DeviceError: it cannot be, or another has that one.
            ValueError: devices of this kind have no other.
        """
        old_name, new_name = key(disk), key(new)
        match disk.dev_type:
            case "drbd":
                raise ValueError("Can't rename a drbd device")
            case "blockdev":
                raise DeviceError("Rename is not supported for PersistentBlockDev storage")
            case "gluster":
                raise DeviceError("Rename is not supported for Gluster storage")
            case "rbd" | "ext":
                return  # They keep their names.
            case "plain":
                group, other = disk.logical_id[0], new.logical_id[0]
                if group != other:
                    raise ValueError(
                        "Can't move a logical volume across volume groups"
                        f" (from {group} to to {other})"
                    )
                self._check_name(new_name)
            case _:
                self._check_path(new_name)
                if not device.granted:
                    self._file(old_name).rename(self._file(new_name))
        self._known[old_name] = Device(size=0, there=False)
        self._known[new_name] = device

    def free_mib(self, group: str) -> float:
        """Return what a volume group has left."""
        capacity = node_facts.capacity_of(self._root)
        taken = sum(each.size for (its, _), each in self.volumes().items() if its == group)
        return capacity.storage_mib - capacity.storage_used_mib - taken

    def put(self, name: str, device: Device) -> None:
        """Have a device under a name."""
        self._known[name] = device

    # --- what may be made -----------------------------------------------------------------------

    def _check_name(self, name: str) -> None:
        known = self._known.get(name)
        if known is not None and known.there and not known.granted:
            group, volume = name.split("/")[2:]
            raise DeviceError(
                "Failed to rename the logical volume:"
                f'   Logical Volume "{volume}" already exists in volume group "{group}"'
            )

    def _check_volume(self, disk: Disk, *, exclusive: bool, is_there: bool) -> None:
        group, name = disk.logical_id
        for each in (group, name):
            bad = _VOLUME.fullmatch(each) is None or any(part in each for part in _INSIDE)
            if bad or each in _RESERVED:
                raise DeviceError(f"Invalid LVM name '{each}'")
        if exclusive:
            self._check_spindles(disk)
        if (free := self.free_mib(group)) < disk.size:
            raise DeviceError(f"Not enough free space: required {disk.size}, available {free:g}")
        if is_there:
            raise DeviceError(
                "LV create failed (exited with exit code 5):"
                f'   Logical Volume "{name}" already exists in volume group "{group}"'
            )

    def _check_spindles(self, disk: Disk) -> None:
        if disk.spindles is None:
            raise DeviceError(
                "Unspecified number of spindles: this is requiredwhen exclusive storage is"
                " enabled, try running gnt-cluster repair-disk-sizes"
            )
        capacity = node_facts.capacity_of(self._root)
        left = capacity.spindles - sum(each.spindles or 0 for each in self.volumes().values())
        if left < disk.spindles:
            raise DeviceError(
                f"Not enough empty PVs (spindles) to create a disk of {disk.size} MB:"
                f" {left} available, {disk.spindles} needed"
            )

    def _check_mirror(self, disk: Disk, *, is_there: bool) -> None:
        minor = local_minor(disk)
        if len(disk.parts) != 2:
            raise ValueError("Invalid setup for the drbd device")
        if is_there:
            raise DeviceError(f"drbd{minor}: minor is already in use at Create() time")
        check_meta(disk.parts[1].size)

    def _make_file(self, name: str, disk: Disk) -> None:
        self._check_path(name)
        file = self._file(name)
        if disk.dev_type == "gluster":
            file.parent.mkdir(parents=True, exist_ok=True)
        try:
            file.touch(exist_ok=False)
            _stretch(file, disk.size)
        except (OSError, OverflowError) as error:
            raise DeviceError(f"{name}: can't create: {error}") from error

    def _check_path(self, name: str) -> None:
        """Refuse paths outside those that the administrator allows, where there is a list."""
        allowed = self._root / ALLOWED_PATHS
        if name.startswith(_GLUSTER) or not allowed.exists():
            return
        lines = [line.strip() for line in allowed.read_text(encoding="utf-8").splitlines()]
        wanted = self._file(name)
        for line in lines:
            if line and not line.startswith("#"):
                place = node_notes.local(self._root, line)
                if wanted != place and wanted.is_relative_to(place):
                    return
        raise ValueError(f"Path '{name}' is not acceptable for file storage")

    def _file(self, name: str) -> Path:
        return node_notes.local(self._root, name)


@contextmanager
def opened(root: Path) -> Iterator[Devices]:
    """Give a node's devices, and keep what became of them, even where something failed."""
    devices = Devices(root)
    try:
        yield devices
    finally:
        devices.save()


def found(devices: Devices, disk: Disk, otherwise: str) -> Device:
    """Return the device of a disk.

    Raises:
        RefusedError: it is not there, in these words.
    """
    device = devices.find(disk)
    if device is None:
        raise RefusedError(otherwise)
    return device


def check_meta(size_mib: int) -> None:
    """Refuse a device for the metadata of a DRBD disk that has the wrong size.

    Raises:
        DeviceError: it has.
    """
    least, most = _META_MIB
    if size_mib < least:
        raise DeviceError(f"Meta device too small ({size_mib:.2f}Mib)")
    if size_mib > most:
        raise DeviceError(f"Meta device too big ({size_mib:.2f}MiB)")


def whole_side(disk: Disk) -> Mirror:
    """Return this side of a DRBD disk as it should be: whole, connected where it has a port."""
    port, peer = disk.logical_id[2], (disk.dynamic_params or {}).get("remote-ip")
    is_connected = bool(port and peer)
    return Mirror(
        minor=local_minor(disk), peer=peer if is_connected else None, connected=is_connected
    )


def _as_told(disk: Disk) -> Device:
    """Return a device as its document has it, up and whole."""
    mirror = whole_side(disk) if disk.dev_type == "drbd" else None
    return Device(size=disk.size, granted=True, mirror=mirror)


def _fresh_mirror(disk: Disk, *, primary: bool) -> Mirror:
    """Return a side that was just made, and knows nothing of the other."""
    made = whole_side(disk)
    made.primary = primary
    made.syncs = "source" if primary else "target"
    return made


def _stretch(file: Path, size_mib: int) -> None:
    with file.open("r+b") as opened:
        opened.truncate(size_mib * MIB)
