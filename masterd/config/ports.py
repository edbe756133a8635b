"""The ports that instances and DRBD disks are reached at, as the cluster counts them. Pure.

Source: Ganeti 3.0.2 wconfd (AllocatePort, and what becomes of the ports of what is removed).
"""

from collections.abc import Iterable

import msgspec

from masterd.config.cluster import Cluster


def taken(cluster: Cluster, ports: Iterable[int]) -> Cluster:
    """Return the cluster after ports came into use."""
    used = set(ports)
    return msgspec.structs.replace(
        cluster,
        highest_used_port=max(cluster.highest_used_port, *used, 0),
        tcpudp_port_pool=tuple(port for port in cluster.tcpudp_port_pool if port not in used),
    )


def given_back(cluster: Cluster, ports: Iterable[int]) -> Cluster:
    """Return the cluster after ports went out of use, the last one first in the pool."""
    freed = dict.fromkeys((*reversed(list(ports)), *cluster.tcpudp_port_pool))
    return msgspec.structs.replace(cluster, tcpudp_port_pool=tuple(freed))
