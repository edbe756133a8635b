"""New instances from exports, of this cluster or of another one that sends it just now.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (order, texts).
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.lock.levels import LockLevel
from masterd.lu import names
from masterd.lu.backup import handover, moving, remote, secret
from masterd.lu.backup.moving import DiskTransfer
from masterd.lu.backup.remote import Receiving
from masterd.lu.creation.exported import Description, filled
from masterd.lu.instance import guest
from masterd.node import imports, instances
from masterd.node.imports import FileEnd
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.work.work import Work

_EXPORT: Final = "import"
_SENT: Final = "remote-import"
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Exported:
    """An export within the cluster: the node that has it, its directory, what it says."""

    node: Node
    path: str
    said: Description

    @property
    def old_name(self) -> str:
        """What the instance was called."""
        return self.said.name

    def images(self, count: int) -> list[str | None]:
        """Return the files with the data of so many disks.

        Raises:
            OpPrereqError: the description names one that is not in its directory.
        """
        found = (self.said.image(index) for index in range(count))
        return [None if name is None else posixpath.join(self.path, name) for name in found]


@dataclass(frozen=True, slots=True)
class Sent:
    """What another cluster sends: how to receive it, and what the instance is called there."""

    how: Receiving
    old_name: str


Source: TypeAlias = Exported | Sent


# --- what is asked for ----------------------------------------------------------------------------


def normal(work: Work, config: ConfigSnapshot, op: OpInstanceCreate) -> OpInstanceCreate:
    """Return a request with what it says of its source in one form. May switch.

    Raises:
        OpPrereqError: that contradicts itself, or is nothing to be believed.
    """
    if op.mode == _EXPORT:
        path = op.src_path or op.instance_name
        is_whole = posixpath.isabs(path)
        if op.src_node is None and is_whole:
            raise OpPrereqError(
                "Importing an instance from a path requires a source node option", ECode.INVAL
            )
        if op.src_node is not None and not is_whole:
            path = _below(work, path)
        # What could be installed once, whatever its variants, can be imported.
        return replace(op, src_path=path, force_variant=True)
    if op.mode == _SENT:
        sent(work, op)
        family = config.cluster.primary_ip_family
        whole = work.probe.host(op.source_instance_name or "", family).name
        return replace(op, source_instance_name=whole)
    return op


def _below(work: Work, path: str) -> str:
    """Return where an export lies.

    Raises:
        OpPrereqError: that would be elsewhere.
    """
    root = str(work.paths.export_dir)
    whole = posixpath.normpath(posixpath.join(root, path))
    if not whole.startswith(f"{root}/"):
        raise OpPrereqError(f"'{path}' is no path of an export", ECode.INVAL)
    return whole


def node_of(config: ConfigSnapshot, op: OpInstanceCreate) -> Node | None:
    """Return the node that a request names as the one with the export.

    Raises:
        OpPrereqError: there is no such node.
    """
    if op.mode != _EXPORT or op.src_node is None:
        return None
    return names.node(config, op.src_node, op.src_node_uuid)


def is_anywhere(op: OpInstanceCreate) -> bool:
    """Tell whether an export has to be looked for on all nodes."""
    return op.mode == _EXPORT and op.src_node is None


def sent(work: Work, op: OpInstanceCreate) -> Sent:
    """Return how to receive what another cluster sends. Switches.

    Raises:
        OpPrereqError: something is missing, or nothing to be believed.
    """
    domain = secret.read(work)
    if not op.source_handshake:
        raise OpPrereqError("Missing source handshake", ECode.INVAL)
    wrong = handover.handshake_problem(domain, op.source_handshake)
    if wrong is not None:
        raise OpPrereqError(f"Invalid handshake: {wrong}", ECode.INVAL)
    if not op.source_x509_ca:
        raise OpPrereqError("Missing source X509 CA", ECode.INVAL)
    now = datetime.fromtimestamp(work.clock.now_us() / _MICROSECONDS, UTC)
    try:
        ca_pem = handover.certificate(domain, op.source_x509_ca, now)
    except ValueError as error:
        raise OpPrereqError(f"Invalid source X509 CA: {error}", ECode.INVAL) from error
    if not op.source_instance_name:
        raise OpPrereqError("Missing source instance name", ECode.INVAL)
    how = Receiving(domain=domain, ca_pem=ca_pem, stopping_s=op.source_shutdown_timeout)
    return Sent(how, op.source_instance_name)


# --- what is there --------------------------------------------------------------------------------


def look(
    work: Work, config: ConfigSnapshot, op: OpInstanceCreate
) -> tuple[OpInstanceCreate, Source | None]:
    """Return a request filled with what its source says, and the source; None has none. Switches.

    Raises:
        OpPrereqError: there is no such export, or it does not say what is needed.
        RpcError: its node does not tell of it.
    """
    if op.mode == _SENT:
        return op, sent(work, op)
    if op.mode != _EXPORT:
        return op, None
    assert op.src_path is not None, "it has been filled in"
    node, path = node_of(config, op), op.src_path
    if node is None:
        node, path = _found(work, config, path), _below(work, path)
    guest.check_online(node)
    result = imports.export_info(work.rpc, node, path)
    result.raise_(f"No export or invalid export found in dir {path}")
    said = Description(str(result.payload))
    op = replace(filled(op, said), src_node=node.name, src_node_uuid=node.uuid, src_path=path)
    return op, Exported(node, path, said)


def _found(work: Work, config: ConfigSnapshot, name: str) -> Node:
    """Return a node that has an export of that name. Switches."""
    held = work.locks.names(LockLevel.NODE)
    places = [node for node in config.nodes.values() if node.uuid in held]
    results = imports.exports(work.rpc, places)
    for node in places:
        result = results[node.uuid]
        there: Any = result.payload if result.ok else ()
        if name in there:
            return node
    raise OpPrereqError(f"No export found for relative path {name}", ECode.INVAL)


# --- bringing the data ----------------------------------------------------------------------------


def fill(
    work: Work, op: OpInstanceCreate, source: Source, instance: Instance, made: Sequence[Disk]
) -> None:
    """Bring the data onto new disks, and have them call the instance by its name. Switches.

    Where some do not come, the instance stays as it is.

    Raises:
        RpcError: its node makes no key for what another cluster sends.
    """
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    if isinstance(source, Exported):
        work.say("* running the instance OS import scripts...")
        results = _copied(work, op, source, (instance, node), made)
    else:
        work.say("* preparing remote import...")
        results = remote.receive(work, (instance, node), source.how, op.compress, made)
    if not all(results):
        work.say.warning(
            f"Some disks for instance {instance.name} on node {node.name} were not imported"
            " successfully"
        )
    if instance.os:
        work.say(f"Running rename script for {instance.name}")
        result = instances.rename_inside(
            work.rpc,
            config,
            node,
            instance,
            old_name=source.old_name,
            debug=op.debug_level or 0,
        )
        text = f"Failed to run rename script for {instance.name} on node {node.name}"
        result.warn(text, work.say.warning)


def _copied(
    work: Work,
    op: OpInstanceCreate,
    source: Exported,
    at: tuple[Instance, Node],
    made: Sequence[Disk],
) -> list[bool]:
    instance, node = at
    transfers = [
        DiskTransfer(f"disk/{index}", FileEnd(image), moving.disk_end(instance, disk, index))
        for index, (disk, image) in enumerate(zip(made, source.images(len(made)), strict=True))
        if image is not None
    ]
    way = (source.node, node)
    return moving.between_nodes(work, instance, way, op.compress, transfers)
