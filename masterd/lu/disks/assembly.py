"""The disks of an instance: brought up and down, and removed, whatever they are made of.

A disk is brought up on each node that has a copy of it: that is the primary node of the instance
alone, or both ends of a DRBD disk, which then needs no word about the volumes below it.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (order of calls, what counts as a failure).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError, OpPrereqError
from masterd.instance import disks
from masterd.lu.instance import guest
from masterd.node import disks as nodes_disks
from masterd.node import storage
from masterd.rpc.result import RpcResult
from masterd.work.work import Work


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came of bringing disks up.

    Attributes:
        well: Whether all that counts went well.
        devices: Name of the primary node, what the disk is called in the instance, and its path on
            the node, None where that has none.
        links: Of each disk that came up the path by which guests reach it, and its uri.
    """

    well: bool
    devices: list[tuple[str, str, str | None]]
    links: list[object] = field(default_factory=list)


def assemble(
    work: Work, uuid: str, *, ignore_secondaries: bool = False, ignore_size: bool = False
) -> Assembled:
    """Bring an instance's disks up, first on all its nodes, then for use on the primary. Switches.

    So the ends of a DRBD disk meet before one of them may be written to. The disks are recorded as
    active before, and as not active again where it did not go well.

    Args:
        ignore_secondaries: Whether a failure before the disks are made ready for use counts not;
            it never does on a node that is offline, if it is not the primary one.
        ignore_size: Whether nodes are not told how large disks are, because that is wrong.
    """
    instance = guest.record(work.config, uuid, disks_active=True)
    places = list(_places(work.config.snapshot(), instance))
    if ignore_size:
        places = [replace(place, disk=disks.without_size(place.disk)) for place in places]
    return _assemble(work, instance, places, ignore_secondaries=ignore_secondaries)


def assemble_some(work: Work, instance: Instance, uuids: Collection[str]) -> Assembled:
    """Bring some of an instance's disks up, without recording that it has them active. Switches.

    Otherwise as `assemble`: where it did not go well, no disk counts as active any more.
    """
    places = list(_places(work.config.snapshot(), instance, uuids))
    return _assemble(work, instance, places)


def _assemble(
    work: Work, instance: Instance, places: Sequence["_Place"], *, ignore_secondaries: bool = False
) -> Assembled:
    config = work.config.snapshot()
    well = True
    for place in places:
        result = _assembled(work, config, instance, place, on_primary=False)
        away = result.offline and place.node.uuid != instance.primary_node
        well = well and (result.ok or ignore_secondaries or away)
    devices: list[tuple[str, str, str | None]] = []
    links: list[object] = []
    for place in places:
        if place.node.uuid == instance.primary_node:
            result = _assembled(work, config, instance, place, on_primary=True)
            well = well and result.ok
            devices.append((place.node.name, place.disk.iv_name, _path(result)))
            links += _links(result)
    if not well:
        guest.record(work.config, instance.uuid, disks_active=False)
    return Assembled(well, devices, links)


def start(work: Work, uuid: str, *, force: bool, hint: bool = True) -> None:
    """Bring an instance's disks up so that it can run. Switches.

    Args:
        force: Whether failures on secondary nodes count not.
        hint: Whether people can be told that they may ask for that.

    Raises:
        OpExecError: they did not come up, and were taken down again.
    """
    if assemble(work, uuid, ignore_secondaries=force).well:
        return
    shut_down(work, uuid)
    if hint and not force:
        work.say(
            "      Hint: If the message above refers to a secondary node, you can retry the"
            " operation using '--force'"
        )
    raise OpExecError("Disk consistency error")


def shut_down(work: Work, uuid: str, *, primary_counts: bool = True) -> bool:
    """Take an instance's disks down on all its nodes; return whether all went well. Switches.

    They are recorded as not active before. What fails is told of and the rest goes on.

    Args:
        primary_counts: Whether a failure on the primary node is one; on another node it is none
            where that is offline.
    """
    instance = guest.record(work.config, uuid, disks_active=False)
    places = list(_places(work.config.snapshot(), instance))
    return _shut_down(work, instance, places, primary_counts=primary_counts)


def shut_down_some(work: Work, instance: Instance, uuids: Collection[str]) -> bool:
    """Take some of an instance's disks down, without recording it; see `shut_down`. Switches."""
    places = list(_places(work.config.snapshot(), instance, uuids))
    return _shut_down(work, instance, places)


