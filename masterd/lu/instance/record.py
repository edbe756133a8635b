"""How instances come into the configuration and leave it, with their disks, in one change.

Source: Ganeti 3.0.2 lib/config and wconfd (AddInstance, AddInstanceDisk, RemoveInstance).
"""

import posixpath
from collections.abc import Sequence
from typing import cast

import msgspec

from masterd.config import ports
from masterd.config.disk import Disk
from masterd.config.kinds import DISK, INSTANCE, AnyDisk, AnyInstance, Configured, Kind
from masterd.config.transaction import Draft
from masterd.config.uses import use_of
from masterd.errors import ConfigurationError, GenericError, ReservationError
from masterd.instance import disks
from masterd.instance.disks import IN_DIRECTORIES


def enter(draft: Draft, instance: AnyInstance, those: Sequence[AnyDisk]) -> None:
    """Put an instance and its disks in, where a planned one may be, and take their ports."""
    present = draft.get(INSTANCE, instance.uuid)
    serial_no = 1 if present is None else present.serial_no
    uuids = tuple(disk.uuid for disk in those)
    for disk in those:
        draft.put(disk)
    draft.put(msgspec.structs.replace(instance, disks=uuids, serial_no=serial_no))
    used = _ports(instance, those)
    if used:
        draft.put(ports.taken(draft.cluster, used))


def forget(draft: Draft, uuid: str, *, keep_ports_of_disks: bool = False) -> None:
    """Take an instance and its disks out of the configuration, and give their ports back.

    Args:
        keep_ports_of_disks: whether nobody may get those, as some disks are still on nodes.
    """
    instance = draft.require(INSTANCE, uuid)
    gone = [disk for each in instance.disks if (disk := draft.get(DISK, each)) is not None]
    freed = _ports(instance, () if keep_ports_of_disks else gone)
    draft.remove(INSTANCE, uuid)
    for disk in gone:
        draft.remove(DISK, disk.uuid)
    if freed:
        draft.put(ports.given_back(draft.cluster, freed))


def attach(draft: Draft, uuid: str, disk_uuid: str, index: int | None) -> None:
    """Attach a disk to an instance, as its last one or at an index.

    Raises:
        ConfigurationError: there is no such disk or instance.
        ReservationError: an instance has the disk already.
        GenericError: there is no such place.
    """
    instance = _found(draft, uuid)
    if draft.get(DISK, disk_uuid) is None:
        raise ConfigurationError(f"Disk {disk_uuid} doesn't exist")
    # Kinds differ in the type of their objects only.
    for kind_name, user in draft.users(use_of(cast(Kind[Configured], DISK), disk_uuid) or ""):
        if kind_name == INSTANCE.name:
            name = _found(draft, user).name
            raise ReservationError(f'Disk {disk_uuid} already attached to instance "{name}"')
    count = len(instance.disks)
    if index is not None and index < 0:
        raise GenericError("Not accepting negative indices")
    if index is not None and index > count:
        raise GenericError(f"Got disk index {index}, but there are only {count}")
    place = count if index is None else index
    put_disks(draft, instance, (*instance.disks[:place], disk_uuid, *instance.disks[place:]))


def detach(draft: Draft, uuid: str, disk_uuid: str) -> None:
    """Detach a disk from an instance, if it is attached.

    Raises:
        ConfigurationError: there is no such instance.
    """
    instance = _found(draft, uuid)
    if disk_uuid in instance.disks:
        rest = tuple(each for each in instance.disks if each != disk_uuid)
        put_disks(draft, instance, rest)


def _found(draft: Draft, uuid: str) -> AnyInstance:
    instance = draft.get(INSTANCE, uuid)
    if instance is None:
        raise ConfigurationError(f"Could not find instance with UUID {uuid}")
    return instance


def put_disks(draft: Draft, instance: AnyInstance, uuids: tuple[str, ...]) -> None:
    """Give an instance its disks, and each of these the name of its place."""
    draft.put(msgspec.structs.replace(instance, disks=uuids))
    for index, uuid in enumerate(uuids):
        disk, name = draft.get(DISK, uuid), f"disk/{index}"
        if disk is not None and disk.iv_name != name:
            draft.put(msgspec.structs.replace(disk, iv_name=name))


def rename(draft: Draft, uuid: str, name: str) -> None:
    """Give an instance another name; files of its disks lie in a directory of that name then."""
    instance = draft.require(INSTANCE, uuid)
    draft.put(msgspec.structs.replace(instance, name=name))
    for each in instance.disks:
        disk = draft.get(DISK, each)
        if disk is not None and disk.dev_type in IN_DIRECTORIES and disk.logical_id is not None:
            driver, path = disk.logical_id
            directory, file = posixpath.split(str(path))
            moved = posixpath.join(posixpath.dirname(directory), name, file)
            draft.put(msgspec.structs.replace(disk, logical_id=(driver, moved)))


def _ports(instance: AnyInstance, those: Sequence[AnyDisk]) -> list[int]:
    own = () if instance.network_port is None else (instance.network_port,)
    return [*disks.ports(those), *own]


def real_disk(planned: AnyDisk) -> Disk:
    """Return a planned disk as one that is there.

    Raises:
        ValueError: what it must have is not known.
    """
    if isinstance(planned, Disk):
        return planned
    if planned.logical_id is None or planned.dev_type is None or planned.size is None:
        raise ValueError(f"disk {planned.uuid} has no template, no id or no size")
    parts = tuple(_as_disk(part) for part in planned.children)
    return msgspec.structs.replace(_as_disk(planned), children=parts)


def _as_disk(planned: AnyDisk) -> Disk:
    """Return what a disk has of a planned one."""
    return Disk(**{name: getattr(planned, name) for name in Disk.__struct_fields__})
