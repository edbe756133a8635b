"""Our answers are luxid's, cell by cell, where nodes answer, and where one of them fails."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.query.resources import TABLES
from masterd.testing.faults import Fault, FaultKind
from tests.interop import live, luxid, masters
from tests.interop.live import Roots
from tests.interop.luxid import needs_luxid
from tests.sample_config import Document, sample

pytestmark = needs_luxid

#: What is not compared, and why.
JUSTIFIED: Final = {
    "console, beside a planned instance without a name": "luxid then asks no node for any console",
}

#: Seed, nodes, groups, instances, and what the cluster is told to be like.
CONFIGURATIONS: Final[list[tuple[int, int, int, int, dict[str, object]]]] = [
    (5, 8, 1, 40, {"enabled_disk_templates": ["plain", "drbd", "file"]}),
    (
        9, 4, 1, 20,
        {"enabled_disk_templates": ["diskless", "sharedfile", "file", "plain"],
         "enabled_user_shutdown": True},
    ),
]  # fmt: skip


def configuration(
    seed: int, nodes: int, groups: int, instances: int, wanted: dict[str, object]
) -> Document:
    made = sample(seed, nodes=nodes, groups=groups, instances=instances)
    return {**made, "cluster": {**made["cluster"], **wanted}}


@contextmanager
def both(made: Document) -> Iterator[Roots]:
    """Run luxid and our daemon."""
    with (
        live.roots(made) as roots,
        luxid.luxid(roots.theirs, config_serial=roots.config.serial_no),
        masters.ours(roots.ours),
    ):
        yield roots


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=lambda each: f"{each[3]}-instances")
def pair(request: pytest.FixtureRequest) -> Iterator[Roots]:
    with both(configuration(*request.param)) as roots:
        yield roots


def differing(roots: Roots, resource: str) -> list[tuple[object, ...]]:
    """Return the cells that are not the same: name of the row, field, ours, theirs."""
    fields = list(TABLES[resource].fields)
    if any(each.name is None for each in roots.config.instances.values()):
        fields = [name for name in fields if name != "console"]
    ours, theirs = (rows(root, resource, fields) for root in (roots.ours, roots.theirs))
    assert len(ours) > 3
    name = fields.index("name")
    return [
        (own[name], field, mine, their)
        for own, other in zip(ours, theirs, strict=True)
        for field, mine, their in zip(fields, own, other, strict=True)
        # As text, in which 1.0 is not 1.
        if json.dumps(mine) != json.dumps(their)
    ]


def rows(root: Path, resource: str, fields: list[str]) -> list[Any]:
    path = root / "var/run/ganeti/socket/ganeti-query"
    answer = luxid.ask(path, "Query", [resource, fields, None])
    # Rows without a name have no order.
    return sorted(answer["data"], key=lambda row: str(row[fields.index("uuid")]))


@pytest.mark.parametrize("resource", ["node", "instance"])
def test_every_cell_is_the_same_where_nodes_answer(pair: Roots, resource: str) -> None:
    assert differing(pair, resource) == []


def test_the_configurations_have_what_can_go_wrong(pair: Roots) -> None:
    """What the comparison is worth: nodes with numbers, instances in several states."""
    told = rows(pair.ours, "node", ["uuid", "dtotal", "mfree", "ctotal"])
    assert any(status == 0 for _, *cells in told for status, _ in cells)
    states = {cell[1] for _, cell in rows(pair.ours, "instance", ["uuid", "status"])}
    assert {"running", "ERROR_down"} <= states
    assert len(states) >= 4


@pytest.mark.parametrize(
    "kind", [FaultKind.FAIL, FaultKind.REFUSE, FaultKind.STATUS_500, FaultKind.NO_PAIR]
)
@pytest.mark.parametrize("resource", ["node", "instance"])
def test_every_cell_is_the_same_where_a_node_fails(
    pair: Roots, resource: str, kind: FaultKind
) -> None:
    hosts = Counter(each.primary_node for each in pair.config.instances.values())
    online = [node for node in pair.config.online_nodes() if hosts[node.uuid]]
    pair.control.set(max(online, key=lambda node: hosts[node.uuid]).name, Fault(kind))
    try:
        assert differing(pair, resource) == []
        if resource == "instance":
            told = rows(pair.ours, "instance", ["uuid", "status"])
            assert "ERROR_nodedown" in {cell[1] for _, cell in told}
    finally:
        pair.control.clear()
