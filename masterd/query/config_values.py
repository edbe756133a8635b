"""QueryConfigValues: a few facts by name; what has no such name is null.

Two of them are no part of the configuration and are handed in: whether the queue is drained, and
until when the watcher pauses (the file `watcher.pause` holds the seconds since the epoch as text).

Source: answers of luxid 3.0.2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from masterd.config.snapshot import ConfigSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """What the facts are read from.

    Attributes:
        drained: The queue takes no jobs.
        watcher_pause: End of the watcher's pause in seconds since the epoch, None without pause.
    """

    config: ConfigSnapshot
    drained: bool
    watcher_pause: int | None


_VALUES: Final[Mapping[str, Callable[[ClusterState], object]]] = {
    "cluster_name": lambda state: state.config.cluster.cluster_name,
    "watcher_pause": lambda state: state.watcher_pause,
    "master_node": lambda state: state.config.master.name,
    "drain_flag": lambda state: state.drained,
    "modify_ssh_setup": lambda state: state.config.cluster.modify_ssh_setup,
    "ssh_key_type": lambda state: state.config.cluster.ssh_key_type,
    "ssh_key_bits": lambda state: state.config.cluster.ssh_key_bits,
}


def config_values(state: ClusterState, names: Sequence[str]) -> list[object]:
    """Return one value for each name, None for a name that is not known."""
    return [_VALUES[name](state) if name in _VALUES else None for name in names]


def parse_watcher_pause(text: str | None, now_s: float) -> int | None:
    """Return until when the watcher pauses, from the content of its pause file.

    Args:
        text: Content of the file, None when there is none.
        now_s: Seconds since the epoch.

    Returns:
        None when there is no pause: no file, not a whole number, or a time that is past.
    """
    try:
        until = int((text or "").strip())
    except ValueError:
        return None
    return until if until > now_s else None
