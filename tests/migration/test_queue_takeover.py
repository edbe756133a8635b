"""Taking over a queue directory: nothing is lost."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.layout import Layout
from exporter.rebuild import catch_up, compare
from exporter.standing import look
from masterd.job import documents, recovery
from masterd.opcodes.base import CATALOGUE_3_0
from migrations.legacy import job_file, queue_dir, unclean
from migrations.legacy.queue_dir import QueueRefusedError, TakeoverReport
from store import failpoints, outbox, schema, serials
from store.store import Store
from store.txn import WriteTxn
from tests.migration.queues import (
    NOW_US,
    PATIENCE_S,
    PRECEDING,
    RECORDED,
    RUNNING,
    UNCLEAN,
    WAITING,
    QueueDir,
    content,
    first_start,
    job,
    op,
    reasons_against,
    recorded,
    rendered,
    take_over,
)

UNFINISHED = ["queued", "waiting", "running", "canceling"]


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
    take_over(store, queue, summary=CATALOGUE_3_0.summary_of)
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


@pytest.mark.parametrize("content", [b"", b"[]", b"half a file", recorded()[RUNNING][:300]])
def test_what_cannot_be_read_in_the_archive_is_told_and_passed_over(
    queue: QueueDir, store: Store, content: bytes
) -> None:
    path = queue.archived(1, content)
    queue.archived(2)
    queue.live(3)
    queue.serial(3)
    told: list[str] = []
    assert take_over(store, queue, told=told.append) == TakeoverReport(live=1, archived=1, serial=3)
    (note,) = told
    assert note.startswith(f"{path}: ")
    assert path.read_bytes() == content
    layout = Layout(queue.path)
    catch_up(store, layout)
    if b"job" not in content:
        assert compare(store, layout).differences == []


@pytest.mark.parametrize(
    ("live", "archived", "kept"),
    [
        ("success", "success", "live"),
        ("success", "queued", "live"),
        ("queued", "success", "archived"),
        ("running", "error", "archived"),
        ("queued", "queued", "live"),
        (None, "success", "archived"),
        ("queued", None, "live"),
    ],
)
def test_of_a_job_that_is_live_and_archived_the_final_one_is_kept(
    queue: QueueDir, store: Store, live: str | None, archived: str | None, kept: str
) -> None:
    """None stands for a file that cannot be read."""
    queue.live(1, b"" if live is None else job(1, live))
    queue.archived(1, b"" if archived is None else job(1, archived))
    queue.serial(1)
    told: list[str] = []
    report = take_over(store, queue, told=told.append)
    assert (report.live, report.archived) == ((1, 0) if kept == "live" else (0, 1))
    assert f"job 1 is both live and archived; the {kept} one is kept" in told
    layout = Layout(queue.path)
    catch_up(store, layout)
    found = compare(store, layout)
    assert found.differences == []
    assert found.removed == 0
    assert look(store, layout).is_ours


def test_files_with_text_ids_are_written_once_in_our_form(queue: QueueDir, store: Store) -> None:
    path = queue.live(1, {**job(1), "id": "1"})
    archived = queue.archived(2, {**job(2), "id": "2"})
    queue.serial(2)
    take_over(store, queue)
    layout = Layout(queue.path)
    assert compare(store, layout).differences == []
    catch_up(store, layout)
    assert json.loads(path.read_bytes())["id"] == 1
    assert json.loads(archived.read_bytes())["id"] == "2"
    found = compare(store, layout)
    assert (found.differences, found.pending) == ([], 0)


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
