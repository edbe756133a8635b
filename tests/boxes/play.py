"""From nothing to the end of the story, and nothing left behind."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.boxes.cluster import Cluster
from tests.boxes.installation import install
from tests.boxes.lab import Lab
from tests.boxes.plan import plan
from tests.boxes.takeover import STEPS, Played, Takeover


@contextmanager
def prepared(nodes: int, say: Callable[[str], None]) -> Iterator[Takeover]:
    """Make boxes and a cluster of them for a story; everything is removed at the end of the block.

    Raises:
        BoxError: something is not as it must be.
        ValueError: so many nodes make no cluster here.
    """
    boxes = plan(nodes)
    # Not in a directory of one user: daemons that are not root's run our commands from it.
    with tempfile.TemporaryDirectory(prefix="ganeti-boxes-", dir="/var/tmp") as directory:
        state = Path(directory)
        state.chmod(0o755)
        installation = state / "installation"
        commands = install(installation)
        with Lab(boxes, state, (installation,)) as lab:
            say(f"{nodes} boxes run, the cluster is being made ...")
            cluster = Cluster(lab)
            cluster.make()
            story = Takeover(cluster, commands, say)
            with story.watched():
                yield story


def play(nodes: int, say: Callable[[str], None]) -> Played:
    """Play the whole story; return what it comes to. Raises as `prepared`."""
    with prepared(nodes, say) as story:
        for step in STEPS:
            story.take(step)
        return story.ending()
