"""From the names in an opcode to objects of the configuration.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, lib/config (rules, texts).
"""

from masterd.config.kinds import AnyInstance
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.rpc.runner import NodeTarget


def node(config: ConfigSnapshot, name: str | None) -> Node:
    """Return the node of that name, which may be shortened.

    Raises:
        OpPrereqError: there is none, or several.
    """
    found = None if name is None else config.nodes.expand(name)
    if found is None:
        raise OpPrereqError(f"Node '{name}' not known", ECode.NOENT)
    return found


def instance(config: ConfigSnapshot, name: str | None) -> AnyInstance:
    """Return the instance of that name, which may be shortened.

    Raises:
        OpPrereqError: there is none, or several.
    """
    found = None if name is None else config.instances.expand(name)
    if found is None:
        raise OpPrereqError(f"Instance '{name}' not known", ECode.NOENT)
    return found


def group(config: ConfigSnapshot, name_or_uuid: str | None) -> NodeGroup:
    """Return the node group; without a name the only one.

    Raises:
        OpPrereqError: there is none, or a name is needed.
    """
    if name_or_uuid is None:
        if len(config.nodegroups) != 1:
            raise OpPrereqError(
                "More than one node group exists. Target group must be specified explicitly."
            )
        return next(iter(config.nodegroups.values()))
    found = config.nodegroups.get(name_or_uuid) or config.nodegroups.named(name_or_uuid)
    if found is None:
        raise OpPrereqError(f"Node group '{name_or_uuid}' not found", ECode.NOENT)
    return found


def network(config: ConfigSnapshot, name_or_uuid: str | None) -> Network:
    """Return the network.

    Raises:
        OpPrereqError: there is none.
    """
    name = name_or_uuid or ""
    found = config.networks.get(name) or config.networks.named(name)
    if found is None:
        raise OpPrereqError(f"Network '{name_or_uuid}' not found", ECode.NOENT)
    return found


def target(wanted: Node) -> NodeTarget:
    """Return a node as one that can be called."""
    return NodeTarget(wanted.name, wanted.uuid, wanted.primary_ip, wanted.offline)
