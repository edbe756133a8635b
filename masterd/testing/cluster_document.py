"""The configuration of a new cluster, in the forms of Ganeti 3.0.2.

`document` is what `config.data` holds after `gnt-cluster init` with the hypervisor `fake` and some
`gnt-node add`; `ssconf` are the simple files that every node gets.

Source: config.data and ssconf files of a running cluster; lib/bootstrap.py, src/Ganeti/Ssconf.hs.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.constants import CONFIG_VERSION, RELEASE_VERSION
from migrations.legacy.config_defaults import DISK

#: From this namespace the uuids of a cluster's objects are made of their names.
_NAMESPACE: Final = uuid.UUID("6e1f3f0e-43a1-4c5e-9d0a-6a4e616e6574")

_FILE_STORAGE: Final = "/srv/ganeti/file-storage"
_SHARED_FILE_STORAGE: Final = "/srv/ganeti/shared-file-storage"
_GLUSTER_STORAGE: Final = "/var/run/ganeti/gluster"
_HYPERVISOR: Final = "fake"
_HVPARAMS: Final[Mapping[str, Mapping[str, object]]] = {"fake": {"migration_mode": "live"}}

_IPOLICY: Final[Mapping[str, object]] = {
    "minmax": [
        {
            "min": {
                "memory-size": 64,
                "disk-size": 64,
                "disk-count": 0,
                "cpu-count": 1,
                "nic-count": 0,
                "spindle-use": 0,
            },
            "max": {
                "memory-size": 32768,
                "disk-size": 1048576,
                "disk-count": 16,
                "cpu-count": 8,
                "nic-count": 8,
                "spindle-use": 12,
            },
        }
    ],
    "std": {
        "memory-size": 128,
        "disk-size": 1024,
        "disk-count": 1,
        "cpu-count": 1,
        "nic-count": 1,
        "spindle-use": 1,
    },
    "spindle-ratio": 32,
    "vcpu-ratio": 4,
    "disk-templates": ["file", "diskless", "sharedfile"],
}
_COLLECTORS: Final = (
    "cpu-avg-load",
    "diskstats",
    "drbd",
    "inst-status-xen",
    "lv",
    "xen-cpu-avg-load",
)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the configuration says of a node.

    Attributes:
        name: host name.
        address: primary and secondary IP address.
        candidate: may become master; has a client certificate in the list.
        offline: not asked.
        digest: of its client certificate.
    """

    name: str
    address: str
    candidate: bool
    offline: bool
    digest: str

    @property
    def uuid(self) -> str:
        """The node's uuid, made of its name."""
        return new_uuid(f"node {self.name}")


def new_uuid(name: str) -> str:
    """Return the uuid of an object; the same name gives the same one."""
    return str(uuid.uuid5(_NAMESPACE, name))


def document(
    cluster_name: str, master_ip: str, nodes: Sequence[NodeFacts], now_s: float
) -> dict[str, Any]:
    """Return the content of `config.data`; the first node is the master.

    Args:
        now_s: seconds since the epoch, for creation and modification times.
    """
    group = new_uuid(f"group default of {cluster_name}")
    return {
        "version": CONFIG_VERSION,
        "cluster": _cluster(cluster_name, master_ip, nodes, now_s),
        "nodes": {node.uuid: _node(node, group, now_s) for node in nodes},
        "nodegroups": {
            group: {
                "name": "default",
                "members": [],
                "ndparams": {},
                "alloc_policy": "preferred",
                "ipolicy": {},
                "diskparams": {},
                "networks": {},
                **_common(group, now_s),
            }
        },
        "instances": {},
        "networks": {},
        "disks": {},
        "filters": {},
        "ctime": now_s,
        "mtime": now_s,
        "serial_no": len(nodes),
    }


def ssconf(
    cluster_name: str, master_ip: str, nodes: Sequence[NodeFacts]
) -> dict[str, str | list[str]]:
    """Return the ssconf values by key, as `write_ssconf_files` takes them."""
    candidates = [node for node in nodes if node.candidate]
    addresses = [f"{node.name} {node.address}" for node in nodes]
    group = new_uuid(f"group default of {cluster_name}")
    values: dict[str, str | list[str]] = {
        "cluster_name": cluster_name,
        "cluster_tags": [],
        "enabled_user_shutdown": "False",
        "file_storage_dir": _FILE_STORAGE,
        "gluster_storage_dir": _GLUSTER_STORAGE,
        "hypervisor_list": [_HYPERVISOR],
        "instance_list": [],
        "maintain_node_health": "False",
        "master_candidates": [node.name for node in candidates],
        "master_candidates_certs": [f"{node.uuid}={node.digest}" for node in candidates],
        "master_candidates_ips": [node.address for node in candidates],
        "master_ip": master_ip,
        "master_netdev": "lo",
        "master_netmask": "32",
        "master_node": nodes[0].name,
        "networks": [],
        "node_list": [node.name for node in nodes],
        "node_primary_ips": addresses,
        "node_secondary_ips": addresses,
        "node_vm_capable": [f"{node.name}=True" for node in nodes],
        "nodegroups": [f"{group} default"],
        "offline_nodes": [node.name for node in nodes if node.offline],
        "online_nodes": [node.name for node in nodes if not node.offline],
        "primary_ip_family": "2",
        "release_version": RELEASE_VERSION,
        "shared_file_storage_dir": _SHARED_FILE_STORAGE,
        "ssh_ports": [f"{node.name}=22" for node in nodes],
        "uid_pool": "",
    }
    for hypervisor, parameters in _HVPARAMS.items():
        values[f"hvparams_{hypervisor}"] = [f"{key}={value}" for key, value in parameters.items()]
    return values


