"""Instances and their network interfaces.

A *forthcoming* instance is one that is only planned: it reserves what it will need, and any of its
fields but `uuid` and `serial_no` may be missing.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from masterd.config.objects import ConfigObject, FreeParams, Hypervisor
from masterd.config.params import PartialBeParams, PartialNicParams

AdminState = Literal["down", "offline", "up"]
AdminStateSource = Literal["admin", "user"]


class Nic(ConfigObject, frozen=True, kw_only=True):
    """A network interface. `network` is a uuid."""

    mac: str
    ip: str | None = None
    nicparams: PartialNicParams
    network: str | None = None
    name: str | None = None
    uuid: str


class Instance(ConfigObject, frozen=True, kw_only=True):
    """A virtual machine. `primary_node` and `disks` are uuids."""

    name: Annotated[str, Meta(min_length=1)]
    primary_node: str
    os: str
    hypervisor: Hypervisor
    hvparams: FreeParams = {}
    beparams: PartialBeParams = PartialBeParams()
    osparams: Mapping[str, str] = {}
    osparams_private: Mapping[str, str] = {}
    admin_state: AdminState
    admin_state_source: AdminStateSource
    nics: tuple[Nic, ...] = ()
    disks: tuple[str, ...] = ()
    disks_active: bool
    network_port: int | None = None
    ctime: float = 0.0
    mtime: float = 0.0
    uuid: str
    serial_no: int
    tags: tuple[str, ...] = ()


class ForthcomingInstance(ConfigObject, frozen=True, kw_only=True):
    """A planned virtual machine."""

    name: str | None = None
    primary_node: str | None = None
    os: str | None = None
    hypervisor: Hypervisor | None = None
    hvparams: FreeParams = {}
    beparams: PartialBeParams = PartialBeParams()
    osparams: Mapping[str, str] = {}
    osparams_private: Mapping[str, str] = {}
    admin_state: AdminState | None = None
    admin_state_source: AdminStateSource | None = None
    nics: tuple[Nic, ...] = ()
    disks: tuple[str, ...] = ()
    disks_active: bool | None = None
    network_port: int | None = None
    ctime: float = 0.0
    mtime: float = 0.0
    uuid: str
    serial_no: int
    tags: tuple[str, ...] = ()
    forthcoming: Literal[True]
