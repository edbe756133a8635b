"""Typed tables over the rows of a transaction.

A table is a declaration and holds no state: `schema` lists them all, and every method is given the
transaction to work in. Rows read are copies; a caller may keep them after the transaction has
ended.
"""

import itertools
from collections.abc import Iterator
from typing import Generic, TypeVar

from store import seal
from store.codec import (
    COMPRESSED_MSGPACK,
    EMPTY,
    KEY_BYTES_MAX,
    MSGPACK,
    TEXT,
    U64,
    UINT,
    KeyCodec,
    ValueCodec,
    pair,
)
from store.errors import StoreDamaged
from store.txn import ReadTxn, WriteTxn

K = TypeVar("K")
V = TypeVar("V")

__all__ = ["COMPRESSED_MSGPACK", "EMPTY", "MSGPACK", "TEXT", "U64", "UINT", "Table", "pair"]


class Table(Generic[K, V]):
    """A sorted map from `K` to `V`."""

    __slots__ = ("_seal", "key", "name", "value")

    def __init__(self, name: str, *, key: KeyCodec[K], value: ValueCodec[V]) -> None:
        self.name = name
        self.key = key
        self.value = value
        self._seal = seal.start(name)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, key={self.key.name}, value={self.value.name})"

    def get(self, txn: ReadTxn, key: K) -> V | None:
        """Return the value under `key`, or None.

        Raises:
            StoreDamaged: the row cannot be decoded.
        """
        raw_key = self.key.encode(key)
        raw = txn.get_raw(self.name, raw_key)
        return None if raw is None else self._value(txn, key, raw_key, raw)

    def has(self, txn: ReadTxn, key: K) -> bool:
        """Return whether there is a row under `key`; its value is not decoded."""
        return txn.get_raw(self.name, self.key.encode(key)) is not None

    def put(self, txn: WriteTxn, key: K, value: V, *, append: bool = False) -> None:
        """Set the value under `key`.

        Args:
            append: keys of this table mostly come in rising order; rows that do lie behind the
                last one are then packed into full pages (half the space). Never wrong to say.

        Raises:
            ValueError: the key is empty or longer than `KEY_BYTES_MAX`, or key or value is not what
                the codec keeps.
        """
        raw_key = self.key.encode(key)
        if not 0 < len(raw_key) <= KEY_BYTES_MAX:
            raise ValueError(f"{self.name}: a key of {len(raw_key)} bytes: {key!r}")
        self.put_encoded(txn, raw_key, self.value.encode(value), append=append)

    def put_encoded(
        self, txn: WriteTxn, raw_key: bytes, content: bytes, *, append: bool = False
    ) -> None:
        """Set a row whose key and value are bytes already, as their codecs make them."""
        raw = seal.sealed(self._seal, raw_key, content) if txn.sealed else content
        txn.put_raw(self.name, raw_key, raw, append)

    def encoded(self, txn: ReadTxn, raw_key: bytes, raw: bytes) -> bytes:
        """Return the value's bytes, as its codec made them, from those of the row.

        Raises:
            ValueError: the row is not as it was written.
        """
        if not txn.sealed and not self.value.vouches:
            return raw
        try:
            return seal.opened(self._seal, raw_key, raw)
        except seal.BrokenSealError:
            if not self.value.vouches:
                raise
        return raw

    def decode(self, txn: ReadTxn, raw_key: bytes, raw: bytes) -> V:
        """Return the value of a row.

        Raises:
            ValueError, TypeError: the row is not as it was written.
        """
        return self.value.decode(self.encoded(txn, raw_key, raw))

    def delete(self, txn: WriteTxn, key: K) -> bool:
        """Remove `key`; return whether it was there."""
        return txn.delete_raw(self.name, self.key.encode(key))

    def scan(
        self,
        txn: ReadTxn,
        start: K | None = None,
        stop: K | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
        damaged: list[StoreDamaged] | None = None,
    ) -> Iterator[tuple[K, V]]:
        """Yield the rows with `start <= key < stop` in key order (or against it), as they are now.

        What the same body writes while it iterates is not seen by this scan.

        Args:
            damaged: takes what is wrong with rows that cannot be read, which are passed over.

        Raises:
            StoreDamaged: a row cannot be read, and nobody takes that.
        """
        decode_key = self._key
        decode_value = self._value
        for raw_key, raw in self._raw(txn, start, stop, reverse, limit):
            try:
                key = decode_key(raw_key)
                row = key, decode_value(txn, key, raw_key, raw)
            except StoreDamaged as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            yield row

    def keys(
        self,
        txn: ReadTxn,
        start: K | None = None,
        stop: K | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[K]:
        """Yield the keys that `scan` would; values are not decoded.

        Raises:
            StoreDamaged: a row is not as it was written.
        """
        for raw_key, raw in self._raw(txn, start, stop, reverse, limit):
            key = self._key(raw_key)
            try:
                self.encoded(txn, raw_key, raw)
            except ValueError as error:
                raise self._unreadable(key, error) from error
            yield key

    def count(self, txn: ReadTxn) -> int:
        """Return the number of rows; costs nothing in a snapshot."""
        return txn.count_raw(self.name)

    def last(self, txn: ReadTxn) -> tuple[K, V] | None:
        """Return the row with the greatest key."""
        return next(self.scan(txn, reverse=True, limit=1), None)

    def clear(self, txn: WriteTxn) -> None:
        """Remove every row; meant for small tables (each key is held in memory)."""
        for raw_key, _ in list(txn.items_raw(self.name, None, None, False)):
            txn.delete_raw(self.name, raw_key)

    def _raw(
        self, txn: ReadTxn, start: K | None, stop: K | None, reverse: bool, limit: int | None
    ) -> Iterator[tuple[bytes, bytes]]:
        rows = txn.items_raw(
            self.name,
            None if start is None else self.key.encode(start),
            None if stop is None else self.key.encode(stop),
            reverse,
        )
        return rows if limit is None else itertools.islice(rows, limit)

    def _key(self, raw: bytes) -> K:
        try:
            return self.key.decode(raw)
        except ValueError as error:
            raise StoreDamaged(f"{self.name}: unreadable key {raw.hex()}: {error}") from error

    def _value(self, txn: ReadTxn, key: K, raw_key: bytes, raw: bytes) -> V:
        try:
            return self.decode(txn, raw_key, raw)
        except (ValueError, TypeError) as error:
            raise self._unreadable(key, error) from error

    def _unreadable(self, key: K, error: Exception) -> StoreDamaged:
        return StoreDamaged(f"{self.name}: unreadable row {key!r}: {error}")
