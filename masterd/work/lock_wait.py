"""Tells in a job's log for what it waits, and who holds it."""

from collections.abc import Callable, Mapping

from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import Lock, LockLevel
from masterd.lock.manager import Tell
from masterd.lock.monitor import told
from masterd.lock.table import Wait
from masterd.work.feedback import Feedback


def told_in_log(feedback: Feedback, config: Callable[[], ConfigSnapshot]) -> Tell:
    """Return what `LockManager.acquire` is to call when a wait takes long. It does not wait."""

    def tell(wait: Wait, now_s: float) -> None:
        feedback.info(told(wait, now_s, lock_name(wait.lock, config())))

    return tell


def lock_name(lock: Lock, config: ConfigSnapshot) -> str:
    """Return what listings call a lock, and which object that is where it is locked by uuid."""
    kinds: Mapping[LockLevel, Mapping[str, NodeGroup | Node | Network]] = {
        LockLevel.NODEGROUP: config.nodegroups,
        LockLevel.NODE: config.nodes,
        LockLevel.NODE_RES: config.nodes,
        LockLevel.NETWORK: config.networks,
    }
    found = kinds.get(lock.level, {}).get(lock.name)
    return str(lock) if found is None else f"{lock} of {found.name}"
