"""Recordings of the reference hold for what they were made of, and for nothing else."""

from pathlib import Path
from typing import Final

import pytest

from masterd.testing.faults import Fault, FaultKind
from masterd.testing.script import Asked
from tests.same_calls import recordings
from tests.same_calls.case import Case, case, op
from tests.same_calls.matcher import Span
from tests.same_calls.recordings import Recorded, Recorder, Run
from tests.same_calls.sides import FaultAt, Outcome
from tests.sample_config import Document

OP_ID: Final = "OP_TAGS_SET"
SET: Final = op(OP_ID, kind="cluster", name=None, tags=["a"])
WELL: Final = Outcome({"status": "success"}, [], [Asked("n1", "version", [])], {"a": 1}, {"n1": ""})
RUNS: Final = [
    Run(None, WELL, Span(1.5, 2.5)),
    Run(FaultAt("n1", Fault(FaultKind.FAIL, ("version",), times=1, after=2)), WELL, Span(3, 4)),
]


def with_another_name(document: Document) -> None:
    document["cluster"]["cluster_name"] = "another.example.com"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "_DIRECTORY", tmp_path / "recorded")
    monkeypatch.setattr(recordings, "_package", lambda: "ganeti 1")


def record(those: Case) -> None:
    recorder = Recorder(OP_ID)
    recorder.add(those, RUNS)
    recorder.write()


def test_what_is_written_is_read() -> None:
    record(case("a", SET))
    assert Recorded(OP_ID).runs(case("a", SET)) == RUNS


def test_nothing_is_read_where_nothing_was_written() -> None:
    assert Recorded(OP_ID).runs(case("a", SET)) is None


def test_another_package_is_not_known_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    record(case("a", SET))
    monkeypatch.setattr(recordings, "_package", lambda: "ganeti 2")
    assert Recorded(OP_ID).runs(case("a", SET)) is None


def test_how_a_case_is_called_and_compared_is_nothing_that_the_reference_sees() -> None:
    record(case("a", SET))
    assert Recorded(OP_ID).runs(case("b", SET, at_once=("version",))) == RUNS


@pytest.mark.parametrize(
    "other",
    [
        case("a", op(OP_ID, kind="cluster", name=None, tags=["b"])),
        case("a", SET, SET),
        case("a", SET, config=with_another_name),
        case("a", SET, answers={"version": 1}),
        case("a", SET, failing=False),
        case("a", SET, mended=True),
        case("a", SET, instead=("QueryTags", ["cluster", None])),
    ],
    ids=lambda other: str(other.ops != [SET]),
)
def test_a_case_that_has_changed_is_another_one(other: Case) -> None:
    record(case("a", SET))
    assert Recorded(OP_ID).runs(other) is None
