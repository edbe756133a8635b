"""Times as `gnt-job` shows and reads them. Timestamps are `[seconds, microseconds]`.

Source: Ganeti 3.0.2 lib/cli.py, lib/utils/text.py (forms).
"""

import time
from collections.abc import Sequence
from typing import Final

from masterd.errors import ECode, OpPrereqError

_SUFFIXES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def format_timestamp(value: object) -> str:
    """Return local date and time to the microsecond; "?" for what is no timestamp."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return "?"
    seconds, microseconds = value
    if not isinstance(seconds, int | float):
        return "N/A"
    shown = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{shown}.{microseconds:06d}"


def format_log_time(value: Sequence[int]) -> str:
    """Return a timestamp in the form of C's ctime, as lines of `watch` begin."""
    return time.ctime(value[0] + value[1] / 1_000_000)


def seconds_between(earlier: Sequence[int], later: Sequence[int]) -> float:
    """Return the difference of two timestamps."""
    return later[0] - earlier[0] + (later[1] - earlier[1]) / 1_000_000


def format_elapsed(seconds: float) -> str:
    """Return a duration for a progress line: `0:07`, `12:30`, `2:05:00`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def parse_age(text: str) -> int:
    """Return an age such as `90`, `10m` or `4w` in seconds.

    Raises:
        OpPrereqError: it is none.
    """
    if not text:
        raise OpPrereqError("Empty time specification passed", ECode.INVAL)
    factor = _SUFFIXES.get(text[-1])
    number = text if factor is None else text[:-1]
    if not number:
        raise OpPrereqError("Invalid time specification (only suffix passed)", ECode.INVAL)
    try:
        return int(number) * (factor or 1)
    except ValueError:
        raise OpPrereqError(f"Invalid time specification '{number}'", ECode.INVAL) from None
