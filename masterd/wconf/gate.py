"""The configuration while a program beside the daemon has it locked: jobs' changes wait.

A program that locks the configuration reads it, and writes it back as a whole. A change of a job in
between would be undone by that; so it waits until the lock is given back, and the lock is not given
while such a change is on its way.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from masterd.clock import Clock
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ConfigurationError
from masterd.limits_beside import CONFIG_LOCKED_LOOK_S, CONFIG_LOCKED_WAIT_S
from masterd.wconf.repository import Record

R = TypeVar("R")


class Config(Protocol):
    """The configuration as jobs change it; see `masterd.wconf.shown`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change and return its result once it is durable. Switches."""
        ...

    def settle(self) -> None:
        """Wait until all copies show the newest configuration. Switches."""
        ...


class GatedConfig:
    """Obeys `masterd.work.context.Config`, and that of `filter_rules`."""

    def __init__(
        self,
        config: Config,
        locked_by: Callable[[], str | None],
        clock: Clock,
        sleep: Callable[[float], object],
    ) -> None:
        """Prepare.

        Args:
            locked_by: tells who has the configuration locked, in words, if anybody has.
            sleep: waits so many seconds. Switches.
        """
        self._config = config
        self._locked_by = locked_by
        self._clock = clock
        self._sleep = sleep
        #: Changes that are being carried out.
        self.under_way = 0

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        return self._config.snapshot()

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change, once nobody has the configuration locked. Switches.

        Raises:
            ConfigurationError: it stays locked for too long; and what the configuration raises.
        """
        self._wait()
        self.under_way += 1
        try:
            return self._config.update(change, record)
        finally:
            self.under_way -= 1

    def settle(self) -> None:
        """Wait until all copies show the newest configuration. Switches."""
        self._config.settle()

    def _wait(self) -> None:
        until_s = self._clock.monotonic_s() + CONFIG_LOCKED_WAIT_S
        while (holder := self._locked_by()) is not None:
            if self._clock.monotonic_s() >= until_s:
                raise ConfigurationError(
                    f"The configuration has been locked by {holder} for more than"
                    f" {CONFIG_LOCKED_WAIT_S:g} seconds"
                )
            self._sleep(CONFIG_LOCKED_LOOK_S)
