"""Which queue directories are not taken over: whole, and with every reason told."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrations.legacy import queue_dir
from migrations.legacy.queue_dir import QueueRefusedError, TakeoverReport
from store.store import Store
from tests.migration.queues import (
    PATIENCE_S,
    RUNNING,
    QueueDir,
    first_start,
    job,
    op,
    reasons_against,
    recorded,
    take_over,
)

# --- what is refused ----------------------------------------------------------------------------


def test_a_damaged_file_refuses_the_whole_and_every_reason_is_told(
    queue: QueueDir, store: Store
) -> None:
    queue.live(1)
    half = queue.live(2, recorded()[RUNNING][:300])
    empty = queue.live(3, b"")
    foreign = queue.live(4, b"\x00\x01 not a job")
    other = queue.live(5, job(6))
    queue.archived(9, b"[]")
    queue.serial(9)
    reasons = reasons_against(store, queue)
    assert [reason.split(":")[0] for reason in reasons] == [
        str(path) for path in (half, empty, foreign, other)
    ]
    assert reasons[-1] == (
        f"{other}: it says that it is job 6; to go on without this job, move it into"
        f" {queue.path.with_name('queue.refused')}"
    )
    with pytest.raises(QueueRefusedError):
        first_start(store, queue)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unknown": 1}, "unknown"),
        ({"ops": []}, "it has no opcodes"),
        ({"ops": [op("gone")]}, "gone"),
        ({"ops": [op(priority=20)]}, "19"),
        ({"ops": [op("queued", result=[1])], "end_timestamp": None}, "has a result, but is queued"),
        ({"ops": [op("running")]}, "it has an end, but is running"),
        ({"received_timestamp": [1, 1_000_000]}, "received_timestamp[1]"),
        ({"received_timestamp": 1.5}, "array"),
        ({"ops": [op(log=[[2, [1, 0], "message", ""], [2, [1, 0], "message", ""]])]}, "log serial"),
        ({"ops": [op("queued", input={"depends": 5})], "end_timestamp": None}, "not a list"),
        ({"ops": [op("queued", input={"depends": [[0, []]]})], "end_timestamp": None}, "job 0"),
        ({"ops": [op("queued", input={"depends": [[1, ["x"]]]})], "end_timestamp": None}, "'x'"),
        ({"livelock": 5}, "livelock"),
    ],
)
def test_a_document_of_another_form_is_refused(
    queue: QueueDir, store: Store, changes: dict[str, Any], reason: str
) -> None:
    queue.live(1, job(1, **changes))
    queue.serial(1)
    (told,) = reasons_against(store, queue)
    assert reason in told


@pytest.mark.parametrize("name", ["job-0", "job-007", "job-9999999999999999999999"])
def test_a_name_that_no_job_has_is_refused(queue: QueueDir, store: Store, name: str) -> None:
    (queue.path / name).write_bytes(b"{}")
    assert reasons_against(store, queue) == [f"{queue.path / name} is no name of a job file"]


def test_other_names_are_passed_over(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.serial(1)
    for name in ("job-1.new", ".job-2", "job-3~", "tmpabc", "job-", "job-x", "jobs-4"):
        (queue.path / name).write_bytes(b"half writ")
    (queue.path / "archive" / "lost+found").mkdir()
    assert take_over(store, queue) == TakeoverReport(live=1, serial=1)


def test_what_is_no_regular_file_is_refused(queue: QueueDir, store: Store) -> None:
    (queue.path / "job-1").mkdir()
    (queue.path / "job-2").symlink_to("/etc/passwd")
    queue.serial(2)
    assert sorted(reasons_against(store, queue)) == [
        f"{queue.path}/job-1 is not a regular file",
        f"{queue.path}/job-2 is not a regular file",
    ]


def test_archived_jobs_in_wrong_places_are_told_and_passed_over(
    queue: QueueDir, store: Store
) -> None:
    queue.archived(1).rename(queue.path / "archive" / "job-1")
    (queue.path / "archive" / "1").mkdir()
    queue.archived(5).rename(queue.path / "archive" / "1" / "job-5")
    queue.serial(5)
    told: list[str] = []
    assert take_over(store, queue, told=told.append) == TakeoverReport(serial=5)
    assert sorted(told) == [
        f"{queue.path}/archive/1/job-5 belongs to {queue.path}/archive/0/job-5",
        f"{queue.path}/archive/job-1: archived jobs belong into numbered directories",
    ]


@pytest.mark.parametrize("op_id", ["OP_INSTANCE_CREATE", "OP_NOBODY_KNOWS"])
@pytest.mark.parametrize("statuses", [("queued",), ("success", "queued"), ("waiting",)])
def test_a_job_that_nobody_here_can_carry_out_is_refused_by_name(
    queue: QueueDir, store: Store, op_id: str, statuses: tuple[str, ...]
) -> None:
    document = job(1, *statuses)
    document["ops"][-1]["input"] = {"OP_ID": op_id}
    path = queue.live(1, document)
    queue.live(2, job(2, "queued"))
    queue.serial(2)
    supported = {"supported": lambda each: each == "OP_TEST_DELAY"}
    with pytest.raises(QueueRefusedError) as caught:
        take_over(store, queue, **supported)
    (reason,) = caught.value.reasons
    assert reason.startswith(f"{path}: it is queued, and {op_id} cannot be carried out yet")
    # What has ended, or was cut off, runs no more.
    document["ops"][-1]["status"] = "running"
    queue.live(1, document)
    assert take_over(store, queue, **supported).ended == 1


@pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "1" * 40])
def test_a_damaged_serial_is_refused(queue: QueueDir, store: Store, text: str) -> None:
    (queue.path / "serial").write_text(text)
    (reason,) = reasons_against(store, queue)
    assert "which is no number" in reason


def test_jobs_without_a_serial_are_refused(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    (queue.path / "serial").unlink()
    (reason,) = reasons_against(store, queue)
    assert "nobody knows which ids were used" in reason


def test_another_version_of_the_queue_is_refused(queue: QueueDir, store: Store) -> None:
    (queue.path / "version").write_text("2\n")
    assert reasons_against(store, queue) == [
        f"{queue.path}/version says '2', and only '1' is known"
    ]


def test_no_more_reasons_are_kept_than_anybody_reads(queue: QueueDir, store: Store) -> None:
    for job_id in range(1, 131):
        queue.live(job_id, b"")
    queue.serial(130)
    reasons = reasons_against(store, queue)
    assert len(reasons) == queue_dir.REASONS_MAX + 1
    assert reasons[-1] == "and 30 more"


# --- other masters ------------------------------------------------------------------------------


@contextmanager
def holder(path: Path, call: str) -> Iterator[None]:
    """Hold a lock in another process: `flock` as Ganeti 2 does or `lockf` as Ganeti 3."""
    program = (
        f"import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.{call}(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield
        child.stdin.close()
        assert child.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_a_queue_that_another_master_uses_is_refused(
    queue: QueueDir, store: Store, call: str
) -> None:
    queue.live(1)
    queue.serial(1)
    with holder(queue.path / "lock", call):
        (reason,) = reasons_against(store, queue)
        assert "is locked: another master daemon" in reason
    assert take_over(store, queue).live == 1


def test_a_job_whose_process_lives_is_refused(
    queue: QueueDir, store: Store, tmp_path: Path
) -> None:
    livelock = tmp_path / "job_000001"
    livelock.touch()
    path = queue.live(1, job(1, "running", livelock=str(livelock), process_id=4711))
    queue.serial(1)
    with holder(livelock, "lockf"):
        assert reasons_against(store, queue) == [f"{path}: it is still being run by process 4711"]
    assert take_over(store, queue).ended == 1


def test_the_lock_is_let_go_afterwards(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.serial(1)
    take_over(store, queue)
    with (queue.path / "lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not os.get_inheritable(file.fileno())
