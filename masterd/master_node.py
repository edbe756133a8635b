"""What the master asks of node daemons for itself: votes, its address, the watcher's pause."""

import logging
from collections.abc import Mapping, Sequence

from masterd.clock import Clock
from masterd.config import objects
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GenericError
from masterd.paths import Paths
from masterd.query.config_values import parse_watcher_pause
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.ssconf import SimpleConfig

_log = logging.getLogger(__name__)


class MasterNode:
    """The node this daemon runs on, as the one that is master."""

    def __init__(self, rpc: RpcRunner, paths: Paths, clock: Clock) -> None:
        self._rpc = rpc
        self._paths = paths
        self._clock = clock

    def ask_votes(self, names: Sequence[str]) -> Mapping[str, str | None]:
        """Ask nodes whom they believe to be master, offline ones too. Switches."""
        addresses = SimpleConfig(self._paths.data_dir).node_primary_ips()
        targets = [NodeTarget(name, name, addresses[name]) for name in names if name in addresses]
        results = self._rpc.call("master_node_name", targets, ())
        return {
            name: str(result.payload) if (result := results.get(name)) and result.ok else None
            for name in names
        }

    def activate_ip(self, config: ConfigSnapshot) -> str | None:
        """Bring the cluster's address up; return why not, if not. Switches."""
        master = config.master
        target = NodeTarget(master.name, master.uuid, master.primary_ip)
        external = config.cluster.use_external_mip_script
        parameters = objects.write(config.master_network)
        return self._rpc.call_one("node_activate_master_ip", target, (parameters, external)).error

    def watcher_pause(self) -> int | None:
        """Return until when the watcher pauses, in seconds since the epoch; None if it does not."""
        try:
            text = self._paths.watcher_pause_file.read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return parse_watcher_pause(text, self._clock.now_us() // 1_000_000)

    def set_watcher_pause(self, config: ConfigSnapshot, until_s: float | None) -> None:
        """Tell master and candidates until when the watcher pauses. Switches.

        Raises:
            GenericError: the master's own node daemon did not take it.
        """
        nodes = [config.master, *config.queue_replicas()]
        targets = [NodeTarget(n.name, n.uuid, n.primary_ip, n.offline) for n in nodes]
        results = self._rpc.call("set_watcher_pause", targets, (until_s,))
        master = results[config.master.uuid]
        if not master.ok:
            raise GenericError(f"The master's node daemon did not take the pause: {master.error}")
        for result in results.values():
            if not result.ok and not result.offline:
                _log.warning(
                    "%s did not take the watcher pause: %s", result.node_name, result.error
                )
