"""Names in the order people expect."""

import re
from functools import lru_cache
from typing import Final

_CHUNKS: Final = re.compile(r"(\d+)")


#: Names whose keys are remembered: those of a large cluster, which are sorted again and again.
_REMEMBERED: Final = 20_000


@lru_cache(maxsize=_REMEMBERED)
def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which runs of digits count as numbers: disk2 before disk10."""
    return tuple(
        (0, int(chunk), "") if chunk.isdecimal() else (1, 0, chunk)
        for chunk in _CHUNKS.split(text)
        if chunk
    )
