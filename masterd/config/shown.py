"""The configuration as jobs change it: a change is told only when others can see it.

After the commit, the file and the candidates' copies follow; a job goes on when they have, so that
whoever hears of the job's end finds what it did. Where that takes too long, the job goes on
regardless: the change is durable, and its copies follow by themselves.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from masterd.config.repository import Record
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft

R = TypeVar("R")

_log = logging.getLogger(__name__)


class Config(Protocol):
    """The configuration itself; see `masterd.config.repository`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change and return its result once it is durable. Switches."""
        ...


#: Waits until a copy shows a serial number, or so many seconds; tells whether it does. Switches.
Follows = Callable[[int, float], bool]


class ShownConfig:
    """Obeys `masterd.lu.context.Config`."""

    def __init__(self, config: Config, copies: Mapping[str, Follows], timeout_s: float) -> None:
        """Prepare; `copies` says by name of a copy how to wait for it."""
        self._config = config
        self._copies = copies
        self._timeout_s = timeout_s

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        return self._config.snapshot()

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change; return its result once it is durable and its copies show it.

        Switches; arguments and errors as the configuration's own.
        """
        result = self._config.update(change, record)
        serial_no = self._config.snapshot().serial_no
        for name, follows in self._copies.items():
            if not follows(serial_no, self._timeout_s):
                _log.warning("%s does not show configuration %d yet", name, serial_no)
        return result
