"""The daemon that notices when users shut their instances down from inside.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, EnsureKvmdOnNodes; constants KVMD.
"""

from collections.abc import Iterable
from typing import Final

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import membership
from masterd.work.work import Work

_DAEMON: Final = "ganeti-kvmd"
_KVM: Final = "kvm"


def uses_kvm(config: ConfigSnapshot) -> bool:
    """Tell whether instances may run under the one hypervisor that needs the daemon."""
    return _KVM in config.cluster.enabled_hypervisors


def ensure(
    work: Work, config: ConfigSnapshot, nodes: Iterable[Node], *, tell_of_stops: bool = True
) -> None:
    """Have the daemon run where it is of use, and nowhere else. Switches.

    Args:
        tell_of_stops: Say where it did not stop; of no interest where it cannot have run.
    """
    wanted = uses_kvm(config) and config.cluster.enabled_user_shutdown
    nodes = list(nodes)
    for run, where in (
        (True, [node for node in nodes if wanted and node.vm_capable]),
        (False, [node for node in nodes if not (wanted and node.vm_capable)]),
    ):
        if not where:
            continue
        for result in membership.ensure_daemon(work.rpc, where, _DAEMON, run=run).values():
            if run or tell_of_stops:
                what = "start" if run else "stop"
                result.warn(f"The KVM daemon of node {result.node_name} did not {what}", work.say)
