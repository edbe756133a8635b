"""All that is done to a real cluster in its life, by Debian's own commands; see `tests/boxes/tour`.

A test for each chapter: what one leaves behind is where the next begins.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boxes import installation, tour
from tests.boxes.act import Chapter
from tests.boxes.box import missing_means
from tests.boxes.cluster import Cluster
from tests.boxes.play import empty_boxes
from tests.conftest import Tell
from tests.interop.debian import needs_ganeti

_MISSING = missing_means()

pytestmark = [needs_ganeti, pytest.mark.skipif(_MISSING is not None, reason=str(_MISSING))]


@pytest.fixture(scope="module")
def cluster(package: Path) -> Iterator[Cluster]:
    with empty_boxes(tour.NODES, print, package) as (cluster, inside):
        for box in cluster.nodes:
            installation.install(box, inside)
        yield cluster


@pytest.fixture(scope="module")
def toured() -> list[str]:
    """Names of the chapters that went well."""
    return []


@pytest.mark.parametrize(
    "chapter", tour.CHAPTERS, ids=[each.name.replace(" ", "-") for each in tour.CHAPTERS]
)
def test_commands_do_what_they_must(
    chapter: Chapter, cluster: Cluster, toured: list[str], tell: Tell
) -> None:
    assert chapter is tour.CHAPTERS[len(toured)], "an earlier chapter failed"
    outcomes = tour.play(cluster, chapter, print)
    toured.append(chapter.name)
    tell(f"on real machines: {chapter.name}, {len(outcomes)} acts")
    assert [each.ended.code for each in outcomes] == [act.code for act in chapter.acts]
