"""The mirror on this machine follows the store, file by file."""

import json
import os
from pathlib import Path

import pytest

from exporter import plan as plans
from exporter.held import Held
from exporter.layout import Layout
from exporter.mirror import Mirror
from exporter.rebuild import Kind, catch_up, compare, rebuild
from store import failpoints, outbox
from store.store import Store
from tests.mirror_support import NOW_US, Queue, status_in


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "queue")


@pytest.fixture
def mirror(store: Store, layout: Layout) -> Mirror:
    made = Mirror(store, layout)
    made.prepare()
    return made


def names(layout: Layout) -> set[str]:
    return {path.name for path in layout.directory.iterdir()}


def test_a_new_store_gives_an_empty_queue_directory(mirror: Mirror, layout: Layout) -> None:
    assert mirror.step(None) == 0
    assert layout.serial.read_bytes() == b"0\n"
    assert layout.version.read_bytes() == b"1\n"
    assert names(layout) == {"serial", "version", "archive"}


def test_files_have_the_documented_modes_whatever_the_umask(
    queue: Queue, mirror: Mirror, layout: Layout
) -> None:
    queue.put(1, "success")
    queue.put(2)
    before = os.umask(0o077)
    try:
        mirror.step(0)
        queue.archive(1)
        mirror.step(2)
    finally:
        os.umask(before)
    assert layout.job(2).stat().st_mode & 0o777 == 0o640
    assert layout.serial.stat().st_mode & 0o777 == 0o640
    assert layout.archived_job(1).parent.stat().st_mode & 0o777 == 0o750


