"""A guest moves between two real clusters, by Ganeti's own program; see `tests/boxes/move`."""

from pathlib import Path

import pytest

from tests.boxes.box import missing_means
from tests.boxes.move import NODES, Move
from tests.boxes.play import empty_boxes
from tests.conftest import Tell
from tests.interop.debian import needs_ganeti

_MISSING = missing_means()

pytestmark = [needs_ganeti, pytest.mark.skipif(_MISSING is not None, reason=str(_MISSING))]


def test_a_guest_moves_between_clusters_whoever_serves_them(package: Path, tell: Tell) -> None:
    with empty_boxes(NODES, print, package) as (cluster, inside):
        told = Move(cluster, inside, print).play()
    tell(f"on real machines: {told}")
    assert told
