"""The disks of an instance that is about to be made, as objects of the configuration. Pure.

What must be unique (names, numbers, secrets) is drawn by `Means`, which put it aside; all else
follows from the template.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (GenerateDiskTemplate, _GenerateDRBD8Branch);
disk_trees.json.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from masterd.config.disk import Disk
from masterd.config.objects import FreeParams
from masterd.config.params import DiskTemplate
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.instance.disks import DRBD_META_MIB
from masterd.instance.new_disks import NewDisk

#: What stands between a disk's unique name and its number, by template; others have no such name.
_SUFFIXES: Final = {
    "drbd": "", "plain": "", "file": ".file", "sharedfile": ".sharedfile", "rbd": ".rbd",
    "ext": ".ext",
}  # fmt: skip
_ADOPTED_DEVICE: Final = "manual"


class Means(Protocol):
    """Draws what no other disk has; nothing here switches."""

    def uuid(self) -> str:
        """Return a new uuid."""
        ...

    def port(self) -> int:
        """Return a free TCP port."""
        ...

    def secret(self) -> str:
        """Return a secret for the two ends of a DRBD disk."""
        ...

    def minors(self, node_uuids: Sequence[str]) -> Sequence[int]:
        """Return a free DRBD minor of each node."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where disks are made.

    Attributes:
        template: what they are made of.
        instance: uuid of the instance they are for.
        primary: uuid of its primary node, whose group's parameters count.
        secondary: uuid of the other node of DRBD disks.
        directory: of the files of disks that are files.
        driver: by which those are reached.
        first: number of the first of the disks.
        made_s: when, in seconds since the epoch, which parts of disks are told here.
    """

    template: DiskTemplate
    instance: str
    primary: str
    secondary: str | None = None
    directory: str | None = None
    driver: str | None = None
    first: int = 0
    made_s: float = 0.0


def trees(
    config: ConfigSnapshot, place: Place, wanted: Sequence[NewDisk], means: Means
) -> list[Disk]:
    """Return the objects of disks, in their order."""
    suffix = _SUFFIXES.get(place.template)
    numbered = list(enumerate(wanted, place.first))
    names = ["" if suffix is None else f"{means.uuid()}{suffix}.disk{n}" for n, _ in numbered]
    return [
        _mirror(config, place, number, name, disk, means)
        if place.template == "drbd"
        else _single(place, number, name, disk, means)
        for name, (number, disk) in zip(names, numbered, strict=True)
    ]


def _single(place: Place, number: int, name: str, wanted: NewDisk, means: Means) -> Disk:
    params: dict[str, object] = {}
    if wanted.provider is not None:
        params = {"provider": wanted.provider, **wanted.provided}
    if wanted.access is not None:
        params["access"] = wanted.access
    return Disk(
        logical_id=_logical_id(place, number, name, wanted),
        dev_type=place.template,
        nodes=(place.primary,) if place.template in ("file", "plain") else (),
        iv_name=f"disk/{number}",
        size=wanted.size,
        mode=wanted.mode,
        name=wanted.name,
        spindles=wanted.spindles,
        params=params,
        uuid=means.uuid(),
        serial_no=1,
    )


def _logical_id(place: Place, number: int, name: str, wanted: NewDisk) -> tuple[str, str]:
    driver = place.driver or ""
    match place.template:
        case "plain":
            return wanted.volume_group or "", name
        case "file" | "sharedfile":
            return driver, f"{place.directory}/{name}"
        case "gluster":
            return driver, f"ganeti/{place.instance}.{number}"
        case "blockdev":
            return _ADOPTED_DEVICE, wanted.adopted or ""
        case "rbd":
            return "rbd", name
        case "ext":
            return wanted.provider or "", name
    raise AssertionError(f"a disk cannot have template '{place.template}'")


def _mirror(
    config: ConfigSnapshot, place: Place, number: int, name: str, wanted: NewDisk, means: Means
) -> Disk:
    """Return a DRBD disk: a port, a secret and minors of its own, volumes for data and metadata."""
    assert place.secondary is not None, "a DRBD disk has two nodes"
    nodes = (place.primary, place.secondary)
    port, secret = means.port(), means.secret()
    group = config.nodes[place.primary].group
    meta_group = wanted.meta_group or str(disks.group_params(config, group, "drbd")["metavg"])
    parts = (
        _volume(place, (wanted.volume_group or "", f"{name}_data"), wanted.size, means),
        _volume(place, (meta_group, f"{name}_meta"), DRBD_META_MIB, means),
    )
    own = means.uuid()
    minors = means.minors(nodes)
    return Disk(
        logical_id=(*nodes, port, *minors, secret),
        dev_type="drbd",
        children=parts,
        nodes=nodes,
        iv_name=f"disk/{number}",
        size=wanted.size,
        mode=wanted.mode,
        name=wanted.name,
        params={},
        uuid=own,
        serial_no=1,
    )


def _volume(place: Place, logical_id: tuple[str, str], size: int, means: Means) -> Disk:
    return Disk(
        logical_id=logical_id,
        dev_type="plain",
        nodes=(place.primary, place.secondary or ""),
        size=size,
        params={},
        uuid=means.uuid(),
        serial_no=1,
        ctime=place.made_s,
        mtime=place.made_s,
    )


#: The parameters of DRBD disks that those of its parts come from: its data, its metadata.
_OF_PARTS: Final = ("data-stripes", "meta-stripes")


def parts(config: ConfigSnapshot, disk: Disk, primary_node: str) -> list[Disk]:
    """Return what a disk is made of, each with the parameters it has as a part of it."""
    if disk.dev_type != "drbd":
        return list(disk.children)
    group = config.nodes[primary_node].group
    whole: FreeParams = disks.group_params(config, group, "drbd")
    found = []
    for part, source in zip(disk.children, _OF_PARTS, strict=True):
        own = {"stripes": whole[source]} if source in whole else {}
        params = {**own, **(part.params or {})}
        found.append(msgspec.structs.replace(part, params=params))
    return found


def nodes(those: Iterable[Disk], primary: str) -> list[str]:
    """Return the uuids of the nodes that disks are on, the primary one first."""
    return list(dict.fromkeys((primary, *(uuid for disk in those for uuid in disk.nodes))))
