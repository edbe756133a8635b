"""The network interfaces of a new instance: what is asked for, addresses, and networks.

Addresses are put aside as they are chosen, so that no other job gets them.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (ComputeNics, CheckForConflictingIp) and
instance_create.py (order, texts).
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, get_args

import msgspec

from masterd.config import address_pool
from masterd.config.instance import Nic
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.objects import write
from masterd.config.params import NicMode, PartialNicParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import AddressPoolError, ConfigurationError, ECode, OpPrereqError
from masterd.instance import params
from masterd.lu import names
from masterd.opcodes.params import NicParameter
from masterd.wconf.reservations import Thing
from masterd.work.work import Reserving, Work

Given = Mapping[NicParameter, str | None]

_AUTO: Final = "auto"
_GENERATE: Final = "generate"
_NONE: Final = "none"
_POOL: Final = "pool"
_ROUTED: Final = "routed"
_BRIDGED: Final = "bridged"
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def wanted(
    work: Work, config: ConfigSnapshot, given: Iterable[Given], own_address: str | None
) -> list[Nic]:
    """Return network interfaces as far as they can be told before their node is known.

    MAC addresses may be left open, as may addresses that come from a pool.

    Args:
        own_address: what the instance's name stands for; None where that was not looked up.

    Raises:
        OpPrereqError: one contradicts itself, or has something that another one has.
        ConfigurationError: one is connected in a way there is not.
    """
    return [_wanted(work, config, nic, own_address) for nic in given]


def _wanted(work: Work, config: ConfigSnapshot, given: Given, own_address: str | None) -> Nic:
    mode = given.get("mode")
    network = _said(given.get("network"))
    if network is not None and (mode is not None or given.get("link") is not None):
        raise OpPrereqError(
            "If network is given, no mode or link is allowed to be passed", ECode.INVAL
        )
    default = config.cluster.nicparams["default"].mode
    filled_mode = default if mode in (None, _AUTO) else mode
    address = _address(given.get("ip"), network, own_address)
    if filled_mode == _ROUTED and not address and not network:
        raise OpPrereqError(
            "Routed nic mode requires an ip address if not attached to a network", ECode.INVAL
        )
    mac = given.get("mac") or _AUTO
    if mac not in (_AUTO, _GENERATE):
        mac = _reserved_mac(work.reserve, mac)
    own = _connected(config, filled_mode if mode else None, given)
    return Nic(
        mac=mac,
        ip=address,
        nicparams=own,
        network=None if network is None else names.network(config, network).uuid,
        name=_said(given.get("name")),
        uuid=work.new_uuid(),
    )


def _said(value: str | None) -> str | None:
    """Return a value, for which "none" stands where there is none."""
    return None if value is None or value.lower() == _NONE else value


def _address(given: str | None, network: str | None, own_address: str | None) -> str | None:
    address = _said(given)
    if address is None:
        return None
    if address.lower() == _AUTO:
        if own_address is None:
            raise OpPrereqError(
                "IP address set to auto but name checks have been skipped", ECode.INVAL
            )
        return own_address
    if address.lower() == _POOL:
        if network is None:
            raise OpPrereqError("if ip=pool, parameter network must be passed too", ECode.INVAL)
        return _POOL
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise OpPrereqError(f"Invalid IP address '{address}'", ECode.INVAL) from None
    return address


def _reserved_mac(reserve: Reserving, given: str) -> str:
    mac = given.lower()
    if _MAC.fullmatch(mac) is None:
        raise OpPrereqError(f"Invalid MAC address '{given}'", ECode.INVAL)
    reserve.thing(Thing.MAC, mac)
    return mac


def _connected(config: ConfigSnapshot, mode: str | None, given: Given) -> PartialNicParams:
    if mode is not None and mode not in get_args(NicMode):
        raise ConfigurationError(f"Invalid NIC mode '{mode}'")
    said = {"mode": mode, "link": given.get("link"), "vlan": given.get("vlan")}
    own = msgspec.convert({name: value for name, value in said.items() if value}, PartialNicParams)
    filled = params.nic(config.cluster, own)
    if filled.mode == _BRIDGED and not filled.link:
        raise ConfigurationError("Missing bridged NIC link")
    return own


def with_macs(work: Work, config: ConfigSnapshot, nics: Iterable[Nic]) -> list[Nic]:
    """Return network interfaces with a MAC address each; a network may have a prefix of its own.

    Raises:
        OpPrereqError: there is no free one.
    """
    found = []
    for nic in nics:
        if nic.mac in (_AUTO, _GENERATE):
            network = None if nic.network is None else config.networks[nic.network]
            prefix = None if network is None else network.mac_prefix
            nic = msgspec.structs.replace(nic, mac=work.reserve.new_mac(prefix))
        found.append(nic)
    return found


def at_node(
    work: Work, config: ConfigSnapshot, nics: Sequence[Nic], node: Node, *, conflicts: bool
) -> list[Nic]:
    """Return network interfaces as they are on a node: those in networks with its group's way.

    Args:
        conflicts: whether what others than NICs have, and what networks have that a NIC is not
            in, may not be had.

    Raises:
        OpPrereqError: a network does not reach the node, or an address cannot be had.
    """
    group = config.nodegroups[node.group]
    found = []
    for index, nic in enumerate(nics):
        if nic.network is None:
            if conflicts and nic.ip is not None:
                check_conflicts(config, group, nic.ip)
            found.append(nic)
            continue
        network = config.networks[nic.network]
        how = group.networks.get(network.uuid)
        if how is None:
            raise OpPrereqError(
                f"No netparams found for network {network.name}. Probably not connected to node's"
                f" {node.name} nodegroup",
                ECode.INVAL,
            )
        work.say.info(f"NIC/{index} inherits netparams {list(write(how).values())}")
        address = nic.ip
        if address is not None:
            address = _taken(work, network, index, address, conflicts=conflicts)
        found.append(msgspec.structs.replace(nic, ip=address, nicparams=how))
    return found


def _taken(work: Work, network: Network, index: int, address: str, *, conflicts: bool) -> str:
    """Put an address of a network aside, one of the pool where that is asked for."""
    if address.lower() == _POOL:
        try:
            chosen = work.reserve.new_ip(network)
        except (AddressPoolError, OpPrereqError):
            raise OpPrereqError(
                f"Unable to get a free IP for NIC {index} from the address pool", ECode.STATE
            ) from None
        work.say.info(f"Chose IP {chosen} from network {network.name}")
        return chosen
    try:
        work.reserve.ip(network, address, outside=conflicts)
    except OpPrereqError:
        raise OpPrereqError(
            f"IP address {address} already in use or does not belong to network {network.name}",
            ECode.NOTUNIQUE,
        ) from None
    return address


def check_conflicts(config: ConfigSnapshot, group: NodeGroup, address: str) -> None:
    """Refuse an address of a network of a group, for a NIC that is not in that network.

    Raises:
        OpPrereqError: there is such a network.
    """
    for uuid in group.networks:
        network = config.networks[uuid]
        if address_pool.lies_in(address, address_pool.addresses_of(network)):
            raise OpPrereqError(
                f"The requested IP address ({address}) belongs to network {network.name}, but the"
                " target NIC does not.",
                ECode.STATE,
            )
