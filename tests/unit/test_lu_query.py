"""Queries as jobs."""

import pytest

from masterd.errors import ECode, OpPrereqError
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import World, op


def test_the_cluster_is_one_row(world: World) -> None:
    fields = ["name", "master_node", "drain_flag", "watcher_pause", "tags", "nothing"]
    answer = world.run(op("OP_QUERY", what="cluster", fields=fields))
    assert isinstance(answer, dict)
    config = world.config.snapshot()
    assert answer["data"] == [
        [
            (0, config.cluster.cluster_name),
            (0, config.master.name),
            (0, False),
            (0, 1_800_000_123),
            (0, []),
            (1, None),
        ]
    ]
    assert [field["kind"] for field in answer["fields"]] == [
        "text", "text", "bool", "timestamp", "other", "unknown",
    ]  # fmt: skip


def test_resources_of_luxi_are_served_too(world: World) -> None:
    wanted = ["?", "master"]
    answer = world.run(op("OP_QUERY", what="node", fields=["name"], qfilter=wanted))
    assert isinstance(answer, dict)
    assert answer["data"] == [[(0, world.config.snapshot().master.name)]]


@pytest.mark.parametrize(("what", "count"), [("cluster", 16), ("os", 11), ("node", 46)])
def test_fields_are_described(world: World, what: str, count: int) -> None:
    answer = world.run(op("OP_QUERY_FIELDS", what=what))
    assert isinstance(answer, dict)
    assert len(answer["fields"]) == count


def test_a_filter_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match="Can't parse filter") as caught:
        world.run(op("OP_QUERY", what="cluster", fields=["name"], qfilter=["~", "name"]))
    assert caught.value.args[1] == ECode.INVAL


def test_a_filter_on_a_field_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match="Can't find field named 'x'"):
        world.run(op("OP_QUERY", what="cluster", fields=["name"], qfilter=["=", "x", "y"]))


def test_diagnoses_are_empty_where_no_node_answers(world: World) -> None:
    for name in world.nodes:
        world.faults.set(name, Fault(FaultKind.REFUSE))
    assert world.run(op("OP_OS_DIAGNOSE", output_fields=["name", "valid"])) == []
    assert world.run(op("OP_EXT_STORAGE_DIAGNOSE", output_fields=["name"])) == []


def test_a_diagnosis_of_an_unknown_field_is_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match="Unknown output fields selected: nothing"):
        world.run(op("OP_OS_DIAGNOSE", output_fields=["nothing"]))
