"""The network by which instances are talked to, and the opcodes that make and connect it.

Source: Ganeti 3.0.2 constants INSTANCE_COMMUNICATION_*; lib/cmdlib/common.py.
"""

from collections.abc import Iterator
from typing import Final

from masterd.config.network import Network
from masterd.config.snapshot import ConfigSnapshot
from masterd.opcodes.base import OpCode
from masterd.opcodes.network import OpNetworkAdd, OpNetworkConnect

_MODE: Final = "routed"
_LINK: Final = "communication_rt"
_SUBNET: Final = "169.254.0.0/16"
_SUBNET6: Final = "fe80::/10"
_MAC_PREFIX: Final = "52:54:00"


def connect(group_uuid: str, name: str) -> OpNetworkConnect:
    """Return what connects a group to the network."""
    return OpNetworkConnect(
        group_name=group_uuid,
        network_name=name,
        network_mode=_MODE,
        network_link=_LINK,
        conflicts_check=True,
    )


def make(config: ConfigSnapshot, name: str) -> list[OpCode]:
    """Return what makes the network, where it is not there, and connects all groups to it."""
    network = config.networks.find(name)
    ops: list[OpCode] = []
    if network is None:
        ops.append(
            OpNetworkAdd(
                network_name=name,
                network=_SUBNET,
                network6=_SUBNET6,
                mac_prefix=_MAC_PREFIX,
                conflicts_check=True,
            )
        )
    ops += [
        connect(group.uuid, name)
        for group in config.nodegroups.sorted()
        if network is None or network.uuid not in group.networks
    ]
    return ops


def risks(network: Network) -> Iterator[str]:
    """Give what of a network is not as it would be made, which others may make use of."""
    usual: dict[str, tuple[str | None, str | None]] = {
        "IPv4 gateway": (network.gateway, None),
        "IPv4 network": (network.network, _SUBNET),
        "IPv6 gateway": (network.gateway6, None),
        "IPv6 network": (network.network6, _SUBNET6),
        "MAC prefix": (network.mac_prefix, _MAC_PREFIX),
    }
    for what, (value, wanted) in usual.items():
        if value != wanted:
            yield (
                f"Network '{network.name}' for communication with instances has the {what}"
                f" '{value}' instead of '{wanted}', which might pose a security risk"
            )
