"""What nodes are asked to find out about themselves. All functions switch."""

from collections.abc import Iterable, Mapping, Sequence

from masterd.config.objects import FreeParams, Hypervisor
from masterd.config.snapshot import ConfigSnapshot
from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.result import RpcResult


def verify(
    nodes: Nodes, config: ConfigSnapshot, places: Iterable[Where], checks: Mapping[str, object]
) -> Mapping[str, RpcResult]:
    """Have nodes make checks. Payload: findings by check."""
    cluster = config.cluster
    return several(nodes, "node_verify", places, checks, cluster.cluster_name, cluster.hvparams)


def verify_light(
    nodes: Nodes,
    places: Iterable[Where],
    checks: Mapping[str, object],
    cluster_name: str,
    hvparams: Mapping[Hypervisor, FreeParams],
) -> Mapping[str, RpcResult]:
    """Have nodes that are not in the cluster yet make checks. Payload: as `verify`."""
    return several(nodes, "node_verify_light", places, checks, cluster_name, hvparams)


def version(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for the protocol's version, offline nodes too."""
    return several(nodes, "version", places)


def master_name(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask whom nodes believe to be master, offline ones too. Payload: its name."""
    return several(nodes, "master_node_name", places)


def bridges(nodes: Nodes, at: Where, names: Sequence[str]) -> RpcResult:
    """Ask whether a node has bridges; failing says which it has not."""
    return one(nodes, "bridges_exist", at, list(names))


def has_address(nodes: Nodes, at: Where, address: str) -> RpcResult:
    """Ask whether a node has an address. Payload: whether it has."""
    return one(nodes, "node_has_ip_address", at, address)
