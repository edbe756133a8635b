"""The queue on a real store, with a carrier that does what the test says."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from masterd.errors import GenericError, JobCanceled, JobQueueFull
from masterd.job import documents
from masterd.job.status import OpStatus
from masterd.job.worker import OpRun
from masterd.opcodes.base import OpCode
from store import failpoints
from store.check import check
from store.schema import JOB_STEPS, JOBS
from store.store import Store
from store.txn import WriteTxn
from tests.queue_support import PATIENCE_S, PEER, Carrier, Queue, delay, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with opened(path) as store:
        yield store


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store).start()


def test_a_job_runs_to_its_end_and_keeps_who_sent_it(queue: Queue) -> None:
    job = queue.end(queue.submit(delay(), delay(comment="x")))
    assert (job.job_id, job.status, job.peer) == (1, OpStatus.SUCCESS, PEER)
    assert [op.result for op in job.ops] == [b"null", b'"x"']
    assert queue.carrier.begun == ["1.0", "1.1"]
    assert queue.service.live_count == 0
    assert queue.pokes > 0


def test_the_reason_trail_names_job_and_opcode(queue: Queue) -> None:
    job = queue.job(queue.submit(delay(reason=[["user", "why", 5]]), delay()))
    assert (
        b'"reason":[["user","why",5],["gnt:opcode:test_delay","job=1;index=0",' in job.ops[0].input
    )
    assert b'"reason":[["gnt:opcode:test_delay","job=1;index=1",' in job.ops[1].input


def test_an_opcode_is_carried_out_with_the_trail_that_its_job_shows(queue: Queue) -> None:
    queue.end(queue.submit(delay(reason=[["user", "why", 5]], comment="trail")))
    ((own, added),) = queue.carrier.trails
    assert (own, added[:2]) == (("user", "why", 5), ("gnt:opcode:test_delay", "job=1;index=0"))


def test_a_failure_ends_the_job_in_the_wire_form(queue: Queue) -> None:
    job = queue.end(queue.submit(delay(comment="fail"), delay()))
    assert [op.result for op in job.ops] == [
        b'["OpPrereqError",["it fails"]]',
        b'["OpExecError",["Preceding opcode failed"]]',
    ]
    assert queue.carrier.begun == ["1.0"]


def test_a_fault_of_a_logical_unit_ends_only_its_job(queue: Queue) -> None:
    broken = queue.end(queue.submit(delay(comment="break")))
    assert broken.status is OpStatus.ERROR
    assert b"Internal error: ZeroDivisionError" in (broken.ops[0].result or b"")
    assert queue.end(queue.submit(delay())).status is OpStatus.SUCCESS


def test_log_lines_are_told_in_order_and_count_over_the_job(queue: Queue) -> None:
    job = queue.end(queue.submit(delay(comment="talk"), delay(comment="talk")))
    assert job.log_serial == 6
    entries = queue.service.logs(job.job_id)
    assert [(e.serial, e.op_index, e.message) for e in entries][2:4] == [
        (3, 0, b'"line 2"'),
        (4, 1, b'"line 0"'),
    ]
    assert [e.serial for e in queue.service.logs(job.job_id, 4)] == [5, 6]


def test_no_more_jobs_run_than_allowed(store: Store) -> None:
    queue = Queue(store, running_max=2).start()
    ids = [queue.submit(delay(comment="block")) for _ in range(4)]
    queue.until(ids[1], OpStatus.RUNNING)
    assert [str(queue.job(i).status) for i in ids] == ["running", "running", "queued", "queued"]
    queue.carrier.go.set()
    assert {queue.end(i).status for i in ids} == {OpStatus.SUCCESS}


def test_urgent_jobs_start_first_and_priority_can_change(store: Store) -> None:
    queue = Queue(store, running_max=1)
    first, second, third = (queue.submit(delay(priority=p)) for p in (10, 0, 0))
    assert queue.service.change_priority(third, -5)[0]
    queue.start()
    for job_id in (first, second, third):
        queue.end(job_id)
    assert queue.carrier.begun == [f"{i}.0" for i in (third, second, first)]


def test_a_job_that_waits_for_a_lock_overtakes_when_its_priority_is_raised(queue: Queue) -> None:
    holder = queue.submit(delay(comment="node"))
    queue.until(holder, OpStatus.RUNNING)
    first, second = (queue.submit(delay(comment="node")) for _ in range(2))
    while queue.carrier.manager.stats.waiting < 2:
        gevent.idle()
    assert queue.service.change_priority(second, -10)[0]
    assert queue.job(second).ops[0].priority == -10
    queue.carrier.go.set()
    queue.end(first)
    assert queue.carrier.begun == [f"{holder}.0", f"{second}.0", f"{first}.0"]


@pytest.mark.parametrize("count", [100, 200, 400])
def test_a_step_of_a_job_encodes_the_opcode_that_it_changes(queue: Queue, count: int) -> None:
    job = queue.end(queue.submit(*[delay() for _ in range(count)]))
    assert job.status is OpStatus.SUCCESS
    # Submitted, waiting, running, success, and the ended job as a whole.
    assert queue.service.repository.opcodes_written == 5 * count - 1
    assert queue.service.repository.opcodes_read == 0
    assert queue.service.repository.get(job.job_id) == job


def test_the_rows_and_bytes_written_for_an_opcode_do_not_grow_with_its_job(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    put_raw, delete_raw = WriteTxn.put_raw, WriteTxn.delete_raw

    def put(txn: WriteTxn, table: str, key: bytes, value: bytes, append: bool) -> None:
        written.append(len(key) + len(value))
        put_raw(txn, table, key, value, append)

    def delete(txn: WriteTxn, table: str, key: bytes) -> bool:
        written.append(len(key))
        return delete_raw(txn, table, key)

    monkeypatch.setattr(WriteTxn, "put_raw", put)
    monkeypatch.setattr(WriteTxn, "delete_raw", delete)
    rows, sizes = {}, {}
    for count in (100, 200, 400):
        written.clear()
        job = queue.end(queue.submit(*[delay() for _ in range(count)]))
        assert job.status is OpStatus.SUCCESS
        rows[count], sizes[count] = len(written) / count, sum(written) / count
    assert max(rows.values()) <= 1.2 * rows[100], rows
    assert max(sizes.values()) <= 1.2 * sizes[100], sizes


def test_a_job_of_many_opcodes_is_one_row_again_when_it_ends(queue: Queue, store: Store) -> None:
    blocked = [delay(), delay(comment="talk"), *[delay(comment="block") for _ in range(7)]]
    job_id = queue.submit(*blocked)
    queue.wait(job_id, lambda job: job.ops[2].status is OpStatus.RUNNING)
    queue.service.change_priority(job_id, -5)
    running = queue.job(job_id)
    assert [op.status for op in running.ops[:4]] == [
        OpStatus.SUCCESS, OpStatus.SUCCESS, OpStatus.RUNNING, OpStatus.QUEUED,
    ]  # fmt: skip
    assert [op.priority for op in running.ops] == [0, 0, *[-5] * 7]
    with store.snapshot() as txn:
        assert check(txn) == []
        assert JOB_STEPS.count(txn) == 10
        assert dict(JOBS.scan(txn)) == {job_id: documents.to_document(running)}
    queue.carrier.go.set()
    job = queue.end(job_id)
    with store.snapshot() as txn:
        assert check(txn) == []
        assert JOB_STEPS.count(txn) == 0
        assert JOBS.get(txn, job_id) == documents.to_document(job)


def test_what_an_undone_step_wrote_is_not_believed(queue: Queue) -> None:
    job_id = queue.submit(*[delay(comment="block") for _ in range(9)])
    before = queue.until(job_id, OpStatus.RUNNING)
    queue.carrier.go.set()
    # The commit fails, and what its bodies wrote with it; the worker tries again.
    failpoints.configure("store.before-commit=error:ENOSPC:1-2")
    job = queue.end(job_id)
    assert job.status is OpStatus.SUCCESS
    assert job.revision > before.revision
    assert queue.service.repository.get(job_id) == job


def test_priority_out_of_range_is_refused(queue: Queue) -> None:
    with pytest.raises(GenericError, match="Invalid priority 20"):
        queue.service.change_priority(1, 20)
    assert queue.service.change_priority(99, 0) == (False, "Job 99 not found in queue")


def test_cancel_of_a_queued_job_dequeues_it(store: Store) -> None:
    queue = Queue(store)
    job_id = queue.submit(delay())
    assert queue.service.cancel(job_id) == (True, f"Dequeued job {job_id}")
    assert queue.start().job(job_id).status is OpStatus.CANCELED
    assert queue.service.cancel(job_id) == (False, f"Job {job_id} not found in queue")
    assert queue.carrier.begun == []


def test_cancel_while_waiting_for_locks_ends_the_wait(queue: Queue) -> None:
    job_id = queue.submit(delay(comment="lock"))
    queue.wait(job_id, lambda job: job_id in queue.carrier.locks or job.final)
    queue.until(job_id, OpStatus.WAITING)
    gevent.idle()
    assert queue.service.cancel(job_id) == (True, "Job successfully cancelled")
    assert queue.end(job_id).status is OpStatus.CANCELED
    assert queue.carrier.begun == []


def test_cancel_leaves_a_running_job_alone_but_kill_does_not(queue: Queue) -> None:
    job_id = queue.submit(delay(comment="block"), delay())
    queue.until(job_id, OpStatus.RUNNING)
    told = queue.service.cancel(job_id)
    assert told == (False, "Job no longer waiting, can't cancel (informed it anyway)")
    assert queue.service.cancel(job_id, kill=True) == (True, "SIGKILL send to the process")
    job = queue.end(job_id)
    assert (job.status, job.ops[0].result) == (OpStatus.ERROR, b'"detected death of job 1"')
    assert b"gnt:daemon:luxid:deathdetection" in job.ops[0].input
    gevent.idle()
    assert queue.service.running_count == 0


def test_a_dependent_job_waits_for_the_end_of_the_other(queue: Queue) -> None:
    first = queue.submit(delay(comment="block"))
    second = queue.submit(delay(depends=[[first, ["success"]]]))
    queue.until(first, OpStatus.RUNNING)
    assert queue.job(second).status is OpStatus.QUEUED
    queue.carrier.go.set()
    assert queue.end(second).status is OpStatus.SUCCESS
    assert queue.carrier.begun == [f"{first}.0", f"{second}.0"]


@pytest.mark.parametrize(
    ("word", "statuses", "expected"),
    [
        ("fail", ["success"], OpStatus.ERROR),
        ("fail", ["error"], OpStatus.SUCCESS),
        ("fail", [], OpStatus.SUCCESS),
    ],
)
def test_a_dependency_that_ends_otherwise_fails_the_job(
    queue: Queue, word: str, statuses: list[str], expected: OpStatus
) -> None:
    first = queue.submit(delay(comment=word))
    job = queue.end(queue.submit(delay(depends=[[first, statuses]])))
    assert job.status is expected


def test_a_canceled_dependency_cancels_the_job(store: Store) -> None:
    queue = Queue(store)
    first = queue.submit(delay())
    second = queue.submit(delay(depends=[[first, ["success"]]]))
    queue.service.cancel(first)
    assert queue.start().end(second).status is OpStatus.CANCELED


def test_a_dependency_that_does_not_exist_fails_the_job(queue: Queue) -> None:
    job = queue.end(queue.submit(delay(depends=[[77, []]])))
    assert b"job 77 does not exist" in (job.ops[0].result or b"")


def test_a_relative_dependency_counts_back_from_the_jobs_own_id(queue: Queue) -> None:
    def depends(job_id: int) -> list[int]:
        return [dependency.job_id for dependency in queue.job(job_id).ops[0].depends]

    assert [queue.submit(delay()), queue.submit(delay(depends=[[-1, []]]))] == [1, 2]
    assert depends(2) == [1]
    assert b'"depends":[[1,[]]]' in queue.job(2).ops[0].input
    jobs = [[delay()], [delay(depends=[[-1, []]])], [delay(depends=[[-3, []]])]]
    assert queue.service.submit_many(jobs, PEER) == [(True, 3), (True, 4), (True, 5)]
    assert [depends(4), depends(5)] == [[3], [2]]


def test_a_relative_dependency_before_the_first_job_is_refused(queue: Queue) -> None:
    for _ in range(3):
        queue.submit(delay())
    with pytest.raises(GenericError, match=r"^Invalid value for job ID ' -5'$"):
        queue.submit(delay(depends=[[-9, []]]))
    jobs = [[delay(depends=[[-9, []]])], [delay(depends=[[-1, []]])], [delay(depends=[[-3, []]])]]
    assert queue.service.submit_many(jobs, PEER) == [
        (False, "Invalid value for job ID ' -5'"),
        (False, "Relative job dependency -1 points at a job that was refused"),
        (True, 6),
    ]
    assert queue.job(6).ops[0].depends[0].job_id == 3


def test_a_full_queue_refuses_whole_submissions(store: Store) -> None:
    queue = Queue(store, live_max=2)
    queue.submit(delay())
    with pytest.raises(JobQueueFull):
        queue.service.submit_many([[delay()], [delay()]], PEER)
    assert queue.submit(delay()) == 2


def test_a_drained_queue_takes_only_forced_jobs(queue: Queue) -> None:
    queue.service.set_drained(True)
    assert queue.service.drained
    with pytest.raises(GenericError, match="Queue drained"):
        queue.submit(delay())
    queue.end(queue.service.submit([delay()], PEER, ignore_drain=True))
    queue.service.set_drained(False)
    queue.end(queue.submit(delay()))


def test_archive_moves_finished_jobs_only(queue: Queue) -> None:
    done = queue.end(queue.submit(delay(comment="talk"))).job_id
    blocked = queue.submit(delay(comment="block"))
    queue.until(blocked, OpStatus.RUNNING)
    assert queue.service.archive(done)
    assert not queue.service.archive(done)
    assert not queue.service.archive(blocked)
    assert not queue.service.archive(99)
    assert queue.job(done).archived
    assert len(queue.service.logs(done, 1)) == 2
    queue.carrier.go.set()
    queue.end(blocked)


def test_autoarchive_takes_the_old_ones(queue: Queue) -> None:
    old = [queue.end(queue.submit(delay())).job_id for _ in range(3)]
    queue.clock.advance(3600)
    new = queue.end(queue.submit(delay())).job_id
    assert queue.service.auto_archive(1800, 60) == (3, 0)
    assert [queue.job(i).archived for i in (*old, new)] == [True, True, True, False]
    for age_s in (2**31, 2**63 - 1):
        assert queue.service.auto_archive(age_s, 60) == (0, 0)
    assert queue.service.auto_archive(-1, 0) == (0, 1)
    assert queue.service.auto_archive(-1, 60) == (1, 0)


def test_ids_go_on_after_a_restart_and_unfinished_jobs_with_them(path: Path) -> None:
    store = Store.open(path)
    queue = Queue(store, running_max=1).start()
    running = queue.submit(delay(comment="block"), delay())
    queued = queue.submit(delay())
    queue.until(running, OpStatus.RUNNING)
    store.close()

    store = Store.open(path)
    queue = Queue(store)
    assert queue.recovered == 1
    job = queue.job(running)
    assert job.status is OpStatus.ERROR
    assert job.ops[0].result == b'["OpExecError",["Unclean master daemon shutdown"]]'
    queue.start()
    assert queue.end(queued).status is OpStatus.SUCCESS
    assert queue.submit(delay()) == 3
    store.close()


def test_drain_finishes_the_running_opcode_and_keeps_the_rest(path: Path) -> None:
    store = Store.open(path)
    queue = Queue(store).start()
    job_id = queue.submit(delay(comment="block"), delay())
    queue.until(job_id, OpStatus.RUNNING)
    drain = gevent.spawn(queue.service.drain, PATIENCE_S)
    gevent.idle()
    queue.carrier.go.set()
    assert drain.get(timeout=PATIENCE_S)
    assert [str(op.status) for op in queue.job(job_id).ops] == ["success", "queued"]
    store.close()

    store = Store.open(path)
    queue = Queue(store).start()
    assert queue.end(job_id).status is OpStatus.SUCCESS
    assert queue.carrier.begun == [f"{job_id}.1"]
    store.close()


def test_a_full_disk_refuses_new_jobs_and_loses_no_end(queue: Queue) -> None:
    job_id = queue.submit(delay(comment="block"))
    queue.until(job_id, OpStatus.RUNNING)
    failpoints.configure("store.before-commit=error:ENOSPC:1-4")
    with pytest.raises(GenericError, match="No room on the master's disk"):
        queue.submit(delay())
    assert queue.job(job_id).status is OpStatus.RUNNING
    queue.carrier.go.set()
    assert queue.end(job_id).status is OpStatus.SUCCESS
    assert queue.end(queue.submit(delay())).status is OpStatus.SUCCESS


def test_a_job_whose_pick_finds_no_room_is_carried_out_all_the_same(queue: Queue) -> None:
    failpoints.configure("store.before-commit=error:ENOSPC:2")
    job_id = queue.submit(delay(comment="lock"))
    let_pick_be_refused(queue)
    queue.carrier.locks[job_id].set()
    assert queue.end(job_id).status is OpStatus.SUCCESS


def test_a_job_refused_for_a_dependency_is_told_why_when_its_pick_finds_no_room(
    queue: Queue,
) -> None:
    failpoints.configure("store.before-commit=error:ENOSPC:2")
    job_id = queue.submit(delay(depends=[[99, []]]))
    assert b"job 99 does not exist" in (queue.end(job_id).ops[0].result or b"")


def test_a_job_canceled_while_its_pick_is_not_recorded_lets_go_at_once(queue: Queue) -> None:
    first = queue.submit(delay(comment="node"))
    queue.until(first, OpStatus.RUNNING)
    failpoints.configure("store.before-commit=error:ENOSPC:2")
    second = queue.submit(delay(comment="node"))
    let_pick_be_refused(queue)
    assert queue.carrier.manager.wait(second) is not None
    assert queue.service.cancel(second) == (True, f"Dequeued job {second}")
    gevent.idle()
    assert queue.carrier.manager.wait(second) is None
    queue.carrier.go.set()
    queue.end(first)


def let_pick_be_refused(queue: Queue) -> None:
    """Return when the changes given in so far were tried, of which the pick of a job is one."""
    with contextlib.suppress(GenericError):
        queue.service.set_drained(False)


def test_a_waiter_that_gives_up_is_forgotten(queue: Queue) -> None:
    job_id = queue.submit(delay(comment="block"))
    waiter = queue.service.waiters.add(job_id, PATIENCE_S, lambda job: job is None)
    assert len(queue.service.waiters) == 1
    waiter.forget()
    waiter.forget()
    assert len(queue.service.waiters) == 0
    queue.carrier.go.set()
    queue.end(job_id)


def test_a_carrier_that_gives_up_cancels_the_job(queue: Queue) -> None:
    class Reluctant(Carrier):
        def run(self, op: OpCode, run: OpRun) -> object:
            raise JobCanceled("no")

    queue.service.start(Reluctant())
    assert queue.end(queue.submit(delay())).status is OpStatus.CANCELED
