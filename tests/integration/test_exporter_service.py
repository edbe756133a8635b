"""The mirror inside the daemon: commits wake it, candidates follow, nothing is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from exporter.layout import Layout
from exporter.service import Exporter
from store import failpoints, outbox, schema
from store.store import Store
from tests.mirror_support import MemoryReplica, Queue, make_entrance, status_in

PATIENCE_S = 20.0


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "queue")


@pytest.fixture
def replica() -> MemoryReplica:
    return MemoryReplica()


@pytest.fixture
def exporter(store: Store, layout: Layout, replica: MemoryReplica) -> Iterator[Exporter]:
    made = start(store, layout, replica)
    yield made
    made.stop(PATIENCE_S)


def start(store: Store, layout: Layout, *replicas: MemoryReplica) -> Exporter:
    made = Exporter(
        store, layout, replicas=replicas, entrance=make_entrance(), now_s=time.monotonic
    )
    made.start()
    return made


def everywhere(exporter: Exporter, seq: int) -> None:
    exporter.poke(seq)
    assert exporter.wait_everywhere(seq, PATIENCE_S)


def compared(exporter: Exporter) -> None:
    with gevent.Timeout(PATIENCE_S):
        while exporter.lag().archive_unknown:
            gevent.sleep(0.005)


def test_a_job_reaches_files_and_candidate_and_then_the_archive(
    exporter: Exporter, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    everywhere(exporter, queue.put(1))
    assert status_in(layout.job(1).read_bytes()) == "queued"
    assert replica.files[layout.job(1)] == layout.job(1).read_bytes()
    assert replica.files[layout.serial] == b"1\n"
    assert replica.files[layout.version] == b"1\n"
    queue.put(1, "success", rev=1)
    everywhere(exporter, queue.archive(1))
    assert replica.files[layout.archived_job(1)] == layout.archived_job(1).read_bytes()
    assert layout.job(1) not in replica.files
    everywhere(exporter, queue.drain(True))
    assert replica.drained
    assert layout.drain.exists()


def test_a_candidate_that_is_away_holds_nobody_up_and_gets_all_later(
    exporter: Exporter, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    everywhere(exporter, queue.put(1))
    replica.trouble = "no route"
    for job_id in range(2, 40):
        last = queue.put(job_id, "success")
        exporter.poke(last)
    last = queue.archive(*range(2, 30))
    exporter.poke(last)
    assert exporter.wait_mirrored(last, PATIENCE_S)
    assert not exporter.wait_everywhere(last, 0.0)
    with gevent.Timeout(PATIENCE_S):
        while exporter.lag().troubles != {"node2": "no route"}:
            gevent.idle()
    assert exporter.lag().replicas["node2"].entries > 0
    replica.trouble = None
    everywhere(exporter, last)
    shown = {path: content for path, content in replica.files.items() if "job-" in path.name}
    assert shown == {path: path.read_bytes() for path in layout.directory.rglob("job-*")}
    assert exporter.lag().troubles == {}


def test_nobody_waits_for_a_candidate_that_is_away(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    other = MemoryReplica("node3")
    exporter = start(store, layout, replica, other)
    everywhere(exporter, queue.put(1))
    replica.trouble = "no route"
    last = queue.put(2)
    exporter.poke(last)
    assert exporter.wait_replicated(last, PATIENCE_S)
    assert not exporter.wait_everywhere(last, 0.0)
    assert layout.job(2) in other.files
    # Nor for one that answers again, but has a long way to go.
    other.trouble = "no route"
    for job_id in range(3, 30):
        last = queue.put(job_id)
        exporter.poke(last)
        assert exporter.wait_replicated(last, PATIENCE_S)
    replica.trouble = other.trouble = None
    everywhere(exporter, last)
    with gevent.Timeout(PATIENCE_S):
        while len(exporter.lag().reachable) < 2:
            gevent.idle()
    exporter.stop(PATIENCE_S)


def test_a_job_that_ran_and_was_archived_meanwhile_costs_one_file(
    exporter: Exporter, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    everywhere(exporter, queue.put(1))
    replica.trouble = "no route"
    jobs = range(2, 802)
    for rev, status in enumerate(("queued", "waiting", "running", "success")):
        queue.put_all(jobs, status, rev=rev)
    last = queue.archive(*jobs)
    exporter.poke(last)
    with gevent.Timeout(PATIENCE_S):
        while not exporter.lag().troubles:
            gevent.idle()
    replica.trouble = None
    before = replica.calls
    everywhere(exporter, last)
    assert all(layout.archived_job(job_id) in replica.files for job_id in jobs)
    # One file each; the rest is the last job id with a plan, and moves of many at once.
    assert replica.calls - before <= 1.1 * len(jobs)


def test_what_has_not_ended_comes_first_to_a_candidate(
    exporter: Exporter, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    everywhere(exporter, queue.put(1))
    replica.trouble = "no route"
    ended = [queue.put(job_id, "success") for job_id in range(2, 6)]
    last = max(queue.archive(2, 3), queue.put(6), queue.put(7), *ended)
    exporter.poke(last)
    with gevent.Timeout(PATIENCE_S):
        while not exporter.lag().troubles:
            gevent.idle()
    replica.trouble = None
    replica.updates.clear()
    everywhere(exporter, last)
    names = [path.name for path in replica.updates]
    assert names == ["serial", "job-6", "job-7", "job-4", "job-5", "job-2", "job-3"]


def test_a_lost_answer_makes_no_difference(
    exporter: Exporter, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    everywhere(exporter, queue.put(1, "success"))
    everywhere(exporter, queue.put(2, "success"))
    replica.answers_lost = 1
    everywhere(exporter, queue.archive(1, 2))
    assert replica.files[layout.archived_job(1)] == layout.archived_job(1).read_bytes()
    assert replica.files[layout.archived_job(2)] == layout.archived_job(2).read_bytes()
    assert layout.job(1) not in replica.files


def test_a_restart_goes_on_where_the_last_one_stopped(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout, replica)
    everywhere(first, queue.put(1))
    first.stop(PATIENCE_S)
    replica.updates.clear()
    queue.put(2)
    last = queue.put(3)
    second = start(store, layout, replica)
    everywhere(second, last)
    second.stop(PATIENCE_S)
    assert [path.name for path in replica.updates] == ["serial", "job-2", "job-3"]


def test_a_candidate_too_far_behind_gets_everything_anew_and_the_archive_too(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout, replica)
    queue.put_all(range(1, 900), "success")
    everywhere(first, queue.archive(*range(1, 700)))
    first.stop(PATIENCE_S)
    # What it has: old states in the queue, some of the archive, and a job that nobody knows.
    for job_id in range(100, 700):
        del replica.files[layout.archived_job(job_id)]
    replica.files[layout.job(650)] = b"as it was before"
    replica.files[layout.archived_job(3)] = b"changed"
    replica.files[layout.job(5000)] = replica.files[layout.job(901)] = b"of another master"
    queue.put(900)
    queue.forget_outbox()
    replica.vanished.clear()
    second = start(store, layout, replica)
    everywhere(second, queue.put(901))
    assert second.lag().archive_unknown["node2"] > 0
    compared(second)
    second.stop(PATIENCE_S)
    shown = {path: content for path, content in replica.files.items() if "job-" in path.name}
    assert shown.pop(layout.job(5000)) == b"of another master", "beyond what is looked at"
    assert shown == {path: path.read_bytes() for path in layout.directory.rglob("job-*")}
    # Nothing was removed: files only moved, to where the right content came with them.
    assert replica.vanished == {layout.job(job_id) for job_id in range(100, 700)} | {layout.job(3)}


def test_a_candidate_counts_as_joining_until_its_archive_was_compared(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout)
    queue.put_all(range(1, 100), "success")
    everywhere(first, queue.archive(*range(1, 100)))
    first.stop(PATIENCE_S)
    replica.answers_digests = False
    second = start(store, layout, replica)
    last = queue.put(100)
    everywhere(second, last)
    assert second.lag().archive_unknown == {"node2": 99}
    second.stop(PATIENCE_S)
    with store.snapshot() as txn:
        cursors = dict(schema.CURSORS.scan(txn))
    assert cursors == {"mirror": last, "replica:node2": last, "joining:node2": last}
    replica.answers_digests = True
    third = start(store, layout, replica)
    compared(third)
    third.stop(PATIENCE_S)
    assert all(layout.archived_job(job_id) in replica.files for job_id in range(1, 100))
    with store.snapshot() as txn:
        assert dict(schema.CURSORS.scan(txn)) == {"mirror": last, "replica:node2": last}


def test_a_candidate_that_joins_misses_nothing_when_the_daemon_dies_meanwhile(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    # Cursors are never moved, as if the daemon had died before.
    failpoints.configure("exporter.before-acknowledge=error:EIO:1-1000")
    first = start(store, layout, replica)
    everywhere(first, queue.put(1, "success"))
    first.stop(PATIENCE_S)
    failpoints.clear()
    last = queue.archive(1)
    second = start(store, layout, replica)
    everywhere(second, last)
    compared(second)
    second.stop(PATIENCE_S)
    assert layout.job(1) not in replica.files
    assert replica.files[layout.archived_job(1)] == layout.archived_job(1).read_bytes()
    with store.snapshot() as txn:
        assert dict(schema.CURSORS.scan(txn)) == {"mirror": last, "replica:node2": last}
        assert schema.OUTBOX.count(txn) == 0


def test_a_candidate_that_joins_gets_only_the_files_that_it_has_not(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout)
    queue.put_all(range(1, 6), "success")
    everywhere(first, queue.put(6))
    first.stop(PATIENCE_S)
    same = [layout.job(job_id) for job_id in range(1, 5)]
    replica.files.update({path: path.read_bytes() for path in same})
    replica.files[layout.job(5)] = b"as it was before"
    second = start(store, layout, replica)
    everywhere(second, queue.put(7))
    second.stop(PATIENCE_S)
    jobs = {layout.job(job_id) for job_id in range(1, 8)}
    assert {path for path in replica.updates if path in jobs} == jobs - set(same)
    assert all(replica.files[path] == path.read_bytes() for path in jobs)


def test_what_a_candidate_has_from_the_master_before_is_made_new_before_it_is_archived(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    queue.put(1, "success", rev=3)
    replica.files[layout.job(1)] = b"as it was before"
    replica.files[layout.archived_job(9)] = b"archived before"
    replica.trouble = "no route"
    first = start(store, layout, replica)
    with gevent.Timeout(PATIENCE_S):
        while not first.lag().troubles:
            gevent.idle()
    first.stop(PATIENCE_S)
    replica.trouble = None
    last = queue.archive(1)
    second = start(store, layout, replica)
    everywhere(second, last)
    second.stop(PATIENCE_S)
    assert layout.job(1) not in replica.files
    assert status_in(replica.files[layout.archived_job(1)]) == "success"
    assert replica.files[layout.archived_job(9)] == b"archived before"


def test_a_node_that_becomes_a_candidate_is_cleaned_of_jobs_the_master_does_not_have(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout)
    everywhere(first, queue.put_all([1, 2], "success"))
    everywhere(first, queue.archive(2))
    first.stop(PATIENCE_S)
    replica.files[layout.job(77)] = b"of a time when it was one before"
    replica.files[layout.job(2)] = b"archived meanwhile"
    second = start(store, layout, replica)
    everywhere(second, queue.put(3))
    compared(second)
    second.stop(PATIENCE_S)
    names = {str(path.relative_to(layout.directory)) for path in replica.files}
    assert names == {"version", "serial", "job-1", "job-3", "archive/0/job-2", "strays/job-77"}
    assert replica.files[layout.archived_job(2)] == layout.archived_job(2).read_bytes()


def test_candidates_that_come_and_go_are_followed(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    exporter = start(store, layout, replica)
    everywhere(exporter, queue.put_all([1, 2], "success"))
    other = MemoryReplica("node3")
    exporter.follow([replica, other])
    everywhere(exporter, queue.archive(2))
    compared(exporter)
    assert other.files == replica.files
    # One that is offline holds nobody up, and gets what it missed and nothing else.
    exporter.follow([other], parked=["node2"])
    replica.updates.clear()
    everywhere(exporter, queue.put(3))
    assert exporter.lag().reachable == ["node3"]
    assert replica.updates == []
    exporter.follow([replica, other])
    everywhere(exporter, queue.put(4))
    assert {path.name for path in replica.updates} == {"serial", "job-3", "job-4"}
    assert other.files == replica.files
    # One that is none any more is forgotten.
    exporter.follow([other])
    last = queue.put(5)
    everywhere(exporter, last)
    exporter.stop(PATIENCE_S)
    assert layout.job(5) not in replica.files
    with store.snapshot() as txn:
        assert dict(schema.CURSORS.scan(txn)) == {"mirror": last, "replica:node3": last}
        assert schema.OUTBOX.count(txn) == 0


def test_what_everybody_holds_is_forgotten_and_so_are_candidates_that_are_none(
    store: Store, queue: Queue, layout: Layout, replica: MemoryReplica
) -> None:
    first = start(store, layout, replica, MemoryReplica("node9"))
    last = queue.put(1)
    everywhere(first, last)
    compared(first)
    first.stop(PATIENCE_S)
    with store.snapshot() as txn:
        assert schema.OUTBOX.count(txn) == 0
        assert outbox.get_cursor(txn, "replica:node9") == last
    second = start(store, layout, replica)
    second.stop(PATIENCE_S)
    with store.snapshot() as txn:
        assert dict(schema.CURSORS.scan(txn)) == {"mirror": last, "replica:node2": last}


def test_a_disk_that_fails_is_tried_again(
    exporter: Exporter, queue: Queue, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    everywhere(exporter, queue.put(1))
    failpoints.configure("exporter.before-write=error:ENOSPC:1-2")
    everywhere(exporter, queue.put(2))
    assert layout.job(2).exists()
    assert "the mirror waits" in caplog.text


def test_files_changed_behind_our_back_are_reported_at_the_start_and_not_believed(
    store: Store, queue: Queue, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    first = start(store, layout)
    everywhere(first, queue.put(1))
    everywhere(first, queue.put(2))
    first.stop(PATIENCE_S)
    layout.job(1).unlink()
    layout.job(2).write_bytes(b"{}")
    second = start(store, layout)
    everywhere(second, queue.put(3))
    second.stop(PATIENCE_S)
    assert f"{layout.job(1)}: vanished" in caplog.text
    assert f"{layout.job(2)}: changed" in caplog.text
    assert not layout.job(1).exists()
    assert layout.job(2).read_bytes() == b"{}"


def test_the_lag_is_measured(exporter: Exporter, queue: Queue) -> None:
    assert exporter.lag().everywhere.median_s is None
    for job_id in range(1, 100):
        # A mirror may have seen a change before this thread tells of it; then nothing is measured.
        everywhere(exporter, queue.put(job_id))
        report = exporter.lag()
        if None not in (report.mirror.median_s, report.replicas["node2"].median_s):
            break
    for lag in (report.mirror, report.replicas["node2"], report.everywhere):
        assert lag.entries == 0
        assert lag.median_s is not None
        assert lag.p99_s is not None
        assert 0 < lag.median_s <= lag.p99_s < PATIENCE_S


def test_waiting_ends_with_the_time(exporter: Exporter, queue: Queue) -> None:
    last = queue.put(1)
    assert not exporter.wait_mirrored(last + 100, 0.01)
    everywhere(exporter, last)
