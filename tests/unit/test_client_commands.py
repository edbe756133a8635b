"""Commands of `gnt-job` that choose and change jobs."""

import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest

from masterd.cli import version_text
from masterd.client import gnt_job
from masterd.client.selection import list_filter
from masterd.client.session import Session
from masterd.client.times import format_timestamp, parse_age
from masterd.clock import SystemClock
from masterd.errors import GanetiError, JobLost, JobQueueFull, OpPrereqError, TagError
from masterd.job.status import JobStatus


class Master:
    """A master daemon with some jobs; refuses what concerns an odd id."""

    def __init__(self, jobs: dict[int, str]) -> None:
        self._jobs = jobs
        self.calls: list[tuple[object, ...]] = []
        self.error: GanetiError | None = None

    def call(self, method: str, *args: Any) -> Any:
        self.calls.append((method, *args))
        if self.error is not None:
            raise self.error
        if method == "Query":
            return self._query(args[1], args[2])
        if method == "AutoArchiveJobs":
            return [3, 4]
        if method == "WaitForJobChange":
            raise JobLost("Can't load job file")
        accepted = args[0] % 2 == 0
        if method == "ArchiveJob":
            return accepted
        return [accepted, f"{method} {args[0]} {'done' if accepted else 'refused'}"]

    def _query(self, fields: Sequence[str], job_filter: list[Any]) -> dict[str, Any]:
        wanted = {value for _, _, value in job_filter[1:]}
        if job_filter[1][1] == "id":
            found = [(job_id, self._jobs.get(job_id)) for job_id in sorted(wanted)]
        else:
            found = [(job_id, status) for job_id, status in self._jobs.items() if status in wanted]
        values: dict[str, object] = {
            "summary": ["X"],
            "received_ts": [0, 5],
            "opend": [[1, 0], None],
        }
        return {
            "fields": [
                {"name": name, "title": name.upper(), "kind": "other", "doc": ""} for name in fields
            ],
            "data": [
                [
                    [0, job_id]
                    if name == "id"
                    else [3, None]
                    if status is None
                    else [0, status if name == "status" else values.get(name)]
                    for name in fields
                ]
                for job_id, status in found
            ],
        }


class Run:
    """One run of the command line."""

    def __init__(self, master: Master, *arguments: str, answer: bool = False) -> None:
        output, errors = StringIO(), StringIO()
        self.questions: list[str] = []

        def ask(question: str) -> bool:
            self.questions.append(question)
            return answer

        session = Session(master, output, errors, SystemClock(), ask)
        self.exit_code = gnt_job.run(arguments, session)
        self.output, self.errors = output.getvalue(), errors.getvalue()


@pytest.fixture
def master() -> Master:
    return Master({2: "queued", 3: "success", 4: "waiting", 5: "canceling", 6: "running"})


def test_cancel_goes_on_after_a_refusal_and_fails_in_the_end(master: Master) -> None:
    done = Run(master, "cancel", "2", "3", "4")
    assert done.output == "CancelJob 2 done\nCancelJob 3 refused\nCancelJob 4 done\n"
    assert done.exit_code == 1
    cancels = [call for call in master.calls if call[0] == "CancelJob"]
    assert cancels == [("CancelJob", job_id, False) for job_id in (2, 3, 4)]


def test_a_wrong_id_stops_everything_before_it_begins(master: Master) -> None:
    done = Run(master, "cancel", "2", "x")
    assert (done.exit_code, master.calls) == (1, [])
    assert "Invalid job ID passed" in done.errors


def test_a_selection_is_shown_and_asked_about(master: Master) -> None:
    done = Run(master, "cancel", "--pending", answer=False)
    assert done.questions == ["Cancel job(s) listed above?"]
    assert done.exit_code == 13
    assert done.output.splitlines()[1:] == ["2  queued    X", "4  waiting   X", "5  canceling X"]
    assert [call[0] for call in master.calls] == ["Query"]


def test_a_confirmed_selection_is_changed(master: Master) -> None:
    done = Run(master, "change-priority", "--priority=low", "--queued", answer=True)
    assert done.questions == ["Change priority of job(s) listed above?"]
    assert done.exit_code == 0
    assert master.calls[-1] == ("ChangeJobPriority", 2, 10)


def test_force_asks_nothing_and_shows_nothing(master: Master) -> None:
    done = Run(master, "cancel", "--force", "--waiting")
    assert (done.questions, done.output) == ([], "CancelJob 4 done\n")


def test_kill_needs_its_own_confirmation(master: Master) -> None:
    refused = Run(master, "cancel", "--kill", "2")
    assert (refused.exit_code, master.calls) == (1, [])
    assert "must be confirmed with --yes-do-it" in refused.errors
    killed = Run(master, "cancel", "--kill", "--yes-do-it", "2")
    assert (killed.exit_code, master.calls) == (0, [("CancelJob", 2, True)])


@pytest.mark.parametrize("arguments", [["cancel"], ["cancel", "--pending", "5"]])
def test_ids_and_selections_exclude_each_other(master: Master, arguments: list[str]) -> None:
    done = Run(master, *arguments)
    assert done.exit_code == 1
    assert "Either a status filter or job ID(s)" in done.errors


