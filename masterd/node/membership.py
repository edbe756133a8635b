"""A node's part in the cluster: the master's address, daemons, coming and going.

All functions switch.
"""

from collections.abc import Iterable, Mapping, Sequence

from masterd.config.objects import FreeParams
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import documents
from masterd.node.target import Nodes, Where, each, one, several
from masterd.rpc.result import RpcResult


def activate_master_ip(nodes: Nodes, config: ConfigSnapshot, at: Where) -> RpcResult:
    """Bring the cluster's address up."""
    external = config.cluster.use_external_mip_script
    return one(
        nodes, "node_activate_master_ip", at, documents.plain(config.master_network), external
    )


def deactivate_master_ip(nodes: Nodes, config: ConfigSnapshot, at: Where) -> RpcResult:
    """Take the cluster's address down."""
    external = config.cluster.use_external_mip_script
    return one(
        nodes, "node_deactivate_master_ip", at, documents.plain(config.master_network), external
    )


def change_master_netmask(
    nodes: Nodes, at: Where, *, old: int, new: int, address: str, device: str
) -> RpcResult:
    """Give the cluster's address another netmask."""
    return one(nodes, "node_change_master_netmask", at, old, new, address, device)


def start_master_daemons(nodes: Nodes, at: Where, *, no_voting: bool) -> RpcResult:
    """Start what only the master runs."""
    return one(nodes, "node_start_master_daemons", at, no_voting)


def stop_master(nodes: Nodes, at: Where) -> RpcResult:
    """Take the cluster's address down and stop what only the master runs."""
    return one(nodes, "node_stop_master", at)


def demote(nodes: Nodes, at: Where) -> RpcResult:
    """Have a node put away what only candidates have."""
    return one(nodes, "node_demote_from_mc", at)


def leave(nodes: Nodes, at: Where, *, modify_ssh_setup: bool) -> RpcResult:
    """Have a node forget the cluster."""
    return one(nodes, "node_leave_cluster", at, modify_ssh_setup)


def powercycle(nodes: Nodes, at: Where, hypervisor: str, params: FreeParams) -> RpcResult:
    """Have a node restart itself at once, be it marked offline. Payload: a message."""
    return one(nodes, "node_powercycle", at, hypervisor, params)


def configure_switch(nodes: Nodes, at: Where, name: str, link: str | None) -> RpcResult:
    """Make the node's Open vSwitch."""
    return one(nodes, "node_configure_ovs", at, name, link)


def crypto_tokens(
    nodes: Nodes, places: Iterable[Where], requests: Sequence[Sequence[object]]
) -> Mapping[str, RpcResult]:
    """Ask each for tokens: kind, action, options of them. Payload: kind and token of each."""
    return each(nodes, "node_crypto_tokens", ((at, (requests,)) for at in places))


def ensure_daemon(
    nodes: Nodes, places: Iterable[Where], daemon: str, *, run: bool
) -> Mapping[str, RpcResult]:
    """Have a daemon run, or not. Payload: whether it was so."""
    return several(nodes, "node_ensure_daemon", places, daemon, run)
