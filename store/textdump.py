"""A store as text, for reading: one JSON object per line. It cannot be brought back.

The first line is the header, every other a row: `{"table": ..., "key": ..., "value": ...}`. JSON
that the store keeps as bytes stands in the value as what it means, other bytes as `{"hex": ...}`.
"""

import json
from dataclasses import asdict
from typing import Any, TextIO

from store.dump import header, rows
from store.txn import ReadTxn


def textdump(
    txn: ReadTxn, stream: TextIO, *, software: str, created_us: int, with_secrets: bool = False
) -> int:
    """Write all rows that a dump would have; return how many.

    Raises:
        StoreDamaged: a row cannot be decoded.
        OSError: the stream cannot be written.
    """
    _write(stream, asdict(header(txn, software, created_us, with_secrets)))
    count = 0
    for table, key, value in rows(txn, with_secrets=with_secrets):
        _write(stream, {"table": table.name, "key": key, "value": value})
        count += 1
    return count


def _write(stream: TextIO, line: dict[str, Any]) -> None:
    stream.write(json.dumps(line, ensure_ascii=False, default=_readable) + "\n")


def _readable(value: object) -> object:
    if not isinstance(value, bytes):
        return repr(value)
    try:
        found: object = json.loads(value)
    except ValueError:
        return {"hex": value.hex()}
    return found
