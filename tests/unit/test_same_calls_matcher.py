"""What counts as the same when two sides made up names of their own."""

from typing import Any, Final

import pytest

from tests.same_calls import matcher, messages
from tests.same_calls.matcher import Renaming, Span

A1, A2, B1, B2, KNOWN = (f"{n}0000000-0000-4000-8000-000000000000" for n in "12345")
MAC1, MAC2 = "aa:00:00:11:22:33", "aa:00:00:44:55:66"
NOW_S: Final = 1_795_000_000.0


def places(theirs: Any, ours: Any) -> list[str]:
    renaming = Renaming(frozenset({KNOWN}), (Span(NOW_S, NOW_S + 10),) * 2)
    return [each.place for each in matcher.differences(theirs, ours, renaming)]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"a": [1, "x", None]}, {"a": [1, "x", None]}),
        ({"uuid": A1, "text": f"{A1} and {A2}"}, {"uuid": B1, "text": f"{B1} and {B2}"}),
        ({A1: {"name": "a"}, A2: {"name": "b"}}, {B2: {"name": "b"}, B1: {"name": "a"}}),
        ([A1, {"of": A1}, {A1: 1}], [B1, {"of": B1}, {B1: 1}]),
        ({"text": '{"a": 1, "b": "x"}'}, {"text": '{"b":"x","a":1}'}),
        ({"text": "{'a': 1}"}, {"text": "{'a': 1}"}),
        ({"mac": MAC1}, {"mac": MAC2}),
        ({"mtime": NOW_S + 1}, {"mtime": NOW_S + 2.5}),
        ({"mtime": 1_700_000_000.0000001}, {"mtime": 1_700_000_000}),
        (
            {"x": {"jobs": [[True, 7]]}, "r": "job=7;a"},
            {"x": {"jobs": [[True, 9]]}, "r": "job=9;a"},
        ),
        ({"network_port": 11001}, {"network_port": 11005}),
        ({"logical_id": [KNOWN, A1, 1, 0, 1, "s"]}, {"logical_id": [KNOWN, B1, 2, 3, 4, "s"]}),
    ],
)
def test_what_is_renamed_throughout_is_the_same(theirs: Any, ours: Any) -> None:
    assert places(theirs, ours) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "place"),
    [
        ({"a": 1}, {"a": 1.0}, "a"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": "{'b': 1}"}, {"a": "{'b': 2}"}, "a"),
        ({"a": '{"b": 1}'}, {"a": '{"b": 2}'}, "a {}.b"),
        ({"a": [1, 2]}, {"a": [1]}, "a"),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, "a (order)"),
        ({"a": {"b": 1}}, {"a": {}}, "a.b"),
        ({"a": {}}, {"a": {"b": 1}}, "a.b"),
        ([A1, A1], [B1, B2], "[1]"),
        ([A1, A2], [B1, B1], "[1]"),
        ([KNOWN], [B1], "[0]"),
        ([A1], [MAC1], "[0]"),
        ({"mtime": NOW_S + 1}, {"mtime": NOW_S - 100}, "mtime"),
        (
            {"x": {"jobs": [[True, 7]]}, "r": "job=7"},
            {"x": {"jobs": [[True, 9]]}, "r": "job=8"},
            "r",
        ),
    ],
)
def test_what_is_not_is_told_with_its_place(theirs: Any, ours: Any, place: str) -> None:
    assert places(theirs, ours) == [place]


def test_of_messages_only_the_words_may_differ() -> None:
    def job(text: str, code: str) -> dict[str, Any]:
        log = [["message", "to node1.example.com"]]
        return {"ops": [{"status": "error", "log": log, "result": ["OpPrereqError", [text, code]]}]}

    first = messages.worded_alike(job("No node n.example.com", "unknown_entity"))
    assert first == messages.worded_alike(job("n.example.com is no node", "unknown_entity"))
    assert first != messages.worded_alike(job("No node m.example.com", "unknown_entity"))
    assert first != messages.worded_alike(job("No node n.example.com", "wrong_input"))
