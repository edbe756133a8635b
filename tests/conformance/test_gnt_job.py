"""Our `gnt-job` against recorded answers and output of Ganeti 3.0.2's (`data/gnt-job`).

`answers.json` holds what a running luxid answered to the queries of both programs, the text files
what Debian's `gnt-job` printed for the same jobs at the same time, in UTC.
"""

import json
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from masterd.client import gnt_job, info
from masterd.client.session import Session
from masterd.clock import SystemClock

DATA = Path(__file__).parent / "data" / "gnt-job"
JOBS = ["1", "2", "5", "8", "9", "9999"]
WIDE = "id,opstart,received_ts,opend,priority,archived,nope,oplog"


@pytest.fixture(autouse=True)
def universal_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Recorded:
    """A master daemon that knows the recorded answers only."""

    def __init__(self) -> None:
        self._answers = json.loads((DATA / "answers.json").read_text())
        self._by_call = {
            ("Query", tuple(info.FIELDS)): "info",
            ("Query", ("id", "status", "summary")): "list",
            ("Query", ("id", "status", "summary", "priority")): "list-priority",
            ("Query", tuple(WIDE.split(","))): "list-wide",
            ("QueryFields", ()): "fields",
            ("QueryFields", ("id", "nope")): "fields-some",
        }
        self.filters: list[Any] = []

    def call(self, method: str, *args: object) -> Any:
        resource, fields, *rest = args
        assert resource == "job"
        assert fields is None or isinstance(fields, list)
        self.filters.extend(rest)
        return self._answers[self._by_call[method, tuple(fields or ())]]


def run(*arguments: str) -> tuple[int, str, str, Recorded]:
    master, output, errors = Recorded(), StringIO(), StringIO()
    session = Session(master, output, errors, SystemClock(), lambda _question: False)
    code = gnt_job.run(arguments, session)
    return code, output.getvalue(), errors.getvalue(), master


@pytest.mark.parametrize(
    ("file", "arguments", "exit_code"),
    [
        ("info.txt", ["info", *JOBS], 0),
        ("info.txt", ["show", *JOBS], 0),
        ("list.txt", ["list", *JOBS], 0),
        ("list-verbose.txt", ["list", "-v", *JOBS], 0),
        ("list-priority.txt", ["list", "-o", "+priority", *JOBS], 0),
        ("list-wide.txt", ["list", "-o", WIDE, *JOBS], 14),
        ("list-separator.txt", ["list", "--separator=:", "--no-headers", *JOBS], 0),
        ("list-fields.txt", ["list-fields"], 0),
        ("list-fields-some.txt", ["list-fields", "id", "nope"], 14),
        ("help.txt", ["--help"], 0),
        ("help.txt", [], 1),
        ("help.txt", ["nonsense"], 1),
    ],
)
def test_output_is_the_references_to_the_byte(
    file: str, arguments: list[str], exit_code: int
) -> None:
    code, output, errors, _ = run(*arguments)
    assert output == (DATA / file).read_text()
    assert code == exit_code
    expected = "Warning: Queried for unknown fields nope\n" if exit_code == 14 else ""
    assert errors == expected


def test_help_of_a_command_is_the_references(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("cancel", "--help")
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines(keepends=True)
    ours = [line for line in lines if line.startswith("--json ")]
    assert len(ours) == 1
    lines.remove(ours[0])
    assert "".join(lines) == (DATA / "help-cancel.txt").read_text()


def test_ids_become_a_filter() -> None:
    *_, master = run("list", "1", "2")
    assert master.filters == [["|", ["==", "id", 1], ["==", "id", 2]]]


def test_json_of_list_has_an_object_per_job_with_null_for_what_is_not_there() -> None:
    code, output, _, _ = run("list", "--json", "-o", "id,status,summary", *JOBS)
    rows = json.loads(output)
    assert code == 0
    assert rows[0] == {"id": 1, "status": "success", "summary": ["CLUSTER_POST_INIT"]}
    assert rows[-1] == {"id": 9999, "status": None, "summary": None}


def test_json_of_info_says_which_jobs_were_found() -> None:
    _, output, _, _ = run("info", "--json", *JOBS)
    documents = json.loads(output)
    assert documents[0]["found"] is True
    assert documents[0]["ops"][0]["OP_ID"] == "OP_CLUSTER_POST_INIT"
    assert documents[-1] == {"id": 9999, "found": False}
