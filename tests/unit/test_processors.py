"""Masks of processors, read."""

import pytest

from masterd.errors import OpPrereqError
from masterd.instance import processors


def test_a_mask_needs_processors_for_each_virtual_one() -> None:
    assert processors.needed("0-2,5:all:1") == [6, 0, 2]


@pytest.mark.parametrize(("mask", "needed"), [("all", 0), ("7", 8), ("0-999999999999", 10**12)])
def test_a_mask_needs_processors(mask: str, needed: int) -> None:
    assert processors.needed(mask) == [needed]


def test_no_mask_pins_nothing() -> None:
    assert processors.needed("") == []


@pytest.mark.parametrize("mask", ["0-", "1-2-3", "a"])
def test_what_is_no_mask_is_refused(mask: str) -> None:
    with pytest.raises(OpPrereqError):
        processors.needed(mask)
