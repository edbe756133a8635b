"""New disks on nodes: made, taken back when one cannot be, overwritten, filled with an image.

A disk is made from its parts upwards, first on the primary node of its instance. The instance need
not be in the configuration yet. All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (order of calls, sizes of pieces, texts);
constants MAX_WIPE_CHUNK, MIN_WIPE_CHUNK_PERCENT.
"""

import logging
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.instance import disk_trees
from masterd.instance.disk_trees import Place
from masterd.instance.disks import shown, shown_mib, shown_whole
from masterd.instance.new_disks import IN_FILES, MIRRORED_INSIDE, NewDisk
from masterd.lu.disks import sync as disk_sync
from masterd.node import disks as nodes_disks
from masterd.node import storage
from masterd.work.work import Work

_LOG = logging.getLogger(__name__)

#: What is overwritten by one call: a share of the disk, and MiB at most.
_PIECE_SHARE: Final = 0.1
_PIECE_MIB_MAX: Final = 1024
#: Seconds between two reports of how far that is.
_REPORT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """A disk, or a part of one, that is on a node now."""

    node: Node
    disk: Disk


class _Drawn:
    """Obeys `Means`: draws for one run of an opcode."""

    def __init__(self, work: Work) -> None:
        self.uuid = work.new_uuid
        self.port = work.reserve.new_port
        self.secret = work.reserve.new_secret
        self.minors = work.reserve.new_minors


def draw(work: Work, place: Place, wanted: Sequence[NewDisk]) -> list[Disk]:
    """Return the objects of disks that are asked for; of most it is told how large they are.

    Raises:
        OpPrereqError: no port is free any more.
    """
    made = disk_trees.trees(work.config.snapshot(), place, wanted, _Drawn(work))
    if place.template not in MIRRORED_INSIDE:
        for index, disk in enumerate(made, place.first):
            work.say(f"* disk {index}, size {shown_mib(disk.size)}")
    return made


def create(
    work: Work, instance: Instance, those: Sequence[Disk], *, only_at: Node | None = None
) -> list[Made]:
    """Make disks on all their nodes; return what was made.

    Args:
        only_at: another node, on which alone copies are made of disks that nodes have one by one;
            they are for the primary node.

    Raises:
        OpExecError: one could not be made; all that were have been removed, as far as nodes did it.
    """
    config = work.config.snapshot()
    primary = only_at or config.nodes[instance.primary_node]
    if those and those[0].dev_type in IN_FILES:
        directory = posixpath.dirname(str(those[0].logical_id[1]))
        result = storage.make_directory(work.rpc, primary, directory)
        result.raise_(f"Failed to create directory '{directory}' on node {primary.name}")
    nodes = [primary]
    if only_at is None:
        nodes = [config.nodes[uuid] for uuid in disk_trees.nodes(those, primary.uuid)]
    made: list[Made] = []
    for disk in those:
        for node in nodes:
            parts: list[Made] = []
            try:
                _create_tree(work, (instance, node), disk, parts, on_primary=node is primary)
            except OpExecError:
                undo(work, instance, [*made, *parts])
                raise
            # With the whole disk its parts go, too.
            made.append(Made(node, disk))
    return made


def _create_tree(
    work: Work, at: tuple[Instance, Node], disk: Disk, made: list[Made], *, on_primary: bool
) -> None:
    """Make a disk on a node after its parts; note in `made` what is there meanwhile."""
    instance, node = at
    config = work.config.snapshot()
    for part in disk_trees.parts(config, disk, instance.primary_node):
        _create_tree(work, at, part, made, on_primary=on_primary)
    create_alone(work, at, disk, on_primary=on_primary)
    made.append(Made(node, disk))


def create_alone(work: Work, at: tuple[Instance, Node], disk: Disk, *, on_primary: bool) -> None:
    """Make a disk on a node of which all parts are there.

    Raises:
        OpExecError: the node failed.
    """
    instance, node = at
    config = work.config.snapshot()
    result = nodes_disks.create(
        work.rpc,
        config,
        node,
        (disk, instance),
        size=disk.size,
        on_primary=on_primary,
        info=f"originstname+{instance.name}",
        exclusive_storage=config.node_params(node).exclusive_storage,
    )
    result.raise_(
        f"Can't create block device {shown(disk)} on node {node.name} for instance {instance.name}"
    )


def undo(work: Work, instance: Instance, made: Sequence[Made]) -> None:
    """Remove disks that were made for nothing; what stays is told of."""
    config = work.config.snapshot()
    for each in made:
        result = nodes_disks.remove(work.rpc, config, each.node, (each.disk, instance))
        result.warn(
            f"Failed to remove newly-created disk {shown_whole(each.disk)} on node"
            f" {each.node.name}",
            work.say.warning,
        )


