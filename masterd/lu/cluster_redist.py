"""OP_CLUSTER_REDIST_CONF: the configuration and the files beside it, sent to all nodes anew.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterRedistConf; lib/cmdlib/common.py (which files);
lib/hypervisor (those of hypervisors).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masterd.config.cluster import Cluster
from masterd.config.kinds import CLUSTER
from masterd.config.node import Node
from masterd.config.objects import Hypervisor
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.node import files
from masterd.opcodes.cluster import OpClusterRedistConf
from masterd.paths import Paths
from masterd.rpc.files import read_details
from masterd.rpc.virtual_path import VirtualPaths
from masterd.work.base import Description, Locks, LogicalUnit

#: For all nodes, below the data directory.
_DATA: Final = (
    "cluster-domain-secret",
    "hmac.key",
    "known_hosts",
    "rapi.pem",
    "rapi/users",
    "spice-ca.pem",
    "spice.pem",
)
#: For all nodes where the cluster says so.
_HOSTS: Final = Path("/etc/hosts")
_ADDRESS_SCRIPT: Final = "etc/ganeti/scripts/master-ip-setup"
#: For the nodes that can have instances, below the root, by hypervisor.
_XEN: Final = ("etc/xen/xend-config.sxp", "etc/xen/xen/xl.conf", "etc/xen/scripts/vif-bridge")
_HYPERVISORS: Final[Mapping[Hypervisor, Sequence[str]]] = {
    "kvm": ("etc/ganeti/kvm-vif-bridge",),
    "xen-pvm": _XEN,
    "xen-hvm": (*_XEN, "etc/ganeti/vnc-cluster-password"),
}


@dataclass(frozen=True, slots=True)
class _Copy:
    """A file, and the nodes that get it."""

    path: Path
    nodes: list[Node]


class LUClusterRedistConf(LogicalUnit[OpClusterRedistConf, list[_Copy]]):
    """Lets the configuration count as changed, so that everybody gets it.

    A file that one node does not take is warned about.
    """

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(ALL, LockMode.SHARED)}

    def check(self, config: ConfigSnapshot) -> list[_Copy]:
        others = [n for n in config.online_nodes() if n.uuid != config.cluster.master_node]
        capable = [node for node in others if node.vm_capable]
        everywhere = _files(config.cluster, self.work.paths)
        wanted = [_Copy(path, others) for path in everywhere]
        wanted += [_Copy(path, capable) for path in _instance_files(config, self.work.paths)]
        return [copy for copy in wanted if copy.path.exists()]

    def describe(self, plan: list[_Copy]) -> Description:
        copies = [f"Send {copy.path} to {len(copy.nodes)} nodes" for copy in plan]
        return ["Send the configuration to all nodes", *copies]

    def execute(self, plan: list[_Copy]) -> None:
        work = self.work
        uuid = work.config.snapshot().cluster.uuid
        work.config.update(lambda draft: draft.touch(CLUSTER, uuid))
        paths = VirtualPaths(None if work.paths.virtual_hostname is None else work.paths.root)
        for copy in plan:
            details = read_details(copy.path, paths)
            for result in files.upload(work.rpc, copy.nodes, details).values():
                result.warn(
                    f"Node {result.node_name} did not take the file {copy.path}", work.say.warning
                )


def _files(cluster: Cluster, paths: Paths) -> Iterator[Path]:
    """Give the files that all nodes have."""
    for name in _DATA:
        yield paths.data_dir / name
    if cluster.modify_etc_hosts:
        yield _HOSTS
    if cluster.use_external_mip_script:
        yield paths.root / _ADDRESS_SCRIPT


def _instance_files(config: ConfigSnapshot, paths: Paths) -> Iterator[Path]:
    """Give the files of nodes that can have instances, each once."""
    names = [
        name for each in config.cluster.enabled_hypervisors for name in _HYPERVISORS.get(each, ())
    ]
    for name in dict.fromkeys(names):
        yield paths.root / name
