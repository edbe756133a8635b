"""Which processors of a node an instance may run on. Pure.

Source: Ganeti 3.0.2 lib/utils (ParseMultiCpuMask); constants CPU_PINNING_ALL.
"""

from collections.abc import Sequence
from typing import Final

from masterd.errors import ECode, OpPrereqError

_ALL: Final = "all"


def pinned(mask: str) -> list[frozenset[int]]:
    """Return the processors of a mask, "0-2,5:all", for each virtual one; no numbers are all.

    A mask with one part only is that of every virtual processor.

    Raises:
        OpPrereqError: it is no mask.
    """
    return [frozenset(_part(part)) for part in mask.split(":")] if mask else []


def needed(parts: Sequence[frozenset[int]]) -> int:
    """Return how many processors a node must have for these."""
    return max(max(part, default=-1) for part in parts) + 1


def _part(part: str) -> list[int]:
    if part in (_ALL, ""):
        return []
    found: list[int] = []
    for each in part.split(","):
        first, dash, last = each.partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            raise OpPrereqError(f"'{part}' is no mask of processors", ECode.INVAL) from None
        found.extend(range(low, high + 1))
    return found
