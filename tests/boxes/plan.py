"""What boxes there are, their names and addresses; decides only."""

from dataclasses import dataclass
from typing import Final

DOMAIN: Final = "boxes.example"

#: The network between the boxes, in namespaces of their own; nothing of it leaves them.
NETWORK: Final = "10.79.0"
NETWORK_BITS: Final = 24

#: Last part of the cluster's own address.
_CLUSTER_HOST: Final = 100
_FIRST_NODE_HOST: Final = 11

NODES_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """One box: a node of the cluster to be."""

    name: str
    address: str

    @property
    def full_name(self) -> str:
        """Return the name that Ganeti knows."""
        return f"{self.name}.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All boxes of a cluster."""

    boxes: tuple[BoxPlan, ...]
    cluster_name: str = f"cluster.{DOMAIN}"
    cluster_address: str = f"{NETWORK}.{_CLUSTER_HOST}"
    #: What the cluster may be renamed to.
    other_name: str = f"other.{DOMAIN}"
    other_address: str = f"{NETWORK}.{_CLUSTER_HOST + 1}"

    def hosts(self) -> str:
        """Return the content of every box's `/etc/hosts`."""
        lines = [
            "127.0.0.1 localhost",
            f"{self.cluster_address} {self.cluster_name} cluster",
            f"{self.other_address} {self.other_name} other",
        ]
        lines += [f"{box.address} {box.full_name} {box.name}" for box in self.boxes]
        return "\n".join(lines) + "\n"


def plan(nodes: int) -> Plan:
    """Plan a cluster of that many nodes.

    Raises:
        ValueError: a number that makes no cluster, or too large a one.
    """
    if not 1 <= nodes <= NODES_MAX:
        raise ValueError(f"a cluster has 1 to {NODES_MAX} nodes here, not {nodes}")
    return Plan(
        tuple(
            BoxPlan(f"node{number + 1}", f"{NETWORK}.{_FIRST_NODE_HOST + number}")
            for number in range(nodes)
        )
    )
