"""Debian's `gnt-job` and our own, side by side on the same queue."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from masterd.luxi.client import Client
from tests import system
from tests.interop import debian
from tests.interop.debian import Commands

pytestmark = debian.needs_ganeti

#: Seconds; ends before only because somebody ends it.
FOREVER_S = 3600.0


@dataclass
class World:
    """A queue with a job in each state."""

    commands: Commands
    client: Client
    succeeded: int
    failed: int
    canceled: int
    running: int
    waiting: int
    queued: int

    def submit(self, *ops: dict[str, object]) -> int:
        return submit(self.client, *ops)


def submit(client: Client, *ops: dict[str, object]) -> int:
    job_id = client.call("SubmitJob", list(ops))
    assert isinstance(job_id, int)
    return job_id


def failing_op() -> dict[str, object]:
    """Return an opcode that writes two lines into the log and fails."""
    return {
        "OP_ID": "OP_TEST_JQUEUE",
        "notify_waitlock": False,
        "notify_exec": False,
        "log_messages": [],
        "fail": True,
        "reason": [],
    }


def on_node(number: int, duration_s: float = FOREVER_S) -> dict[str, object]:
    """Return a delay that holds a node's lock."""
    return system.delay_op(
        duration_s, on_nodes=[f"node{number}.example.com"], interruptible=True, no_locks=False
    )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        system.simulated_cluster(nodes=3) as (cluster, _),
        system.running(cluster) as daemon,
        daemon.client() as client,
    ):
        succeeded = submit(client, system.delay_op(), system.delay_op(0.002))
        assert system.wait_for_end(client, succeeded) == "success"
        failed = submit(client, failing_op(), system.delay_op())
        assert system.wait_for_end(client, failed) == "error"
        running = submit(client, on_node(2))
        debian.wait_for_status(client, running, "running")
        waiting = submit(client, on_node(2))
        debian.wait_for_status(client, waiting, "waiting")
        queued = submit(client, system.delay_op(depends=[[running, []]]))
        canceled = submit(client, on_node(2))
        assert client.call("CancelJob", canceled, False)
        assert system.wait_for_end(client, canceled) == "canceled"
        yield World(
            Commands(cluster.environment()),
            client, succeeded, failed, canceled, running, waiting, queued,
        )  # fmt: skip
        for job_id in (queued, waiting, running):
            client.call("CancelJob", job_id, True)


def ids(outcome: debian.Outcome) -> list[int]:
    return [int(line.split()[0]) for line in outcome.lines[1:]]


# --- looking ------------------------------------------------------------------------------------


def test_list_shows_all_jobs_with_state_and_summary(world: World) -> None:
    outcome = world.commands.gnt_job("list")
    assert outcome.code == 0
    assert outcome.lines[0].split() == ["ID", "Status", "Summary"]
    states = dict(line.split()[:2] for line in outcome.lines[1:])
    assert states[str(world.succeeded)] == "success"
    assert states[str(world.failed)] == "error"
    assert states[str(world.canceled)] == "canceled"
    assert states[str(world.running)] == "running"
    assert states[str(world.waiting)] == "waiting"
    assert states[str(world.queued)] in ("queued", "waiting")
    assert "TEST_DELAY(1.0e-3),TEST_DELAY(2.0e-3)" in outcome.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--no-headers",),
        ("--separator=:",),
        ("--separator=|", "--no-headers", "-o", "id,status,summary,priority"),
        ("-o", "+priority"),
        ("-o", "id,ops,opresult,opstatus,oplog"),
        ("-o", "id,opstart,opexec,opend,received_ts,start_ts,end_ts,oppriority"),
        ("-v",),
        ("--archived",),
    ],
    ids=" ".join,
)
def test_list_prints_tables_of_every_form(world: World, arguments: tuple[str, ...]) -> None:
    outcome = world.commands.gnt_job("list", *arguments)
    assert outcome.code == 0
    assert len(outcome.lines) >= 6


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("--pending", {"waiting", "queued"}),
        ("--running", {"running"}),
        ("--error", {"failed"}),
        ("--finished", {"succeeded", "failed", "canceled"}),
    ],
)
def test_list_chooses_by_state(world: World, option: str, names: set[str]) -> None:
    found = set(ids(world.commands.gnt_job("list", option)))
    known = {
        name: getattr(world, name)
        for name in ("succeeded", "failed", "canceled", "running", "waiting", "queued")
    }
    assert {name for name, job_id in known.items() if job_id in found} == names


