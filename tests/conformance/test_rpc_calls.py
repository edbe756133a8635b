"""The tables of node calls agree with those of Ganeti 3.0.2 and 3.1."""

import json
from pathlib import Path
from typing import Any

import pytest

from masterd.dialect import DIALECT_3_0, DIALECT_3_1
from masterd.errors import ProgrammerError
from masterd.rpc.calls import CALLS, find

DATA = Path(__file__).parent / "data"
FACTS: dict[str, Any] = json.loads((DATA / "rpc.json").read_text())
REFERENCE: dict[str, Any] = FACTS["calls"]
REFERENCE_3_1: dict[str, Any] = json.loads((DATA / "rpc_3.1.json").read_text())["calls"]

#: The body of this call is its argument; the facts describe it in words.
WHOLE_BODY = "instance_console_info"


def test_every_call_of_the_reference_is_there_and_no_other() -> None:
    assert list(CALLS) == sorted(REFERENCE)
    assert len(CALLS) == 108


def test_calls_of_3_1_are_those_of_3_0_and_one_more() -> None:
    assert DIALECT_3_0.calls == CALLS
    calls = DIALECT_3_1.calls
    assert calls.keys() - CALLS.keys() == REFERENCE_3_1.keys() == {"resize_disk"}
    assert {name: row for name, row in calls.items() if name in CALLS} == CALLS
    row, facts = calls["resize_disk"], REFERENCE_3_1["resize_disk"]
    assert [[argument.name, argument.encoding] for argument in row.arguments] == facts["args"]
    assert row.single == facts["single"]
    assert row.accept_offline == facts["accept_offline"]
    assert (row.per_node is not None) == facts["per_node"]
    assert row.timeout_s([None] * 3) == facts["timeout_s"]


def test_a_call_of_3_1_is_none_of_3_0() -> None:
    assert find("resize_disk", DIALECT_3_1.calls).name == "resize_disk"
    with pytest.raises(ProgrammerError, match="no node call 'resize_disk'"):
        find("resize_disk", DIALECT_3_0.calls)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_a_row_has_the_arguments_and_encodings_of_the_reference(name: str) -> None:
    row = CALLS[name]
    if name == WHOLE_BODY:
        assert row.whole_body
        assert [argument.encoding for argument in row.arguments] == [None]
        return
    assert not row.whole_body
    assert [[argument.name, argument.encoding] for argument in row.arguments] == REFERENCE[name][
        "args"
    ]


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_a_row_has_the_flags_and_the_timeout_of_the_reference(name: str) -> None:
    row, facts = CALLS[name], REFERENCE[name]
    assert row.single == facts["single"]
    # luxid makes the whole body for each node, so the facts have no word of it.
    assert (row.per_node is not None) == (facts["per_node"] or name == WHOLE_BODY)
    # luxid asks offline nodes for their vote; nothing else uses that call.
    assert row.accept_offline == (facts["accept_offline"] or facts["accept_offline_luxid"])
    if name == "test_delay":
        assert facts["timeout_s"] == "int(duration + 5)"
        assert row.timeout_s([2.7]) == 7
    else:
        assert row.timeout_s([None] * len(row.arguments)) == facts["timeout_s"]


def test_every_encoding_of_the_reference_is_named() -> None:
    named = {argument.encoding for row in CALLS.values() for argument in row.arguments}
    # Nothing of 3.0 sends these two.
    unused = {"nic_dict", "object_dict_list"}
    assert named - {None} == set(FACTS["encodings"]) - unused


def test_a_call_that_changes_something_relative_is_never_sent_twice() -> None:
    for name in ("jobqueue_rename", "blockdev_grow", "instance_start", "test_delay", "run_oob"):
        assert not CALLS[name].repeatable
