"""Opcodes for networks."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import (
    Ipv4Address,
    Ipv4Network,
    Ipv6Address,
    Ipv6Network,
    NonEmptyString,
)


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkAdd(OpCode):
    """Add a network."""

    OP_ID: ClassVar[str] = "OP_NETWORK_ADD"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "network_name"

    network: Ipv4Network
    network_name: NonEmptyString
    add_reserved_ips: tuple[Ipv4Address, ...] | None = None
    conflicts_check: bool = True
    gateway: Ipv4Address | None = None
    gateway6: Ipv6Address | None = None
    mac_prefix: NonEmptyString | None = None
    network6: Ipv6Network | None = None
    tags: tuple[NonEmptyString, ...] = ()


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkSetParams(OpCode):
    """Change a network; what is not given stays."""

    OP_ID: ClassVar[str] = "OP_NETWORK_SET_PARAMS"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "network_name"

    network_name: NonEmptyString
    add_reserved_ips: tuple[Ipv4Address, ...] | None = None
    gateway: Ipv4Address | None = None
    gateway6: Ipv6Address | None = None
    mac_prefix: NonEmptyString | None = None
    network6: Ipv6Network | None = None
    remove_reserved_ips: tuple[Ipv4Address, ...] | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkConnect(OpCode):
    """Make a network usable by the nodes of a group."""

    OP_ID: ClassVar[str] = "OP_NETWORK_CONNECT"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "network_name"

    group_name: NonEmptyString
    network_link: NonEmptyString
    network_mode: Literal["bridged", "openvswitch", "pool", "routed"]
    network_name: NonEmptyString
    conflicts_check: bool = True
    #: Number of the VLAN as text, or nothing.
    network_vlan: str = ""


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkDisconnect(OpCode):
    """Undo the connection of a network to a group."""

    OP_ID: ClassVar[str] = "OP_NETWORK_DISCONNECT"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "network_name"

    group_name: NonEmptyString
    network_name: NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNetworkRemove(OpCode):
    """Remove a network that no group is connected to."""

    OP_ID: ClassVar[str] = "OP_NETWORK_REMOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "network_name"

    network_name: NonEmptyString
    force: bool = False
