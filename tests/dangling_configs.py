"""Ways in which one reference of a configuration points nowhere, as changes of its document.

luxid loads all of them. Each costs the cells that need it, and luxid some more: where a cell that
it computes has no value at all, it never answers the query.
"""

from collections.abc import Callable
from typing import Final

from tests.broken_configs import instances, regular, with_disk, with_nics
from tests.sample_config import Document, sample

#: The uuid of nothing.
NOWHERE: Final = "00000000-0000-4000-8000-00000000dead"


def _node_group(document: Document) -> None:
    regular(document)["group"] = NOWHERE


def _group_removed(document: Document) -> None:
    """Take a whole group away from its nodes."""
    gone = regular(document)["group"]
    master = document["nodes"][document["cluster"]["master_node"]]
    if gone == master["group"]:
        gone = next(uid for uid in document["nodegroups"] if uid != gone)
    del document["nodegroups"][gone]


def _primary_node(document: Document) -> None:
    instances(document)[0]["primary_node"] = NOWHERE


def _primary_node_of_planned(document: Document) -> None:
    planned = next(each for each in document["instances"].values() if "forthcoming" in each)
    planned["primary_node"] = NOWHERE


def _node_removed(document: Document) -> None:
    """Take a node away from instances, disks and groups alike."""
    _, disk = with_disk(document, "drbd")
    master = document["cluster"]["master_node"]
    gone = next(uid for uid in disk["logical_id"][:2] if uid != master)
    del document["nodes"][gone]


def _several_disks(document: Document) -> Document:
    return next(each for each in instances(document) if len(each["disks"]) == 3)


def _first_disk(document: Document) -> None:
    _several_disks(document)["disks"][0] = NOWHERE


def _middle_disk(document: Document) -> None:
    _several_disks(document)["disks"][1] = NOWHERE


def _last_disk(document: Document) -> None:
    _several_disks(document)["disks"][2] = NOWHERE


def _only_disk(document: Document) -> None:
    found = next(each for each in instances(document) if len(each["disks"]) == 1)
    found["disks"] = [NOWHERE]


def _drbd_disk(document: Document) -> None:
    found, _ = with_disk(document, "drbd")
    found["disks"][0] = NOWHERE


def _drbd_secondary(document: Document) -> None:
    found, disk = with_disk(document, "drbd")
    place = 1 if disk["logical_id"][0] == found["primary_node"] else 0
    disk["logical_id"][place] = NOWHERE


def _disk_nodes(document: Document) -> None:
    _, disk = with_disk(document, "plain")
    disk["nodes"] = [NOWHERE]


def _nic_network(document: Document) -> None:
    with_nics(document)[0]["nics"][0]["network"] = NOWHERE


def _group_network(document: Document) -> None:
    group = next(iter(document["nodegroups"].values()))
    group["networks"][NOWHERE] = {"mode": "bridged", "link": "br0", "vlan": ""}


def _network_removed(document: Document) -> None:
    """Take a network away from NICs and groups alike."""
    nic = next(nic for each in instances(document) for nic in each["nics"] if "network" in nic)
    del document["networks"][nic["network"]]


def _candidate_certificate(document: Document) -> None:
    document["cluster"]["candidate_certs"][NOWHERE] = "0" * 40


def _hypervisor_parameters(document: Document) -> None:
    """Let an instance use a hypervisor of which the cluster knows nothing."""
    instances(document)[0]["hypervisor"] = "lxc"
    document["cluster"]["hvparams"].pop("lxc", None)


DANGLING: Final[dict[str, Callable[[Document], None]]] = {
    "candidate certificate": _candidate_certificate,
    "node of a disk": _disk_nodes,
    "drbd disk": _drbd_disk,
    "secondary of a drbd disk": _drbd_secondary,
    "first disk": _first_disk,
    "group of a node": _node_group,
    "group removed": _group_removed,
    "hypervisor": _hypervisor_parameters,
    "last disk": _last_disk,
    "middle disk": _middle_disk,
    "network of a group": _group_network,
    "network of a nic": _nic_network,
    "network removed": _network_removed,
    "node removed": _node_removed,
    "only disk": _only_disk,
    "primary node": _primary_node,
    "primary node of a planned instance": _primary_node_of_planned,
}

_NIC_NETWORK: Final = frozenset(
    {"nic.networks.names", *(f"nic.network.name/{number}" for number in range(8))}
)

#: Fields of instances that luxid never answers for, by kind of what is missing.
NEVER_ANSWERED: Final[dict[str, frozenset[str]]] = {
    "hypervisor": frozenset({"console", "oper_ram", "oper_state", "oper_vcpus", "status"}),
    "network of a nic": _NIC_NETWORK,
    "network removed": _NIC_NETWORK,
    "node removed": frozenset({"status"}),
    "primary node": frozenset({"status"}),
    "primary node of a planned instance": frozenset({"status"}),
}


def dangling(kind: str) -> Document:
    """Return a configuration in which one reference, of that kind, points nowhere."""
    document = intact()
    DANGLING[kind](document)
    return document


def intact() -> Document:
    """Return the configuration before that."""
    return sample(5, nodes=6, groups=2, instances=24)
