"""The `lock` resource: who holds which lock, and who waits. Its 4 fields.

Source: queryfields.json, lock; answers of luxid 3.0.2.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from masterd.filter.fields import Field, Kind, Table, table_of
from masterd.lock.monitor import LockRow, rows
from masterd.lock.table import LockState
from masterd.query.config_table import Rows, name_key, never


def lock_rows(states: Callable[[], Sequence[LockState]]) -> Rows[LockRow, LockRow]:
    """Return where rows come from: the locks as they are when the query begins."""
    everything = rows(states())
    by_name = {row.name: row for row in everything}

    def same(found: Sequence[LockRow], needs: frozenset[str]) -> Iterable[LockRow]:
        return found

    return Rows(everything, by_name.get, same, called=None)


LOCK_TABLE: Final[Table[LockRow, str]] = table_of(
    "lock",
    "name",
    name_key,
    [
        Field("name", "Name", Kind.OTHER, "Lock name", lambda row: row.name),
        Field(
            "mode",
            "Mode",
            Kind.OTHER,
            "Mode in which the lock is currently acquired (exclusive or shared)",
            lambda row: row.mode,
        ),
        Field("owner", "Owner", Kind.OTHER, "Current lock owner(s)", lambda row: row.owners),
        Field("pending", "Pending", Kind.OTHER, "Jobs waiting for the lock", lambda r: r.pending),
    ],
    looks_up=never,
)
