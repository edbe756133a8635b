"""Whether a node may take an instance.

Source: Ganeti 3.0.2 lib/cmdlib/instance_utils.py (CheckTargetNodeIPolicy and its neighbours).
"""

from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import policy as policies
from masterd.work.work import Work


def not_drained(node: Node) -> None:
    """Refuse a node that is being emptied.

    Raises:
        OpPrereqError: it is.
    """
    if node.drained:
        raise OpPrereqError(f"Can't use drained node {node.name}", ECode.STATE)


def vm_capable(node: Node) -> None:
    """Refuse a node that runs no instances.

    Raises:
        OpPrereqError: it does not.
    """
    if not node.vm_capable:
        raise OpPrereqError(f"Can't use non-vm_capable node {node.name}", ECode.STATE)


def policy(
    work: Work, config: ConfigSnapshot, instance: AnyInstance, node: Node, *, ignore: bool
) -> None:
    """Refuse a node in another group whose policy an instance does not keep, or tell of it.

    Raises:
        OpPrereqError: it does not.
    """
    primary = config.nodes.get(instance.primary_node or "")
    if primary is not None and primary.group == node.group:
        return
    group = config.nodegroups[node.group]
    broken = policies.violations(config, policies.filled(config, group.ipolicy), instance)
    if not broken:
        return
    text = (
        f"Instance does not meet target node group's ({group.name}) instance policy:"
        f" {', '.join(broken)}"
    )
    if not ignore:
        raise OpPrereqError(text, ECode.INVAL)
    work.say.warning(text)
