"""The values that Ganeti 3.0 fills in where a configuration sets none.

They are what an older configuration means by leaving a parameter out, once it is brought to 3.0;
where the default depends on the build it is the one of Debian's package.

Source: Ganeti 3.0.2 constants NDC_DEFAULTS, BEC_DEFAULTS, NICC_DEFAULTS,
DISK_DT_DEFAULTS, IPOLICY_DEFAULTS, DATA_COLLECTOR_NAMES; lib/objects.py and cfgupgrade for the
cluster's own keys.
"""

from collections.abc import Mapping
from typing import Any, Final

from migrations.legacy.config_work import TEMPLATES

Params = Mapping[str, Any]

NODE: Final[Params] = {
    "cpu_speed": 1.0,
    "exclusive_storage": False,
    "oob_program": "",
    "ovs": False,
    "ovs_link": "",
    "ovs_name": "switch1",
    "spindle_count": 1,
    "ssh_port": 22,
}

#: Memory in MiB.
BACKEND: Final[Params] = {
    "always_failover": False,
    "auto_balance": True,
    "maxmem": 128,
    "minmem": 128,
    "spindle_use": 1,
    "vcpus": 1,
}

NIC: Final[Params] = {"link": "xen-br0", "mode": "bridged", "vlan": ""}

#: Disk parameters by template; rates in KiB/s.
DISK: Final[Mapping[str, Params]] = {
    "blockdev": {},
    "diskless": {},
    "drbd": {
        "c-delay-target": 1,
        "c-fill-target": 0,
        "c-max-rate": 61440,
        "c-min-rate": 4096,
        "c-plan-ahead": 20,
        "data-stripes": 1,
        "disk-barriers": "n",
        "disk-custom": "",
        "dynamic-resync": False,
        "meta-barriers": False,
        "meta-stripes": 1,
        "metavg": "xenvg",
        "net-custom": "",
        "protocol": "C",
        "resync-rate": 61440,
    },
    "ext": {"access": "kernelspace"},
    "file": {},
    "gluster": {"access": "kernelspace", "host": "127.0.0.1", "port": 24007, "volume": "gv0"},
    "plain": {"stripes": 1},
    "rbd": {"access": "kernelspace", "pool": "rbd"},
    "sharedfile": {},
}

_STANDARD_SIZE: Final[Params] = {
    "cpu-count": 1,
    "disk-count": 1,
    "disk-size": 1024,
    "memory-size": 128,
    "nic-count": 1,
    "spindle-use": 1,
}

#: One range of sizes, in MiB and counts.
SIZES: Final[Mapping[str, Params]] = {
    "min": _STANDARD_SIZE,
    "max": {
        "cpu-count": 8,
        "disk-count": 16,
        "disk-size": 1048576,
        "memory-size": 32768,
        "nic-count": 8,
        "spindle-use": 12,
    },
}

POLICY: Final[Params] = {
    "disk-templates": list(TEMPLATES),
    "minmax": [SIZES],
    "spindle-ratio": 32.0,
    "std": _STANDARD_SIZE,
    "vcpu-ratio": 4.0,
}

#: Microseconds between two runs of a collector.
_COLLECTOR_INTERVAL_US: Final = 5_000_000

COLLECTORS: Final[Mapping[str, Params]] = {
    name: {"active": True, "interval": _COLLECTOR_INTERVAL_US}
    for name in ("cpu-avg-load", "diskstats", "drbd", "inst-status-xen", "lv", "xen-cpu-avg-load")
}

#: The order in which templates are enabled that a cluster is found to use.
TEMPLATE_PREFERENCE: Final = ("blockdev", "diskless", "drbd", "ext", "file", "plain", "rbd",
                              "sharedfile", "gluster")  # fmt: skip

DRBD_HELPER: Final = "/bin/true"

#: The cluster's own keys, by the first version whose clusters have them.
CLUSTER: Final[Mapping[int, Params]] = {
    2_070_000: {
        "blacklisted_os": [],
        "default_iallocator": "",
        "disk_state_static": {},
        "hidden_os": [],
        "hv_state_static": {},
        "maintain_node_health": False,
        "modify_etc_hosts": True,
        "modify_ssh_setup": True,
        "os_hvp": {},
        "osparams": {},
        "prealloc_wipe_disks": False,
        "primary_ip_family": 2,
        "reserved_lvs": [],
        "shared_file_storage_dir": "",
        "tcpudp_port_pool": [],
        "uid_pool": [],
        "use_external_mip_script": False,
    },
    2_110_000: {
        "candidate_certs": {},
        "default_iallocator_params": {},
        "enabled_user_shutdown": False,
        "gluster_storage_dir": "",
        "max_running_jobs": 20,
    },
    2_120_000: {
        "compression_tools": ["gzip", "gzip-fast", "gzip-slow"],
        "install_image": "",
        "instance_communication_network": "",
        "max_tracked_jobs": 25,
        "osparams_private_cluster": {},
        "zeroing_image": "",
    },
    # What clusters had before they could choose; new ones have rsa and 2048.
    2_160_000: {"ssh_key_type": "dsa", "ssh_key_bits": 1024},
}

#: Bits of a network mask that is one address, by the number of the address family.
ADDRESS_BITS: Final[Mapping[int, int]] = {2: 32, 10: 128}

NODE_OBJECT: Final[Params] = {
    "master_capable": True,
    "ndparams": {},
    "powered": True,
    "vm_capable": True,
}

GROUP_OBJECT: Final[Params] = {
    "alloc_policy": "preferred",
    "diskparams": {},
    "ipolicy": {},
    "ndparams": {},
    "serial_no": 1,
}
