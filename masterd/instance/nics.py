"""What network interfaces may be asked for, and what they are connected to. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py and instance_set_params.py (checks, texts),
lib/objects.py (NIC.CheckParameterSyntax).
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final, get_args

import msgspec

from masterd.config import address_pool
from masterd.config.cluster import Cluster
from masterd.config.node import NodeGroup
from masterd.config.params import NicMode, NicParams, PartialNicParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError, ECode, OpPrereqError
from masterd.instance import params
from masterd.opcodes.params import NicParameter, NicParameters

#: Of one NIC, by what its parameters are called.
Given = Mapping[NicParameter, str | None]

AUTO: Final = "auto"
GENERATE: Final = "generate"
NONE: Final = "none"
POOL: Final = "pool"

BRIDGED: Final = "bridged"
ROUTED: Final = "routed"

#: Parameters that the cluster has a default for, and networks another one.
CONNECTION: Final[tuple[NicParameter, ...]] = ("mode", "link", "vlan")

#: Name of the NIC by which an instance is talked to, before that of the instance.
_COMMUNICATION: Final = "ganeti:communication:"
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def given(nic: Given) -> NicParameters:
    """Return the parameters of a NIC that are given: one without a value is none at all."""
    return {name: value for name, value in nic.items() if value is not None}


def communication_name(instance_name: str) -> str:
    """Return the name of the NIC by which an instance is talked to."""
    return _COMMUNICATION + instance_name


def communication(cluster: Cluster, instance_name: str) -> NicParameters:
    """Return what is asked for of the NIC by which an instance is talked to."""
    return {
        "name": communication_name(instance_name),
        "mac": GENERATE,
        "ip": POOL,
        "network": cluster.instance_communication_network,
    }


def said(value: str | None) -> str | None:
    """Return a value, for which "none" stands where there is none."""
    return None if value is None or value.lower() == NONE else value


def check_address(address: str) -> None:
    """Refuse what is no IP address.

    Raises:
        OpPrereqError: it is none.
    """
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise OpPrereqError(f"Invalid IP address '{address}'", ECode.INVAL) from None


def normal_mac(given: str) -> str:
    """Return a MAC address in lower case.

    Raises:
        OpPrereqError: it is none.
    """
    mac = given.lower()
    if _MAC.fullmatch(mac) is None:
        raise OpPrereqError(f"Invalid MAC address '{given}'", ECode.INVAL)
    return mac


def connected(
    config: ConfigSnapshot, own: Mapping[str, object]
) -> tuple[PartialNicParams, NicParams]:
    """Return how a NIC says that it is connected, and what that is with the cluster's defaults.

    Raises:
        ConfigurationError: there is no such way.
    """
    mode = own.get("mode")
    if mode is not None and mode not in get_args(NicMode):
        raise ConfigurationError(f"Invalid NIC mode '{mode}'")
    partial = msgspec.convert(own, PartialNicParams)
    filled = params.nic(config.cluster, partial)
    if filled.mode == BRIDGED and not filled.link:
        raise ConfigurationError("Missing bridged NIC link")
    return partial, filled


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
