"""What locks cost, and how fast they are let go: in this process, and by a whole daemon."""

import random
import time
from contextlib import suppress
from heapq import heappop, heappush
from itertools import pairwise
from statistics import median
from threading import Thread
from typing import Any, Final

import gevent
from gevent.event import Event

from masterd.errors import JobCanceled
from masterd.lock.levels import BGL, LockLevel, LockMode, LockRequest
from masterd.lock.manager import LockManager
from masterd.lock.owners import Owner
from masterd.lock.table import LockTable
from masterd.luxi.client import Client
from tests import system
from tests.benchmarks.figure import Figure
from tests.benchmarks.scenarios import HOLD_S, cluster_with_daemon, load

_BGL: Final = LockRequest(frozenset({BGL}), LockMode.SHARED)
SEED: Final = 12


def locks(quick: bool) -> list[Figure]:
    """Locks in this process: one alone, many that contend, how fast a killed job lets go."""
    jobs = 200 if quick else 1000
    killed, canceled = let_go(100 if quick else 1000, tries=20 if quick else 200)
    return [
        Figure("locks", "one, uncontended, taken and given back", uncontended_us(quick), "us", 20,
               True),
        Figure("locks", f"{jobs:,} jobs contend for 50, time to the ideal schedule",
               contend(jobs, locks=50), "x", 1.3, True),
        Figure("locks", "the same, each job wants two of them", contend_in_pairs(jobs, locks=50),
               "x", note="a job that waits for its second lock holds the first: nobody overtakes"),
        Figure("locks", "killed while 1,000 wait, until the next has its lock, longest",
               killed, "ms", 100, True),
        Figure("locks", "canceled while it waits, until it has let go, longest", canceled, "ms",
               100, True),
    ]  # fmt: skip


def uncontended_us(quick: bool) -> float:
    """Return microseconds of processor time for one lock taken and given back.

    By the holder of the big lock; the median of some rounds.
    """
    manager = LockManager()
    count = 500 if quick else 10_000
    requests = [LockRequest(frozenset({f"node{number}"})) for number in range(50)]
    manager.acquire(1, LockLevel.CLUSTER, _BGL, 0)

    def once() -> float:
        begun = time.process_time()
        for number in range(count):
            manager.acquire(1, LockLevel.NODE, requests[number % 50], 0)
            manager.release(1, LockLevel.NODE)
        return 1e6 * (time.process_time() - begun) / count

    return median(once() for _ in range(9))


def contend(jobs: int, *, locks: int) -> float:
    """Let jobs contend; return how long that takes, to the ideal schedule.

    Each job wants one of the locks for itself and holds it for some milliseconds. Ideal is that the
    busiest lock passes from job to job without a pause.
    """
    chance = random.Random(SEED)
    manager = LockManager()
    names = [f"n{number}" for number in range(locks)]
    wanted = [(chance.choice(names), chance.uniform(0.010, 0.030)) for _ in range(jobs)]
    busy_s = dict.fromkeys(names, 0.0)

    def work(job: int, name: str, work_s: float) -> None:
        manager.acquire(job, LockLevel.CLUSTER, _BGL, 0)
        manager.acquire(job, LockLevel.NODE, LockRequest(frozenset({name})), 0)
        begun = time.perf_counter()
        gevent.sleep(work_s)
        # A sleep that was too long is the machine's, not the locks'.
        busy_s[name] += time.perf_counter() - begun
        manager.release(job)

    begun = time.perf_counter()
    gevent.joinall([gevent.spawn(work, job, *each) for job, each in enumerate(wanted)])
    return (time.perf_counter() - begun) / max(busy_s.values())


