"""The daemon is killed 200 times under load and loses nothing it told."""

import random

from tests.conftest import Tell
from tests.crash import kill_loop


def test_nothing_told_is_lost_in_200_kills(tell: Tell) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    summary = kill_loop.run(kills=200, minutes=None, seed=seed)
    tell(summary)
    assert summary.startswith("200 kills")
