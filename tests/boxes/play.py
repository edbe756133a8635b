"""From nothing to the end of a story, and nothing left behind."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.boxes import beside, burnin, faults, installation, tour
from tests.boxes.burnin import Burnt
from tests.boxes.cluster import Cluster
from tests.boxes.faults import Faults
from tests.boxes.lab import Lab
from tests.boxes.move import NODES, Move
from tests.boxes.plan import plan
from tests.boxes.story import NODES_MIN, Played
from tests.boxes.takeover import STEPS, Takeover


@contextmanager
def empty_boxes(
    nodes: int, say: Callable[[str], None], package: Path | None = None
) -> Iterator[tuple[Cluster, Path]]:
    """Make boxes that belong to no cluster; everything is removed at the end of the block.

    Gives them, and the file of our package in every box.

    Args:
        nodes: how many.
        say: is told what is done.
        package: the file of our package; without it one is built.

    Raises:
        BoxError: they cannot be made.
        ValueError: so many nodes make no cluster here.
    """
    boxes = plan(nodes)
    # Not in a directory of one user: daemons that are not root's run our commands from it.
    with tempfile.TemporaryDirectory(prefix="ganeti-boxes-", dir="/var/tmp") as directory:
        state = Path(directory)
        state.chmod(0o755)
        packages = state / "packages"
        packages.mkdir()
        inside = (
            installation.build(packages)
            if package is None
            else Path(shutil.copy(package, packages))
        )
        with Lab(boxes, state, (packages,)) as lab:
            say(f"{nodes} boxes run")
            yield Cluster(lab), inside


def move(say: Callable[[str], None]) -> str:
    """Play the story of a guest that moves between two clusters; return what it comes to.

    Raises:
        BoxError: something is not as it must be.
    """
    with empty_boxes(NODES, say) as (cluster, inside):
        return Move(cluster, inside, say).play()


@contextmanager
def prepared(
    nodes: int, say: Callable[[str], None], package: Path | None = None
) -> Iterator[Takeover]:
    """Make boxes and a cluster of them for the story of a takeover; arguments of `empty_boxes`.

    Raises:
        BoxError: something is not as it must be.
        ValueError: so many nodes make no cluster here, or are too few for the story.
    """
    if nodes < NODES_MIN:
        raise ValueError(f"the story needs {NODES_MIN} nodes, not {nodes}")
    with empty_boxes(nodes, say, package) as (cluster, inside):
        say("the cluster is being made ...")
        cluster.make()
        story = Takeover(cluster, inside, say)
        with story.watched():
            yield story


@contextmanager
def troubled(say: Callable[[str], None], package: Path | None = None) -> Iterator[Faults]:
    """Make boxes for the story of what goes wrong; arguments of `empty_boxes`.

    Raises:
        BoxError: something is not as it must be.
    """
    with empty_boxes(NODES_MIN, say, package) as (cluster, inside):
        story = Faults(cluster, inside, say)
        with story.watched():
            yield story


def play_faults(say: Callable[[str], None]) -> Played:
    """Play the whole story of what goes wrong. Raises as `troubled`."""
    with troubled(say) as story:
        for step in faults.STEPS:
            story.take(step)
        return story.ending(faults.STEPS)


def play(nodes: int, say: Callable[[str], None]) -> Played:
    """Play the whole story of a takeover; return what it comes to. Raises as `prepared`."""
    with prepared(nodes, say) as story:
        for step in STEPS:
            story.take(step)
        return story.ending(STEPS)


def take_tour(
    say: Callable[[str], None], *, with_ours: bool, whole: bool, measuring: bool
) -> beside.Toured:
    """Take the tour on boxes of its own, with ours or with Debian's daemons.

    Args:
        whole: play all chapters, not only the one that makes a cluster.
        measuring: take figures on the cluster once it is made.

    Raises:
        BoxError: something is not as it must be.
    """
    chapters = tour.CHAPTERS if whole else tour.CHAPTERS[:1]
    with empty_boxes(tour.NODES, say) as (cluster, inside):
        package = inside if with_ours else None
        return beside.take(cluster, package, say, chapters=chapters, measuring=measuring)


def burn(say: Callable[[str], None], *, with_ours: bool) -> list[Burnt]:
    """Let Ganeti's burnin run in all its forms, with ours or with Debian's daemons.

    Raises:
        BoxError: a run does not end well.
    """
    with empty_boxes(burnin.NODES, say) as (cluster, inside):
        if with_ours:
            for box in cluster.nodes:
                installation.install(box, inside)
        burnin.prepare(cluster)
        return [burnin.burn(cluster, form, say) for form in burnin.FORMS]
