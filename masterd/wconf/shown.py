"""The configuration as jobs change it: a change is told only when others can see it.

After the commit, the file and the candidates' copies follow; a job goes on when they have, so that
whoever hears of the job's end finds what it did. Where that takes too long, the job goes on
regardless: the change is durable, and its copies follow by themselves.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.wconf.repository import Record

R = TypeVar("R")

_log = logging.getLogger(__name__)


class Config(Protocol):
    """The configuration itself; see `masterd.wconf.repository`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change and return its result once it is durable. Switches."""
        ...


#: Waits until a copy shows a serial number, or so many seconds; tells whether it does. Switches.
Follows = Callable[[int, float], bool]


class ShownConfig:
    """Obeys `masterd.work.context.Config`."""

    def __init__(
        self,
        config: Config,
        copies: Mapping[str, Follows],
        timeout_s: float,
        later: Mapping[str, Follows] | None = None,
    ) -> None:
        """Prepare.

        Args:
            copies: how to wait for each copy that a change is told after, by its name.
            timeout_s: how long to wait for each.
            later: likewise the other copies, for which no change waits.
        """
        self._config = config
        self._copies = copies
        self._later = later or {}
        self._timeout_s = timeout_s

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        return self._config.snapshot()

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change; return its result once it is durable and its copies show it.

        Where nothing was changed, what was there already must be shown. Switches; arguments and
        errors as the configuration's own.
        """
        made = _Made(record)
        result = self._config.update(change, made)
        serial_no = made.serial_no
        if serial_no is None:
            # Another job's change may have made this one needless, and not be shown yet.
            serial_no = self._config.snapshot().serial_no
        self._wait(self._copies, serial_no)
        return result

    def settle(self) -> None:
        """Wait until all copies that are taken show the newest configuration. Switches."""
        self._wait({**self._copies, **self._later}, self._config.snapshot().serial_no)

    def _wait(self, copies: Mapping[str, Follows], serial_no: int) -> None:
        for name, follows in copies.items():
            if not follows(serial_no, self._timeout_s):
                _log.warning("%s does not show configuration %d yet", name, serial_no)


class _Made:
    """Obeys `Record`; learns which configuration a change made, besides another record."""

    def __init__(self, record: Record[Any] | None) -> None:
        self._record = record
        #: Serial number of the configuration that was made; None while there is none.
        self.serial_no: int | None = None

    def put(self, txn: Any, serial_no: int) -> tuple[int, object]:
        return serial_no, None if self._record is None else self._record.put(txn, serial_no)

    def told(self, put: tuple[int, object]) -> None:
        self.serial_no, inner = put
        if self._record is not None:
            self._record.told(inner)