def ssconf_text(value: str | list[str]) -> str:
    """Return the content of an ssconf file: lines with a final newline, or nothing."""
    text = value if isinstance(value, str) else "\n".join(value)
    return f"{text}\n" if text else ""


def _cluster(name: str, master_ip: str, nodes: Sequence[NodeFacts], now_s: float) -> dict[str, Any]:
    return {
        **_network(name, master_ip, nodes),
        **_parameters(),
        **_policies(),
        "candidate_certs": {node.uuid: node.digest for node in nodes if node.candidate},
        "candidate_pool_size": max(10, len(nodes)),
        **_common(new_uuid(f"cluster {name}"), now_s),
    }


def _network(name: str, master_ip: str, nodes: Sequence[NodeFacts]) -> dict[str, Any]:
    return {
        "cluster_name": name,
        "master_node": nodes[0].uuid,
        "master_ip": master_ip,
        "master_netdev": "lo",
        "master_netmask": 32,
        "use_external_mip_script": False,
        "primary_ip_family": 2,
        "highest_used_port": 10999,
        "tcpudp_port_pool": [],
        "mac_prefix": "aa:00:00",
        "rsahostkeypub": "",
        "dsahostkeypub": "",
        "modify_etc_hosts": False,
        "modify_ssh_setup": False,
        "ssh_key_type": "rsa",
        "ssh_key_bits": 2048,
        "instance_communication_network": "",
    }


def _parameters() -> dict[str, Any]:
    return {
        "enabled_hypervisors": [_HYPERVISOR],
        "hvparams": _HVPARAMS,
        "os_hvp": {},
        "beparams": {
            "default": {
                "minmem": 128,
                "maxmem": 128,
                "vcpus": 1,
                "auto_balance": True,
                "always_failover": False,
                "spindle_use": 1,
            }
        },
        "osparams": {},
        "osparams_private_cluster": {},
        "nicparams": {"default": {"mode": "bridged", "link": "br0", "vlan": ""}},
        "ndparams": {
            "oob_program": "",
            "spindle_count": 1,
            "exclusive_storage": False,
            "ovs": False,
            "ovs_name": "switch1",
            "ovs_link": "",
            "ssh_port": 22,
            "cpu_speed": 1,
        },
        "diskparams": DISK,
        "hv_state_static": {
            _HYPERVISOR: {
                "cpu_node": 1,
                "cpu_total": 1,
                "mem_hv": 0,
                "mem_node": 0,
                "mem_total": 0,
            }
        },
        "disk_state_static": {},
    }


def _policies() -> dict[str, Any]:
    return {
        "file_storage_dir": _FILE_STORAGE,
        "shared_file_storage_dir": _SHARED_FILE_STORAGE,
        "gluster_storage_dir": _GLUSTER_STORAGE,
        "enabled_disk_templates": ["file", "sharedfile", "diskless"],
        "ipolicy": _IPOLICY,
        "reserved_lvs": [],
        "maintain_node_health": False,
        "uid_pool": [],
        "default_iallocator": "hail",
        "default_iallocator_params": {},
        "hidden_os": [],
        "blacklisted_os": [],
        "prealloc_wipe_disks": False,
        "max_running_jobs": 20,
        "max_tracked_jobs": 25,
        "install_image": "",
        "zeroing_image": "",
        "compression_tools": ["gzip", "gzip-fast", "gzip-slow"],
        "enabled_user_shutdown": False,
        "data_collectors": {name: {"active": True, "interval": 5000000} for name in _COLLECTORS},
    }


def _node(node: NodeFacts, group: str, now_s: float) -> dict[str, Any]:
    return {
        "name": node.name,
        "primary_ip": node.address,
        "secondary_ip": node.address,
        "master_candidate": node.candidate,
        "offline": node.offline,
        "drained": False,
        "group": group,
        "master_capable": True,
        "vm_capable": True,
        "ndparams": {},
        "powered": True,
        **_common(node.uuid, now_s),
    }


def _common(own_uuid: str, now_s: float) -> dict[str, Any]:
    return {"ctime": now_s, "mtime": now_s, "uuid": own_uuid, "serial_no": 1, "tags": []}