def test_a_file_says_what_the_store_holds(queue: Queue, mirror: Mirror, layout: Layout) -> None:
    queue.put(12)
    queue.log(12, ["first", "second"])
    mirror.step(0)
    content = layout.job(12).read_bytes()
    assert b'"duration":1.50' in content, "numbers are kept to the letter"
    assert json.loads(content) == {
        "id": 12,
        "ops": [
            {
                "input": {"OP_ID": "OP_TEST_DELAY", "duration": 1.5},
                "status": "running",
                "result": None,
                "log": [
                    [1, [NOW_US // 1_000_000, 1], "message", "first"],
                    [2, [NOW_US // 1_000_000, 2], "message", "second"],
                ],
                "start_timestamp": None,
                "exec_timestamp": None,
                "end_timestamp": None,
                "priority": 0,
            }
        ],
        "received_timestamp": [NOW_US // 1_000_000, 0],
        "start_timestamp": [NOW_US // 1_000_000, 1],
        "end_timestamp": None,
    }


def test_many_changes_of_a_job_are_one_file(queue: Queue, mirror: Mirror, layout: Layout) -> None:
    for rev in range(20):
        last = queue.put(1, "running", rev=rev)
    failpoints.configure("exporter.before-write=delay:0")
    assert mirror.step(0) == last
    assert failpoints.hits()["exporter.before-write"] == 2, "the serial and the job"
    assert status_in(layout.job(1).read_bytes()) == "running"


def test_a_state_that_is_held_is_not_asked_for_again(store: Store, queue: Queue) -> None:
    held = Held()
    first = queue.put(1)
    last = queue.put(1, "success", rev=1)
    queue.put(2)
    with store.snapshot() as txn:
        plan = plans.read(txn, 0, held, entries_max=1)
    assert (plan.through, list(plan.jobs)) == (first, [1])
    plan.remember(held)
    held.passed(plan.through)
    newer = queue.put(1, "success", rev=2)
    with store.snapshot() as txn:
        assert list(plans.read(txn, first, held, entries_max=1).jobs) == []
        assert list(plans.read(txn, last, held).jobs) == [2, 1]
    held.passed(newer)
    assert len(held) == 0


def test_archiving_moves_the_file_and_keeps_its_time(
    queue: Queue, mirror: Mirror, layout: Layout
) -> None:
    done = queue.put(20_001, "success")
    mirror.step(0)
    os.utime(layout.job(20_001), (1_000, 1_000))
    queue.archive(20_001)
    mirror.step(done)
    path = layout.directory / "archive/2/job-20001"
    assert status_in(path.read_bytes()) == "success"
    assert path.stat().st_mtime == 1_000
    assert not layout.job(20_001).exists()


def test_a_job_archived_before_it_was_mirrored_arrives_in_the_archive_with_its_last_state(
    queue: Queue, mirror: Mirror, layout: Layout
) -> None:
    done = queue.put(1)
    mirror.step(0)
    queue.put(1, "success", rev=3)
    queue.archive(1)
    mirror.step(done)
    assert status_in(layout.archived_job(1).read_bytes()) == "success"
    assert not layout.job(1).exists()


def test_doing_a_batch_again_changes_nothing(store: Store, queue: Queue, layout: Layout) -> None:
    queue.put(1, "success")
    queue.put(2)
    queue.archive(1)
    for _ in range(2):
        mirror = Mirror(store, layout)
        mirror.prepare()
        mirror.step(0)
        assert status_in(layout.archived_job(1).read_bytes()) == "success"
        assert names(layout) == {"archive", "serial", "version", "job-2"}


def test_what_was_removed_from_the_archive_stays_removed(
    store: Store, queue: Queue, mirror: Mirror, layout: Layout
) -> None:
    queue.put(1, "success")
    done = queue.archive(1)
    catch_up(store, layout)
    layout.archived_job(1).unlink()
    assert mirror.step(done - 1) == done, "the same entry once more, as after a crash"
    assert not layout.archived_job(1).exists()
    found = compare(store, layout)
    assert (found.differences, found.removed) == ([], 1)


def test_a_mirror_left_behind_is_written_whole(
    queue: Queue, mirror: Mirror, layout: Layout
) -> None:
    queue.put(1, "success")
    queue.put(2)
    done = mirror.step(0)
    queue.archive(1)
    queue.put(2, "running", rev=1)
    queue.put(3)
    queue.forget_outbox()
    last = mirror.step(done)
    assert last > done
    assert status_in(layout.job(2).read_bytes()) == "running"
    assert status_in(layout.job(3).read_bytes()) == "queued"
    assert status_in(layout.archived_job(1).read_bytes()) == "success"
    assert not layout.job(1).exists()
    assert mirror.step(last) == last


def test_the_drain_flag_is_a_file(queue: Queue, mirror: Mirror, layout: Layout) -> None:
    done = queue.drain(True)
    mirror.step(done - 1)
    assert layout.drain.read_bytes() == b""
    done = queue.drain(False)
    mirror.step(done - 1)
    assert not layout.drain.exists()


def test_what_a_dead_writer_left_is_removed(store: Store, layout: Layout) -> None:
    layout.directory.mkdir()
    layout.temporary(layout.job(7)).write_bytes(b"{")
    (layout.directory / ".keep").write_bytes(b"")
    Mirror(store, layout).prepare()
    assert names(layout) == {".keep", "version", "archive"}


def test_a_disk_that_fails_loses_nothing(queue: Queue, mirror: Mirror, layout: Layout) -> None:
    queue.put(1)
    queue.put(2)
    failpoints.configure("exporter.before-sync=error:EIO:1")
    with pytest.raises(OSError, match="before-sync"):
        mirror.step(0)
    layout.job(1).unlink()  # as a power loss might
    mirror.step(0)
    assert status_in(layout.job(1).read_bytes()) == "queued"


def test_catching_up_works_without_a_daemon(store: Store, queue: Queue, layout: Layout) -> None:
    last = queue.put(1)
    assert catch_up(store, layout) == last
    assert layout.job(1).exists()
    queue.archive(1)
    assert catch_up(store, layout) == 1
    assert layout.archived_job(1).exists()
    with store.snapshot() as txn:
        assert outbox.get_cursor(txn, "mirror") == last + 1


class TestComparing:
    @pytest.fixture(autouse=True)
    def mirrored(self, store: Store, queue: Queue, layout: Layout) -> None:
        for job_id in (1, 2, 3, 4):
            queue.put(job_id, "success")
        queue.archive(1, 2)
        catch_up(store, layout)

    def found(self, store: Store, layout: Layout) -> set[tuple[str, Kind]]:
        return {(each.path.name, each.kind) for each in compare(store, layout).differences}

    def test_equal_files_do_not_differ(self, store: Store, layout: Layout) -> None:
        found = compare(store, layout)
        assert found.differences == []
        assert (found.live, found.archived, found.pending, found.removed) == (2, 2, 0, 0)

    def test_other_bytes_with_the_same_meaning_do_not_differ(
        self, store: Store, layout: Layout
    ) -> None:
        path = layout.job(3)
        path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
        assert self.found(store, layout) == set()

    def test_each_way_to_differ_is_found_and_nothing_is_touched(
        self, store: Store, layout: Layout
    ) -> None:
        layout.archived_job(78).write_bytes(layout.job(3).read_bytes())
        layout.job(3).unlink()
        layout.job(4).write_bytes(b'{"id": 4')
        layout.archived_job(2).write_bytes(b"{}")
        layout.job(2).write_bytes(b"{}")
        layout.job(77).write_bytes(b"{}")
        layout.archived_job(79).write_bytes(b"no job at all")
        layout.serial.write_bytes(b"3\n")
        layout.version.unlink()
        layout.drain.touch()
        wanted = {
            ("job-3", Kind.VANISHED),
            ("job-4", Kind.CHANGED),
            ("job-2", Kind.CHANGED),
            ("job-2", Kind.STALE),
            ("job-77", Kind.UNKNOWN),
            ("job-78", Kind.UNKNOWN),
            ("serial", Kind.CHANGED),
            ("version", Kind.VANISHED),
            ("drain", Kind.CHANGED),
        }
        assert self.found(store, layout) == wanted
        assert self.found(store, layout) == wanted
        assert not layout.job(3).exists()

    def test_what_is_still_to_be_written_is_no_difference(
        self, store: Store, queue: Queue, layout: Layout
    ) -> None:
        queue.put(3, "success", rev=9)
        queue.put(5)
        queue.archive(4)
        queue.drain(True)
        layout.job(3).unlink()
        found = compare(store, layout)
        assert found.differences == []
        assert found.pending == 3

    def test_rebuilding_mends_all_but_unknown_files(self, store: Store, layout: Layout) -> None:
        layout.job(3).unlink()
        layout.archived_job(2).write_bytes(b"{}")
        layout.job(77).write_bytes(b"{}")
        layout.archived_job(1).unlink()
        done = rebuild(store, layout)
        assert len(done.before) == 3
        assert [each.path.name for each in done.left] == ["job-77"]
        assert done.archived == 1
        assert not layout.archived_job(1).exists()
        assert layout.archived_job(2).stat().st_mtime == pytest.approx(NOW_US / 1e6, abs=1)

    def test_rebuilding_brings_removed_files_back_only_when_asked(
        self, store: Store, layout: Layout
    ) -> None:
        layout.archived_job(1).unlink()
        assert rebuild(store, layout, archive=True).archived == 1
        assert compare(store, layout).removed == 0