def shut_down_after_work(work: Work, uuid: str, uuids: Collection[str] | None = None) -> None:
    """Take disks down that were up for some work only, all or some of them. Switches.

    Raises:
        OpExecError: the instance is to run, or does, or its node does not tell.
    """
    config = work.config.snapshot()
    instance = guest.now(work.config, uuid)
    found = guest.Guest(instance, config.nodes[instance.primary_node])
    try:
        told = "cannot shutdown disks"
        guest.check_not_running(work, config, found, told, wanted=guest.NOT_RUNNING)
    except OpPrereqError as error:
        raise OpExecError(error.message) from error
    if uuids is None:
        shut_down(work, uuid)
    else:
        shut_down_some(work, instance, uuids)


def _shut_down(
    work: Work, instance: Instance, places: Sequence["_Place"], *, primary_counts: bool = True
) -> bool:
    config = work.config.snapshot()
    well = True
    for place in places:
        node = place.node
        result = nodes_disks.shut_down(work.rpc, config, node, (place.disk, instance))
        if result.ok:
            continue
        work.say.warning(
            f"Could not shutdown block device {place.disk.iv_name} on node {node.name}:"
            f" {result.error}"
        )
        on_primary = node.uuid == instance.primary_node
        well = well and not (primary_counts if on_primary else not result.offline)
    return well


def remove(work: Work, instance: AnyInstance, *, only_at: Node | None = None) -> bool:
    """Remove an instance's disks from all its nodes; return whether all went well. Switches.

    The directories of disks in files go last. What fails is told of and the rest goes on; on a
    node that is offline, if it is not the primary one, it is no failure.

    Args:
        only_at: another node, from which alone copies of the disks are removed.
    """
    there = disks.of(work.config.snapshot(), instance)
    return remove_some(work, instance, there, only_at=only_at)


def remove_some(
    work: Work, instance: AnyInstance, those: Sequence[AnyDisk], *, only_at: Node | None = None
) -> bool:
    """Remove disks that are an instance's, or were, or were to be; otherwise as `remove`. Switches.

    Directories stay in which the instance has other disks.

    Args:
        only_at: the node from which they are removed, where that is not all.
    """
    config = work.config.snapshot()
    primary = config.nodes.get(instance.primary_node or "")
    if primary is None:
        # A planned instance may have no node yet, and nothing of it is anywhere.
        return True
    present = disks.of(config, instance)
    well = True
    for disk in those:
        uuids = disks.node_uuids(disk, primary.uuid)
        for node in [config.nodes[uuid] for uuid in uuids] if only_at is None else [only_at]:
            result = nodes_disks.remove(work.rpc, config, node, (disk, instance))
            if result.ok:
                continue
            work.say.warning(
                f"Could not remove {disks.shown_whole(disk)} on node {node.name},"
                f" continuing anyway: {result.error}"
            )
            well = well and result.offline and node.uuid != primary.uuid
    gone = {disk.uuid for disk in those}
    kept = [disk for disk in present if disk.uuid not in gone]
    needed, node = set(disks.directories(kept)), only_at or primary
    for path in disks.directories(those):
        if path in needed:
            continue
        result = storage.remove_directory(work.rpc, node, path)
        if not result.ok:
            work.say.warning(
                f"Could not remove directory '{path}' on node {node.name}: {result.error}"
            )
            well = False
    return well


@dataclass(frozen=True, slots=True)
class _Place:
    """One copy of a disk."""

    index: int
    disk: AnyDisk
    node: Node


def _places(
    config: ConfigSnapshot, instance: AnyInstance, uuids: Collection[str] | None = None
) -> Iterator[_Place]:
    """Yield each copy of an instance's disks, or of some of them, in the order of the disks."""
    if instance.primary_node is None:
        return
    for index, disk in enumerate(disks.of(config, instance)):
        if uuids is not None and disk.uuid not in uuids:
            continue
        for uuid in disks.node_uuids(disk, instance.primary_node):
            yield _Place(index, disk, config.nodes[uuid])


def _assembled(
    work: Work, config: ConfigSnapshot, instance: Instance, place: _Place, *, on_primary: bool
) -> RpcResult:
    """Bring one copy of a disk up, and tell of a failure. Switches."""
    result = nodes_disks.assemble(
        work.rpc,
        config,
        place.node,
        (place.disk, instance),
        on_primary=on_primary,
        index=place.index,
    )
    if not result.ok:
        work.say.warning(
            f"Could not prepare block device {place.disk.iv_name} on node {place.node.name}"
            f" (is_primary={on_primary}, pass={2 if on_primary else 1}): {result.error}"
        )
    return result


def _path(result: RpcResult) -> str | None:
    """Return the path of a device as its node tells it, before the link and the uri."""
    told: Any = result.payload
    return told[0] if isinstance(told, list) and told else None


def _links(result: RpcResult) -> list[object]:
    """Return link and uri of a device, as guests are told them; nothing of one that is not up."""
    told: Any = result.payload
    return [list(told[1:])] if isinstance(told, list) else []
