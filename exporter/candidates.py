"""What master candidates lack, as far as the store knows."""

from dataclasses import dataclass

from exporter.feed import HELD_PREFIX, JOINING_PREFIX
from store import outbox, schema
from store.store import Store


@dataclass(frozen=True, slots=True)
class Candidate:
    """How far a candidate has come.

    Attributes:
        changes: Changes that it does not hold for sure.
        jobs: Jobs of which it is not known whether it has them, because it joins: those in the
            queue, while nothing is known of it, and those in the archive, until that was compared.
    """

    name: str
    changes: int
    jobs: int

    def __str__(self) -> str:
        text = f"candidate {self.name}: {self.changes} changes behind"
        return f"{text}, {self.jobs} jobs not compared yet" if self.jobs else text


def candidates(store: Store) -> list[Candidate]:
    """Return how far the candidates have come, by name.

    Raises:
        StoreError: the store cannot be read.
    """
    with store.snapshot() as txn:
        last = outbox.last(txn)
        live, archived = schema.JOBS.count(txn), schema.ARCHIVE.count(txn)
        places: dict[str, dict[str, int]] = {}
        for cursor, _ in schema.CURSORS.scan(txn):
            for prefix in (HELD_PREFIX, JOINING_PREFIX):
                if cursor.startswith(prefix):
                    place = outbox.get_cursor(txn, cursor)
                    assert place is not None, "read in one snapshot"
                    places.setdefault(cursor.removeprefix(prefix), {})[prefix] = place
    found = []
    for name, known in sorted(places.items()):
        unknown = 0
        if JOINING_PREFIX in known:
            unknown = archived if HELD_PREFIX in known else live + archived
        found.append(Candidate(name, last - max(known.values()), unknown))
    return found
