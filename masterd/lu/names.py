"""From the names in an opcode to objects of the configuration.

Source: Ganeti 3.0.2 lib/cmdlib/common.py, lib/config (rules, texts).
"""

from collections.abc import Container, Iterable

from masterd.config.kinds import AnyInstance
from masterd.config.network import Network
from masterd.config.node import Node, NodeGroup
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.work.base import Locks
from masterd.work.work import HeldLocks


def check_fields(wanted: Iterable[str], known: Container[str]) -> None:
    """Make sure that fields are known.

    Raises:
        OpPrereqError: some are not.
    """
    unknown = sorted({field for field in wanted if field not in known})
    if unknown:
        raise OpPrereqError(f"Unknown output fields selected: {', '.join(unknown)}", ECode.INVAL)


def node(config: ConfigSnapshot, name: str | None, uuid: str | None = None) -> Node:
    """Return the node of that name, which may be shortened.

    Args:
        uuid: what its uuid was when the opcode was made; None where the opcode does not say.

    Raises:
        OpPrereqError: there is none, or several, or it is another one by now.
    """
    found = None if name is None else config.nodes.expand(name)
    if found is None:
        raise OpPrereqError(f"Node '{name}' not known", ECode.NOENT)
    if uuid is not None and found.uuid != uuid:
        raise OpPrereqError(
            f"Node {found.name} has the UUID {found.uuid}, not {uuid} as the job expects; it may be"
            " another node by now",
            ECode.NOTUNIQUE,
        )
    return found


def node_of(config: ConfigSnapshot, uuid: str) -> Node:
    """Return the node of that uuid.

    Raises:
        OpPrereqError: there is none.
    """
    found = config.nodes.get(uuid)
    if found is None:
        raise OpPrereqError(f"Node {uuid} not found", ECode.NOENT)
    return found


def node_locks(config: ConfigSnapshot, wanted: Iterable[str], mode: LockMode) -> Locks:
    """Return the locks of the nodes of these names, which may be shortened; no names are all.

    Raises:
        OpPrereqError: a name leads to no node, or to several.
    """
    uuids = frozenset(node(config, name).uuid for name in wanted)
    return {LockLevel.NODE: LockRequest(uuids or ALL, mode)}


def held_nodes(config: ConfigSnapshot, locks: HeldLocks) -> list[Node]:
    """Return the nodes that are locked, in natural order of their names."""
    found = (config.nodes[uuid] for uuid in locks.names(LockLevel.NODE))
    return sorted(found, key=lambda node: natural_key(node.name))


def instance(config: ConfigSnapshot, name: str | None, uuid: str | None = None) -> AnyInstance:
    """Return the instance of that name, which may be shortened.

    Args:
        uuid: what its uuid was when the opcode was made; None where the opcode does not say.

    Raises:
        OpPrereqError: there is none, or several, or it is another one by now.
    """
    found = None if name is None else config.instances.expand(name)
    if found is None:
        raise OpPrereqError(f"Instance '{name}' not known", ECode.NOENT)
    if uuid is not None and found.uuid != uuid:
        raise OpPrereqError(
            f"Instance {found.name} has the UUID {found.uuid}, not {uuid} as the job expects; it"
            " may be another instance by now",
            ECode.NOTUNIQUE,
        )
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
