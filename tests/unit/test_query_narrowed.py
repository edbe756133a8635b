"""A query asks nodes only about what may pass its filter."""

from collections.abc import Callable, Sequence

import pytest

from masterd.config import document
from masterd.config.kinds import AnyInstance
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ParameterError
from masterd.filter.language import Filter, parse
from masterd.query.engine import query
from masterd.query.instance_fields import INSTANCE_TABLE, instance_rows
from masterd.query.instance_row import InstanceState
from tests.sample_config import sample

CONFIG = document.split(sample(2, nodes=4, groups=2, instances=20))

Asked = list[list[str]]


@pytest.fixture
def asked() -> Asked:
    """The names of the instances that were asked about, one list for each time."""
    return []


@pytest.fixture
def names(asked: Asked) -> Callable[[object], list[object]]:
    """Return the names of the instances that pass a filter, their state shown too."""

    def ask(
        config: ConfigSnapshot, instances: Sequence[AnyInstance], needs: frozenset[str]
    ) -> InstanceState:
        asked.append([str(each.name) for each in instances])
        return InstanceState({}, frozenset(config.nodes), {})

    def names(wanted: object) -> list[object]:
        parsed: Filter = parse(wanted)
        answer = query(INSTANCE_TABLE, instance_rows(CONFIG, ask), ["name", "oper_state"], parsed)
        rows = answer["data"]
        assert isinstance(rows, list)
        return [row[0][1] for row in rows]

    return names


def test_what_cannot_pass_is_not_asked_about(
    names: Callable[[object], list[object]], asked: Asked
) -> None:
    found = names(["=~", "name", r"^inst[12]\."])
    assert found == ["inst1.example.com", "inst2.example.com"]
    assert asked == [found]


def test_what_only_nodes_know_decides_nothing_before_they_are_asked(
    names: Callable[[object], list[object]], asked: Asked
) -> None:
    named = ["=~", "name", r"^inst[12]\."]
    assert names(["&", named, ["!", ["==", "status", "ERROR_nodedown"]]]) == []
    assert asked == [["inst1.example.com", "inst2.example.com"]]


def test_a_filter_that_begins_with_what_nodes_know_asks_about_all(
    names: Callable[[object], list[object]], asked: Asked
) -> None:
    assert names(["&", ["==", "status", "nothing"], ["==", "os", "noop"]]) == []
    assert [len(each) for each in asked] == [len(CONFIG.instances)]


def test_a_wrong_comparison_is_told_before_anybody_is_asked(
    names: Callable[[object], list[object]], asked: Asked
) -> None:
    with pytest.raises(ParameterError):
        names(["&", ["==", "serial_no", "text"], ["?", "status"]])
    assert asked == []


def test_without_a_filter_all_are_asked_about_once(
    names: Callable[[object], list[object]], asked: Asked
) -> None:
    assert len(names(None)) == len(CONFIG.instances)
    assert [len(each) for each in asked] == [len(CONFIG.instances)]
