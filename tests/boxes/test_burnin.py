"""Ganeti's own burnin on a real cluster of ours; all forms are `scripts/interop-cluster`'s."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boxes import burnin, installation
from tests.boxes.box import missing_means
from tests.boxes.burnin import Form
from tests.boxes.cluster import Cluster
from tests.boxes.play import empty_boxes
from tests.conftest import Tell
from tests.interop.debian import needs_ganeti

_MISSING = missing_means()

pytestmark = [needs_ganeti, pytest.mark.skipif(_MISSING is not None, reason=str(_MISSING))]

#: Between them they take every step that burnin takes here.
_FORMS = [form for form in burnin.FORMS if form.name in {"file, serial", "sharedfile, parallel"}]


@pytest.fixture(scope="module")
def cluster(package: Path) -> Iterator[Cluster]:
    with empty_boxes(burnin.NODES, print, package) as (cluster, inside):
        for box in cluster.nodes:
            installation.install(box, inside)
        burnin.prepare(cluster)
        yield cluster


@pytest.mark.parametrize("form", _FORMS, ids=[form.name for form in _FORMS])
def test_burnin_ends_well(form: Form, cluster: Cluster, tell: Tell) -> None:
    burnt = burnin.burn(cluster, form, print)
    tell(f"burnin, {form.name}: {len(burnt.steps)} steps")
    assert burnt.steps[-1][0] == "Removing instances"
    assert cluster.nodes[0].ok("gnt-instance", "list", "--no-headers", "-o", "name") == ""
