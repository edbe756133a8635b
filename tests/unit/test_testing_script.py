"""Scripted answers and recordings of simulated nodes."""

import pytest

from masterd.testing.script import (
    RECORDED_BYTES_MAX,
    Asked,
    NodeScript,
    Scripted,
    TooMuchRecordedError,
)


def test_a_node_gives_the_answer_meant_for_it_before_the_one_for_all() -> None:
    script = NodeScript()
    script.begin([Scripted("version", 1), Scripted("version", 2, node="b")], [])
    assert script.answer("a", "version") == b"[true,1]"
    assert script.answer("b", "version") == b"[true,2]"
    assert script.answer("a", "node_info") is None


def test_an_answer_can_be_meant_for_one_turn_of_a_call() -> None:
    script = NodeScript()
    script.begin([Scripted("version", 1), Scripted("version", 2, turn=2)], [])
    assert [script.answer("a", "version") for _ in range(3)] == [
        *(b"[true,1]", b"[true,2]", b"[true,1]"),
    ]
    assert script.answer("b", "version") == b"[true,1]"


def test_calls_are_recorded_as_they_come_but_those_left_out() -> None:
    script = NodeScript()
    script.note("a", "version", b"[0]")
    script.begin([], ["jobqueue_update"])
    for node, call in (("b", "version"), ("a", "jobqueue_update"), ("a", "version")):
        script.note(node, call, b"[1]")
    assert script.end() == [Asked("b", "version", [1]), Asked("a", "version", [1])]
    script.note("a", "version", b"[2]")
    assert script.end() == []


def test_a_recording_that_is_too_long_is_refused() -> None:
    script = NodeScript()
    script.begin([], [])
    script.note("a", "upload_file", b"x" * (RECORDED_BYTES_MAX + 1))
    with pytest.raises(TooMuchRecordedError):
        script.end()
