"""Failpoints do nothing unless they are named, and then what they were told."""

import errno
from collections.abc import Iterator

import pytest

from store import failpoints


@pytest.fixture(autouse=True)
def all_off() -> Iterator[None]:
    failpoints.clear()
    yield
    failpoints.clear()


def failures(name: str, count: int) -> list[int | None]:
    """Return the errno of each of some hits; None where nothing happened."""
    found: list[int | None] = []
    for _ in range(count):
        try:
            failpoints.hit(name)
        except OSError as error:
            found.append(error.errno)
        else:
            found.append(None)
    return found


def test_a_failpoint_that_is_off_does_nothing() -> None:
    assert failures("a", 3) == [None, None, None]
    assert failpoints.hits() == {}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("error:ENOSPC", [errno.ENOSPC] * 4),
        ("error:EIO:2", [None, errno.EIO, None, None]),
        ("error:EIO:2-3", [None, errno.EIO, errno.EIO, None]),
    ],
)
def test_an_error_comes_at_the_hits_that_were_named(
    action: str, expected: list[int | None]
) -> None:
    failpoints.configure(f"other=error:EPERM, a={action}")
    assert failures("a", 4) == expected
    assert failpoints.hits() == {"other": 0, "a": 4}


def test_a_delay_only_takes_time() -> None:
    failpoints.configure("a=delay:0.1")
    assert failures("a", 1) == [None]


def test_an_empty_text_turns_all_off() -> None:
    failpoints.configure("a=error:EIO")
    failpoints.configure(" , ")
    assert failures("a", 1) == [None]


@pytest.mark.parametrize(
    "text",
    ["a", "a=", "a=explode", "a=error", "a=error:ENOTHING", "a=error:EIO:x", "a=kill:1:2",
     "a=delay", "a=delay:soon"],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_changes_nothing(text: str) -> None:
    failpoints.configure("a=error:EIO")
    with pytest.raises(ValueError, match="is not understood"):
        failpoints.configure(text)
    assert failures("a", 1) == [errno.EIO]
