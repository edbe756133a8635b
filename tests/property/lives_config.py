"""The cluster in which random lives are lived: nodes, networks, and everything enabled."""

import json
from typing import Any, Final

from masterd.config import address_pool
from masterd.config.network import Network
from masterd.testing.cluster_document import new_uuid
from tests.lu_support import CONFIG_DATA

TEMPLATES: Final = (
    "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile",
)  # fmt: skip
NODES: Final = 7
HYPERVISORS: Final = ("fake", "kvm", "xen-hvm", "xen-pvm")
#: Networks: addresses and gateway. The first one is soon full; the last one has a prefix for MACs.
NETWORKS: Final = {
    "small": ("192.0.2.0/29", "192.0.2.1", None),
    "large": ("198.51.100.0/28", None, "aa:11:22"),
}


def document() -> dict[str, Any]:
    """Return the recorded configuration without its instances, with networks and templates."""
    config: dict[str, Any] = json.loads(CONFIG_DATA.read_bytes())
    config["instances"], config["disks"] = {}, {}
    cluster = config["cluster"]
    cluster["enabled_disk_templates"] = sorted(TEMPLATES)
    cluster["enabled_hypervisors"] = list(HYPERVISORS)
    cluster["ipolicy"]["disk-templates"] = sorted(TEMPLATES)
    cluster["volume_group_name"] = "xenvg"
    cluster["drbd_usermode_helper"] = "/bin/true"
    cluster["default_iallocator"] = ""
    _add_nodes(config)
    cluster["candidate_pool_size"] = len(cluster["candidate_certs"])
    (group,) = config["nodegroups"].values()
    for name, (addresses, gateway, prefix) in NETWORKS.items():
        network = Network(
            name=name, uuid=new_uuid(f"network {name}"), network=addresses, gateway=gateway,
            mac_prefix=prefix, serial_no=1,
        )  # fmt: skip
        pool = address_pool.AddressPool.new(network).network
        config["networks"][network.uuid] = {
            "name": name, "uuid": network.uuid, "network": addresses, "serial_no": 1,
            "ctime": 0.0, "mtime": 0.0, "tags": [],
            "reservations": pool.reservations, "ext_reservations": pool.ext_reservations,
            **({"gateway": gateway} if gateway else {}),
            **({"mac_prefix": prefix} if prefix else {}),
        }  # fmt: skip
        group["networks"][network.uuid] = {"mode": "bridged", "link": f"br-{name}", "vlan": ""}
    return config


def _add_nodes(config: dict[str, Any]) -> None:
    """Have so many nodes that jobs on pairs of them are not always in each other's way."""
    like = next(iter(config["nodes"].values()))
    for number in range(len(config["nodes"]) + 1, NODES + 1):
        uuid = new_uuid(f"node {number}")
        address = f"10.77.0.{10 + number}"
        config["nodes"][uuid] = {
            **like, "name": f"node{number}.lab.example", "uuid": uuid, "primary_ip": address,
            "secondary_ip": address, "master_candidate": False,
        }  # fmt: skip
