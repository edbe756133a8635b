"""Submissions wait for the candidates' pace, and for nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from exporter.entrance import CandidatesBehindError
from exporter.layout import Layout, job_id_of
from exporter.sender import CALLS_MAX
from exporter.service import Exporter
from store.store import Store
from tests.mirror_support import MemoryReplica, Queue, make_entrance

PATIENCE_S = 60.0
CLIENTS = 24
#: Seconds a slow candidate takes for a call; it cannot take more than this many jobs a second.
CALL_S = 0.02
JOBS_PER_S_MAX = CALLS_MAX / CALL_S


class Crowd:
    """Clients that submit jobs without pause; the jobs end at once."""

    def __init__(
        self,
        store: Store,
        path: Path,
        *replicas: MemoryReplica,
        behind_max_s: float = 1.0,
        wait_s: float = PATIENCE_S,
        waiting_max: int = CLIENTS,
    ) -> None:
        self.replicas = replicas
        self.entrance = make_entrance(
            behind_max_s=behind_max_s, wait_s=wait_s, waiting_max=waiting_max
        )
        self.exporter = Exporter(
            store,
            Layout(path / "queue"),
            replicas=replicas,
            entrance=self.entrance,
            now_s=time.monotonic,
        )
        self.exporter.start()
        self.queue = Queue(store)
        self.submitted = 0
        self.last = 0
        #: The most jobs that were taken in and held by no candidate.
        self.unheld = 0

    def submit(self) -> None:
        with self.entrance.passing(1):
            self.submitted += 1
            job_id = self.submitted
            self._committed(self.queue.put(job_id), 1)
        self.unheld = max(self.unheld, self.submitted - self.held())
        for rev, status in enumerate(("waiting", "running", "success"), start=1):
            self._committed(self.queue.put(job_id, status, rev=rev), 0)

    def run(self, jobs: int) -> None:
        """Submit so many jobs."""

        def client(numbers: Iterator[int]) -> None:
            for _ in numbers:
                self.submit()

        numbers = iter(range(jobs))
        with gevent.Timeout(PATIENCE_S):
            clients = [gevent.spawn(client, numbers) for _ in range(CLIENTS)]
            gevent.joinall(clients, raise_error=True)

    def _committed(self, seq: int, jobs: int) -> None:
        self.last = max(self.last, seq)
        self.exporter.poke(seq, jobs)

    def held(self) -> int:
        return max(
            sum(job_id_of(path.name) is not None for path in replica.files)
            for replica in self.replicas
        )


@pytest.fixture
def slow() -> MemoryReplica:
    replica = MemoryReplica()
    replica.takes_s = CALL_S
    return replica


def test_at_full_load_jobs_are_taken_in_at_the_pace_of_a_slow_candidate(
    store: Store, tmp_path: Path, slow: MemoryReplica
) -> None:
    crowd = Crowd(store, tmp_path, slow)
    crowd.run(500)
    report = crowd.exporter.lag().entrance
    assert report.waited > 0
    # What the candidate can take in the second that is allowed, and one more of each client.
    assert crowd.unheld <= JOBS_PER_S_MAX * 1.0 + CLIENTS
    assert crowd.exporter.wait_everywhere(crowd.last, PATIENCE_S)
    assert slow.calls <= 2 * 500, "a candidate that cannot keep up gets each job's newest state"
    crowd.exporter.stop(PATIENCE_S)


def test_one_candidate_that_keeps_up_is_enough(
    store: Store, tmp_path: Path, slow: MemoryReplica
) -> None:
    slow.takes_s = 0.5
    crowd = Crowd(store, tmp_path, slow, MemoryReplica("node3"))
    crowd.run(600)
    assert crowd.submitted - len(slow.files) > 100, "the slow one got them all"
    crowd.exporter.stop(PATIENCE_S)


def test_nobody_waits_while_no_candidate_can_be_reached(
    store: Store, tmp_path: Path, slow: MemoryReplica
) -> None:
    crowd = Crowd(store, tmp_path, slow)
    crowd.run(100)
    slow.trouble = "no route"
    crowd.run(1000)
    assert crowd.exporter.lag().reachable == []
    assert crowd.exporter.lag().entrance.behind_s == 0.0
    slow.trouble = None
    slow.takes_s = 0.0
    assert crowd.exporter.wait_everywhere(crowd.last, PATIENCE_S)
    crowd.exporter.stop(PATIENCE_S)


def test_a_candidate_that_comes_back_can_catch_up_at_full_load(
    store: Store, tmp_path: Path, slow: MemoryReplica
) -> None:
    slow.takes_s = 0.1
    crowd = Crowd(store, tmp_path, slow)
    crowd.run(10)
    assert crowd.exporter.wait_everywhere(crowd.last, PATIENCE_S)
    slow.trouble = "no route"
    crowd.run(400)
    slow.trouble = None
    with gevent.Timeout(PATIENCE_S):
        while crowd.exporter.lag().troubles:
            gevent.sleep(0.01)
    behind = crowd.submitted - crowd.held()
    assert behind > 300
    # Others go on meanwhile, at half of its pace.
    crowd.run(60)
    assert crowd.submitted - crowd.held() < behind
    slow.takes_s = 0.0
    assert crowd.exporter.wait_everywhere(crowd.last, PATIENCE_S)
    crowd.exporter.stop(PATIENCE_S)


def test_a_submission_is_refused_when_the_candidates_do_not_move(
    store: Store, tmp_path: Path, slow: MemoryReplica
) -> None:
    slow.takes_s = PATIENCE_S
    crowd = Crowd(store, tmp_path, slow, wait_s=0.05, waiting_max=1)
    with pytest.raises(CandidatesBehindError, match=r"did not keep up for 0\.05 seconds"):
        for _ in range(100):
            crowd.submit()
    assert 1 <= crowd.submitted < 100
    waiting = gevent.spawn(crowd.submit)
    gevent.idle()
    with pytest.raises(CandidatesBehindError, match="1 submissions wait"):
        crowd.submit()
    waiting.kill()
    assert crowd.exporter.lag().entrance.waiting == 0
    crowd.exporter.stop(0.0)