def contend_in_pairs(jobs: int, *, locks: int) -> float:
    """Return the length of a schedule, to the best conceivable one, of jobs that want two locks.

    No schedule is shorter than the work of the jobs that want the busiest lock. Time is told here:
    it passes to when the next job ends.
    """
    chance = random.Random(SEED)
    table = LockTable()
    names = [f"n{number}" for number in range(locks)]
    wanted = [frozenset(chance.sample(names, 2)) for _ in range(jobs)]
    work_s = [chance.uniform(1, 10) for _ in range(jobs)]
    busy_s = dict.fromkeys(names, 0.0)
    ends: list[tuple[float, Owner]] = []
    now_s = 0.0
    for job, pair in enumerate(wanted):
        for name in pair:
            busy_s[name] += work_s[job]
        if table.request(job, LockLevel.NODE, LockRequest(pair), 0):
            heappush(ends, (work_s[job], job))
    while ends:
        now_s, owner = heappop(ends)
        for other in table.release(owner):
            assert isinstance(other, int)
            heappush(ends, (now_s + work_s[other], other))
    assert not table.owners(), "some jobs never had their locks"
    return now_s / max(busy_s.values())


def let_go(crowd: int, *, tries: int) -> tuple[float, float]:
    """Kill holders and cancel waiters of one lock that a crowd waits for, with the hub busy.

    Return how many milliseconds it took at most until the lock had gone on, and until the canceled
    one had let go.
    """
    manager = LockManager()
    request = LockRequest(frozenset({"a"}))
    never, had = Event(), {}

    def work(job: int) -> None:
        try:
            with suppress(JobCanceled):
                manager.acquire(job, LockLevel.CLUSTER, _BGL, 0)
                manager.acquire(job, LockLevel.NODE, request, 0)
                had[job] = time.perf_counter()
                never.wait()
        finally:
            manager.release(job)
            had[-job] = time.perf_counter()

    def busy() -> None:
        while True:
            gevent.sleep(0)

    jobs = {job: gevent.spawn(work, job) for job in range(1, crowd + 2 * tries + 1)}
    others = [gevent.spawn(busy) for _ in range(20)]
    gevent.sleep(0)
    killed, canceled = [], []
    holders = list(jobs)[: 2 * tries]
    for holder, waiter in zip(holders[::2], holders[1::2], strict=True):
        _until(had, holder)
        begun = time.perf_counter()
        manager.cancel(waiter)
        _until(had, -waiter)
        canceled.append(had[-waiter] - begun)
        begun = time.perf_counter()
        jobs[holder].kill(block=False)
        _until(had, waiter + 1)
        killed.append(had[waiter + 1] - begun)
    gevent.killall([*jobs.values(), *others])
    assert not manager.owners()
    return 1e3 * max(killed), 1e3 * max(canceled)


def _until(had: dict[int, float], key: int) -> None:
    with gevent.Timeout(60):
        while key not in had:
            gevent.sleep(0)


def stops(quick: bool) -> list[Figure]:
    """Kills and cancels of jobs with locks, while clients submit and jobs run."""
    tries = 4 if quick else 16
    with cluster_with_daemon() as daemon:
        op = system.delay_op(HOLD_S, on_nodes=["node2.example.com"])
        with daemon.client() as client:
            told: Any = client.call("SubmitManyJobs", [[op]] * (tries + 1))
            ids = [job_id for _, job_id in told]
            _await(client, ids[0], "running")
            busy = Thread(
                target=load,
                args=(daemon, "work"),
                kwargs={"clients": 8, "jobs": 100 if quick else 1000, "ops": [system.delay_op()]},
            )
            busy.start()
            killed = [_stop(client, one, other) for one, other in pairwise(ids)]
            busy.join()
        daemon.kill()
    return [
        Figure("stops", "kill until the next job runs, 8 clients, median", median(killed), "ms",
               100, True),
        Figure("stops", "the longest", max(killed), "ms"),
    ]  # fmt: skip


def _stop(client: Client, job_id: int, following: int) -> float:
    """Kill a running job; return milliseconds until one that wants the same lock runs."""
    begun = time.perf_counter()
    client.call("CancelJob", job_id, True)
    _await(client, following, "running")
    return 1e3 * (time.perf_counter() - begun)


def _await(client: Client, job_id: int, status: str) -> None:
    seen: object = None
    while seen != [status]:
        news: Any = client.call("WaitForJobChange", job_id, ["status"], seen, None, 60)
        seen = news[0]
