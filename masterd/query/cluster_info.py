"""QueryClusterInfo: what clients ask first, so its answer is kept encoded with each snapshot.

Source: answers of luxid 3.0.2 (keys, values; `reserved_lvs` in the order of the configuration, tags
sorted).
"""

import platform
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from masterd.config.objects import write
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import Dialect
from masterd.query.config_table import as_told

#: `[word size, machine]` of the machine this daemon runs on.
ARCHITECTURE: Final = ("64bits" if sys.maxsize > 2**32 else "32bits", platform.machine())

_IP_VERSIONS: Final = {2: 4, 10: 6}

#: Keys whose value is the cluster's field of that name as it stands.
_AS_STORED: Final = (
    "hvparams", "os_hvp", "beparams", "osparams", "ipolicy", "nicparams", "ndparams", "diskparams",
    "candidate_pool_size", "max_running_jobs", "max_tracked_jobs", "mac_prefix", "master_netdev",
    "master_netmask", "use_external_mip_script", "volume_group_name", "drbd_usermode_helper",
    "file_storage_dir", "shared_file_storage_dir", "gluster_storage_dir", "maintain_node_health",
    "ctime", "mtime", "uuid",
)  # fmt: skip
_AS_STORED_LATER: Final = (
    "prealloc_wipe_disks", "hidden_os", "blacklisted_os", "enabled_disk_templates",
    "install_image", "instance_communication_network", "zeroing_image", "compression_tools",
    "enabled_user_shutdown",
)  # fmt: skip


def cluster_info(snapshot: ConfigSnapshot, dialect: Dialect) -> dict[str, object]:
    """Return the answer to QueryClusterInfo, keys in the reference's order."""
    cluster = snapshot.cluster
    stored = write(cluster, as_told)
    collectors = dict(sorted(cluster.data_collectors.items()))
    return {
        "software_version": dialect.release_version,
        "protocol_version": dialect.protocol_version,
        "config_version": dialect.config_version,
        "os_api_version": dialect.os_api_version,
        "export_version": dialect.export_version,
        "vcs_version": dialect.vcs_version,
        "architecture": list(ARCHITECTURE),
        "name": cluster.cluster_name,
        "master": snapshot.master.name,
        "default_hypervisor": next(iter(cluster.enabled_hypervisors), None),
        "enabled_hypervisors": list(cluster.enabled_hypervisors),
        **{key: stored.get(key) for key in _AS_STORED},
        "tags": sorted(cluster.tags),
        "uid_pool": stored["uid_pool"],
        "default_iallocator": cluster.default_iallocator,
        "default_iallocator_params": stored["default_iallocator_params"],
        "reserved_lvs": list(cluster.reserved_lvs),
        "primary_ip_version": _IP_VERSIONS[cluster.primary_ip_family],
        **{key: stored.get(key) for key in _AS_STORED_LATER},
        "enabled_data_collectors": {name: it.active for name, it in collectors.items()},
        "data_collector_interval": {name: it.interval for name, it in collectors.items()},
        "modify_ssh_setup": cluster.modify_ssh_setup,
        "ssh_key_type": cluster.ssh_key_type,
        "ssh_key_bits": cluster.ssh_key_bits,
    }


def cluster_info_json(dialect: Dialect) -> Callable[[ConfigSnapshot], bytes]:
    """Return what gives the answer as JSON text, encoded once for each snapshot."""

    def encoded(snapshot: ConfigSnapshot) -> bytes:
        return msgspec.json.encode(cluster_info(snapshot, dialect))

    return lambda snapshot: snapshot.derived(encoded)
