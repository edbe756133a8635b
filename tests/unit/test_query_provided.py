"""Operating systems and storage providers: what nodes say of them, put together."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from masterd.config import document
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.filter.language import parse
from masterd.query import engine
from masterd.query.extstorage_fields import EXTSTORAGE_TABLE
from masterd.query.os_fields import OS_TABLE
from masterd.query.provided_rows import Provided
from tests.sample_config import sample

CONFIG = document.split(sample(3, nodes=6, groups=2, instances=0))
NODES = [node for node in CONFIG.online_nodes() if node.vm_capable]


def os_answer(
    name: str, *, usable: bool = True, variants: Sequence[str] = ("b", "a"), trusted: bool = True
) -> list[Any]:
    parameters = [["size", "how big"], ["arch", "which"]]
    return [name, f"/srv/{name}", usable, "", list(variants), parameters, [20, 15], trusted]


class Answers:
    """Obeys `provided_rows.AskProviders`; nodes that are not in it do not answer."""

    def __init__(self, by_node: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        self.by_node = by_node
        self.asked: list[str] = []

    def __call__(self, call: str, nodes: Sequence[Node]) -> Mapping[str, Sequence[Sequence[Any]]]:
        self.asked.append(call)
        assert all(not node.offline and node.vm_capable for node in nodes)
        return {n.uuid: self.by_node[n.uuid] for n in nodes if n.uuid in self.by_node}


def ask(
    table: Any, answers: Answers, fields: Sequence[str], wanted: Any = None,
    config: ConfigSnapshot = CONFIG,
) -> list[list[Any]]:  # fmt: skip
    found = engine.query_bare(table, Provided(config, answers, "os_diagnose"), fields,
                              parse(wanted))  # fmt: skip
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # JSON


def test_an_operating_system_on_all_nodes_is_valid() -> None:
    answers = Answers({node.uuid: [os_answer("noop")] for node in NODES})
    (row,) = ask(
        OS_TABLE, answers, ["name", "valid", "variants", "api_versions", "parameters", "trusted"]
    )
    parameters = [["arch", "which"], ["size", "how big"]]
    assert row == ["noop", True, ["a", "b"], [15, 20], parameters, True]
    assert answers.asked == ["os_diagnose"]


def test_only_what_all_nodes_have_counts() -> None:
    told = {node.uuid: [os_answer("noop")] for node in NODES}
    told[NODES[1].uuid] = [os_answer("noop", variants=["b", "c"], trusted=False)]
    (row,) = ask(OS_TABLE, Answers(told), ["valid", "variants", "trusted"])
    assert row == [True, ["b"], False]


def test_one_that_a_node_lacks_or_cannot_use_is_invalid() -> None:
    told = {node.uuid: [os_answer("noop"), os_answer("other")] for node in NODES}
    told[NODES[0].uuid] = [os_answer("noop", usable=False)]
    rows = ask(OS_TABLE, Answers(told), ["name", "valid", "node_status"])
    assert [row[:2] for row in rows] == [["noop", False], ["other", False]]
    assert rows[1][2][NODES[0].uuid] == []


def test_a_node_that_does_not_answer_makes_nothing_invalid() -> None:
    answers = Answers({node.uuid: [os_answer("noop")] for node in NODES[1:]})
    assert ask(OS_TABLE, answers, ["valid"]) == [[True]]


def test_names_are_listed_in_natural_order_and_filters_work() -> None:
    told = [os_answer("os10"), os_answer("os2")]
    answers = Answers({node.uuid: told for node in NODES})
    assert ask(OS_TABLE, answers, ["name"]) == [["os2"], ["os10"]]
    assert ask(OS_TABLE, answers, ["name"], ["=", "name", "os10"]) == [["os10"]]


def test_a_storage_provider_is_usable_in_a_group_when_all_its_nodes_can_use_it() -> None:
    provider = ["shared", "/srv/shared", True, "", [["speed", "how fast"]]]
    broken = ["shared", "/srv/shared", False, "no script", []]
    told: dict[str, list[list[Any]]] = {node.uuid: [provider] for node in NODES}
    bad = NODES[-1]
    told[bad.uuid] = [broken]
    (row,) = ask(EXTSTORAGE_TABLE, Answers(told), ["name", "nodegroup_status", "parameters"])
    groups = {group.name: group.uuid != bad.group for group in CONFIG.nodegroups.values()}
    assert row == ["shared", groups, [["speed", "how fast"]]]
