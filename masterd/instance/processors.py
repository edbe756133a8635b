"""Which processors of a node an instance may run on. Pure.

Source: Ganeti 3.0.2 lib/utils (ParseMultiCpuMask); constants CPU_PINNING_ALL.
"""

from typing import Final

from masterd.errors import ECode, OpPrereqError

_ALL: Final = "all"


def needed(mask: str) -> list[int]:
    """Return how many processors a node must have for each virtual one: the highest number and one.

    A mask is like "0-2,5:all"; one with one part only is that of every virtual processor, and an
    empty one or "all" needs none. The numbers are not counted up: nothing bounds them.

    Raises:
        OpPrereqError: it is no mask.
    """
    return [_needed(part) for part in mask.split(":")] if mask else []


def _needed(part: str) -> int:
    if part in (_ALL, ""):
        return 0
    highest = -1
    for each in part.split(","):
        first, dash, last = each.partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            raise OpPrereqError(f"'{part}' is no mask of processors", ECode.INVAL) from None
        if low <= high:
            highest = max(highest, high)
    return highest + 1
