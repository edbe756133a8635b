"""From nothing to the end of the story, and nothing left behind."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.boxes.cluster import Cluster
from tests.boxes.installation import build
from tests.boxes.lab import Lab
from tests.boxes.plan import plan
from tests.boxes.takeover import NODES_MIN, STEPS, Played, Takeover


@contextmanager
def prepared(
    nodes: int, say: Callable[[str], None], package: Path | None = None
) -> Iterator[Takeover]:
    """Make boxes and a cluster of them for a story; everything is removed at the end of the block.

    Args:
        nodes: how many.
        say: is told what is done.
        package: the file of our package; without it one is built.

    Raises:
        BoxError: something is not as it must be.
        ValueError: so many nodes make no cluster here.
    """
    if nodes < NODES_MIN:
        raise ValueError(f"the story needs {NODES_MIN} nodes, not {nodes}")
    boxes = plan(nodes)
    # Not in a directory of one user: daemons that are not root's run our commands from it.
    with tempfile.TemporaryDirectory(prefix="ganeti-boxes-", dir="/var/tmp") as directory:
        state = Path(directory)
        state.chmod(0o755)
        packages = state / "packages"
        packages.mkdir()
        if package is None:
            package = build(packages)
        else:
            package = Path(shutil.copy(package, packages))
        with Lab(boxes, state, (packages,)) as lab:
            say(f"{nodes} boxes run, the cluster is being made ...")
            cluster = Cluster(lab)
            cluster.make()
            story = Takeover(cluster, package, say)
            with story.watched():
                yield story


def play(nodes: int, say: Callable[[str], None]) -> Played:
    """Play the whole story; return what it comes to. Raises as `prepared`."""
    with prepared(nodes, say) as story:
        for step in STEPS:
            story.take(step)
        return story.ending()