def test_list_takes_ids_and_filters(world: World) -> None:
    some = world.commands.gnt_job("list", str(world.failed), str(world.running))
    assert ids(some) == [world.failed, world.running]
    filtered = world.commands.gnt_job("list", f'status == "error" and id == {world.failed}')
    assert ids(filtered) == [world.failed]
    assert world.commands.gnt_job("list", 'summary =* "NOTHING"').lines[1:] == []


def test_list_warns_of_unknown_fields(world: World) -> None:
    outcome = world.commands.gnt_job("list", "-o", "id,nosuch")
    assert (outcome.code, outcome.errors) == (
        14,
        "Warning: Queried for unknown fields nosuch\n",
    )


def test_list_shows_that_a_job_is_missing(world: World) -> None:
    (row,) = world.commands.gnt_job("list", "9999999").lines[1:]
    assert row.split() == ["9999999", "-", "-"]


def test_list_fields_describes_the_fields(world: World) -> None:
    outcome = world.commands.gnt_job("list-fields")
    assert outcome.code == 0
    assert len(outcome.lines) == 17
    assert world.commands.gnt_job("list-fields", "id", "nosuch").code == 14


def test_info_tells_everything_of_jobs_in_every_state(world: World) -> None:
    wanted = [world.succeeded, world.failed, world.canceled, world.running, world.waiting]
    outcome = world.commands.gnt_job("info", *map(str, wanted), "9999999")
    assert outcome.code == 0
    assert re.findall(r"^- Job ID:? (\d+)", outcome.output, re.MULTILINE) == [
        *map(str, wanted),
        "9999999",
    ]
    assert "Opcode failure was requested" in outcome.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nosuch",),
        ("list", "--bad"),
        ("info",),
        ("info", "abc"),
        ("archive",),
        ("autoarchive",),
        ("autoarchive", "soon"),
        ("cancel",),
        ("cancel", "--kill", "1"),
        ("change-priority", "1"),
        ("change-priority", "--priority", "huge", "1"),
        ("watch",),
        ("watch", "1", "2"),
    ],
    ids=" ".join,
)
def test_wrong_command_lines_are_refused_alike(world: World, arguments: tuple[str, ...]) -> None:
    assert world.commands.gnt_job(*arguments).code != 0


# --- waiting ------------------------------------------------------------------------------------


def test_watch_prints_the_log_and_tells_of_failure(world: World) -> None:
    outcome = world.commands.gnt_job("watch", str(world.failed))
    assert outcome.code == 1
    assert outcome.lines[0] == f"Output from job {world.failed} follows"
    assert outcome.lines[-1].endswith("Executing")
    assert outcome.errors == (
        f"Job {world.failed} failed: Failure: command execution error:\n"
        "Opcode failure was requested\n"
    )
    assert world.commands.gnt_job("watch", str(world.succeeded)).code == 0
    assert world.commands.gnt_job("watch", str(world.canceled)).code == 1


def test_watch_and_wait_last_until_a_job_ends(world: World) -> None:
    first = world.submit(on_node(3))
    second = world.submit(system.delay_op(0.2, depends=[[first, []]]))
    debian.wait_for_status(world.client, first, "running")
    watching = world.commands.start("gnt-job", "watch", str(second))
    waiting = world.commands.start("gnt-job", "wait", str(second))
    assert (watching.poll(), waiting.poll()) == (None, None)
    assert world.client.call("CancelJob", first, True)
    assert debian.finish(waiting) == debian.Outcome(0, "")
    title = f"Output from job {second} follows"
    assert debian.finish(watching).lines == [title, "-" * len(title)]


def test_wait_tells_of_the_end(world: World) -> None:
    assert world.commands.gnt_job("wait", str(world.succeeded)) == debian.Outcome(0, "")
    assert world.commands.gnt_job("wait", str(world.failed)).code == 1


UNKNOWN_ID = "9999999"


