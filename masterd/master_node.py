"""What the master asks of node daemons for itself: votes, its address, the watcher's pause."""

import logging
from collections.abc import Mapping, Sequence

from masterd.clock import Clock
from masterd.config import objects
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GenericError
from masterd.limits import DAEMON_VOTE_REASON_CHARS_MAX
from masterd.node.target import target, targets
from masterd.paths import Paths
from masterd.query.config_values import parse_watcher_pause
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.ssconf import SimpleConfig
from masterd.voting import NoVote, Vote

_log = logging.getLogger(__name__)


class MasterNode:
    """The node this daemon runs on, as the one that is master."""

    def __init__(self, rpc: RpcRunner, paths: Paths, clock: Clock) -> None:
        self._rpc = rpc
        self._paths = paths
        self._clock = clock

    def ask_votes(self, names: Sequence[str], timeout_s: float | None = None) -> Mapping[str, Vote]:
        """Ask nodes whom they believe to be master, offline ones too. Switches.

        `timeout_s` is for each of them, instead of the call's own.
        """
        addresses = SimpleConfig(self._paths.data_dir).node_primary_ips()
        asked = [NodeTarget(name, name, addresses[name]) for name in names if name in addresses]
        results = self._rpc.call("master_node_name", asked, (), timeout_s=timeout_s)
        unknown = NoVote("its address is not in ssconf_node_primary_ips", unreachable=False)
        return {name: _vote(results[name]) if name in results else unknown for name in names}

    def activate_ip(self, config: ConfigSnapshot) -> str | None:
        """Bring the cluster's address up; return why not, if not. Switches."""
        return self._address("node_activate_master_ip", config)

    def deactivate_ip(self, config: ConfigSnapshot, timeout_s: float) -> str | None:
        """Take the cluster's address down; return why not, if not. Switches."""
        return self._address("node_deactivate_master_ip", config, timeout_s)

    def _address(
        self, call_name: str, config: ConfigSnapshot, timeout_s: float | None = None
    ) -> str | None:
        """Ask this node's daemon to bring the address up or down."""
        master = config.master
        external = config.cluster.use_external_mip_script
        arguments = (objects.write(config.master_network), external)
        return self._rpc.call_one(call_name, target(master), arguments, timeout_s=timeout_s).error

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
        results = self._rpc.call("set_watcher_pause", targets(nodes), (until_s,))
        master = results[config.master.uuid]
        if not master.ok:
            raise GenericError(f"The master's node daemon did not take the pause: {master.error}")
        for result in results.values():
            if not result.ok and not result.offline:
                _log.warning(
                    "%s did not take the watcher pause: %s", result.node_name, result.error
                )


def _vote(result: RpcResult) -> Vote:
    """Read whom a node named, or why it did not."""
    if result.ok and isinstance(result.payload, str) and result.payload:
        return result.payload
    reason = result.error or f"it named {result.payload!r}"
    return NoVote(reason[:DAEMON_VOTE_REASON_CHARS_MAX], result.unreachable)
