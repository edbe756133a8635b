"""Following a job: what is asked, what is told, how it ends."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from masterd.client import follow
from masterd.client.documents import JsonReporter
from masterd.client.failure import Failure
from masterd.client.follow import PlainReporter, SilentReporter, TerminalReporter
from masterd.errors import JobLost

RUNNING = ["running", ["success", "running"]]
SUCCESS = ["success", ["success", "success"]]


class Master:
    """Answers WaitForJobChange from a list and QueryJobs with the last word."""

    def __init__(self, changes: list[Any], row: list[Any] | None) -> None:
        self._changes = changes
        self._row = row
        self.calls: list[tuple[str, tuple[object, ...]]] = []

    def call(self, method: str, *args: object) -> Any:
        self.calls.append((method, args))
        return [self._row] if method == "QueryJobs" else self._changes.pop(0)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_us(self) -> int:
        return int(self.seconds * 1_000_000)

    def monotonic_s(self) -> float:
        return self.seconds


def entry(serial: int, text: str) -> list[Any]:
    return [serial, [0, 0], "message", text]


def test_each_call_carries_what_is_known_and_the_end_is_asked_for_once_more() -> None:
    master = Master(
        [
            [RUNNING, [entry(1, "a"), entry(2, "b")]],
            "nochange",
            [SUCCESS, [entry(3, "c")]],
            [SUCCESS, []],
        ],
        ["success", ["success", "success"], [None, None]],
    )
    assert follow.follow(master, 7, SilentReporter()) is None
    fields = ["status", "opstatus"]
    assert master.calls == [
        ("WaitForJobChange", (7, fields, None, None, 60)),
        ("WaitForJobChange", (7, fields, RUNNING, 2, 60)),
        ("WaitForJobChange", (7, fields, RUNNING, 2, 60)),
        ("WaitForJobChange", (7, fields, SUCCESS, 3, 60)),
        ("QueryJobs", ([7], ["status", "opstatus", "opresult"])),
    ]


@pytest.mark.parametrize("row", [None, [None, None, None]])
def test_a_job_that_vanished_is_lost(row: list[Any] | None) -> None:
    with pytest.raises(JobLost, match="Job with id 7 lost"):
        follow.follow(Master([[SUCCESS, []]], row), 7, SilentReporter())
    with pytest.raises(JobLost):
        follow.follow(Master([None], row), 7, SilentReporter())


@pytest.mark.parametrize(
    ("status", "opcodes", "results", "text", "code"),
    [
        ("canceled", ["canceled"], [None], "Unhandled Ganeti error: Job was canceled", 1),
        ("canceling", ["canceling"], [None], "Unhandled Ganeti error: Job was canceled", 1),
        (
            "error",
            ["error"],
            [["OpPrereqError", ["no such node", "unknown_entity"]]],
            "Failure: prerequisites not met for this operation:\n"
            "error type: unknown_entity, error details:\nno such node",
            1,
        ),
        (
            "error",
            ["success", "error"],
            [None, ["OpExecError", ["broken"]]],
            "Failure: command execution error:\nbroken",
            1,
        ),
        (
            "error",
            ["success", "error"],
            [None, "no error of a known class"],
            "Failure: command execution error:\n"
            "partial failure (opcode 1): no error of a known class",
            1,
        ),
        ("error", ["error"], ["text"], "Failure: command execution error:\ntext", 1),
        ("error", ["success"], [None], "Failure: command execution error:\n[None]", 1),
        (
            "error",
            ["error"],
            [["ConfigurationError", ["serial"]]],
            "Corrupt configuration file: serial\nAborting.",
            2,
        ),
        (
            "error",
            ["error"],
            [["HooksAbort", [[["n1", "10-x", "bad"], ["n2", "10-x", ""]]]]],
            "Failure: hooks execution failed:\n"
            "  node: n1, script: 10-x, output: bad\n  node: n2, script: 10-x (no output)",
            1,
        ),
    ],
)
def test_the_outcome_is_told_in_the_references_words(
    status: str, opcodes: list[str], results: list[Any], text: str, code: int
) -> None:
    assert follow.outcome(status, opcodes, results) == Failure(text, code)


def test_waiting_is_told_once_and_only_when_nothing_changes() -> None:
    output, errors = StringIO(), StringIO()
    reporter = PlainReporter(7, output, errors)
    reporter.state("queued", ["queued"], changed=True)
    assert errors.getvalue() == ""
    for status in ("queued", "queued", "waiting", "running", "waiting"):
        reporter.state(status, [status], changed=False)
    assert errors.getvalue() == (
        "Job 7 is waiting in queue\nJob 7 is trying to acquire all necessary locks\n"
    )


@pytest.mark.parametrize(
    ("kind", "message", "shown"),
    [
        ("message", " - INFO: ok", " - INFO: ok"),
        ("message", "a\tb\nc\rd\x01é", r"a\tb\nc\'rd\x01\xe9"),
        ("remote-import", {"x": None}, "{'x': None}"),
        ("message", ["not", "text"], "['not', 'text']"),
    ],
)
def test_log_lines_are_one_line_of_ascii(kind: str, message: object, shown: str) -> None:
    output = StringIO()
    PlainReporter(7, output, StringIO()).log([1_795_452_007, 491_766], kind, message)
    assert output.getvalue().endswith(f" {shown}\n")


@pytest.fixture
def screen() -> Callable[[str], str]:
    """Return what a terminal shows after some text with carriage returns."""

    def show(text: str) -> str:
        line = ""
        for part in text.split("\r"):
            line = part + line[len(part) :]
        return line.rstrip()

    return show


def test_the_terminal_shows_one_line_that_is_kept_up_to_date(
    screen: Callable[[str], str],
) -> None:
    terminal, clock = StringIO(), Clock()
    reporter = TerminalReporter(7, terminal, clock)
    reporter.state("canceling", ["success", "canceling"], changed=True)
    assert screen(terminal.getvalue()) == "Job 7: canceling, 1 of 2 opcodes done, 0:00"
    clock.seconds = 3725
    reporter.state("running", ["running"], changed=False)
    assert screen(terminal.getvalue()) == "Job 7: running, 1:02:05"
    reporter.log([0, 0], "message", "not shown")
    reporter.finish()
    assert screen(terminal.getvalue()) == ""


def test_the_progress_line_fits_a_narrow_terminal() -> None:
    terminal = StringIO()
    reporter = TerminalReporter(7, terminal, Clock(), columns=lambda: 12)
    reporter.state("running", ["running"], changed=True)
    reporter.finish()
    assert [len(part) for part in terminal.getvalue().split("\r") if part] == [11, 11]


def test_json_tells_log_and_changes_a_document_a_line() -> None:
    master = Master([[RUNNING, [entry(1, "a")]], "nochange", [SUCCESS, []]], ["success", [], []])
    output = StringIO()
    assert follow.follow(master, 7, JsonReporter(7, output)) is None
    found = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [each["event"] for each in found] == ["log", "status", "status"]
    assert found[0] == {
        "event": "log", "id": 7, "time": [0, 0], "time_rfc3339": "1970-01-01T00:00:00.000000Z",
        "kind": "message", "message": "a",
    }  # fmt: skip
    assert found[-1] == {
        "event": "status", "id": 7, "status": "success", "opstatus": ["success", "success"],
    }  # fmt: skip


def test_log_lines_stand_above_the_progress_line(screen: Callable[[str], str]) -> None:
    shared = StringIO()
    reporter = TerminalReporter(7, shared, Clock(), PlainReporter(7, shared, shared))
    reporter.state("running", ["running"], changed=True)
    reporter.log([0, 0], "message", "hello")
    reporter.state("running", ["running"], changed=True)
    above, below = shared.getvalue().split("\n")
    assert screen(above).endswith("1970 hello")
    assert screen(below) == "Job 7: running, 0:00"
