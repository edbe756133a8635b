"""Names in the order people expect."""

import re
from typing import Final

_CHUNKS: Final = re.compile(r"(\d+)")


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which runs of digits count as numbers: disk2 before disk10."""
    return [
        (0, int(chunk), "") if chunk.isdecimal() else (1, 0, chunk)
        for chunk in _CHUNKS.split(text)
        if chunk
    ]
