"""The ports that instances and DRBD disks are reached at, as the cluster counts them. Pure.

Source: Ganeti 3.0.2 wconfd (AllocatePort, and what becomes of the ports of what is removed).
"""

from collections.abc import Iterable

import msgspec

from masterd.config.cluster import Cluster


def taken(cluster: Cluster, ports: Iterable[int]) -> Cluster:
    """Return the cluster after ports came into use.

    Those below them that were never used go to the pool: other jobs have put them aside, and may
    not need them after all.
    """
    used = set(ports)
    highest = max(cluster.highest_used_port, *used, 0)
    known = (*cluster.tcpudp_port_pool, *range(cluster.highest_used_port + 1, highest))
    return msgspec.structs.replace(
        cluster,
        highest_used_port=highest,
        tcpudp_port_pool=tuple(port for port in known if port not in used),
    )


def given_back(cluster: Cluster, ports: Iterable[int]) -> Cluster:
    """Return the cluster after ports went out of use, the last one first in the pool."""
    freed = dict.fromkeys((*reversed(list(ports)), *cluster.tcpudp_port_pool))
    return msgspec.structs.replace(cluster, tcpudp_port_pool=tuple(freed))
