"""All simple configuration files of a snapshot, as lines by key.

Nodes, groups and instances come in natural order of their names ("inst2" before "inst20"), networks
and certificates in order of uuid, candidates as the reference has them.

Source: `ssconf` of a Ganeti 3.0.2 cluster; src/Ganeti/WConfd/Ssconf.hs (rules).
"""

from collections.abc import Iterable, Mapping

from masterd.config.node import Node
from masterd.config.objects import HYPERVISORS
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.constants import RELEASE_VERSION
from masterd.filter.natural import natural_key


def ssconf_values(
    snapshot: ConfigSnapshot, release_version: str = RELEASE_VERSION
) -> dict[str, list[str]]:
    """Return the lines of every file by key; this is also the form nodes are sent.

    Args:
        release_version: Of the Ganeti that is spoken, in full.
    """
    cluster = snapshot.cluster
    nodes = sorted(snapshot.nodes.values(), key=lambda node: natural_key(node.name))
    candidates = snapshot.master_candidates()
    groups = sorted(snapshot.nodegroups.values(), key=lambda group: natural_key(group.name))
    instances = snapshot.derived(relations).instances
    values: dict[str, list[str]] = {
        "cluster_name": [cluster.cluster_name],
        "cluster_tags": sorted(cluster.tags),
        "enabled_user_shutdown": [str(cluster.enabled_user_shutdown)],
        "file_storage_dir": [cluster.file_storage_dir],
        "gluster_storage_dir": [cluster.gluster_storage_dir],
        "hypervisor_list": list(cluster.enabled_hypervisors),
        "instance_list": [instance.name for instance in instances if instance.name],
        "maintain_node_health": [str(cluster.maintain_node_health)],
        "master_candidates": _names(candidates),
        "master_candidates_certs": [
            f"{uuid}={digest}" for uuid, digest in sorted(cluster.candidate_certs.items())
        ],
        "master_candidates_ips": [node.primary_ip for node in candidates],
        "master_ip": [cluster.master_ip],
        "master_netdev": [cluster.master_netdev],
        "master_netmask": [str(cluster.master_netmask)],
        "master_node": [snapshot.master.name],
        "networks": [f"{network.uuid} {network.name}" for network in snapshot.networks.sorted()],
        "node_list": _names(nodes),
        "node_primary_ips": [f"{node.name} {node.primary_ip}" for node in nodes],
        "node_secondary_ips": [f"{node.name} {node.secondary_ip}" for node in nodes],
        "node_vm_capable": [f"{node.name}={node.vm_capable}" for node in nodes],
        "nodegroups": [f"{group.uuid} {group.name}" for group in groups],
        "offline_nodes": _names(node for node in nodes if node.offline),
        "online_nodes": _names(node for node in nodes if not node.offline),
        "primary_ip_family": [str(cluster.primary_ip_family)],
        "release_version": [release_version],
        "shared_file_storage_dir": [cluster.shared_file_storage_dir],
        "ssh_ports": [f"{node.name}={snapshot.node_params(node).ssh_port}" for node in nodes],
        "uid_pool": [
            str(low) if low == high else f"{low}-{high}" for low, high in cluster.uid_pool
        ],
    }
    for hypervisor in HYPERVISORS:
        params = cluster.hvparams.get(hypervisor, {})
        values[f"hvparams_{hypervisor}"] = [f"{name}={params[name]}" for name in sorted(params)]
    return values


def ssconf_files(
    snapshot: ConfigSnapshot, release_version: str = RELEASE_VERSION
) -> Mapping[str, bytes]:
    """Return the content of every file by key: text with a final newline, or nothing at all."""
    values = ssconf_values(snapshot, release_version)
    texts = {key: "\n".join(lines) for key, lines in values.items()}
    return {key: f"{text}\n".encode() if text else b"" for key, text in texts.items()}


def _names(nodes: Iterable[Node]) -> list[str]:
    return [node.name for node in nodes]
