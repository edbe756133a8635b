"""The daemon is killed again and again under load and loses nothing it told."""

import random
from typing import Final

import pytest

from tests.conftest import Tell
from tests.crash import kill_loop

KILLS: Final = 200
#: Where it stops on all but the quickest machines, so that all tests together stay short; it has
#: still killed often enough to say something.
MINUTES: Final = 2.0
KILLS_MIN: Final = 5


def draw_seed() -> int:
    """Return a new seed, which a failure shows."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return seed


def test_nothing_told_is_lost_in_200_kills_or_as_many_as_its_minutes_allow(tell: Tell) -> None:
    outcome = kill_loop.run(kills=KILLS, minutes=MINUTES, seed=draw_seed())
    tell(str(outcome))
    assert KILLS_MIN <= outcome.kills <= KILLS


def test_the_loop_ends_by_its_time_however_few_the_kills_were() -> None:
    assert kill_loop.run(kills=KILLS, minutes=0.0, seed=draw_seed()).kills == 0


@pytest.mark.parametrize("cluster", range(4))
def test_nothing_told_is_lost_while_a_cluster_is_new(cluster: int) -> None:
    # Candidates join in the first lives of a cluster, of which a long run has only a few.
    outcome = kill_loop.run(kills=3, minutes=None, seed=draw_seed())
    assert outcome.kills == 3, cluster
