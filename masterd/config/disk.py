"""Disks. The form of a disk's `logical_id` depends on its template."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from masterd.config.objects import ConfigObject, FreeParams
from masterd.config.params import DiskTemplate

DiskMode = Literal["ro", "rw"]

_FILE_ID: Final = (("driver", str), ("path", str))

#: What a logical id consists of, by template. Minors and ports are numbers, nodes are uuids.
LOGICAL_IDS: Final[Mapping[str, tuple[tuple[str, type], ...]]] = {
    "plain": (("volume group", str), ("logical volume", str)),
    "drbd": (
        ("first node", str),
        ("second node", str),
        ("port", int),
        ("first minor", int),
        ("second minor", int),
        ("secret", str),
    ),
    "file": _FILE_ID,
    "sharedfile": _FILE_ID,
    "gluster": _FILE_ID,
    "blockdev": (("driver", str), ("path", str)),
    "rbd": (("pool", str), ("image", str)),
    "ext": (("provider", str), ("name", str)),
}


class Disk(ConfigObject, frozen=True, kw_only=True):
    """A disk; `size` is MiB, `nodes` are uuids, `iv_name` is "disk/<index in its instance>"."""

    logical_id: tuple[str | int, ...]
    dev_type: DiskTemplate
    children: tuple["Disk", ...] = ()
    nodes: tuple[str, ...] = ()
    iv_name: str = ""
    size: int
    mode: DiskMode = "rw"
    name: str | None = None
    spindles: int | None = None
    params: FreeParams | None = None
    uuid: str
    serial_no: int
    ctime: float = 0.0
    mtime: float = 0.0

    def __post_init__(self) -> None:
        form = LOGICAL_IDS.get(self.dev_type)
        if form is None:
            raise ValueError(f"a disk cannot have template '{self.dev_type}'")
        types = tuple(type(part) for part in self.logical_id)
        if types != tuple(wanted for _, wanted in form):
            parts = ", ".join(f"{name} ({wanted.__name__})" for name, wanted in form)
            raise ValueError(f"logical_id of a {self.dev_type} disk must be {parts}")


class PlannedPart(Disk, frozen=True, kw_only=True):
    """A disk that a planned one is made of; it may say that it is planned, too."""

    forthcoming: Literal[True] | None = None


class ForthcomingDisk(ConfigObject, frozen=True, kw_only=True):
    """A planned disk: any field but `uuid` and `serial_no` may be missing."""

    logical_id: tuple[str | int, ...] | None = None
    dev_type: DiskTemplate | None = None
    children: tuple[PlannedPart, ...] = ()
    nodes: tuple[str, ...] = ()
    iv_name: str = ""
    size: Annotated[int, Meta(ge=0)] | None = None
    mode: DiskMode = "rw"
    name: str | None = None
    spindles: int | None = None
    params: FreeParams | None = None
    uuid: str
    serial_no: int
    ctime: float = 0.0
    mtime: float = 0.0
    forthcoming: Literal[True]
