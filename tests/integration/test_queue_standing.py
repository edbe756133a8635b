"""Files of the queue that another master has written are told from our own, old or damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.layout import Layout
from exporter.rebuild import catch_up
from exporter.standing import look
from store import outbox
from store.store import Store
from tests.mirror_support import NOW_US, Queue

RUNNING, DONE, QUEUED, ENDED = 1, 2, 3, 4


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "queue")


@pytest.fixture
def queue(store: Store, layout: Layout) -> Queue:
    """A queue whose files show all it holds: job 1 runs, 3 waits for its turn, the others ended."""
    made = Queue(store)
    made.put(RUNNING, "running")
    made.put(DONE, "success")
    made.put(QUEUED)
    made.put(ENDED, "error")
    catch_up(store, layout)
    return made


def edit(layout: Layout, job_id: int, status: str, **times: Any) -> None:
    """Let the file of a job say something else."""
    path = layout.job(job_id)
    job = json.loads(path.read_bytes())
    job["ops"][0]["status"] = status
    path.write_text(json.dumps({**job, **times}))


def test_what_the_mirror_wrote_is_ours(queue: Queue, layout: Layout) -> None:
    found = look(queue.store, layout)
    assert found.is_ours
    assert (found.last_id, found.last_file_id) == (ENDED, ENDED)


@pytest.mark.parametrize("lost", ["job-1", "job-3", "job-4", "serial"])
def test_files_that_are_behind_are_ours(queue: Queue, layout: Layout, lost: str) -> None:
    (layout.directory / lost).unlink()
    queue.put(RUNNING, "success", rev=1)
    queue.put(QUEUED, "running", rev=1)
    queue.archive(DONE)
    queue.put(ENDED + 1)
    queue.drain(True)
    found = look(queue.store, layout)
    assert found.is_ours
    assert found.drained is None


def test_files_without_any_cursor_are_ours_while_they_are_not_further(
    queue: Queue, layout: Layout
) -> None:
    queue.store.update(lambda txn: outbox.drop_cursor(txn, "mirror"))
    queue.put(RUNNING, "success", rev=1)
    assert look(queue.store, layout).is_ours
    edit(layout, QUEUED, "running")
    assert look(queue.store, layout).further == (QUEUED,)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"ops": [[]]}', b"\xff"])
def test_a_damaged_file_is_nobodys_work(queue: Queue, layout: Layout, content: bytes) -> None:
    layout.job(QUEUED).write_bytes(content)
    assert look(queue.store, layout).is_ours


@pytest.mark.parametrize("status", ["waiting", "running", "success", "error", "canceled"])
def test_a_job_that_went_on_is_anothers_work(queue: Queue, layout: Layout, status: str) -> None:
    edit(layout, QUEUED, status)
    assert look(queue.store, layout).further == (QUEUED,)


@pytest.mark.parametrize("status", ["running", "success", "error", "canceled"])
def test_a_job_that_went_on_is_seen_where_the_mirror_is_behind(
    queue: Queue, layout: Layout, status: str
) -> None:
    queue.put(QUEUED, "waiting", rev=1)
    assert look(queue.store, layout).is_ours
    edit(layout, QUEUED, status)
    assert look(queue.store, layout).further == (QUEUED,)


def test_another_job_of_the_same_id_is_anothers_work(queue: Queue, layout: Layout) -> None:
    queue.put(ENDED + 1)
    model = json.loads(layout.job(ENDED).read_bytes())
    stamp = [NOW_US // 1_000_000 + 60, 0]
    theirs = {**model, "id": ENDED + 1, "received_timestamp": stamp}
    layout.job(ENDED + 1).write_text(json.dumps(theirs))
    layout.serial.write_text(f"{ENDED + 1}\n")
    assert look(queue.store, layout).further == (ENDED + 1,)


def test_a_job_that_was_archived_is_anothers_work(queue: Queue, layout: Layout) -> None:
    archived = layout.archived_job(DONE)
    archived.parent.mkdir()
    layout.job(DONE).rename(archived)
    assert look(queue.store, layout).archived == (DONE,)


def test_jobs_that_the_store_does_not_know_are_anothers_work(queue: Queue, layout: Layout) -> None:
    layout.job(70).write_bytes(layout.job(DONE).read_bytes())
    far = layout.archived_job(20_001)
    far.parent.mkdir(parents=True)
    far.write_bytes(layout.job(DONE).read_bytes())
    found = look(queue.store, layout)
    assert found.unknown == (70, 20_001)
    assert found.last_file_id == 20_001


def test_a_serial_alone_tells_of_another_master(queue: Queue, layout: Layout) -> None:
    layout.serial.write_text("50\n")
    found = look(queue.store, layout)
    assert not found.is_ours
    assert found.last_file_id == 50


def test_archived_files_below_the_last_id_are_not_looked_at(queue: Queue, layout: Layout) -> None:
    queue.put(30_000, "success")
    catch_up(queue.store, layout)
    old = layout.archive / "1"
    old.mkdir()
    (old / "job-10001").touch()
    old.chmod(0)
    assert look(queue.store, layout).is_ours
    old.chmod(0o750)
