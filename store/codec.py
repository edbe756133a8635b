"""How keys and values become bytes.

Keys keep their order as bytes, so that a range of keys is a range of rows. Decoding what the codec
did not write raises ValueError (or a subclass); `table` turns that into `StoreDamaged`.
"""

import struct
import zlib
from typing import Any, Final, Generic, Protocol, TypeVar

import msgpack

A = TypeVar("A")
B = TypeVar("B")
K = TypeVar("K")
V = TypeVar("V")

#: Longest key in bytes; LMDB's own limit.
KEY_BYTES_MAX: Final = 511

#: Largest number that a key or a value of eight bytes holds.
U64_MAX: Final = 2**64 - 1
_U64: Final = struct.Struct(">Q")
#: A NUL inside a text is escaped, so that the terminator sorts before every longer text.
_NUL: Final = b"\x00"
_NUL_ESCAPED: Final = b"\x00\xff"
_TERMINATOR: Final = b"\x00\x00"


class KeyCodec(Protocol[K]):
    """Order-preserving: `a < b` exactly when `encode(a) < encode(b)`."""

    name: str

    def encode(self, key: K) -> bytes: ...

    def decode(self, raw: bytes) -> K: ...


class PrefixCodec(KeyCodec[K], Protocol[K]):
    """A key codec whose bytes tell where they end, so that another key can follow."""

    def encode_prefix(self, key: K) -> bytes: ...

    def split(self, raw: bytes) -> tuple[K, bytes]:
        """Return the key at the front and the bytes behind it."""
        ...


class ValueCodec(Protocol[V]):
    """What a table keeps under a key.

    `vouches`: a value has a checksum of its own and tells where it ends, so that one without a seal
    is as good as one with it; a migration leaves such rows alone.
    """

    name: str
    vouches: bool

    def encode(self, value: V) -> bytes: ...

    def decode(self, raw: bytes) -> V: ...


class U64Key:
    """Whole number from 0 to 2**64-1 as 8 bytes, big end first."""

    name = "u64"

    def encode(self, key: int) -> bytes:
        try:
            return _U64.pack(key)
        except struct.error as error:
            raise ValueError(f"not a key from 0 to {U64_MAX}: {key!r}") from error

    def decode(self, raw: bytes) -> int:
        if len(raw) != 8:
            raise ValueError(f"a number's key has 8 bytes, this one {len(raw)}")
        return int.from_bytes(raw, "big")

    encode_prefix = encode

    def split(self, raw: bytes) -> tuple[int, bytes]:
        return self.decode(raw[:8]), raw[8:]


class TextKey:
    """Text as UTF-8, whose byte order is the order of code points. Alone it must not be empty."""

    name = "text"

    def encode(self, key: str) -> bytes:
        return key.encode()

    def decode(self, raw: bytes) -> str:
        return raw.decode()

    def encode_prefix(self, key: str) -> bytes:
        return key.encode().replace(_NUL, _NUL_ESCAPED) + _TERMINATOR

    def split(self, raw: bytes) -> tuple[str, bytes]:
        end = raw.find(_TERMINATOR)
        if end < 0:
            raise ValueError("the text at the front of the key has no end")
        return raw[:end].replace(_NUL_ESCAPED, _NUL).decode(), raw[end + 2 :]


class PairKey(Generic[A, B]):
    """Two keys one behind the other, ordered by the first, then by the second."""

    def __init__(self, first: PrefixCodec[A], second: KeyCodec[B]) -> None:
        self.first = first
        self.second = second
        self.name = f"pair({first.name},{second.name})"

    def encode(self, key: tuple[A, B]) -> bytes:
        return self.first.encode_prefix(key[0]) + self.second.encode(key[1])

    def decode(self, raw: bytes) -> tuple[A, B]:
        first, rest = self.first.split(raw)
        return first, self.second.decode(rest)


class MsgpackValue:
    """Any document of None, bool, int of 64 bits, float, str, bytes, list and dict."""

    name = "msgpack"
    vouches = False

    def encode(self, value: Any) -> bytes:
        packed: bytes = msgpack.packb(value)
        return packed

    def decode(self, raw: bytes) -> Any:
        return msgpack.unpackb(raw, strict_map_key=False)


class CompressedMsgpackValue:
    """The same documents, deflated: for rows written once and rarely read."""

    name = "zlib+msgpack"
    vouches = True

    def encode(self, value: Any) -> bytes:
        # Level 1 costs a third of the default's time and gives away a tenth of its saving.
        return zlib.compress(msgpack.packb(value), 1)

    def decode(self, raw: bytes) -> Any:
        stream = zlib.decompressobj()
        try:
            content = stream.decompress(raw)
        except zlib.error as error:
            raise ValueError(f"not a compressed document: {error}") from error
        if not stream.eof or stream.unused_data:
            raise ValueError("not one whole compressed document")
        return msgpack.unpackb(content, strict_map_key=False)


class UintValue:
    """Whole number from 0 to 2**64-1 as 8 bytes, big end first."""

    name = "u64"
    vouches = False

    def encode(self, value: int) -> bytes:
        return U64.encode(value)

    def decode(self, raw: bytes) -> int:
        return U64.decode(raw)


class EmptyValue:
    """Nothing: the key says it all."""

    name = "empty"
    vouches = False

    def encode(self, value: None) -> bytes:
        return b""

    def decode(self, raw: bytes) -> None:
        if raw:
            raise ValueError(f"{len(raw)} bytes where nothing belongs")


def pair(first: PrefixCodec[A], second: KeyCodec[B]) -> PairKey[A, B]:
    """Return the codec of `(first, second)`; the first is ended safely when it is text."""
    return PairKey(first, second)


U64: Final = U64Key()
TEXT: Final = TextKey()
MSGPACK: Final = MsgpackValue()
COMPRESSED_MSGPACK: Final = CompressedMsgpackValue()
UINT: Final = UintValue()
EMPTY: Final = EmptyValue()
