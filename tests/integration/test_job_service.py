"""The queue on a real store, with a carrier that does what the test says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from masterd.errors import GenericError, JobCanceled, JobQueueFull, OpPrereqError
from masterd.job.invariants import violations
from masterd.job.model import Job, Peer
from masterd.job.service import JobService
from masterd.job.status import OpStatus
from masterd.job.worker import OpRun
from masterd.opcodes.base import OpCode, load
from masterd.testing.clock import ManualClock
from store import failpoints
from store.schema import JOBS
from store.store import Store

PEER = Peer(1000, 1000, 4711)
#: Seconds after which a test that hangs fails.
PATIENCE_S = 20.0


def delay(**parameters: object) -> OpCode:
    return load({"OP_ID": "OP_TEST_DELAY", "duration": 1.0, "reason": [], **parameters})


class Carrier:
    """Runs opcodes by their comment: 'block' waits for `go`, 'lock' waits before it begins."""

    def __init__(self) -> None:
        self.go = Event()
        self.begun: list[str] = []
        self.locks: dict[int, Event] = {}

    def interrupt(self, job_id: int) -> None:
        if job_id in self.locks:
            self.locks[job_id].set()

    def run(self, op: OpCode, run: OpRun) -> object:
        word = op.comment or ""
        if word == "lock":
            self.locks[run.job_id] = Event()
            assert self.locks[run.job_id].wait(PATIENCE_S)
            run.check_canceled()
        run.locks_held()
        self.begun.append(f"{run.job_id}.{run.op_index}")
        if word == "fail":
            raise OpPrereqError("it fails", None)
        if word == "break":
            raise ZeroDivisionError
        if word == "talk":
            for number in range(3):
                run.feedback("message", f"line {number}")
        if word == "block":
            assert self.go.wait(PATIENCE_S)
        return word or None


class Queue:
    """A service on a store, started."""

    def __init__(self, store: Store, *, running_max: int = 20, live_max: int = 100) -> None:
        self.carrier = Carrier()
        self.clock = ManualClock()
        self.pokes = 0
        self.service = JobService(
            store,
            self.clock,
            running_max=lambda: running_max,
            live_max=live_max,
            interrupt=self.carrier.interrupt,
            mirror=self._poke,
        )
        self.recovered = self.service.recover()

    def _poke(self, _seq: int) -> None:
        self.pokes += 1

    def start(self) -> "Queue":
        self.service.start(self.carrier)
        return self

    def submit(self, *ops: OpCode) -> int:
        return self.service.submit(ops, PEER)

    def job(self, job_id: int) -> Job:
        job = self.service.get(job_id)
        assert job is not None
        return job

    def wait(self, job_id: int, seen: Callable[[Job], bool]) -> Job:
        """Return the job as soon as a commit made it what `seen` wants."""
        done = Event()

        def look(job: Job | None) -> bool:
            if job is None or seen(job):
                done.set()
                return True
            return False

        if not seen(self.job(job_id)):
            self.service.waiters.add(job_id, PATIENCE_S, look)
            assert done.wait(PATIENCE_S)
        job = self.job(job_id)
        assert seen(job), job
        return job

    def end(self, job_id: int) -> Job:
        return self.wait(job_id, lambda job: job.final)

    def until(self, job_id: int, status: OpStatus) -> Job:
        return self.wait(job_id, lambda job: job.status is status)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    failpoints.clear()
    with store.snapshot() as txn:
        rows = list(JOBS.keys(txn))
    queue = JobService(
        store,
        ManualClock(),
        running_max=lambda: 0,
        live_max=0,
        interrupt=lambda _id: None,
        mirror=lambda _seq: None,
    )
    for job_id in rows:
        job = queue.get(job_id)
        assert job is not None
        assert violations(job, queue.logs(job_id)) == []
    store.close()


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


def test_relative_dependencies_count_over_the_submission(queue: Queue) -> None:
    jobs = [[delay()], [delay(depends=[[-1, []]])], [delay(depends=[[-3, []]])]]
    results = queue.service.submit_many(jobs, PEER)
    assert results[:2] == [(True, 1), (True, 2)]
    assert results[2] == (False, "Relative job dependency -3 points before the first job")
    assert b'"depends":[[1,[]]]' in queue.end(2).ops[0].input
    assert queue.job(2).ops[0].depends[0].job_id == 1


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
