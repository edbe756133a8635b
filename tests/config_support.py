"""Changes of a snapshot without a store: the rows that a draft reads, and whole differences."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from masterd.config.cluster import Cluster
from masterd.config.kinds import CLUSTER, KINDS, Configured, Kind
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft, T
from masterd.config.uses import uses

#: Objects put, or removed (None).
Changes = list[tuple[Kind[Configured], str, Configured | None]]

#: When changes happen, in seconds since the epoch.
NOW_S: Final = 1_795_459_999.5


class SnapshotRows:
    """Obeys `masterd.config.transaction.Rows`."""

    def __init__(self, snapshot: ConfigSnapshot) -> None:
        self.snapshot = snapshot

    def serial_no(self) -> int:
        return self.snapshot.serial_no

    def cluster(self) -> Cluster:
        return self.snapshot.cluster

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        found: T | None = self.snapshot.get(kind, uuid)  # type: ignore[arg-type, assignment]  # a kind's own objects
        return found

    def uuid_of(self, kind: Kind[Configured], name: str) -> str | None:
        found = self.snapshot.objects(kind).named(name)
        return None if found is None else found.uuid

    def users(self, use: str) -> list[tuple[str, str]]:
        return list(self.snapshot.derived(users_of).get(use, []))

    def uuids(self, kind: Kind[Configured]) -> list[str]:
        return sorted(self.snapshot.objects(kind))


def users_of(snapshot: ConfigSnapshot) -> Mapping[str, list[tuple[str, str]]]:
    """Return kind and uuid of the objects that use something, by what they use."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for use in uses(snapshot.cluster):
        found[use].append((CLUSTER.name, snapshot.cluster.uuid))
    for kind in KINDS:
        for value in snapshot.objects(kind).values():
            for use in uses(value):
                found[use].append((kind.name, value.uuid))
    return found


def differences(before: ConfigSnapshot, after: ConfigSnapshot) -> Changes:
    """Return what leads from one configuration to the other."""
    found: Changes = []
    if before.cluster != after.cluster:
        found.append((CLUSTER, after.cluster.uuid, after.cluster))
    for kind in KINDS:
        old, new = before.objects(kind), after.objects(kind)
        found += [
            (kind, uuid, new.get(uuid))
            for uuid in sorted({*old, *new})
            if old.get(uuid) != new.get(uuid)
        ]
    return found


def change(before: ConfigSnapshot, after: ConfigSnapshot) -> ConfigSnapshot:
    """Make one configuration into the other in one change; return it with its new numbers."""
    draft = Draft(SnapshotRows(before), NOW_S)
    for kind, uuid, value in differences(before, after):
        if value is None:
            draft.remove(kind, uuid)
        else:
            draft.put(value)
    staged = draft.finish(None)
    return before.changed(
        ((each.kind, each.uuid, each.after) for each in staged.changes),
        serial_no=staged.serial_no,
        mtime=staged.mtime,
    )
