"""A job that is canceled or killed lets go at once, whatever else goes on.

What counts is the order of things, not the time they take: when the client hears that his job was
killed, its locks and reservations are free already, and whoever waited for them has them.
"""

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from masterd.job.model import Job, Peer
from masterd.job.service import JobService
from masterd.job.status import OpStatus
from masterd.lock.levels import LockLevel, LockRequest
from masterd.opcodes.base import OpCode, load
from masterd.opcodes.test import OpTestDelay
from masterd.testing.clock import ManualClock
from masterd.work.context import OpRun
from store.store import Store
from tests.lu_support import World, make_world

PEER = Peer(1000, 1000, 4711)
PATIENCE_S = 60.0
#: Jobs beside the one that is stopped; each of them runs, waits for the lock, or is queued.
CROWD = 100
#: Seconds between two lines of a job that talks, and two looks at what nothing tells of. Turns of
#: no length would keep the store's thread from the interpreter, and with it all that is waited for.
PACE_S = 0.002
A = LockRequest(frozenset({"a"}))


class Worker:
    """Holds an instance of its own, a port, and the lock on node "a" until it is stopped."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.begun: list[int] = []
        self._never = Event()

    def run(self, op: OpCode, run: OpRun) -> object:
        owner = (run.job_id, run.op_index)
        locks, reservations = self.world.locks, self.world.context.reservations
        try:
            if op.comment == "talk":
                run.locks_held()
                while True:
                    run.feedback("message", "busy")
                    gevent.sleep(PACE_S)
            reservations.new_port(owner)
            own = LockRequest(frozenset({f"inst{run.job_id}"}))
            locks.acquire(run.job_id, LockLevel.INSTANCE, own, run.priority())
            locks.acquire(run.job_id, LockLevel.NODE, A, run.priority())
            self.begun.append(run.job_id)
            run.locks_held()
            self._never.wait()
        finally:
            reservations.release(owner)
            locks.release(run.job_id)
        return None


class Cluster:
    """A queue on a store, whose jobs all want the same lock, beside some that talk all the time."""

    def __init__(self, store: Store, world: World) -> None:
        self.world = world
        self.worker = Worker(world)
        self.service = JobService(
            store,
            ManualClock(),
            running_max=lambda: CROWD,
            live_max=10 * CROWD,
            interrupt=world.locks.cancel,
            reprioritize=world.locks.set_priority,
            mirror=lambda _seq, _jobs: None,
            load=load,
        )
        self.service.recover()
        self.service.start(self.worker)
        told = self.service.submit_many(
            [
                *[[OpTestDelay(duration=1.0, comment="talk")]] * 5,
                *[[OpTestDelay(duration=1.0)]] * (2 * CROWD),
            ],
            PEER,
        )
        self.all = [job_id for done, job_id in told if done and isinstance(job_id, int)]
        self.ids = self.all[5:]
        self.until(self.ids[0], OpStatus.RUNNING)
        with gevent.Timeout(PATIENCE_S):
            while world.locks.stats.waiting < CROWD - 6:
                gevent.sleep(PACE_S)

    def job(self, job_id: int) -> Job:
        job = self.service.get(job_id)
        assert job is not None
        return job

    def until(self, job_id: int, status: OpStatus) -> None:
        seen = Event()

        def look(job: Job | None) -> bool:
            if job is None or job.status is not status:
                return False
            seen.set()
            return True

        if not look(self.job(job_id)):
            self.service.waiters.add(job_id, PATIENCE_S, look)
            assert seen.wait(PATIENCE_S)

    def close(self) -> None:
        self.service.drain(0)
        for job_id in self.all:
            self.service.cancel(job_id, kill=True)
        with gevent.Timeout(PATIENCE_S):
            while self.service.running_count:
                gevent.sleep(PACE_S)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    store = Store.open(tmp_path / "store")
    world = make_world(tmp_path / "world")
    cluster = Cluster(store, world)
    yield cluster
    cluster.close()
    world.close()
    store.close()


def test_whoever_killed_a_running_job_hears_of_it_when_its_locks_are_free(cluster: Cluster) -> None:
    world, (first, second, *_) = cluster.world, cluster.ids
    assert cluster.service.cancel(first, kill=True) == (True, "SIGKILL send to the process")
    assert world.locks.held(first) == {}
    assert (first, 0) not in world.context.reservations.owners
    assert "a" in {lock.name for lock in world.locks.held(second)}
    cluster.until(second, OpStatus.RUNNING)


def test_whoever_canceled_a_waiting_job_hears_of_it_when_it_waits_no_more(cluster: Cluster) -> None:
    world, (first, second, third, *_) = cluster.world, cluster.ids
    assert cluster.service.cancel(second) == (True, "Job successfully cancelled")
    assert world.locks.wait(second) is None
    # What it held before it waited goes when it runs, which is its turn among those at work.
    gevent.sleep(0)
    gevent.sleep(0)
    assert world.locks.held(second) == {}
    assert (second, 0) not in world.context.reservations.owners
    cluster.service.cancel(first, kill=True)
    assert "a" in {lock.name for lock in world.locks.held(third)}


def test_killing_many_jobs_in_a_row_hands_the_lock_on_each_time(cluster: Cluster) -> None:
    for job_id, following in zip(cluster.ids[:20], cluster.ids[1:21], strict=True):
        cluster.until(job_id, OpStatus.RUNNING)
        cluster.service.cancel(job_id, kill=True)
        assert "a" in {lock.name for lock in cluster.world.locks.held(following)}
    assert cluster.worker.begun[:20] == cluster.ids[:20]
