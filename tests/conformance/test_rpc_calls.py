"""The table of node calls agrees with Ganeti 3.0.2's."""

import json
from pathlib import Path
from typing import Any

import pytest

from masterd.rpc.calls import CALLS
from masterd.rpc.encoding import CONFIGURATION_ENCODERS, ENCODERS

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "rpc.json").read_text())
REFERENCE: dict[str, Any] = FACTS["calls"]

#: The body of this call is its argument; the facts describe it in words.
WHOLE_BODY = "instance_console_info"


def test_every_call_of_the_reference_is_there_and_no_other() -> None:
    assert list(CALLS) == sorted(REFERENCE)
    assert len(CALLS) == 108


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


def test_every_encoding_of_the_reference_is_known() -> None:
    assert set(ENCODERS) | CONFIGURATION_ENCODERS == set(FACTS["encodings"])
    assert not set(ENCODERS) & CONFIGURATION_ENCODERS


def test_a_call_that_changes_something_relative_is_never_sent_twice() -> None:
    for name in ("jobqueue_rename", "blockdev_grow", "instance_start", "test_delay", "run_oob"):
        assert not CALLS[name].repeatable
