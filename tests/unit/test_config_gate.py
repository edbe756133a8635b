"""Jobs' changes of the configuration while a program beside the daemon has it locked."""

from collections.abc import Callable
from typing import Any

import pytest

from masterd.errors import ConfigurationError
from masterd.limits_beside import CONFIG_LOCKED_LOOK_S, CONFIG_LOCKED_WAIT_S
from masterd.testing.clock import ManualClock
from masterd.wconf.gate import GatedConfig


class Config:
    """Counts changes."""

    def __init__(self) -> None:
        self.changed = 0

    def snapshot(self) -> Any:
        return None

    def update(self, change: Callable[[Any], Any], record: Any = None) -> Any:
        self.changed += 1
        return change(None)

    def settle(self) -> None:
        pass


def test_a_change_waits_until_the_lock_is_given_back() -> None:
    clock, config = ManualClock(), Config()
    holders: list[str | None] = ["main (process 4)", "main (process 4)", None]
    slept: list[float] = []
    gated = GatedConfig(config, lambda: holders.pop(0), clock, slept.append)
    assert gated.update(lambda _draft: "done") == "done"
    assert slept == [CONFIG_LOCKED_LOOK_S] * 2
    assert config.changed == 1
    assert gated.under_way == 0


def test_a_change_under_way_is_counted() -> None:
    gated = GatedConfig(Config(), lambda: None, ManualClock(), lambda _s: None)
    assert gated.update(lambda _draft: gated.under_way) == 1


def test_a_change_is_refused_when_the_lock_is_kept_too_long() -> None:
    clock, config = ManualClock(), Config()
    gated = GatedConfig(
        config, lambda: "main (process 4)", clock, lambda _s: clock.advance(CONFIG_LOCKED_WAIT_S)
    )
    with pytest.raises(ConfigurationError, match=r"locked by main \(process 4\) for more than"):
        gated.update(lambda _draft: None)
    assert config.changed == 0
