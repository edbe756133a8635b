"""A change of the configuration: a function of a draft, and what came of it.

The function reads objects from the draft, puts changed, new or no objects back, and returns what
its caller wants to know. It runs inside the store transaction, on what earlier changes left there,
perhaps twice: no I/O, no clock, no memory shared with others. In the end the draft numbers what
changed:

* an object that changed gets serial number + 1 and a new `mtime`, one put back as it was neither;
* a new object begins with serial number 1;
* adding or removing a node, group, instance or network is a change of the cluster object too, and
  so is any change of a node; groups and networks leave its `mtime`;
* the configuration as a whole gets serial number + 1, once, if anything changed.

An address that a NIC gets or loses is marked in its network's pool by the same change, whoever
makes it: what was put aside for a NIC is taken from then on.

Before that, the draft is verified: a change that would make the configuration inconsistent is
refused with everything that is wrong (`verify.change_problems`).

Source: Ganeti 3.0.2 wconfd (serial rules).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, cast

import msgspec

from masterd.config import address_pool, rules, verify
from masterd.config import tags as tag_rules
from masterd.config.change import Change
from masterd.config.cluster import Cluster
from masterd.config.instance import ForthcomingInstance, Instance, Nic
from masterd.config.kinds import (
    CLUSTER,
    INSTANCE,
    NETWORK,
    NODE,
    Configured,
    Kind,
    Taggable,
    kind_of,
)
from masterd.config.objects import ConfigObject
from masterd.config.uses import uses
from masterd.errors import ConfigurationError

T = TypeVar("T", bound=ConfigObject)
R = TypeVar("R")

#: Kinds whose objects' changes set the cluster's time, where they count for it.
_TIMED: Final = (NODE, INSTANCE)


class Rows(Protocol):
    """What a draft reads: the configuration's rows as they are in the transaction."""

    def serial_no(self) -> int:
        """Return the serial number of the whole."""
        ...

    def cluster(self) -> Cluster:
        """Return the cluster object."""
        ...

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        """Return an object by uuid."""
        ...

    def uuid_of(self, kind: Kind[Configured], name: str) -> str | None:
        """Return the uuid of the object that has the name."""
        ...

    def users(self, use: str) -> Sequence[tuple[str, str]]:
        """Return kind and uuid of the objects that use something; see `uses`."""
        ...

    def uuids(self, kind: Kind[Configured]) -> Sequence[str]:
        """Return the uuids of all objects of a kind."""
        ...


@dataclass(frozen=True, slots=True)
class Staged(Generic[R]):
    """What a change came to.

    Attributes:
        result: What the function returned.
        serial_no: Serial number of the whole afterwards.
        mtime: Time of the change, seconds since the epoch.
        changes: The objects that changed; empty when nothing did.
    """

    result: R
    serial_no: int
    mtime: float
    changes: tuple[Change, ...]


