"""What points nowhere costs the same cells as under luxid, and no others."""

from collections.abc import Iterator

import pytest

from masterd.config import document
from masterd.query.resources import TABLES
from tests import query_world
from tests.dangling_configs import DANGLING, NEVER_ANSWERED, dangling
from tests.interop import luxid_support
from tests.interop.luxid import needs_luxid
from tests.interop.pair import COMPARED, Pair

pytestmark = needs_luxid


@pytest.fixture(scope="module", params=DANGLING)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pair(kind: str) -> Iterator[Pair]:
    config = document.split(dangling(kind))
    with luxid_support.running(config) as luxid:
        yield Pair(luxid, query_world.resources(config))


@pytest.mark.parametrize("resource", COMPARED)
def test_every_cell_is_the_same(kind: str, pair: Pair, resource: str) -> None:
    fields = list(TABLES[resource].fields)
    if resource == "instance":
        # That ours answers for the others too, `tests/unit/test_query_dangling.py` shows.
        fields = [name for name in fields if name not in NEVER_ANSWERED.get(kind, ())]
    differing, _ = pair.differing_cells(resource, fields)
    assert differing == {}
