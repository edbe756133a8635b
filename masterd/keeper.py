"""Looks every few seconds whether what the daemon has on disk is still there.

Sockets, pid files, log and queue lie in directories where others can remove them, by mistake or
while they tidy up; the daemon would go on unseen, or not go on. Each thing knows how to make itself
again. What cannot be made again is told once, and once more when it is well.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final

import gevent

from masterd.limits import KEEPER_S

_log: Final = logging.getLogger(__name__)

#: Makes a thing again where it is gone; returns what was done, or None. Must not switch for long.
#: What it raises says why it cannot.
Keep = Callable[[], str | None]


class Keeper:
    """Keeps some things; one greenlet."""

    def __init__(self, things: Mapping[str, Keep], *, pause_s: float = KEEPER_S) -> None:
        """Prepare; `things` are looked at in their order."""
        self._things = things
        self._pause_s = pause_s
        self._troubles: dict[str, str] = {}
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End. Switches."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def look(self) -> None:
        """Look at everything once."""
        for name, keep in self._things.items():
            try:
                done = keep()
            except Exception as error:  # noqa: BLE001 (told; one thing must not keep the others)
                if self._troubles.get(name) != str(error):
                    _log.error("Cannot keep the %s: %s", name, error)
                self._troubles[name] = str(error)
                continue
            if self._troubles.pop(name, None) is not None:
                _log.info("Well again: the %s", name)
            if done is not None:
                _log.warning("%s", done)

    def _run(self) -> None:
        while True:
            gevent.sleep(self._pause_s)
            self.look()
