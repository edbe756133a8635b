"""The checksum behind every row's value, so that a changed bit never becomes another right value.

LMDB keeps bytes without any checksum. The seal is the CRC-32 of the table's name, the key and the
value, 4 bytes, big end first, behind the value. It finds every change of up to 32 bits in a row,
and a row under another's key or in another table.

Rows of schema versions 1 and 2 have none; a transaction knows whether its store has (`sealed`).
"""

import zlib
from typing import Final

SEAL_BYTES: Final = 4


class BrokenSealError(ValueError):
    """Key, value and seal do not belong together."""


def start(table: str) -> int:
    """Return what the seals of a table begin with."""
    return zlib.crc32(table.encode())


def sealed(begin: int, key: bytes, content: bytes) -> bytes:
    """Return a value with its seal."""
    return content + zlib.crc32(content, zlib.crc32(key, begin)).to_bytes(SEAL_BYTES, "big")


def opened(begin: int, key: bytes, raw: bytes) -> bytes:
    """Return a value without its seal.

    Raises:
        BrokenSealError: the row is not as it was written.
    """
    content = raw[:-SEAL_BYTES]
    checksum = zlib.crc32(content, zlib.crc32(key, begin))
    if len(raw) < SEAL_BYTES or checksum.to_bytes(SEAL_BYTES, "big") != raw[-SEAL_BYTES:]:
        raise BrokenSealError("its checksum is wrong")
    return content
