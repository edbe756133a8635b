"""Named places where tests make the process die, fail or dawdle.

Off unless the environment variable names one when the process starts; then a hit costs one look-up
in an empty dictionary. The form is a comma-separated list of `name=action`, where an action is

* `kill[:n]`: the process dies at the n-th hit (default the first), as by `kill -9`;
* `error:NAME[:first[-last]]`: `OSError` with that errno (such as ENOSPC), at every hit unless
  one hit or a range of hits is named;
* `delay:ms`: the thread (not the greenlet) stands still that long at every hit.
"""

import errno
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gevent import monkey

#: Where the list is read from.
VARIABLE: Final = "GANETI_MASTERD_FAILPOINTS"

_native_sleep = monkey.get_original("time", "sleep")


@dataclass(slots=True)
class _Failpoint:
    action: str
    first: int = 1
    last: int | None = None
    error: int = 0
    delay_ms: float = 0.0
    hits: int = field(default=0)


_active: dict[str, _Failpoint] = {}


def hit(name: str) -> None:
    """Pass a failpoint.

    Raises:
        OSError: the failpoint is set to fail.
    """
    if name in _active:
        _carry_out(name, _active[name])


def configure(text: str) -> None:
    """Replace the failpoints that are on; an empty text turns all off.

    Raises:
        ValueError: the text is not in the form above.
    """
    parsed = dict(_parse(item) for item in text.split(",") if item.strip())
    _active.clear()
    _active.update(parsed)


def clear() -> None:
    """Turn all failpoints off."""
    _active.clear()


def hits() -> Mapping[str, int]:
    """Return how often each active failpoint was passed."""
    return {name: point.hits for name, point in _active.items()}


def _carry_out(name: str, point: _Failpoint) -> None:
    point.hits += 1
    if point.hits < point.first or (point.last is not None and point.hits > point.last):
        return
    if point.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif point.action == "error":
        raise OSError(point.error, f"failpoint {name}: {os.strerror(point.error)}")
    else:
        _native_sleep(point.delay_ms / 1000)


def _parse(item: str) -> tuple[str, _Failpoint]:
    name, _, text = item.strip().partition("=")
    action, *arguments = text.split(":")
    try:
        if action == "kill" and len(arguments) <= 1:
            first = int(arguments[0]) if arguments else 1
            return name, _Failpoint("kill", first=first, last=first)
        if action == "error" and 1 <= len(arguments) <= 2:
            code = getattr(errno, arguments[0])
            if len(arguments) == 1:
                return name, _Failpoint("error", error=code)
            low, _, high = arguments[1].partition("-")
            return name, _Failpoint("error", first=int(low), last=int(high or low), error=code)
        if action == "delay" and len(arguments) == 1:
            return name, _Failpoint("delay", delay_ms=float(arguments[0]))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"failpoint {item!r} is not understood: {error}") from error
    raise ValueError(f"failpoint {item!r} is not understood")


configure(os.environ.get(VARIABLE, ""))
