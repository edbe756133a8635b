"""The tour: all that an administrator does to a cluster in its life, with Debian's own commands.

The same acts are played with Debian's daemons as masters and with ours; what differs then in
words, exit codes and times is shown side by side.
"""

from collections.abc import Callable
from typing import Final

from tests.boxes import (
    tour_balance,
    tour_cluster,
    tour_exports,
    tour_guests,
    tour_jobs,
    tour_lives,
    tour_masters,
    tour_nodes,
)
from tests.boxes.act import Chapter, Outcome, perform
from tests.boxes.box import BoxError
from tests.boxes.cluster import Cluster

#: In their order: each begins where the one before has ended.
CHAPTERS: Final[tuple[Chapter, ...]] = (
    *tour_cluster.CHAPTERS,
    *tour_nodes.CHAPTERS,
    *tour_jobs.CHAPTERS,
    *tour_guests.CHAPTERS,
    *tour_lives.CHAPTERS,
    *tour_balance.CHAPTERS,
    *tour_exports.CHAPTERS,
    *tour_masters.CHAPTERS,
)

#: The boxes that the acts name.
NODES: Final = 3


def play(cluster: Cluster, chapter: Chapter, say: Callable[[str], None]) -> list[Outcome]:
    """Play a chapter; return what came of each act.

    Raises:
        BoxError: something is not as it must be; the message says in which chapter.
    """
    say(f"{chapter.name} ...")
    try:
        outcomes = [perform(cluster, act) for act in chapter.acts]
    except BoxError as error:
        raise BoxError(f"{chapter.name}: {error}\n{cluster.last_words()}") from error
    say(f"  {len(outcomes)} acts in {sum(each.took_s for each in outcomes):.0f} s")
    return outcomes
