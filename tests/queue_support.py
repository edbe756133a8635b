"""A queue on a real store, with a carrier that does what the test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
from gevent.event import Event

from masterd.config.filter import FilterRule
from masterd.errors import OpPrereqError
from masterd.job.invariants import violations
from masterd.job.model import Job, Peer
from masterd.job.service import JobService
from masterd.job.status import OpStatus
from masterd.job.worker import OpRun
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lock.manager import LockManager
from masterd.opcodes.base import OpCode, load
from masterd.opcodes.reason import ReasonEntry
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
    """Runs opcodes by their comment: 'block' waits for `go`, 'lock' waits before it begins.

    'node' takes a real lock, and holds it until `go`; 'trail' has its reason trail kept.
    """

    def __init__(self) -> None:
        self.go = Event()
        self.asked = Event()
        self.begun: list[str] = []
        self.trails: list[tuple[ReasonEntry, ...]] = []
        self.locks: dict[int, Event] = {}
        self.manager = LockManager()

    def interrupt(self, job_id: int) -> None:
        if job_id in self.locks:
            self.locks[job_id].set()
        self.manager.cancel(job_id)

    def run(self, op: OpCode, run: OpRun) -> object:
        if op.comment == "trail":
            self.trails.append(op.reason)
        try:
            return self._run(op.comment or "", run)
        finally:
            self.manager.release(run.job_id)

    def _run(self, word: str, run: OpRun) -> object:
        if word == "node":
            request = LockRequest(frozenset({"node1"}))
            self.manager.acquire(run.job_id, LockLevel.NODE, request, run.priority())
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
        if word == "both":
            run.feedback("message", "before")
            journal = run.journal()
            calls = [[("os_get", f"node{number}")] for number in range(3)]
            gevent.joinall([gevent.spawn(journal.sending, each) for each in calls],
                           raise_error=True)  # fmt: skip
        if word in ("ask", "broken off"):
            journal = run.journal()
            journal.sending([("os_get", "node1"), ("os_get", "node2")])([True, False])
            journal.sending([("node_stop_master", "node1")])
            if word == "broken off":
                raise OpPrereqError("it fails", None)
            self.asked.set()
        if word in ("block", "node", "ask"):
            assert self.go.wait(PATIENCE_S)
        return word or None


class Queue:
    """A service on a store, started."""

    def __init__(
        self,
        store: Store,
        *,
        running_max: int = 20,
        live_max: int = 100,
        rules: tuple[FilterRule, ...] = (),
    ) -> None:
        self.carrier = Carrier()
        self.clock = ManualClock()
        self.pokes = 0
        self.running_max = running_max
        self.rules = rules
        self.service = JobService(
            store,
            self.clock,
            running_max=lambda: self.running_max,
            live_max=live_max,
            interrupt=self.carrier.interrupt,
            reprioritize=self.carrier.manager.set_priority,
            mirror=self._poke,
            load=load,
            rules=lambda: self.rules,
        )
        self.recovered = self.service.recover()

    def _poke(self, _seq: int, _jobs: int) -> None:
        self.pokes += 1

    def set_rules(self, *rules: FilterRule) -> None:
        self.rules = rules
        self.service.reconsider()

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


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Give a store for queues; its jobs must be sound in the end."""
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
        reprioritize=lambda _id, _priority: None,
        mirror=lambda _seq, _jobs: None,
        load=load,
    )
    for job_id in rows:
        job = queue.get(job_id)
        assert job is not None
        assert violations(job, queue.logs(job_id)) == []
    store.close()
