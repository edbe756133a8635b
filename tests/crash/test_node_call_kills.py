"""Whatever call to a node the daemon dies at, what is left is told, and can be mended."""

import random
from typing import Final

from tests.conftest import Tell
from tests.crash.killed_work import OPERATIONS
from tests.crash.node_call_kills import run

#: Seconds in which calls are drawn; all of them are played by hand, as the module says.
SECONDS: Final = 70.0


def test_a_kill_at_any_call_leaves_what_is_told_and_can_be_mended(tell: Tell) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    told = run(sorted(OPERATIONS), seconds=SECONDS, chance=random.Random(seed))
    tell(f"{told}, seed {seed}")
