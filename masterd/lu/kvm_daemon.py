"""The daemon that tells when somebody inside has shut a KVM instance down: where it has to run.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, EnsureKvmdOnNodes.
"""

from collections.abc import Iterable
from typing import Final

from masterd.config.node import Node
from masterd.node import membership
from masterd.work.work import Work

#: Source: constants KVMD.
_DAEMON: Final = "ganeti-kvmd"
_KVM: Final = "kvm"


def ensure(work: Work, nodes: Iterable[Node], *, silently: bool) -> None:
    """Have the daemon run on nodes that can have KVM instances, and not on others. Switches.

    Args:
        silently: where it does not end, that is not told.
    """
    cluster = work.config.snapshot().cluster
    is_wanted = _KVM in cluster.enabled_hypervisors and cluster.enabled_user_shutdown
    for run in (True, False):
        found = [node for node in nodes if (is_wanted and node.vm_capable) is run]
        if not found:
            continue
        results = membership.ensure_daemon(work.rpc, found, _DAEMON, run=run)
        for result in results.values() if run or not silently else ():
            verb = "start" if run else "stop"
            result.warn(f"Failed to {verb} KVM daemon on node '{result.node_name}'", work.say)
