"""Disks and instances as node calls bring them, decoded strictly.

A disk has the fields that nodes know and no others; of an instance, those are read that a simulated
node looks at.

Source: Ganeti 3.0.2 lib/objects.py, Disk and Instance (fields, and how a disk shows in messages).
"""

from typing import Any

import msgspec


class Disk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A disk; `size` is MiB, `children` the disks that it is made of."""

    dev_type: str
    logical_id: list[Any]
    size: int
    children: list["Disk"] | None = None
    nodes: list[str] | None = None
    iv_name: str | None = None
    mode: str | None = None
    name: str | None = None
    spindles: int | None = None
    params: dict[str, Any] | None = None
    dynamic_params: dict[str, Any] | None = None
    forthcoming: bool = False
    pci: Any = None
    hvinfo: Any = None
    serial_no: int | None = None
    uuid: str | None = None
    ctime: float | None = None
    mtime: float | None = None

    @property
    def parts(self) -> list["Disk"]:
        """The disks that it is made of."""
        return self.children or []

    @property
    def words(self) -> str:
        """How the real node daemon's messages show it."""
        if self.dev_type == "plain":
            text = "<LogicalVolume(/dev/{}/{}".format(*self.logical_id)
        elif self.dev_type == "drbd":
            text = "<DRBD8(hosts={0}/{3}-{1}/{4}, port={2}, ".format(*self.logical_id)
            text += (
                "backend={}, metadev={}".format(*(part.words for part in self.parts))
                if self.parts
                else "no local storage"
            )
        else:
            shown = tuple(self.logical_id)
            text = f"<Disk(type={self.dev_type}, logical_id={shown}, children={self.children}"
        text += ", not visible" if self.iv_name is None else f", visible as /dev/{self.iv_name}"
        text += "" if self.spindles is None else f", spindles={self.spindles}"
        return f"{text}, size={self.size}m)>"


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance, its parameters filled."""

    name: str
    uuid: str | None = None
    os: str | None = None
    hypervisor: str | None = None
    primary_node: str | None = None
    secondary_nodes: list[str] = []
    hvparams: dict[str, Any] = {}
    beparams: dict[str, Any] = {}
    osparams: dict[str, Any] = {}
    osparams_private: dict[str, Any] | None = None
    disks_info: list[Disk] = []
    nics: list[dict[str, Any]] = []
    tags: list[str] = []
    ctime: float | None = None
    mtime: float | None = None
