"""The scheduler against a slow twin that looks at everything each time."""

from hypothesis import given
from hypothesis import strategies as st

from masterd.job.scheduler import Scheduler


class SlowScheduler:
    """Recomputes who may start from the bare facts."""

    def __init__(self) -> None:
        self.queued: dict[int, tuple[int, set[int]]] = {}
        self.unfinished: set[int] = set()
        self.running: set[int] = set()

    def start(self, running_max: int) -> list[int]:
        started = []
        for _, job_id in sorted((p, i) for i, (p, _) in self.queued.items()):
            if len(self.running) >= running_max:
                break
            if not self.queued[job_id][1] & self.unfinished:
                started.append(job_id)
                self.running.add(job_id)
        for job_id in started:
            del self.queued[job_id]
        return started


_STEP = st.tuples(
    st.sampled_from(["add", "end", "start", "priority", "put back"]),
    st.integers(0, 9),
    st.integers(-2, 2),
)


@given(st.lists(_STEP, max_size=60))
def test_it_starts_what_the_slow_twin_starts(steps: list[tuple[str, int, int]]) -> None:
    quick, slow = Scheduler(), SlowScheduler()
    last_id = 0
    for what, number, priority in steps:
        if what == "add":
            last_id += 1
            depends = {i for i in (number, number + 1) if i in slow.unfinished}
            slow.queued[last_id] = (priority, depends)
            slow.unfinished.add(last_id)
            quick.add(last_id, priority, depends)
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
            quick.add(number, priority)
        elif what == "start":
            assert quick.start(abs(number)) == slow.start(abs(number))
        assert set(quick.running) == slow.running
        assert quick.queued_count == len(slow.queued)


def test_jobs_start_by_priority_and_then_by_id() -> None:
    scheduler = Scheduler()
    for job_id, priority in ((1, 0), (2, -10), (3, 10), (4, -10)):
        scheduler.add(job_id, priority)
    assert scheduler.start(3) == [2, 4, 1]
    assert scheduler.start(3) == []
    scheduler.end(4)
    assert scheduler.start(3) == [3]
