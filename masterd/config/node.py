"""Nodes and the groups they belong to."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from masterd.config.objects import ConfigObject, FreeParams, Hypervisor
from masterd.config.params import (
    DiskTemplate,
    PartialInstancePolicy,
    PartialNdParams,
    PartialNicParams,
)

AllocPolicy = Literal["last_resort", "preferred", "unallocable"]

_STATE_FIELDS = frozenset({"hv_state_static", "disk_state_static"})


class Node(ConfigObject, frozen=True, kw_only=True):
    """A machine of the cluster. `group` is a uuid."""

    OMITTED_WHEN_EMPTY: ClassVar[frozenset[str]] = _STATE_FIELDS

    name: Annotated[str, Meta(min_length=1)]
    primary_ip: str
    secondary_ip: str
    master_candidate: bool
    offline: bool
    drained: bool
    group: str
    master_capable: bool
    vm_capable: bool
    ndparams: PartialNdParams
    powered: bool
    hv_state_static: Mapping[Hypervisor, FreeParams] = {}
    disk_state_static: Mapping[DiskTemplate, FreeParams] = {}
    ctime: float = 0.0
    mtime: float = 0.0
    uuid: str
    serial_no: int
    tags: tuple[str, ...] = ()


class NodeGroup(ConfigObject, frozen=True, kw_only=True):
    """Nodes with a policy in common. `networks` says by network uuid how NICs are connected.

    `members` is kept as the file has it; who is a member says `Node.group`.
    """

    OMITTED_WHEN_EMPTY: ClassVar[frozenset[str]] = _STATE_FIELDS

    name: Annotated[str, Meta(min_length=1)]
    members: tuple[str, ...] = ()
    ndparams: PartialNdParams
    alloc_policy: AllocPolicy
    ipolicy: PartialInstancePolicy
    diskparams: Mapping[DiskTemplate, FreeParams]
    networks: Mapping[str, PartialNicParams]
    hv_state_static: Mapping[Hypervisor, FreeParams] = {}
    disk_state_static: Mapping[DiskTemplate, FreeParams] = {}
    ctime: float = 0.0
    mtime: float = 0.0
    uuid: str
    serial_no: int
    tags: tuple[str, ...] = ()
