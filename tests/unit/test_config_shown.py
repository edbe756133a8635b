"""A change is waited for where others see it, by its own number."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.wconf.repository import Record
from masterd.wconf.shown import ShownConfig
from tests.broken_configs import sound

R = TypeVar("R")


class Config:
    """Changes that make configurations 11, 12, ... or none."""

    def __init__(self, newest: ConfigSnapshot) -> None:
        self.serial_no = 10
        self._newest = newest

    def snapshot(self) -> ConfigSnapshot:
        return self._newest

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        result = change(None)  # type: ignore[arg-type]  # nothing looks into the draft
        if result and record is not None:
            self.serial_no += 1
            record.told(record.put(None, self.serial_no))  # type: ignore[arg-type]  # no store
        return result


class Notes:
    """A job's record."""

    def __init__(self) -> None:
        self.told_of: list[object] = []

    def put(self, _txn: object, serial_no: int) -> str:
        return f"put {serial_no}"

    def told(self, put: str) -> None:
        self.told_of.append(put)


@pytest.fixture
def config() -> ConfigSnapshot:
    return document.split(sound())


def test_each_change_is_waited_for_by_its_own_number(config: ConfigSnapshot) -> None:
    waited: list[tuple[int, float]] = []

    def follows(serial_no: int, timeout_s: float) -> bool:
        waited.append((serial_no, timeout_s))
        return serial_no != 12

    shown = ShownConfig(Config(config), {"copy": follows}, 3.0)
    notes = Notes()
    assert shown.update(lambda _: "changed", notes) == "changed"
    assert shown.update(lambda _: "again") == "again"
    assert waited == [(11, 3.0), (12, 3.0)]
    assert notes.told_of == ["put 11"]


def test_what_changes_nothing_waits_for_what_was_there(config: ConfigSnapshot) -> None:
    waited: list[int] = []

    def follows(serial_no: int, _timeout_s: float) -> bool:
        waited.append(serial_no)
        return True

    notes = Notes()
    assert ShownConfig(Config(config), {"copy": follows}, 3.0).update(lambda _: "", notes) == ""
    assert waited == [config.serial_no]
    assert notes.told_of == []


def test_who_settles_waits_for_copies_too_that_no_change_waits_for(config: ConfigSnapshot) -> None:
    waited: list[str] = []

    def follows(name: str) -> Callable[[int, float], bool]:
        def follow(serial_no: int, _timeout_s: float) -> bool:
            assert serial_no in (11, config.serial_no)
            waited.append(name)
            return True

        return follow

    shown = ShownConfig(
        Config(config), {"file": follows("file")}, 3.0, later={"simple": follows("simple")}
    )
    shown.update(lambda _: "changed")
    assert waited == ["file"]
    shown.settle()
    assert waited == ["file", "file", "simple"]
