"""The scheduler against a slow twin that looks at everything each time."""

import heapq
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterd.job.filters import Bucket, Lane, Verdict
from masterd.job.ranked import Ranked
from masterd.job.scheduler import Scheduler


class SlowScheduler:
    """Recomputes who may start from the bare facts."""

    def __init__(self) -> None:
        self.queued: dict[int, tuple[int, set[int]]] = {}
        self.unfinished: set[int] = set()
        self.running: set[int] = set()
        self.lanes: dict[int, Lane] = {}

    def start(self, running_max: int) -> list[int]:
        started = []
        for _, job_id in sorted((p, i) for i, (p, _) in self.queued.items()):
            if len(self.running) >= running_max:
                break
            used = Counter(b for i in self.running for b in self.lanes[i].buckets)
            lane = self.lanes[job_id]
            if (
                not self.queued[job_id][1] & self.unfinished
                and lane.verdict is Verdict.OPEN
                and all(used[bucket] < bucket.limit for bucket in lane.buckets)
            ):
                started.append(job_id)
                self.running.add(job_id)
        for job_id in started:
            del self.queued[job_id]
        return started


_BUCKETS = (Bucket("r", True, 1), Bucket("s", True, 2), Bucket("1:a", False, 1),
            Bucket("3:b", False, 3))  # fmt: skip
_LANES = st.builds(
    lambda verdict, buckets: Lane(verdict, tuple(b for b in _BUCKETS if b in buckets)),
    st.sampled_from([*Verdict, *[Verdict.OPEN] * 5]),
    st.sets(st.sampled_from(_BUCKETS)),
)
_STEP = st.tuples(
    st.sampled_from(["add", "add", "end", "start", "start", "priority", "put back", "lane"]),
    st.integers(0, 12),
    st.integers(-2, 2),
    _LANES,
)


@given(st.lists(_STEP, max_size=80))
def test_it_starts_what_the_slow_twin_starts(steps: list[tuple[str, int, int, Lane]]) -> None:
    quick, slow = Scheduler(), SlowScheduler()
    last_id = 0
    for what, number, priority, lane in steps:
        if what == "add":
            last_id += 1
            depends = {i for i in (number, number + 1) if i in slow.unfinished}
            slow.queued[last_id] = (priority, depends)
            slow.unfinished.add(last_id)
            slow.lanes[last_id] = lane
            quick.add(last_id, priority, depends, lane)
        elif what == "end":
            slow.queued.pop(number, None)
            slow.running.discard(number)
            slow.unfinished.discard(number)
            quick.end(number)
        elif what == "priority" and number in slow.queued:
            slow.queued[number] = (priority, slow.queued[number][1])
            quick.change_priority(number, priority)
        elif what == "put back" and number in slow.running:
            slow.running.discard(number)
            slow.queued[number] = (priority, set())
            slow.lanes[number] = lane
            quick.add(number, priority, lane=lane)
        elif what == "lane" and number in slow.unfinished:
            slow.lanes[number] = lane
            quick.change_lane(number, lane)
        elif what == "start":
            running_max = number if priority else abs(priority)
            assert quick.start(running_max) == slow.start(running_max)
        assert set(quick.running) == slow.running
        assert quick.queued_count == len(slow.queued)


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(-3, 3)), max_size=300))
def test_the_first_of_ranked_keys_is_the_one_of_the_smallest_rank(
    steps: list[tuple[int, int | None]],
) -> None:
    ranked: Ranked[int] = Ranked()
    plain: dict[int, tuple[int, int]] = {}
    for key, priority in steps:
        if priority is None:
            plain.pop(key, None)
            ranked.discard(key)
        else:
            plain[key] = (priority, key)
            ranked.put(key, plain[key])
        assert ranked.first() == min(((rank, key) for key, rank in plain.items()), default=None)
        assert len(ranked) == len(plain)


def test_a_key_that_moves_again_and_again_takes_no_more_room() -> None:
    ranked: Ranked[int] = Ranked()
    for number in range(10_000):
        ranked.put(1, (-number, 1))
        ranked.put(2, (number % 2, 2))
    assert len(ranked._heap) < 100


def test_jobs_start_by_priority_and_then_by_id() -> None:
    scheduler = Scheduler()
    for job_id, priority in ((1, 0), (2, -10), (3, 10), (4, -10)):
        scheduler.add(job_id, priority)
    assert scheduler.start(3) == [2, 4, 1]
    assert scheduler.start(3) == []
    scheduler.end(4)
    assert scheduler.start(3) == [3]


def test_a_decision_looks_at_no_job_that_is_not_affected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands wait behind a full bucket and a rule; steps to get past them are counted."""
    steps = 0
    pop, put = heapq.heappop, Ranked.put

    def counted_pop(heap: list[Any]) -> Any:
        nonlocal steps
        steps += 1
        return pop(heap)

    def counted_put(self: Ranked[Any], key: Any, rank: tuple[int, int]) -> None:
        nonlocal steps
        steps += 1
        put(self, key, rank)

    monkeypatch.setattr("masterd.job.ranked.heapq.heappop", counted_pop)
    monkeypatch.setattr(Ranked, "put", counted_put)
    counts = []
    for jobs in (50, 5000):
        scheduler = Scheduler()
        for job_id in range(jobs):
            lane = (Lane(Verdict.HELD), Lane(buckets=(Bucket("r", True, 1),)))[job_id % 2]
            scheduler.add(job_id, 0, lane=lane)
        assert scheduler.start(20) == [1]
        scheduler.add(jobs, 10)
        steps = 0
        assert scheduler.start(20) == [jobs]
        counts.append(steps)
    assert counts[0] == counts[1] < 10
