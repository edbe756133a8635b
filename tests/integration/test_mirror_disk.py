"""The mirror on disks that fail, end, or are several."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from exporter.layout import Layout
from exporter.mirror import Mirror
from exporter.rebuild import compare, rebuild
from exporter.service import Exporter
from masterd.clock import SystemClock
from store import failpoints, schema
from store.env import DATA_FILE
from store.store import Store
from tests.mirror_support import Queue, make_entrance, status_in

OTHER_DISK = Path("/dev/shm")
PATIENCE_S = 30.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "queue")


@pytest.fixture
def archive_elsewhere(layout: Layout) -> Iterator[Path]:
    """Let the archive be a directory on another file system."""
    layout.directory.mkdir()
    elsewhere = OTHER_DISK / f"archive-{os.getpid()}"
    if not OTHER_DISK.is_dir() or OTHER_DISK.stat().st_dev == layout.directory.stat().st_dev:
        pytest.skip("there is no second file system")
    elsewhere.mkdir()
    layout.archive.symlink_to(elsewhere)
    yield elsewhere
    shutil.rmtree(elsewhere)


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.configure("")


@pytest.fixture
def exporter(store: Store, layout: Layout) -> Iterator[Exporter]:
    made = Exporter(store, layout, entrance=make_entrance(), now_s=SystemClock().monotonic_s)
    yield made
    made.stop(0.1)


def test_jobs_move_to_an_archive_on_another_file_system(
    store: Store, layout: Layout, archive_elsewhere: Path
) -> None:
    queue = Queue(store)
    queue.put(1, "success")
    mirror = Mirror(store, layout)
    mirror.prepare()
    after = mirror.step(None)
    before = layout.job(1).stat()
    queue.archive(1)
    assert mirror.step(after) == queue.drain(False) - 1
    assert not layout.job(1).exists()
    moved = layout.archived_job(1)
    assert moved.resolve() == archive_elsewhere / "0/job-1"
    assert status_in(moved.read_bytes()) == "success"
    now = moved.stat()
    assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert now.st_mtime_ns == before.st_mtime_ns
    assert compare(store, layout).differences == []


def test_an_archive_on_another_file_system_is_rebuilt(
    store: Store, layout: Layout, archive_elsewhere: Path
) -> None:
    queue = Queue(store)
    queue.put(1, "success")
    queue.archive(1)
    assert rebuild(store, layout, archive=True).archived == 1
    assert (archive_elsewhere / "0/job-1").exists()


def test_a_move_that_was_killed_between_copy_and_removal_is_done_again(
    store: Store, layout: Layout, archive_elsewhere: Path
) -> None:
    queue = Queue(store)
    queue.put(1, "success")
    mirror = Mirror(store, layout)
    mirror.prepare()
    after = mirror.step(None)
    queue.archive(1)
    failpoints.configure("exporter.before-remove=error:EIO:1")
    with pytest.raises(OSError, match="Input/output"):
        mirror.step(after)
    assert layout.job(1).exists()
    assert layout.archived_job(1).exists()
    mirror.step(after)
    assert not layout.job(1).exists()
    assert compare(store, layout).differences == []


def test_a_disk_that_fails_is_told_in_a_line_for_each_change_of_state(
    store: Store,
    exporter: Exporter,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.service.RETRY_S", 0.01)
    caplog.set_level(logging.INFO)
    queue = Queue(store)
    exporter.start()
    seq = queue.put(1)
    exporter.poke(seq)
    assert exporter.wait_mirrored(seq, PATIENCE_S)
    failpoints.configure("exporter.before-write=error:EIO:1-5")
    seq = queue.put(1, "success", rev=1)
    exporter.poke(seq)
    assert exporter.wait_mirrored(seq, PATIENCE_S)
    told = [line for line in caplog.messages if line.startswith("the mirror ")]
    assert told == [
        "the mirror waits: [Errno 5] failpoint exporter.before-write: Input/output error",
        "the mirror goes on",
    ]
    assert "Traceback" not in capfd.readouterr().err


def test_a_queue_that_is_removed_is_written_anew(
    store: Store, layout: Layout, exporter: Exporter
) -> None:
    queue = Queue(store)
    exporter.start()
    seq = queue.put(1)
    exporter.poke(seq)
    assert exporter.wait_mirrored(seq, PATIENCE_S)
    shutil.rmtree(layout.directory)
    exporter.look()
    with gevent.Timeout(PATIENCE_S):
        while not layout.job(1).exists() or compare(store, layout).differences:
            gevent.sleep(0.01)
    shutil.rmtree(layout.archive)
    queue.put(1, "success", rev=1)
    seq = queue.archive(1)
    exporter.poke(seq)
    assert exporter.wait_mirrored(seq, PATIENCE_S)
    assert layout.archived_job(1).exists()


def test_a_job_that_cannot_be_read_keeps_no_other_from_the_mirror(
    store: Store, layout: Layout, exporter: Exporter, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue(store)
    for job_id in (1, 2):
        queue.put(job_id)
    with store.snapshot() as txn:
        raw = txn.get_raw("jobs", schema.JOBS.key.encode(1))
    assert raw is not None
    data = store.path / DATA_FILE
    content = data.read_bytes()
    with data.open("r+b") as file:
        at = content.find(raw)
        while at >= 0:
            os.pwrite(file.fileno(), bytes([content[at] ^ 1]), at)
            at = content.find(raw, at + 1)
    exporter.start()
    seq = queue.put(2, "success", rev=1)
    exporter.poke(seq)
    assert exporter.wait_mirrored(seq, PATIENCE_S)
    assert status_in(layout.job(2).read_bytes()) == "success"
    assert not layout.job(1).exists()
    told = [line for line in caplog.messages if "jobs: unreadable row 1" in line]
    assert len(told) == 1
    assert len(store.stats.damage) == 1