class Draft:
    """The configuration as a change sees and makes it."""

    def __init__(self, rows: Rows, now_s: float) -> None:
        self._rows = rows
        self._now_s = now_s
        #: What objects use, by their identity, which lasts as long as they do.
        self._used: dict[int, tuple[Configured | None, frozenset[str]]] = {}
        #: Objects put (None: removed), by kind and uuid, in the order they were first touched.
        self._put: dict[tuple[Kind[Configured], str], Configured | None] = {}
        #: Objects that count as changed though they say the same.
        self._touched: set[tuple[Kind[Configured], str]] = set()

    # --- reading --------------------------------------------------------------------------------

    @property
    def serial_no(self) -> int:
        """Serial number of the whole before the change."""
        return self._rows.serial_no()

    @property
    def cluster(self) -> Cluster:
        """The cluster object."""
        for (kind, _), value in self._put.items():
            if kind is CLUSTER and isinstance(value, Cluster):
                return value
        return self._rows.cluster()

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        """Return an object by uuid."""
        key = (cast(Kind[Configured], kind), uuid)
        if key in self._put:
            return cast(T | None, self._put[key])  # under a kind stand objects of that kind alone
        return self._rows.get(kind, uuid)

    def require(self, kind: Kind[T], uuid: str) -> T:
        """Return an object by uuid.

        Raises:
            ConfigurationError: there is none.
        """
        value = self.get(kind, uuid)
        if value is None:
            raise ConfigurationError(f"Unknown {kind.name} '{uuid}'")
        return value

    def named(self, kind: Kind[T], name: str) -> T | None:
        """Return an object by name."""
        for (put_kind, _), value in self._put.items():
            if put_kind is kind and value is not None and getattr(value, "name", None) == name:
                return cast(T, value)  # as above
        uuid = self._rows.uuid_of(cast(Kind[Configured], kind), name)
        if uuid is None or (cast(Kind[Configured], kind), uuid) in self._put:
            return None  # What was put under that uuid has another name, or is gone.
        return self._rows.get(kind, uuid)

    def users(self, use: str) -> Sequence[tuple[str, str]]:
        """Return kind and uuid of the objects that use something; see `uses`."""
        put = {(kind.name, uuid): value for (kind, uuid), value in self._put.items()}
        found = [user for user in self._rows.users(use) if user not in put]
        return found + [user for user, value in put.items() if use in self._uses(value)]

    def every(self, kind: Kind[T]) -> Iterator[T]:
        """Yield all objects of a kind."""
        anything = cast(Kind[Configured], kind)  # kinds differ in the type of their objects only
        uuids = dict.fromkeys(self._rows.uuids(anything))
        uuids.update((uuid, None) for put_kind, uuid in self._put if put_kind is anything)
        for uuid in uuids:
            value = self.get(kind, uuid)
            if value is not None:
                yield value

    def _uses(self, value: Configured | None) -> frozenset[str]:
        """Return what an object uses, read off it once."""
        found = self._used.get(id(value))
        if found is None:
            found = self._used[id(value)] = (value, uses(value))
        return found[1]

    # --- changing -------------------------------------------------------------------------------

    def put(self, value: Configured) -> None:
        """Add an object, or replace the one of its uuid.

        Raises:
            ConfigurationError: the object was changed since `value` was made from it, or another
                object has its name.
        """
        kind = kind_of(value)
        present = self.get(kind, value.uuid)
        if present is not None and _serial(present) != _serial(value):
            raise ConfigurationError(
                f"{kind.name} {value.uuid} was changed meanwhile: "
                f"it is at serial number {_serial(present)}, not {_serial(value)}"
            )
        if kind is CLUSTER and present is None:
            raise ConfigurationError("There can be only one cluster object")
        name = getattr(value, "name", None) if kind.has_name else None
        if name is not None:
            other = self.named(kind, name)
            if other is not None and other.uuid != value.uuid:
                raise ConfigurationError(f"There is a {kind.name} '{name}' already")
        self._put[kind, value.uuid] = value

    def touch(self, kind: Kind[Configured], uuid: str) -> None:
        """Let an object count as changed, though what changed is not stated in it.

        Raises:
            ConfigurationError: there is none.
        """
        self.put(self.require(kind, uuid))
        self._touched.add((kind, uuid))

    def remove(self, kind: Kind[Configured], uuid: str) -> None:
        """Remove an object.

        Raises:
            ConfigurationError: there is none, or it is the cluster.
        """
        self.require(kind, uuid)
        if kind is CLUSTER:
            raise ConfigurationError("The cluster object cannot be removed")
        self._put[kind, uuid] = None

    def add_tags(self, kind: Kind[Taggable], uuid: str, new: Iterable[str]) -> None:
        """Add tags to an object.

        Raises:
            TagError: one is malformed, or there would be too many.
            ConfigurationError: there is no such object.
        """
        self.set_tags(kind, uuid, tag_rules.add(self.require(kind, uuid).tags, new))

    def remove_tags(self, kind: Kind[Taggable], uuid: str, gone: Iterable[str]) -> None:
        """Remove tags from an object.

        Raises:
            TagError: one is malformed or not there.
            ConfigurationError: there is no such object.
        """
        self.set_tags(kind, uuid, tag_rules.remove(self.require(kind, uuid).tags, gone))

    def set_tags(self, kind: Kind[Taggable], uuid: str, tags: Iterable[str]) -> None:
        """Give an object these tags and no others.

        Raises:
            TagError: one is malformed, or there are too many.
            ConfigurationError: there is no such object.
        """
        value = self.require(kind, uuid)
        self.put(msgspec.structs.replace(value, tags=tag_rules.add((), tags)))

    # --- the end --------------------------------------------------------------------------------

    def finish(self, result: R) -> Staged[R]:
        """Verify and number what changed, and return it.

        Raises:
            ConfigurationError: the configuration would be inconsistent; names every problem.
        """
        changes = self._changes()
        if self._settle_addresses(changes):
            changes = self._changes()
        serial_no = self._rows.serial_no()
        if not changes:
            return Staged(result, serial_no, self._now_s, ())
        problems = verify.change_problems(_Stored(self._rows), self, changes)
        if problems:
            raise ConfigurationError(
                f"The configuration would not be consistent: {rules.in_short(problems)}"
            )
        counts = any(
            c.kind is NODE or (c.kind.counts_for_cluster and None in (c.before, c.after))
            for c in changes
        )
        numbered = [
            Change(c.kind, c.uuid, c.before, self._numbered(c.before, c.after)) for c in changes
        ]
        if counts and not any(c.kind is CLUSTER for c in changes):
            numbered.append(self._counted(timed=any(c.kind in _TIMED for c in changes)))
        return Staged(result, serial_no + 1, self._now_s, tuple(numbered))

    def _counted(self, *, timed: bool) -> Change:
        """Return the cluster's part in a change of other objects; not all of them set its time."""
        before = self._rows.cluster()
        after = self._numbered(before, self.cluster)
        if not timed and isinstance(after, Cluster):
            after = msgspec.structs.replace(after, mtime=before.mtime)
        return Change(CLUSTER, before.uuid, before, after)

    def _changes(self) -> list[Change]:
        return [
            Change(kind, uuid, before, after)
            for (kind, uuid), after in self._put.items()
            if (before := self._rows.get(kind, uuid)) != after or (kind, uuid) in self._touched
        ]

    def _settle_addresses(self, changes: Iterable[Change]) -> bool:
        """Let the pools of networks follow the NICs of instances; return whether any did."""
        networks = address_pool.settled(
            ((_nics(c.before), _nics(c.after)) for c in changes if c.kind is INSTANCE),
            lambda uuid: self.get(NETWORK, uuid),
        )
        for network in networks:
            self._put[NETWORK, network.uuid] = network
        return bool(networks)

    def _numbered(self, before: Configured | None, after: Configured | None) -> Configured | None:
        """Return `after` with its new serial number and times."""
        if after is None or _serial(after) is None:
            return after
        if before is None:
            now = self._now_s
            return msgspec.structs.replace(after, serial_no=1, ctime=now, mtime=now)
        serial_no = (_serial(before) or 0) + 1
        return msgspec.structs.replace(after, serial_no=serial_no, mtime=self._now_s)


class _Stored:
    """The rows before the change, as the verification looks at them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def cluster(self) -> Cluster:
        return self._rows.cluster()

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        return self._rows.get(kind, uuid)

    def users(self, use: str) -> Sequence[tuple[str, str]]:
        return self._rows.users(use)

    def every(self, kind: Kind[T]) -> Iterator[T]:
        for uuid in self._rows.uuids(cast(Kind[Configured], kind)):
            value = self.get(kind, uuid)
            if value is not None:
                yield value


def _serial(value: Configured) -> int | None:
    """Return an object's serial number; a filter rule has none."""
    return getattr(value, "serial_no", None)


def _nics(value: Configured | None) -> tuple[Nic, ...]:
    return value.nics if isinstance(value, Instance | ForthcomingInstance) else ()
