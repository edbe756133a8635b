"""What a scheduling decision costs behind a long queue and many rules, and how jobs follow on."""

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import gevent

from masterd.clock import SystemClock
from masterd.config.filter import FilterRule
from masterd.job.filters import Rules
from masterd.job.model import Job
from masterd.job.new import NewJob
from masterd.job.scheduler import Scheduler
from masterd.job.service import JobService
from masterd.job.worker import OpRun
from masterd.opcodes.base import OpCode, load
from store.store import Store
from tests import system
from tests.benchmarks.figure import Figure
from tests.benchmarks.scenarios import cluster_with_daemon, wait_replicated

QUEUED: Final = 5000
RULES: Final = 50
CHAINED: Final = 10_000
RUNNING: Final = 20
#: Jobs of one submission, and seconds until the last of a chain must have ended.
_BATCH: Final = 1000
_PATIENCE_S: Final = 1200.0
_NAP_S: Final = 0.001


def scheduling(quick: bool) -> list[Figure]:
    """Scheduling: a decision behind 5,000 jobs and 50 rules, new rules, a chain of 10,000 jobs."""
    queued = 500 if quick else QUEUED
    decided, judged = decisions(queued, tries=200 if quick else 5000)
    changed_ms, busy_ms, swept_ms = new_rules(queued)
    linked = chain(100 if quick else CHAINED)
    behind = f"{queued:,} queued jobs, {RULES} rules"
    return [
        Figure("scheduling", f"a decision, {behind}, p99", quantiles(decided, n=100)[-1], "ms", 1,
               True),
        Figure("scheduling", "the same, median", median(decided), "ms"),
        Figure("scheduling", f"judge a new job by {RULES} rules, median", median(judged), "ms"),
        Figure("scheduling", f"new rules in effect, {behind}", changed_ms, "ms"),
        Figure("scheduling", "longest time for which others wait meanwhile", busy_ms, "ms", 50,
               True),
        Figure("scheduling", f"a look for lost wake-ups, {queued:,} queued jobs", swept_ms, "ms"),
        Figure("scheduling", "a chain of jobs, from one's end to the next one's start, longest",
               linked.longest_ms, "ms", 50, True,
               f"a thread that only sleeps waited up to {linked.idle_ms:.0f} ms for a processor"),
        Figure("scheduling", "the same, median", linked.median_ms, "ms"),
        Figure("scheduling", "jobs of the chain", linked.per_s, "jobs/s"),
    ]  # fmt: skip


def rules(count: int) -> list[FilterRule]:
    """Return rules of every kind, of which the later ones are looked at for most jobs."""
    actions: list[Any] = ["CONTINUE", "ACCEPT", ("RATE_LIMIT", 3), "PAUSE", "REJECT"]
    predicates: list[Callable[[int], tuple[object, ...]]] = [
        lambda number: ("opcode", ["=", "OP_ID", f"OP_{number}"]),
        lambda number: ("reason", ["=", "reason", f"class {number}"]),
        lambda number: ("opcode", ["=~", "OP_ID", f"^OP_TEST_{number}"]),
        lambda number: ("jobid", ["<", "id", -number]),
    ]
    return [
        FilterRule(
            uuid=f"{number:04}",
            watermark=0,
            priority=number,
            predicates=(predicates[number % 4](number),),
            action=actions[number % 5],
            reason_trail=(),
        )
        for number in range(count)
    ]


def op(number: int) -> OpCode:
    """Return an opcode: a tenth of all have a rate limit of their own, others one of a rule's."""
    reason = f"rate-limit:3:{number % 7}" if number % 10 == 0 else f"class {number % RULES}"
    return load(
        {"OP_ID": "OP_TEST_DELAY", "duration": 0.001, "reason": [["bench", reason, number]]}
    )


