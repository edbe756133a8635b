"""OP_CLUSTER_REDIST_CONF: the configuration and the files beside it, sent to all nodes anew.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterRedistConf.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from masterd.config.kinds import CLUSTER
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu.cluster import ancillary
from masterd.node import files
from masterd.opcodes.cluster import OpClusterRedistConf
from masterd.paths import Paths
from masterd.rpc.files import read_details
from masterd.rpc.virtual_path import VirtualPaths
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.work import Work


@dataclass(frozen=True, slots=True)
class Copy:
    """A file, and the nodes that get it."""

    path: Path
    nodes: list[Node]


class LUClusterRedistConf(LogicalUnit[OpClusterRedistConf, list[Copy]]):
    """Lets the configuration count as changed, so that everybody gets it.

    A file that one node does not take is warned about.
    """

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(ALL, LockMode.SHARED)}

    def check(self, config: ConfigSnapshot) -> list[Copy]:
        return copies(config, self.work.paths)

    def describe(self, plan: list[Copy]) -> Description:
        copies = [f"Send {copy.path} to {len(copy.nodes)} nodes" for copy in plan]
        return ["Send the configuration to all nodes", *copies]

    def execute(self, plan: list[Copy]) -> None:
        work = self.work
        uuid = work.config.snapshot().cluster.uuid
        work.config.update(lambda draft: draft.touch(CLUSTER, uuid))
        send(work, plan)


def copies(config: ConfigSnapshot, paths: Paths) -> list[Copy]:
    """Return the files beside the configuration that nodes have to have as the master has them."""
    others = [n for n in config.online_nodes() if n.uuid != config.cluster.master_node]
    capable = [node for node in others if node.vm_capable]
    sent = ancillary.sent(config.cluster, paths)
    wanted = [Copy(path, others) for path in sent.everywhere]
    wanted += [Copy(path, capable) for path in sent.on_capable]
    return [copy for copy in wanted if copy.path.exists()]


def send(work: Work, wanted: Iterable[Copy]) -> None:
    """Send files to nodes; one that a node does not take is warned about. Switches."""
    paths = VirtualPaths(work.paths.virtual_root)
    for copy in wanted:
        details = read_details(copy.path, paths)
        for result in files.upload(work.rpc, copy.nodes, details).values():
            result.warn(
                f"Node {result.node_name} did not take the file {copy.path}", work.say.warning
            )
