"""The master candidates that keep copies of the queue, from configuration to configuration."""

from exporter.replica import Replica
from masterd.config.snapshot import ConfigSnapshot
from masterd.node.target import targets
from masterd.rpc.replica import NodeReplica, ReplicaBodies
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.virtual_path import VirtualPaths


class Candidates:
    """Makes replicas of candidates, and keeps those of nodes that did not change."""

    def __init__(self, rpc: RpcRunner, paths: VirtualPaths) -> None:
        """Prepare; `paths` translates the names of the master's files."""
        self._rpc = rpc
        self._bodies = ReplicaBodies(paths)
        self._made: dict[NodeTarget, NodeReplica] = {}

    def replicas(self, config: ConfigSnapshot) -> list[Replica]:
        """Return the candidates that are online; the same objects as long as nothing changes."""
        online = targets(node for node in config.queue_replicas() if not node.offline)
        self._made = {
            target: self._made.get(target) or NodeReplica(self._rpc, target, self._bodies)
            for target in online
        }
        return list(self._made.values())

    @staticmethod
    def parked(config: ConfigSnapshot) -> frozenset[str]:
        """Return the names of the candidates that are marked offline."""
        return frozenset(node.name for node in config.queue_replicas() if node.offline)