def decisions(queued: int, tries: int) -> tuple[list[float], list[float]]:
    """Return the times, in ms, of decisions, and of judging and queueing a job that comes.

    A decision: a job ends, the next one is found.
    """
    compiled = Rules.of(rules(RULES))
    scheduler = Scheduler()

    def come(job: Job) -> None:
        scheduler.add(job.job_id, job.priority, (), compiled.lane_of(job))

    def decide(job_id: int) -> list[int]:
        scheduler.end(job_id)
        return scheduler.start(RUNNING)

    for job_id in range(1, queued + 1):
        come(_job(job_id))
    scheduler.start(RUNNING)
    decided, judged = [], []
    for job_id in range(queued + 1, queued + tries + 1):
        job = _job(job_id)
        judged.append(_timed_ms(lambda: come(job)))  # noqa: B023
        ending = min(scheduler.running)
        decided.append(_timed_ms(lambda: decide(ending)))  # noqa: B023
    return decided, judged


def _job(job_id: int) -> Job:
    return NewJob.of([op(job_id)]).job(job_id, ((),), None, 1)


def new_rules(queued: int) -> tuple[float, float, float]:
    """Return times of new rules on a queue, in ms.

    Until they are in effect, the longest for which the hub was busy meanwhile, and for a look of
    the sweep.
    """
    current: list[FilterRule] = []
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "store")
        service = JobService(
            store,
            SystemClock(),
            running_max=lambda: 0,
            live_max=queued,
            interrupt=lambda _job: None,
            reprioritize=lambda _job, _priority: None,
            mirror=lambda _seq, _jobs: None,
            load=load,
            rules=lambda: current,
        )
        service.start(_Nobody())
        service.submit_many([[op(number)] for number in range(queued)], None)
        current[:] = rules(RULES)
        begun = time.perf_counter()
        service.reconsider()
        longest_ms = 1000 * (time.perf_counter() - begun)
        while service._live._unjudged:
            longest_ms = max(longest_ms, _timed_ms(lambda: gevent.sleep(0)))
        changed_ms = 1000 * (time.perf_counter() - begun)
        swept_ms = median(_timed_ms(service._sweep.look) for _ in range(20))
        service.stop()
        store.close()
    return changed_ms, longest_ms, swept_ms


class _Nobody:
    """Carries nothing out."""

    def run(self, op: OpCode, run: OpRun) -> object:
        """Not called: no job may run."""
        raise AssertionError(op)


@dataclass(frozen=True, slots=True)
class Chain:
    """How jobs followed on: gaps between one's end and the next one's start.

    Attributes:
        idle_ms: the longest time for which a thread that only sleeps got no processor meanwhile.
    """

    median_ms: float
    longest_ms: float
    per_s: float
    idle_ms: float


class Idler:
    """A thread that only sleeps: what keeps it waiting keeps everybody on this machine waiting."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ended = False

    def __enter__(self) -> "Idler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    def _run(self) -> None:
        while not self._ended:
            begun = time.perf_counter()
            time.sleep(_NAP_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - begun - _NAP_S)


def chain(count: int) -> Chain:
    """Run jobs of which each waits for the one before."""
    with cluster_with_daemon() as daemon, daemon.client() as client:
        # All are there before the first one runs.
        rule = client.call("ReplaceFilter", None, 0, [], "PAUSE", [])
        client.call("SubmitJob", [system.delay_op()])
        for begin in range(1, count, _BATCH):
            jobs = [[system.delay_op(depends=[[-1, ["success"]]])]] * min(_BATCH, count - begin)
            client.call("SubmitManyJobs", jobs)
        wait_replicated(daemon)
        client.call("DeleteFilter", rule)
        with Idler() as idler, gevent.Timeout(_PATIENCE_S):
            assert system.wait_for_end(client, count) == "success"
        rows = client.call("QueryJobs", [], ["start_ts", "end_ts", "status"])
    assert isinstance(rows, list)
    assert len(rows) == count
    assert {row[2] for row in rows} == {"success"}
    times = [(1000 * s + us / 1000 for s, us in row[:2]) for row in rows]
    starts, ends = zip(*times, strict=True)
    gaps = [start - end for end, start in zip(ends[:-1], starts[1:], strict=True)]
    per_s = 1000 * count / (ends[-1] - starts[0])
    return Chain(median(gaps), max(gaps), per_s, 1000 * idler.longest_s)


def _timed_ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)
