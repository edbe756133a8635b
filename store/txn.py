"""Transactions: thin wrappers round LMDB's, with the tables' handles.

`ReadTxn` is one consistent state of the store. `WriteTxn` is what a body receives: it sees the
state as the bodies before it in the same commit left it, and its changes are collected in overlays
until `flush`. Both are used on the thread that began them, and never across a greenlet switch.
"""

from collections.abc import Collection, Iterator, Mapping

import lmdb

from store.codec import KEY_BYTES_MAX
from store.errors import damaged
from store.overlay import MISSING, Missing, Overlay, merged

#: LMDB's handles of the tables, by name.
Handles = Mapping[str, lmdb._Database]


class ReadTxn:
    """One consistent state of all tables. Methods ending in `_raw` serve `table.Table`."""

    __slots__ = ("_handles", "_raw", "sealed")

    def __init__(self, raw: "lmdb.Transaction[bytes]", handles: Handles, *, sealed: bool) -> None:
        self._raw = raw
        self._handles = handles
        #: Whether rows have a seal (see `seal`).
        self.sealed = sealed

    def get_raw(self, table: str, key: bytes) -> bytes | None:
        """Return the value under `key`, or None."""
        # LMDB refuses to look for a key it cannot hold; here it is only one that is not there.
        if not 0 < len(key) <= KEY_BYTES_MAX:
            return None
        try:
            return self._raw.get(key, db=self._handles[table])
        except lmdb.Error as error:
            raise damaged(table, key, error) from error

    def items_raw(
        self, table: str, start: bytes | None, stop: bytes | None, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows with `start <= key < stop` in key order, or against it.

        Raises:
            StoreDamaged: LMDB cannot read on.
        """
        if stop == b"":
            return
        last = start
        try:
            for last, value in self._items(table, start, stop, reverse):
                yield last, value
        except lmdb.Error as error:
            raise damaged(table, last, error) from error

    def _items(
        self, table: str, start: bytes | None, stop: bytes | None, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        with self._raw.cursor(self._handles[table]) as cursor:
            if reverse:
                if stop is not None and cursor.set_range(stop):
                    found = cursor.prev()  # LMDB positions at or behind a key; one step back
                else:
                    found = cursor.last()
                for key, value in cursor.iterprev() if found else ():
                    if start is not None and key < start:
                        return
                    yield key, value
            else:
                found = cursor.set_range(start) if start else cursor.first()
                for key, value in cursor.iternext() if found else ():
                    if stop is not None and key >= stop:
                        return
                    yield key, value

    @property
    def tables(self) -> Collection[str]:
        """Return the names of the tables that can be used."""
        return self._handles.keys()

    def count_raw(self, table: str) -> int:
        """Return the number of rows."""
        try:
            return int(self._raw.stat(self._handles[table])["entries"])
        except lmdb.Error as error:
            raise damaged(table, None, error) from error


class WriteTxn(ReadTxn):
    """What a body receives: reads see the changes of this commit, writes go to overlays.

    Only the writer makes one, and only the writer calls the methods behind the line below.
    """

    __slots__ = ("_ended", "_overlays", "_undo")

    def __init__(self, raw: "lmdb.Transaction[bytes]", handles: Handles, *, sealed: bool) -> None:
        super().__init__(raw, handles, sealed=sealed)
        self._ended = False
        self._overlays: dict[str, Overlay] = {}
        self._undo: list[tuple[Overlay, bytes, bytes | Missing | None]] = []

    def get_raw(self, table: str, key: bytes) -> bytes | None:
        overlay = self._overlays.get(table)
        if overlay is not None:
            value = overlay.rows.get(key, MISSING)
            if not isinstance(value, Missing):
                return value
        return super().get_raw(table, key)

    def put_raw(self, table: str, key: bytes, value: bytes, append: bool) -> None:
        """Set a row; `append` as in `Table.put`."""
        overlay = self._overlay(table)
        if append:
            overlay.append = True
        self._undo.append((overlay, key, overlay.set(key, value)))

    def delete_raw(self, table: str, key: bytes) -> bool:
        """Remove a row; return whether it was there."""
        if self.get_raw(table, key) is None:
            return False
        overlay = self._overlay(table)
        self._undo.append((overlay, key, overlay.set(key, None)))
        return True

    def items_raw(
        self, table: str, start: bytes | None, stop: bytes | None, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        # Not a generator itself: the changes are taken when the scan is asked for.
        rows = super().items_raw(table, start, stop, reverse)
        overlay = self._overlays.get(table)
        changes = overlay.between(start, stop) if overlay is not None else []
        return merged(rows, changes, reverse) if changes else rows

    def count_raw(self, table: str) -> int:
        count = super().count_raw(table)
        overlay = self._overlays.get(table)
        if overlay is None:
            return count
        handle, get = self._handles[table], self._raw.get
        return count + overlay.growth(lambda key: get(key, db=handle) is not None)

    def _overlay(self, table: str) -> Overlay:
        overlay = self._overlays.get(table)
        if overlay is None:
            if table not in self._handles:
                raise KeyError(f"the store has no table {table!r}")
            overlay = self._overlays[table] = Overlay()
        return overlay

    # --- the writer's part --------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return any(overlay.rows for overlay in self._overlays.values())

    def begin_body(self) -> None:
        """Start a body; what was changed before stays changed."""
        self._undo.clear()

    def undo_body(self) -> None:
        """Take back what the body has changed since `begin_body`."""
        for overlay, key, before in reversed(self._undo):
            overlay.undo(key, before)
        self._undo.clear()

    def rebind(self, raw: "lmdb.Transaction[bytes]", handles: Handles) -> None:
        """Go on with the same changes in another transaction over the same state."""
        self._raw = raw
        self._handles = handles
        self._ended = False

    def flush(self) -> None:
        """Hand all changes to LMDB; may be done again after `rebind`.

        Raises:
            lmdb.Error: as LMDB reports it; the transaction has to be aborted.
        """
        for table, overlay in self._overlays.items():
            handle = self._handles[table]
            puts: list[tuple[bytes, bytes]] = []
            for key, value in sorted(overlay.rows.items()):
                if value is None:
                    self._raw.delete(key, db=handle)
                else:
                    puts.append((key, value))
            if not puts:
                continue
            with self._raw.cursor(handle) as cursor:
                append = overlay.append and (not cursor.last() or cursor.key() < puts[0][0])
                cursor.putmulti(puts, append=append)

    def commit(self) -> None:
        """Make what was flushed durable and end the transaction.

        Raises:
            lmdb.Error: nothing was committed, or (a damaged disk) it is not known.
        """
        self._raw.commit()
        self._ended = True

    def abort(self) -> None:
        """End the transaction without its changes; does nothing behind a commit."""
        if not self._ended:
            self._raw.abort()
            self._ended = True
