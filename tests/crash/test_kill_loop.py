"""The daemon is killed again and again under load and loses nothing it told."""

import random

import pytest

from tests.conftest import Tell
from tests.crash import kill_loop


def draw_seed() -> int:
    """Return a new seed, which a failure shows."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return seed


def test_nothing_told_is_lost_in_200_kills(tell: Tell) -> None:
    summary = kill_loop.run(kills=200, minutes=None, seed=draw_seed())
    tell(summary)
    assert summary.startswith("200 kills")


@pytest.mark.parametrize("cluster", range(4))
def test_nothing_told_is_lost_while_a_cluster_is_new(cluster: int) -> None:
    # Candidates join in the first lives of a cluster, of which a long run has only a few.
    summary = kill_loop.run(kills=3, minutes=None, seed=draw_seed())
    assert summary.startswith("3 kills"), cluster
