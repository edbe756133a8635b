"""What the mirrors still have to do, in the order of the commits.

A body that changes what a mirror shows appends an entry in the same transaction. Consumers read
behind their own cursor, do the work, and move the cursor when the work is safe; `prune` removes
what lies behind every cursor. So each entry is delivered at least once, and none is lost by a
crash.

Entries say what changed, not how: the consumer reads the newest state, so doing one twice does no
harm.
"""

from dataclasses import dataclass
from typing import Final

from store import serials
from store.errors import StoreDamaged, StoreOverloaded
from store.schema import CURSORS, OUTBOX
from store.txn import ReadTxn, WriteTxn

#: The file of a live job has to be written; ident: job id.
JOB: Final = "job"
#: A job has moved to the archive; ident: job id.
ARCHIVE: Final = "archive"
#: The serial file has to be written; ident: the new last job id.
SERIAL: Final = "serial"
#: The drain flag has changed; ident: 1 while drained, else 0.
DRAIN: Final = "drain"
#: The configuration has changed; ident: its new serial.
CONFIG: Final = "config"

KINDS: Final = frozenset({JOB, ARCHIVE, SERIAL, DRAIN, CONFIG})

#: Name of the serial that numbers the entries.
SERIAL_NAME: Final = "outbox"

#: Entries above which nothing is appended any more, because nobody seems to prune; some 60 MiB.
ENTRIES_MAX: Final = 1_000_000

#: Entries kept for consumers that lag. One that is further behind has to start from the whole.
KEPT_MAX: Final = 250_000

#: Entries one `prune` removes at most, to keep its commit short.
PRUNE_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do again in a mirror."""

    seq: int
    kind: str
    ident: int


def append(txn: WriteTxn, kind: str, ident: int, *, entries_max: int = ENTRIES_MAX) -> int:
    """Add an entry; return its sequence number.

    Raises:
        StoreOverloaded: the oldest entry is `entries_max` behind, so a consumer is stuck.
    """
    assert kind in KINDS, kind
    seq = serials.next(txn, SERIAL_NAME)
    if seq % 1024 == 0:
        # Looked at now and then only: the bound is there to stop a flood, not to count exactly.
        oldest = first(txn)
        if oldest is not None and seq - oldest > entries_max:
            raise StoreOverloaded(f"the mirror is {seq - oldest} changes behind")
    OUTBOX.put(txn, seq, [kind, ident], append=True)
    return seq


def read(txn: ReadTxn, after_seq: int, limit: int) -> list[Entry]:
    """Return the next entries behind `after_seq`, oldest first, at most `limit`."""
    entries = []
    for seq, value in OUTBOX.scan(txn, after_seq + 1, limit=limit):
        try:
            kind, ident = value
        except (TypeError, ValueError) as error:
            raise StoreDamaged(f"outbox: entry {seq} is {value!r}") from error
        entries.append(Entry(seq, kind, ident))
    return entries


def first(txn: ReadTxn) -> int | None:
    """Return the number of the oldest entry kept."""
    return next(OUTBOX.keys(txn, limit=1), None)


def last(txn: ReadTxn) -> int:
    """Return the number of the newest entry ever appended; 0 before the first."""
    return serials.last(txn, SERIAL_NAME)


def get_cursor(txn: ReadTxn, name: str) -> int | None:
    """Return up to where the consumer is done; None when there is no such consumer."""
    value = CURSORS.get(txn, name)
    if value is None or isinstance(value, int):
        return value
    raise StoreDamaged(f"cursors: {name} is {value!r}")


def set_cursor(txn: WriteTxn, name: str, seq: int) -> None:
    """Say that the consumer is done up to `seq`; makes the consumer known."""
    assert 0 <= seq <= last(txn), (name, seq)
    CURSORS.put(txn, name, seq)


def drop_cursor(txn: WriteTxn, name: str) -> bool:
    """Forget a consumer, so that nothing is kept for it; return whether it was known."""
    return CURSORS.delete(txn, name)


def prune(txn: WriteTxn, limit: int = PRUNE_MAX, *, kept_max: int = KEPT_MAX) -> int:
    """Remove entries that every consumer is done with, oldest first; return how many.

    Entries further than `kept_max` behind the last one go too: a consumer that has not come so far
    finds a gap behind its cursor and has to start from the whole. Without any consumer nothing is
    removed: the first one still has it all to do.
    """
    cursors = [seq for _, seq in CURSORS.scan(txn)]
    if not cursors:
        return 0
    done = max(min(cursors), last(txn) - kept_max)
    old = list(OUTBOX.keys(txn, None, done + 1, limit=limit))
    for seq in old:
        OUTBOX.delete(txn, seq)
    return len(old)
