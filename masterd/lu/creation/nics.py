"""The network interfaces of a new instance: what is asked for, addresses, and networks.

Addresses are put aside as they are chosen, so that no other job gets them.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (ComputeNics, CheckForConflictingIp) and
instance_create.py (order, texts).
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from masterd.config.instance import Nic
from masterd.config.network import Network
from masterd.config.node import Node
from masterd.config.objects import write
from masterd.config.params import PartialNicParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import AddressPoolError, ECode, OpPrereqError
from masterd.instance import nics as nic_rules
from masterd.instance.nics import Given
from masterd.lu import names
from masterd.wconf.reservations import Thing
from masterd.work.work import Reserving, Work


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
    found = [_wanted(work, config, nic, own_address) for nic in given]
    check_macs(found)
    return found


def check_macs(nics: Iterable[Nic]) -> None:
    """Refuse network interfaces of which two are to have one MAC address.

    Raises:
        OpPrereqError: two are.
    """
    seen: set[str] = set()
    for nic in nics:
        if nic.mac in seen:
            raise OpPrereqError(f"MAC address {nic.mac} is wanted twice", ECode.NOTUNIQUE)
        if nic.mac not in (nic_rules.AUTO, nic_rules.GENERATE):
            seen.add(nic.mac)


def _wanted(work: Work, config: ConfigSnapshot, given: Given, own_address: str | None) -> Nic:
    mode = given.get("mode")
    network = nic_rules.said(given.get("network"))
    if network is not None and (mode is not None or given.get("link") is not None):
        raise OpPrereqError(
            "If network is given, no mode or link is allowed to be passed", ECode.INVAL
        )
    default = config.cluster.nicparams["default"].mode
    filled_mode = default if mode in (None, nic_rules.AUTO) else mode
    address = _address(given.get("ip"), network, own_address)
    if filled_mode == nic_rules.ROUTED and not address and not network:
        raise OpPrereqError(
            "Routed nic mode requires an ip address if not attached to a network", ECode.INVAL
        )
    mac = given.get("mac") or nic_rules.AUTO
    if mac not in (nic_rules.AUTO, nic_rules.GENERATE):
        mac = _reserved_mac(work.reserve, mac)
    own = _connected(config, filled_mode if mode else None, given)
    return Nic(
        mac=mac,
        ip=address,
        nicparams=own,
        network=None if network is None else names.network(config, network).uuid,
        name=nic_rules.said(given.get("name")),
        uuid=work.new_uuid(),
    )


def _address(given: str | None, network: str | None, own_address: str | None) -> str | None:
    address = nic_rules.said(given)
    if address is None:
        return None
    if address.lower() == nic_rules.AUTO:
        if own_address is None:
            raise OpPrereqError(
                "IP address set to auto but name checks have been skipped", ECode.INVAL
            )
        return own_address
    if address.lower() == nic_rules.POOL:
        if network is None:
            raise OpPrereqError("if ip=pool, parameter network must be passed too", ECode.INVAL)
        return nic_rules.POOL
    nic_rules.check_address(address)
    return address


def _reserved_mac(reserve: Reserving, given: str) -> str:
    mac = nic_rules.normal_mac(given)
    reserve.thing(Thing.MAC, mac)
    return mac


def _connected(config: ConfigSnapshot, mode: str | None, given: Given) -> PartialNicParams:
    asked = {"mode": mode, "link": given.get("link"), "vlan": given.get("vlan")}
    own, _ = nic_rules.connected(config, {name: value for name, value in asked.items() if value})
    return own


def with_old_macs(work: Work, nics: Iterable[Nic], old: Callable[[int], str | None]) -> list[Nic]:
    """Return network interfaces that take over addresses where they are left open.

    Args:
        old: returns what the one of that number had.

    Raises:
        OpPrereqError: another one has it by now.
    """
    found = []
    for index, nic in enumerate(nics):
        mac = old(index) if nic.mac == nic_rules.AUTO else None
        if mac is not None:
            nic = msgspec.structs.replace(nic, mac=_reserved_mac(work.reserve, mac))
        found.append(nic)
    return found


def with_macs(work: Work, config: ConfigSnapshot, nics: Iterable[Nic]) -> list[Nic]:
    """Return network interfaces with a MAC address each; a network may have a prefix of its own.

    Raises:
        OpPrereqError: there is no free one.
    """
    found = []
    for nic in nics:
        if nic.mac in (nic_rules.AUTO, nic_rules.GENERATE):
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
                nic_rules.check_conflicts(config, group, nic.ip)
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
    if address.lower() == nic_rules.POOL:
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
