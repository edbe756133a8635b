"""The calls that change instances, their disks, and the pool of ports, one at a time.

Each is one transaction. While the configuration is locked nothing is done, and the answer is empty.

Source: luxi.json, wconfd.methods; answers of a running wconfd 3.0.2 (classes, most texts).
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec

from masterd.config import ports
from masterd.config.kinds import DISK, INSTANCE, AnyDisk, AnyInstance, Configured, Kind
from masterd.config.objects import write
from masterd.config.transaction import Draft
from masterd.errors import ConfigurationError, OpPrereqError, ReservationError
from masterd.lock.owners import Outsider
from masterd.lu.instance import record
from masterd.wconf.reservations import Reservations, Thing
from masterd.wconfd.objects import Objects, as_old_as, read_object

#: Words that an instance's state can be, and who wanted it so.
ADMIN_STATES: Final = ("down", "offline", "up")
ADMIN_STATE_SOURCES: Final = ("admin", "user")

#: Puts a port aside for as long as it takes to write it down.
_PORTS: Final = "ports"


class Instances:
    """Answers the calls about single instances and disks. Methods switch greenlets."""

    def __init__(self, objects: Objects, reservations: Reservations) -> None:
        self._objects = objects
        self._reservations = reservations

    # --- instances ----------------------------------------------------------------------------

    def add(self, given: object, owner: Outsider, replace: bool) -> bool:
        """Add an instance, or put it in the place of the one of its uuid.

        Raises:
            ConfigurationError: its uuid is there although it is new, or the other way round; or one
                of its MAC addresses is another's, or put aside by somebody else.
        """
        value = cast(AnyInstance, read_object(_any(INSTANCE), given))
        self._check_macs(value, owner)

        def change(draft: Draft) -> None:
            put_new(draft, INSTANCE, value, replace)

        return self._done(change)

    def remove(self, uuid: str) -> bool:
        """Remove an instance, if it is there; its disks stay."""

        def change(draft: Draft) -> None:
            if draft.get(INSTANCE, uuid) is not None:
                draft.remove(_any(INSTANCE), uuid)

        return self._done(change)

    def set_primary_node(self, uuid: str, node_uuid: str) -> bool:
        """Say which node is an instance's primary."""
        return self._done(lambda draft: _set(draft, uuid, {"primary_node": node_uuid}))

    def set_status(
        self, uuid: str, state: str | None, disks_active: bool | None, source: str | None
    ) -> dict[str, object] | None:
        """Change what is given of an instance's state; return the instance, or None if locked."""
        given = {"admin_state": state, "disks_active": disks_active, "admin_state_source": source}
        said = {key: value for key, value in given.items() if value is not None}
        if self._objects.change(lambda draft: _set(draft, uuid, said)) is None:
            return None
        return write(_found(self._objects.snapshot().instances.get(uuid), uuid))

    def _check_macs(self, value: AnyInstance, owner: Outsider) -> None:
        others = {
            nic.mac
            for nic in value.nics
            if self._reservations.holder(Thing.MAC, nic.mac.lower()) not in (None, owner)
        }
        if others:
            raise ConfigurationError(
                f"Cannot add instance {value.name}; MAC addresses"
                f" {', '.join(sorted(others))} already in use"
            )

    # --- disks --------------------------------------------------------------------------------

    def add_disk(self, uuid: str, given: object, index: int | None, replace: bool) -> bool:
        """Add a disk and attach it to an instance."""
        value = cast(AnyDisk, read_object(_any(DISK), given))

        def change(draft: Draft) -> None:
            put_new(draft, DISK, value, replace)
            record.attach(draft, uuid, value.uuid, index)

        return self._done(change)

    def remove_disk(self, uuid: str, disk_uuid: str) -> bool:
        """Detach a disk from an instance, and remove it."""

        def change(draft: Draft) -> None:
            record.detach(draft, uuid, disk_uuid)
            if draft.get(DISK, disk_uuid) is not None:
                draft.remove(_any(DISK), disk_uuid)

        return self._done(change)

    def attach_disk(self, uuid: str, disk_uuid: str, index: int | None) -> bool:
        """Attach a disk to an instance, as its last one or at an index."""
        return self._done(lambda draft: record.attach(draft, uuid, disk_uuid, index))

    def detach_disk(self, uuid: str, disk_uuid: str) -> bool:
        """Detach a disk from an instance, if it is attached."""
        return self._done(lambda draft: record.detach(draft, uuid, disk_uuid))

    # --- ports --------------------------------------------------------------------------------

    def add_port(self, port: int) -> bool:
        """Give a port back to the pool."""

        def change(draft: Draft) -> None:
            pool = draft.cluster.tcpudp_port_pool
            if port not in pool:
                draft.put(msgspec.structs.replace(draft.cluster, tcpudp_port_pool=(*pool, port)))

        return self._done(change)

    def new_port(self) -> int | None:
        """Take a port: out of the pool, else the next one never used; None while locked.

        Raises:
            ReservationError: there is none.
        """
        try:
            port = self._reservations.new_port(_PORTS)
        except OpPrereqError as error:
            raise ReservationError(str(error.args[0])) from error

        def change(draft: Draft) -> None:
            draft.put(ports.taken(draft.cluster, (port,)))

        try:
            return port if self._done(change) else None
        finally:
            self._reservations.release(_PORTS)

    # --- inside -------------------------------------------------------------------------------

    def _done(self, change: Callable[[Draft], None]) -> bool:
        return self._objects.change(change) is not None


def put_new(
    draft: Draft, kind: Kind[AnyInstance] | Kind[AnyDisk], value: Configured, replace: bool
) -> None:
    """Add an object, or put it in the place of the one of its uuid.

    Raises:
        ConfigurationError: there is one and `replace` is not set, or the other way round.
    """
    present = draft.get(_any(kind), value.uuid)
    if (present is not None) is not replace:
        raise ConfigurationError(
            f"Cannot {'replace' if replace else 'add'} {kind.name} {value.uuid}: there is"
            f" {'none' if replace else 'one'} of this UUID"
        )
    draft.put(value if present is None else as_old_as(present, value))


def _set(draft: Draft, uuid: str, said: Mapping[str, object]) -> None:
    """Change some fields of an instance."""
    present = _found(draft.get(INSTANCE, uuid), uuid)
    draft.put(msgspec.structs.replace(present, **said))


def _found(instance: AnyInstance | None, uuid: str) -> AnyInstance:
    if instance is None:
        raise ConfigurationError(f"Could not find instance with UUID {uuid}")
    return instance


def _any(kind: object) -> Kind[Configured]:
    # Kinds differ in the type of their objects only.
    return cast(Kind[Configured], kind)