@pytest.mark.parametrize(
    "command", [["wait"], ["cancel"], ["change-priority", "--priority", "low"]]
)
def test_an_unknown_id_ends_as_theirs_does_and_is_told_in_one_form(
    world: World, command: list[str]
) -> None:
    theirs = world.commands.run("gnt-job", *command, UNKNOWN_ID)
    ours = world.commands.run(sys.executable, "-m", "masterd.client.gnt_job", *command, UNKNOWN_ID)
    assert ours.code == theirs.code == 1
    assert ours.output + ours.errors == f"Job ID {UNKNOWN_ID} not found\n"


# --- changing -----------------------------------------------------------------------------------


def test_change_priority_is_told_and_seen(world: World) -> None:
    arguments = ("change-priority", "--priority", "high", str(world.waiting))
    outcome = world.commands.gnt_job(*arguments)
    assert outcome.code == 0
    assert outcome.output == (
        f"Priorities of pending opcodes for job {world.waiting} have been changed to -10\n"
    )
    listed = world.commands.ok(
        "gnt-job", "list", "--no-headers", "-o", "priority", str(world.waiting)
    )
    assert listed.output.strip() == "-10"


def test_cancel_ends_waiting_jobs_and_no_running_one(world: World) -> None:
    waiting = world.submit(on_node(2))
    debian.wait_for_status(world.client, waiting, "waiting")
    outcome = world.commands.run("gnt-job", "cancel", str(waiting))
    assert outcome == debian.Outcome(0, "Job successfully cancelled\n")
    assert system.wait_for_end(world.client, waiting) == "canceled"
    # Queued, because it depends on one that runs.
    queued = world.submit(system.delay_op(depends=[[world.running, []]]))
    assert world.commands.run("gnt-job", "cancel", str(queued)).code == 0
    assert system.wait_for_end(world.client, queued) == "canceled"
    assert world.commands.gnt_job("cancel", str(world.running)) == debian.Outcome(
        1, "Job no longer waiting, can't cancel (informed it anyway)\n"
    )
    assert world.commands.gnt_job("cancel", str(world.succeeded)).code == 1


def test_cancel_with_kill_ends_a_running_job(world: World) -> None:
    running = world.submit(on_node(3))
    debian.wait_for_status(world.client, running, "running")
    outcome = world.commands.run("gnt-job", "cancel", "--kill", "--yes-do-it", str(running))
    assert outcome.code == 0
    assert system.wait_for_end(world.client, running) == "error"


def test_cancel_by_state_takes_all_of_that_state(world: World) -> None:
    none = world.commands.gnt_job("cancel", "--pending", str(world.waiting))
    assert none.code == 1
    # Without a terminal nobody confirms.
    shown = world.commands.gnt_job("cancel", "--pending")
    assert shown.code == 13
    assert str(world.waiting) in shown.output


def test_archive_moves_finished_jobs_only(world: World) -> None:
    done = world.submit(system.delay_op())
    assert system.wait_for_end(world.client, done) == "success"
    outcome = world.commands.run("gnt-job", "archive", str(done), str(world.running))
    assert outcome == debian.Outcome(1, "", f"Failed to archive job with ID '{world.running}'\n")
    assert world.commands.gnt_job("archive", str(done)).code == 1
    assert done not in ids(world.commands.gnt_job("list"))
    assert done in ids(world.commands.gnt_job("list", "--archived"))
    assert world.commands.gnt_job("info", str(done)).code == 0
    assert world.commands.gnt_job("list", "-o", "id,status,archived").code == 0


def test_autoarchive_archives_by_age_or_all(world: World) -> None:
    for _ in range(3):
        done = world.submit(system.delay_op())
        assert system.wait_for_end(world.client, done) == "success"
    assert world.commands.gnt_job("autoarchive", "1w") == debian.Outcome(
        0, "Archived 0 jobs, 0 unchecked left\n"
    )
    outcome = world.commands.run("gnt-job", "autoarchive", "all")
    archived = re.fullmatch(r"Archived (\d+) jobs, 0 unchecked left\n", outcome.output)
    assert archived is not None
    assert int(archived[1]) >= 5
    left = ids(world.commands.gnt_job("list"))
    assert left == sorted([world.running, world.waiting, world.queued])
