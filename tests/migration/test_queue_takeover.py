"""Taking over a queue directory: nothing is lost, nothing that cannot be read is taken."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.layout import Layout
from exporter.rebuild import catch_up, compare
from masterd.job import documents, recovery
from masterd.opcodes.base import summary_of
from migrations.legacy import job_file, queue_dir, unclean
from migrations.legacy.queue_dir import QueueRefusedError, TakeoverReport
from store import failpoints, outbox, schema, serials
from store.check import check
from store.store import Store
from store.txn import WriteTxn
from tests.migration.queues import (
    NOW_US,
    PRECEDING,
    RECORDED,
    UNCLEAN,
    QueueDir,
    content,
    job,
    op,
    recorded,
    rendered,
    take_over,
)

PATIENCE_S = 60
#: Recorded jobs that were not at their end.
RUNNING, WAITING = 571, 573
UNFINISHED = ["queued", "waiting", "running", "canceling"]


@pytest.fixture
def queue(tmp_path: Path) -> QueueDir:
    return QueueDir(tmp_path / "queue")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    yield opened
    with opened.snapshot() as txn:
        assert [str(problem) for problem in check(txn)] == []
    opened.close()


def first_start(store: Store, queue: QueueDir) -> TakeoverReport | None:
    return queue_dir.takeover_if_first_start(store, queue.path, now_us=NOW_US)


def reasons_against(store: Store, queue: QueueDir) -> list[str]:
    before = content(store)
    with pytest.raises(QueueRefusedError) as caught:
        take_over(store, queue)
    assert content(store) == before
    return caught.value.reasons


# --- recorded jobs ------------------------------------------------------------------------------


def test_recorded_jobs_come_back_as_they_were(queue: QueueDir, store: Store) -> None:
    files = recorded()
    for job_id, file in files.items():
        queue.live(job_id, file)
    queue.serial(583)
    before = queue.files()
    report = take_over(store, queue)
    cut_off = {RUNNING, WAITING}
    assert report == TakeoverReport(live=len(files), requeued=1, ended=1, serial=583)
    found = rendered(store)
    for job_id in files.keys() - cut_off:
        assert found[job_id] == json.loads(files[job_id]), job_id
    assert queue.files() == before


def test_a_recorded_archived_job_comes_back_as_it_was(queue: QueueDir, store: Store) -> None:
    file = (RECORDED / "16-archived-as-archive-0-job-583.json").read_bytes()
    queue.archived(583, file)
    queue.serial(583)
    assert take_over(store, queue) == TakeoverReport(archived=1, serial=583)
    assert rendered(store) == {583: json.loads(file)}


def test_inputs_results_and_messages_keep_every_byte(queue: QueueDir, store: Store) -> None:
    odd = (
        b'{"OP_ID":"OP_X", "a":1.0,"b":1e400,"c":"\\u00e9\xc3\xa9\\/","d":12345678901234567890123}'
    )
    file = json.dumps(job(1)).encode()
    file = file.replace(json.dumps(op()["input"]).encode(), odd.replace(b"1e400", b"1E+2"))
    queue.live(1, file.replace(b'"result": null', b'"result": [1.50,  -0.0]'))
    queue.serial(1)
    take_over(store, queue)
    with store.snapshot() as txn:
        row: Any = schema.JOBS.get(txn, 1)
    assert row["ops"][0]["input"] == odd.replace(b"1e400", b"1E+2")
    assert row["ops"][0]["result"] == b"[1.50,  -0.0]"


def test_jobs_are_listed_by_the_summaries_that_opcodes_make(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.live(2, job(2, ops=[op(input={"OP_ID": "OP_OF_ANOTHER_RELEASE", "a": 1})]))
    queue.live(3, job(3, ops=[op(input="nobody can read this")]))
    queue.serial(3)
    take_over(store, queue, summary=summary_of)
    with store.snapshot() as txn:
        rows: list[Any] = [row for _, row in schema.JOBS.scan(txn)]
    assert [row["ops"][0]["summary"] for row in rows] == [
        "TEST_DELAY(0.5)",
        "OF_ANOTHER_RELEASE",
        "INVALID_OP",
    ]


# --- jobs that were cut off ---------------------------------------------------------------------


def test_the_recorded_running_job_ends_in_error(queue: QueueDir, store: Store) -> None:
    queue.live(RUNNING, recorded()[RUNNING])
    queue.serial(RUNNING)
    take_over(store, queue)
    was = json.loads(recorded()[RUNNING])
    end = [NOW_US // 1_000_000, NOW_US % 1_000_000]
    was["end_timestamp"] = end
    was["ops"][0] |= {"status": "error", "result": UNCLEAN, "end_timestamp": end}
    assert rendered(store) == {RUNNING: was}


def test_the_recorded_waiting_job_goes_back_to_the_queue(queue: QueueDir, store: Store) -> None:
    queue.live(WAITING, recorded()[WAITING])
    queue.serial(WAITING)
    assert take_over(store, queue).requeued == 1
    found = rendered(store)[WAITING]
    assert found["ops"][0]["status"] == "queued"
    assert found["start_timestamp"] is None
    with store.snapshot() as txn:
        assert list(schema.UNFINISHED.keys(txn)) == [WAITING]


def test_opcodes_behind_the_one_cut_off_end_without_times(queue: QueueDir, store: Store) -> None:
    queue.live(4, job(4, "success", "running", "queued", "queued"))
    queue.serial(4)
    take_over(store, queue)
    ops = rendered(store)[4]["ops"]
    assert [each["status"] for each in ops] == ["success", "error", "error", "error"]
    assert [each["result"] for each in ops] == [None, UNCLEAN, PRECEDING, PRECEDING]
    assert [each["end_timestamp"] is None for each in ops] == [False, False, True, True]


def test_only_what_was_changed_is_written_to_the_mirror(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.live(2, job(2, "running"))
    queue.live(3, job(3, "queued"))
    queue.live(4, job(4, "success", "waiting"))
    queue.archived(5, job(5, "running"))
    queue.serial(5)
    take_over(store, queue)
    with store.snapshot() as txn:
        entries = outbox.read(txn, outbox.get_cursor(txn, "mirror") or 0, 10)
    assert [(entry.kind, entry.ident) for entry in entries] == [
        ("archive", 5),
        ("job", 2),
        ("job", 4),
    ]


def test_an_unfinished_job_in_the_archive_ends_there(queue: QueueDir, store: Store) -> None:
    queue.archived(1, job(1, "queued"))
    queue.serial(1)
    assert take_over(store, queue) == TakeoverReport(archived=1, ended=1, serial=1)
    assert rendered(store)[1]["ops"][0]["status"] == "error"


@pytest.mark.parametrize(
    "statuses",
    [
        ("queued",),
        ("waiting",),
        ("running",),
        ("success", "waiting", "queued"),
        ("success", "running", "queued", "queued"),
        ("success", "queued"),
    ],
)
def test_what_becomes_of_a_job_is_what_a_start_makes_of_our_own(statuses: tuple[str, ...]) -> None:
    found = job_file.parse(1, json.dumps(job(1, *statuses)).encode())
    own = recovery.recover(documents.from_document(1, found.document), NOW_US).job
    settled, _ = unclean.settle(found, NOW_US, archived=False)
    assert settled.document == documents.to_document(own)


def test_a_job_that_was_being_canceled_ends_in_error_as_other_masters_end_it(
    queue: QueueDir, store: Store
) -> None:
    queue.live(1, job(1, "canceling", "queued"))
    queue.serial(1)
    assert take_over(store, queue).ended == 1
    ops = rendered(store)[1]["ops"]
    assert [(each["status"], each["result"]) for each in ops] == [
        ("error", UNCLEAN),
        ("error", PRECEDING),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_mirror_agrees_once_it_has_caught_up(queue: QueueDir, store: Store, seed: int) -> None:
    fill(queue, random.Random(seed))
    take_over(store, queue)
    layout = Layout(queue.path)
    catch_up(store, layout)
    assert compare(store, layout).differences == []


# --- numbers and switches -----------------------------------------------------------------------


def test_ids_are_never_used_again(queue: QueueDir, store: Store) -> None:
    queue.live(7)
    queue.archived(12)
    queue.serial(40)
    assert take_over(store, queue).serial == 40
    assert store.update(lambda txn: serials.next(txn, "job")) == 41


def test_a_serial_behind_the_jobs_is_raised_and_mirrored(queue: QueueDir, store: Store) -> None:
    queue.live(7)
    queue.archived(20_012)
    queue.serial(3)
    assert take_over(store, queue).serial == 20_012
    with store.snapshot() as txn:
        kinds = [(entry.kind, entry.ident) for entry in outbox.read(txn, 0, 10)]
    assert kinds == [("serial", 20_012)]


def test_a_drained_queue_stays_drained(queue: QueueDir, store: Store) -> None:
    queue.drain()
    report = first_start(store, queue)
    assert report == TakeoverReport(drained=True)
    with store.snapshot() as txn:
        assert schema.FLAGS.get(txn, "drain") is True


def test_an_outbox_that_others_began_stays_to_be_done(queue: QueueDir, store: Store) -> None:
    def body(txn: WriteTxn) -> None:
        outbox.append(txn, outbox.CONFIG, serials.next(txn, "config"))

    store.update(body)
    queue.live(1)
    queue.serial(1)
    take_over(store, queue)
    with store.snapshot() as txn:
        assert outbox.get_cursor(txn, "mirror") == 0


# --- which start is the first -------------------------------------------------------------------


def test_an_empty_directory_is_a_new_cluster(queue: QueueDir, store: Store) -> None:
    assert first_start(store, queue) is None


def test_no_directory_is_a_new_cluster(queue: QueueDir, store: Store, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert queue_dir.takeover_if_first_start(store, nowhere, now_us=NOW_US) is None
    with pytest.raises(QueueRefusedError, match="not a directory"):
        queue_dir.takeover(store, nowhere, now_us=NOW_US)


def test_a_later_start_takes_nothing(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.serial(1)
    assert first_start(store, queue) is not None
    before = content(store)
    queue.live(2)
    assert first_start(store, queue) is None
    assert content(store) == before
    assert reasons_against(store, queue) == [f"the store in {store.path} holds a queue already"]


def test_a_drain_flag_that_was_cleared_since_does_not_come_back(
    queue: QueueDir, store: Store
) -> None:
    queue.drain()
    assert first_start(store, queue) is not None
    store.update(lambda txn: schema.FLAGS.delete(txn, "drain"))
    assert first_start(store, queue) is None
    with store.snapshot() as txn:
        assert schema.FLAGS.get(txn, "drain") is None


def test_a_store_that_gave_out_ids_takes_no_queue(queue: QueueDir, store: Store) -> None:
    store.update(lambda txn: serials.next(txn, "job"))
    queue.live(1)
    queue.serial(1)
    assert first_start(store, queue) is None


# --- what is refused ----------------------------------------------------------------------------


def test_a_damaged_file_refuses_the_whole_and_every_reason_is_told(
    queue: QueueDir, store: Store
) -> None:
    queue.live(1)
    half = queue.live(2, recorded()[RUNNING][:300])
    empty = queue.live(3, b"")
    foreign = queue.live(4, b"\x00\x01 not a job")
    other = queue.live(5, job(6))
    archived = queue.archived(9, b"[]")
    queue.serial(9)
    reasons = reasons_against(store, queue)
    assert [reason.split(":")[0] for reason in reasons] == [
        str(path) for path in (archived, half, empty, foreign, other)
    ]
    assert reasons[-1] == f"{other}: it says that it is job 6"
    assert first_start_refused(store, queue)


def first_start_refused(store: Store, queue: QueueDir) -> bool:
    with pytest.raises(QueueRefusedError):
        first_start(store, queue)
    return True


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


def test_archived_jobs_in_wrong_places_are_refused(queue: QueueDir, store: Store) -> None:
    queue.archived(1).rename(queue.path / "archive" / "job-1")
    (queue.path / "archive" / "1").mkdir()
    queue.archived(5).rename(queue.path / "archive" / "1" / "job-5")
    queue.serial(5)
    assert sorted(reasons_against(store, queue)) == [
        f"{queue.path}/archive/1/job-5 belongs to {queue.path}/archive/0/job-5",
        f"{queue.path}/archive/job-1: archived jobs belong into numbered directories",
    ]


def test_a_job_that_is_live_and_archived_is_refused(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.archived(1)
    queue.serial(1)
    assert reasons_against(store, queue) == ["job 1 is both live and archived"]


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
    queue.live(1, job(1, "running", livelock=str(livelock), process_id=4711))
    queue.serial(1)
    with holder(livelock, "lockf"):
        assert reasons_against(store, queue) == ["job 1 is still being run by process 4711"]
    assert take_over(store, queue).ended == 1


def test_the_lock_is_let_go_afterwards(queue: QueueDir, store: Store) -> None:
    queue.live(1)
    queue.serial(1)
    take_over(store, queue)
    with (queue.path / "lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not os.get_inheritable(file.fileno())


# --- generated queues and crashes ---------------------------------------------------------------


def fill(queue: QueueDir, chance: random.Random) -> dict[int, dict[str, Any]]:
    """Put made-up jobs into a directory; return their jobs by id."""
    jobs: dict[int, dict[str, Any]] = {}
    for job_id in sorted(chance.sample(range(1, 30_000), chance.randrange(1, 60))):
        archived = chance.random() < 0.5
        ends = ["success"] * chance.randrange(0, 3) + [chance.choice(["success", "error"])]
        tail = [] if archived or chance.random() < 0.5 else [chance.choice(UNFINISHED)]
        if tail:
            ends = ["success"] * (len(ends) - 1)
            tail += ["queued"] * chance.randrange(0, 3)
        document = job(job_id, *ends, *tail)
        serial = 0
        for each in document["ops"]:
            for _ in range(chance.randrange(0, 3) if each["status"] != "queued" else 0):
                serial += chance.randrange(1, 3)
                text = chance.choice(["", "\u00e9\u2603", "a\nb", {"x": [1, None]}])
                each["log"].append([serial, [1795417297, serial], "message", text])
            each["priority"] = chance.randrange(-20, 20)
        jobs[job_id] = document
        (queue.archived if archived else queue.live)(job_id, document)
    queue.serial(max(jobs) + chance.randrange(0, 5))
    return jobs


def cut_off(document: dict[str, Any]) -> bool:
    statuses = {each["status"] for each in document["ops"]}
    return bool(statuses & {"waiting", "running", "canceling"})


@pytest.mark.parametrize("seed", range(25))
def test_generated_queues_come_back_as_they_were(tmp_path: Path, store: Store, seed: int) -> None:
    queue = QueueDir(tmp_path / "queue")
    jobs = fill(queue, random.Random(seed))
    before = queue.files()
    report = take_over(store, queue, batch_jobs=7)
    assert report.live + report.archived == len(jobs)
    found = rendered(store)
    assert found.keys() == jobs.keys()
    for job_id, document in jobs.items():
        if not cut_off(document):
            assert found[job_id] == document
            continue
        shown = zip(found[job_id]["ops"], document["ops"], strict=True)
        for now, was in shown:
            assert now["input"] == was["input"]
            assert now["log"] == was["log"]
            assert now["status"] not in ("waiting", "running", "canceling")
            if was["status"] == "success":
                assert now == was
    assert queue.files() == before
    assert report.ended + report.requeued == sum(map(cut_off, jobs.values()))


TAKE_OVER = """
import sys
from pathlib import Path
from migrations.legacy import queue_dir
from store.store import Store
store = Store.open(Path(sys.argv[1]))
queue_dir.takeover(store, Path(sys.argv[2]), now_us=int(sys.argv[3]), batch_jobs=3)
store.close()
"""


@pytest.mark.parametrize("point", ["migrations.takeover-batch", "store.before-commit"])
def test_killed_on_the_way_it_goes_on_and_ends_as_if_nothing_had_been(
    tmp_path: Path, store: Store, point: str
) -> None:
    queue = QueueDir(tmp_path / "queue")
    fill(queue, random.Random(4))
    take_over(store, queue, batch_jobs=3)
    path = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", TAKE_OVER, path, queue.path, str(NOW_US)],
        env={**os.environ, failpoints.VARIABLE: f"{point}=kill:4"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    other = Store.open(path)
    try:
        assert 0 < len(rendered(other)) < len(rendered(store))
        with pytest.raises(QueueRefusedError, match="has to be finished first"):
            take_over(other, QueueDir(tmp_path / "another"))
        assert first_start(other, queue) is not None
        assert content(other) == content(store)
    finally:
        other.close()


def test_a_file_that_changes_on_the_way_stops_it_until_it_is_good(
    queue: QueueDir, store: Store
) -> None:
    for job_id in range(1, 10):
        queue.live(job_id)
    queue.serial(9)

    def spoil(what: str, _done: int, _of: int) -> None:
        if what == "taken over":
            queue.live(9, b"")

    with pytest.raises(QueueRefusedError, match="changed since it was read first"):
        take_over(store, queue, progress=spoil, batch_jobs=4)
    queue.live(9)
    report = first_start(store, queue)
    assert report == TakeoverReport(live=9, serial=9)
    assert sorted(rendered(store)) == list(range(1, 10))
