"""Nothing is lost and nothing given away twice in random lives of instances.

By hand for longer, in seconds: `GANETI_MASTERD_TEST_LIVES=600`.
A seed that was told does the same again: `GANETI_MASTERD_TEST_SEED=7`.
"""

import os
import random
import time
from typing import Final

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Tell
from tests.property.lives import Lives, walk
from tests.property.lives_plants import PLANTS, Plant

#: Seconds in which lives are lived, in each of two ways, and lives between two looks at the clock.
SECONDS: Final = float(os.environ.get("GANETI_MASTERD_TEST_LIVES", "8"))
ROUND: Final = 10
STEPS: Final = 30
#: Lives within which each planted fault must be found.
PLANT_LIVES: Final = 400


@pytest.fixture
def seed() -> int:
    """The first seed; those of further lives follow it."""
    given = os.environ.get("GANETI_MASTERD_TEST_SEED")
    return int(given) if given else random.SystemRandom().randrange(2**32)


def live(seed: int, lives: int) -> None:
    """Live some lives that Hypothesis chooses; the same seed lives the same ones."""

    class Seeded(Lives):
        """Has a seed of its own."""

    limits = settings(
        max_examples=lives, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(hypothesis.seed(seed)(Seeded), settings=limits)


def test_all_is_accounted_for_in_lives_that_are_chosen(seed: int, tell: Tell) -> None:
    until_s, rounds = time.monotonic() + SECONDS, 0
    while rounds == 0 or time.monotonic() < until_s:
        print(f"seed {seed + rounds}")
        live(seed + rounds, ROUND)
        rounds += 1
    assert rounds > 0
    tell(f"lives of instances that were chosen: {rounds * ROUND} of {STEPS} steps, seed {seed}")


def test_all_is_accounted_for_in_lives_that_are_walked(seed: int, tell: Tell) -> None:
    until_s, lives = time.monotonic() + SECONDS, 0
    while lives == 0 or time.monotonic() < until_s:
        walk(seed + lives, STEPS)
        lives += 1
    assert lives > 0
    tell(f"lives of instances that were walked: {lives} of {STEPS} steps, seed {seed}")


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(PLANT_LIVES):
            walk(seed, STEPS)
