"""Disks that are made or come to other nodes, as objects of the configuration. Pure.

What must be unique (names, numbers, secrets) is drawn by `Means`, which put it aside; all else
follows from the template.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (GenerateDiskTemplate, _GenerateDRBD8Branch);
disk_trees.json.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from masterd.config.disk import Disk
from masterd.config.kinds import AnyDisk
from masterd.config.objects import FreeParams
from masterd.config.params import DiskTemplate
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.instance.disks import DRBD_META_MIB
from masterd.instance.new_disks import NewDisk

#: A real disk, or a planned one.
Held = TypeVar("Held", bound=AnyDisk)

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


def with_secondary(disk: AnyDisk, primary: str, secondary: str, minor: int) -> AnyDisk:
    """Return a DRBD disk that has another secondary node; the primary one becomes its first side.

    Args:
        primary: uuid of the node that keeps its side.
        secondary: uuid of the new node.
        minor: of the side there.

    Raises:
        ValueError: of a planned disk it is not known how it is connected.
    """
    if disk.logical_id is None:
        raise ValueError(f"disk {disk.uuid} has no id yet")
    first, _, port, first_minor, second_minor, secret = disk.logical_id
    own = first_minor if first == primary else second_minor
    logical_id = (primary, secondary, port, own, minor, secret)
    moved = on_nodes(disk, (primary, secondary))
    return msgspec.structs.replace(moved, logical_id=logical_id)


def changed(disk: Disk, params: Mapping[str, object]) -> Disk:
    """Return a disk with other parameters: "mode", "size", "spindles"; the data of a DRBD disk too.

    Args:
        params: typed; None leaves what there was.
    """
    given = {name: value for name, value in params.items() if value is not None}
    of_data = {name: value for name, value in given.items() if name in ("mode", "size")}
    below = tuple(
        msgspec.structs.replace(part, **of_data) if index == 0 else part
        for index, part in enumerate(disk.children)
    )
    return msgspec.structs.replace(disk, **given, children=below)


def on_nodes(disk: Held, uuids: tuple[str, ...]) -> Held:
    """Return a disk that is on these nodes, with all its parts.

    The reference says so of the disk alone, and its parts name a node that they have left.
    """
    below = tuple(msgspec.structs.replace(part, nodes=uuids) for part in disk.children)
    return msgspec.structs.replace(disk, nodes=uuids, children=below)


def new_part(part: Disk, name: str, size: int, uuid: str) -> Disk:
    """Return a volume that takes the place of a part of a DRBD disk, of another name."""
    return Disk(
        logical_id=(part.logical_id[0], name),
        dev_type="plain",
        size=size,
        params=part.params,
        uuid=uuid,
        serial_no=1,
    )


def renamed(part: Disk, logical_id: tuple[str | int, ...]) -> Disk:
    """Return a disk of another id."""
    return msgspec.structs.replace(part, logical_id=logical_id)


def nodes(those: Iterable[Disk], primary: str) -> list[str]:
    """Return the uuids of the nodes that disks are on, the primary one first."""
    found = (uuid for disk in those for uuid in disks.node_uuids(disk, primary))
    return list(dict.fromkeys((primary, *found)))
