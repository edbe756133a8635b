"""Masks of processors, read."""

import pytest

from masterd.errors import OpPrereqError
from masterd.instance import processors


def test_a_mask_names_processors_for_each_virtual_one() -> None:
    pinned = processors.pinned("0-2,5:all:1")
    assert pinned == [{0, 1, 2, 5}, frozenset(), {1}]
    assert processors.needed(pinned) == 6


@pytest.mark.parametrize(("mask", "needed"), [("all", 0), ("7", 8)])
def test_a_mask_needs_processors(mask: str, needed: int) -> None:
    assert processors.needed(processors.pinned(mask)) == needed


def test_no_mask_pins_nothing() -> None:
    assert processors.pinned("") == []


@pytest.mark.parametrize("mask", ["0-", "1-2-3", "a"])
def test_what_is_no_mask_is_refused(mask: str) -> None:
    with pytest.raises(OpPrereqError):
        processors.pinned(mask)