def test_a_selection_of_nothing_is_an_error() -> None:
    done = Run(Master({}), "cancel", "--pending")
    assert done.exit_code == 1
    assert "error type: wrong_state" in done.errors


def test_change_priority_wants_a_priority(master: Master) -> None:
    done = Run(master, "change-priority", "2")
    assert (done.exit_code, done.errors) == (1, "--priority option must be given.\n")


def test_archive_names_the_jobs_that_were_refused(master: Master) -> None:
    done = Run(master, "archive", "2", "3")
    assert (done.exit_code, done.output) == (1, "")
    assert done.errors == "Failed to archive job with ID '3'\n"


@pytest.mark.parametrize(("age", "seconds"), [("all", -1), ("90", 90), ("2w", 1_209_600)])
def test_autoarchive_passes_the_age_in_seconds(master: Master, age: str, seconds: int) -> None:
    done = Run(master, "autoarchive", age)
    assert master.calls == [("AutoArchiveJobs", seconds, 89)]
    assert done.output == "Archived 3 jobs, 4 unchecked left\n"


def test_list_joins_ids_and_statuses() -> None:
    both = list_filter(["2"], force_filter=False, statuses=frozenset({JobStatus.RUNNING}))
    assert both == ["&", ["|", ["==", "id", 2]], ["|", ["==", "status", "running"]]]
    assert list_filter([], force_filter=False, statuses=None) is None
    assert list_filter(["archived"], force_filter=True, statuses=None) == ["?", "archived"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["info"], "Error: Command info expects at least 1 argument(s)\n"),
        (["autoarchive", "1d", "2"], "Error: Command autoarchive expects 1 argument(s)\n"),
        (["wait"], "Error: Command wait expects 1 argument(s)\n"),
    ],
)
def test_the_number_of_arguments_is_checked(
    master: Master, arguments: list[str], complaint: str
) -> None:
    done = Run(master, *arguments)
    assert (done.exit_code, done.errors, master.calls) == (1, complaint, [])


def test_an_unknown_option_ends_with_two(
    master: Master, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        Run(master, "list", "--nope")
    assert ended.value.code == 2
    assert "gnt-job: error: no such option: --nope" in capsys.readouterr().err


def test_the_version_is_told(master: Master) -> None:
    assert Run(master, "--version").output == f"{version_text('gnt-job')}\n"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (JobQueueFull(), "Failure: the job queue is full and doesn't accept"),
        (TagError("x"), "Failure: invalid tag(s) given:\nx"),
        (GanetiError("odd"), "Unhandled Ganeti error: odd"),
    ],
)
def test_errors_of_the_daemon_are_put_into_words(
    master: Master, error: GanetiError, text: str
) -> None:
    master.error = error
    done = Run(master, "archive", "2")
    assert done.exit_code == 1
    assert done.errors.startswith(text)


@pytest.mark.parametrize("text", ["", "w", "1x", "1.5h", "d1"])
def test_an_age_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OpPrereqError):
        parse_age(text)


def test_what_is_no_timestamp_is_shown_as_a_question_mark() -> None:
    assert format_timestamp(None) == "?"
    assert format_timestamp([1]) == "?"


@pytest.mark.parametrize(
    "command", [["archive"], ["cancel"], ["change-priority", "--priority=low"], ["wait"], ["watch"]]
)
def test_an_unknown_id_is_told_in_one_form(master: Master, command: list[str]) -> None:
    done = Run(master, *command, "9")
    assert done.exit_code == 1
    assert "Job ID 9 not found" in (done.output + done.errors).splitlines()


@pytest.mark.parametrize("command", [["archive"], ["cancel"]])
def test_json_of_a_change_says_what_became_of_each_job(master: Master, command: list[str]) -> None:
    done = Run(master, *command, "--json", "2", "3", "9")
    assert (done.exit_code, done.errors) == (1, "")
    found = json.loads(done.output)
    assert [(each["id"], each["success"]) for each in found] == [(2, True), (3, False), (9, False)]
    assert found[2]["message"] == "Job ID 9 not found"


def test_json_of_list_has_every_cheap_field_and_times_as_text(master: Master) -> None:
    done = Run(master, "list", "--json", "2")
    (job,) = json.loads(done.output)
    assert (job["id"], job["status"], job["summary"]) == (2, "queued", ["X"])
    assert (job["received_ts"], job["received_ts_rfc3339"]) == (
        [0, 5],
        "1970-01-01T00:00:00.000005Z",
    )
    assert job["opend_rfc3339"] == ["1970-01-01T00:00:01.000000Z", None]
    assert {"priority", "start_ts", "end_ts", "opstatus", "opstart", "opexec"} <= job.keys()


def test_json_asks_no_questions(master: Master) -> None:
    done = Run(master, "cancel", "--json", "--pending", answer=True)
    assert (done.exit_code, done.questions, done.output) == (1, [], "")
    assert "--force" in done.errors


def test_json_and_a_separator_exclude_each_other(
    master: Master, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        Run(master, "list", "--json", "--separator=;")
    assert ended.value.code == 2
    assert "gnt-job: error: options --json and --separator" in capsys.readouterr().err
