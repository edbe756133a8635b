"""Which nodes have seen a newer state, by numbers and by digests of files."""

import hashlib

import pytest

from exporter.layout import number_content
from masterd.freshness import Numbers, Seen, above, accepted, newer, number_of, refusal

OWN = Numbers(config=50, job=100, epoch=3)


def digest(number: int) -> str:
    return hashlib.sha1(number_content(number), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 150, 1099])
def test_a_number_is_found_by_its_digest(number: int) -> None:
    assert number_of(digest(number), near=100, tried=1000) == number


@pytest.mark.parametrize("number", [1100, 5000])
def test_a_number_far_away_is_not_searched_for(number: int) -> None:
    assert number_of(digest(number), near=100, tried=1000) is None


def test_what_is_no_number_is_none() -> None:
    other = hashlib.sha1(b"100", usedforsecurity=False).hexdigest()
    assert number_of(other, near=100, tried=1000) is None


@pytest.mark.parametrize(
    ("seen", "is_newer"),
    [
        (Seen(node="n"), False),
        (Seen(node="n", config=50, job=100, epoch=3), False),
        (Seen(node="n", config=49, job=1, epoch=0), False),
        (Seen(node="n", config=51), True),
        (Seen(node="n", job=101, config=1), True),
        (Seen(node="n", epoch=4), True),
    ],
)
def test_one_higher_number_makes_a_state_newer(seen: Seen, is_newer: bool) -> None:
    assert newer(OWN, [seen]) == ([seen] if is_newer else [])


def test_of_several_nodes_the_highest_numbers_count() -> None:
    seen = [Seen(node="n1", config=60, job=99), Seen(node="n2", job=120, epoch=5)]
    assert above(OWN, seen) == Numbers(config=60, job=120, epoch=5)
    assert above(OWN, []) == OWN


def test_a_refusal_names_nodes_numbers_and_what_would_be_lost() -> None:
    told = refusal(OWN, [Seen(node="n1", config=51), Seen(node="n2", job=120, epoch=5)], "ways on:")
    assert "n1: serial number of the configuration 51 (here 50)" in told
    assert "n2: last job 120 (here 100), epoch 5 (here 3)" in told
    assert told.splitlines()[-1] == (
        "  --accept-stale-state: what is lost: changes 51 of the configuration and jobs 101 to 120"
    )


def test_a_master_that_only_started_loses_nothing_that_a_number_tells() -> None:
    told = accepted(OWN, [Seen(node="n1", epoch=4)])
    assert "another master has started since" in told
    assert "what is lost" not in told
