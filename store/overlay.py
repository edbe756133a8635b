"""Changes of one table that are not in LMDB yet.

A write transaction collects the changes of all its bodies here and hands them to LMDB in one go
just before the commit. Three things follow: a body that raises is undone by forgetting its changes,
without running its neighbours again; a full map is answered by growing it and writing the same
changes again; and the writer thread gives up the interpreter lock once per table instead of once
per row.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Final

#: More new keys than this are sorted at once instead of inserted one by one.
_INSERT_MAX: Final = 32


class Missing:
    """The type of `MISSING`."""


#: Neither set nor deleted here: ask LMDB.
MISSING: Final = Missing()


class Overlay:
    """Changed rows by key; None marks a deleted one."""

    __slots__ = ("_added", "_fresh", "_order", "_sum", "_uncounted", "append", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes | None] = {}
        #: Some row was put with the hint that keys rise.
        self.append = False
        self._order: list[bytes] = []
        self._fresh: list[bytes] = []
        #: Rows that each key adds to the table (-1, 0 or 1) and their sum, as of the last `growth`.
        self._added: dict[bytes, int] = {}
        self._sum = 0
        self._uncounted: list[bytes] = []

    def set(self, key: bytes, value: bytes | None) -> bytes | Missing | None:
        """Change a row and return what stood there, for `undo`."""
        rows = self.rows
        before = rows.get(key, MISSING)
        if before is MISSING:
            self._fresh.append(key)
        rows[key] = value
        self._uncounted.append(key)
        return before

    def undo(self, key: bytes, before: bytes | Missing | None) -> None:
        """Take back one `set`; the last one first."""
        self._uncounted.append(key)
        if isinstance(before, Missing):
            del self.rows[key]
            self._order = []
            self._fresh = list(self.rows)
        else:
            self.rows[key] = before

    def growth(self, is_below: Callable[[bytes], bool]) -> int:
        """Return by how many rows the table grows; looks only at what changed since the last time.

        Args:
            is_below: tells whether LMDB has a row under a key.
        """
        for key in self._uncounted:
            value = self.rows.get(key, MISSING)
            added = 0 if isinstance(value, Missing) else (value is not None) - is_below(key)
            self._sum += added - self._added.get(key, 0)
            self._added[key] = added
        self._uncounted.clear()
        return self._sum

    def between(self, start: bytes | None, stop: bytes | None) -> list[tuple[bytes, bytes | None]]:
        """Return the changes with `start <= key < stop` in key order, as they are now."""
        order = self._sorted()
        low = 0 if start is None else bisect_left(order, start)
        high = len(order) if stop is None else bisect_left(order, stop)
        rows = self.rows
        return [(key, rows[key]) for key in order[low:high]]

    def _sorted(self) -> list[bytes]:
        if len(self._fresh) > _INSERT_MAX:
            self._order += self._fresh
            self._order.sort()
        else:
            for key in self._fresh:
                insort(self._order, key)
        self._fresh.clear()
        return self._order


def merged(
    below: Iterator[tuple[bytes, bytes]],
    above: list[tuple[bytes, bytes | None]],
    reverse: bool,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield rows of LMDB with the changes laid over them; both in the same key order."""
    changes = iter(reversed(above) if reverse else above)
    change = next(changes, None)
    for key, value in below:
        while change is not None and (change[0] > key if reverse else change[0] < key):
            if change[1] is not None:
                yield change[0], change[1]
            change = next(changes, None)
        if change is not None and change[0] == key:
            if change[1] is not None:
                yield key, change[1]
            change = next(changes, None)
        else:
            yield key, value
    while change is not None:
        if change[1] is not None:
            yield change[0], change[1]
        change = next(changes, None)