# --- what is written onto them --------------------------------------------------------------------


def wipe(work: Work, instance: Instance, those: Sequence[Disk], *, from_mib: int = 0) -> None:
    """Overwrite disks, while their mirrors are not synchronized.

    Args:
        instance: as it is recorded, with its disks.
        from_mib: where that begins on each of them.

    Raises:
        OpExecError: a node failed; mirrors go on by themselves nevertheless.
    """

    def write(config: ConfigSnapshot, node: Node) -> None:
        for disk in those:
            index = instance.disks.index(disk.uuid)
            part = f" (from {shown_mib(from_mib)} to {shown_mib(disk.size)})" if from_mib else ""
            work.say.info(f"* Wiping disk {index}{part}")
            _wipe(work, config, (instance, node), (index, disk), from_mib)

    _while_paused(work, instance, those, write)


def _wipe(
    work: Work,
    config: ConfigSnapshot,
    at: tuple[Instance, Node],
    numbered: tuple[int, Disk],
    from_mib: int,
) -> None:
    (instance, node), (index, disk) = at, numbered
    began_s = work.clock.monotonic_s()
    reported_s: float | None = None
    for offset, piece in _pieces(from_mib, disk.size):
        owned = (disk, instance)
        result = nodes_disks.wipe(work.rpc, config, node, owned, offset=offset, size=piece)
        result.raise_(f"Could not wipe disk {index} at offset {offset} for size {piece}")
        now_s, done = work.clock.monotonic_s(), offset + piece
        if reported_s is None or now_s - reported_s >= _REPORT_S:
            left = disk_sync.readable((now_s - began_s) / done * (disk.size - done))
            work.say.info(f" - done: {done / disk.size * 100:.1f}% ETA: {left}")
            reported_s = now_s


def _pieces(begin: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield offset and size of each piece of a disk of so many MiB, from `begin` on."""
    longest = max(1, int(min(_PIECE_MIB_MAX, size * _PIECE_SHARE)))
    for offset in range(begin, size, longest):
        yield offset, min(longest, size - offset)


def image(work: Work, instance: Instance, disk: Disk, source: str) -> None:
    """Write an image onto the first disk of an instance, while its mirror is not synchronized.

    Args:
        source: path or URL of the image.

    Raises:
        OpExecError: a node failed; the mirror goes on by itself nevertheless.
    """

    def write(config: ConfigSnapshot, node: Node) -> None:
        about = f"disk '0' for instance '{instance.name}' on node '{node.name}'"
        work.say.info(f"Imaging {about}")
        owned = (disk, instance)
        result = nodes_disks.image(work.rpc, config, node, owned, source=source, size=disk.size)
        result.raise_(f"Could not image {about}")

    _while_paused(work, instance, [disk], write)


def _while_paused(
    work: Work,
    instance: Instance,
    those: Sequence[Disk],
    write: Callable[[ConfigSnapshot, Node], None],
) -> None:
    """Do something on the primary node while mirrors are not synchronized."""
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    result = nodes_disks.pause_sync(work.rpc, config, node, instance, those, pause=True)
    result.raise_(f"Failed to pause disk synchronization on node '{node.name}'")
    _note_failures(result.payload, "Pausing", instance)
    try:
        write(config, node)
    except OpExecError:
        _resume(work, config, instance, those)
        raise
    _resume(work, config, instance, those)


def _resume(work: Work, config: ConfigSnapshot, instance: Instance, those: Sequence[Disk]) -> None:
    node = config.nodes[instance.primary_node]
    result = nodes_disks.pause_sync(work.rpc, config, node, instance, those, pause=False)
    if result.warn(
        f"Failed to resume disk synchronization on node '{node.name}'", work.say.warning
    ):
        return
    for index in _failures(result.payload):
        work.say.warning(
            f"Resuming synchronization of disk {index} of instance '{instance.name}' failed"
        )


def set_paused(work: Work, instance: Instance, those: Sequence[Disk], *, pause: bool) -> None:
    """Pause the synchronization of mirrors or let it go on, where that failing does not matter."""
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    result = nodes_disks.pause_sync(work.rpc, config, node, instance, those, pause=pause)
    verb = "Pausing" if pause else "Resuming"
    if not result.ok:
        _LOG.warning("%s synchronization on node %s failed: %s", verb, node.name, result.error)
        return
    _note_failures(result.payload, verb, instance)


def _note_failures(payload: object, verb: str, instance: Instance) -> None:
    for index in _failures(payload):
        _LOG.warning("%s synchronization of disk %d of %s failed", verb, index, instance.name)


def _failures(payload: Any) -> list[int]:
    """Return the numbers of the disks of which a node says, each with a message, that it failed."""
    return [index for index, told in enumerate(payload or ()) if not told or not told[0]]
