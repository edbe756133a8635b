"""What an opcode asks nodes to change is noted, and told where it ends unclean."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.job.machine import InvalidTransitionError
from masterd.job.node_calls import NodeCalls
from masterd.job.status import OpStatus
from masterd.limits import NODE_CALLS_KEPT_MAX
from store.check import check
from store.schema import NODE_CALLS
from store.store import Store
from tests.queue_support import PATIENCE_S, Queue, delay, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "store") as store:
        yield store


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store).start()


IN_FLIGHT = "In flight, and perhaps half done: node_stop_master on node1"
ANSWERED = "Answered: os_get on node1, node2 (failed: os_get on node2)"


def test_an_opcode_that_a_crash_ends_says_what_it_had_asked(queue: Queue, store: Store) -> None:
    job_id = queue.submit(delay(comment="ask"))
    assert queue.carrier.asked.wait(PATIENCE_S)
    after = Queue(store)
    job = after.job(job_id)
    assert json.loads(job.ops[0].result or b"") == [
        "OpExecError",
        [
            "Unclean master daemon shutdown; calls to nodes in flight, and perhaps half done:"
            " node_stop_master on node1; answered before: os_get on node1, node2"
            " (failed: os_get on node2)"
        ],
    ]
    told = [json.loads(entry.message) for entry in after.service.repository.logs(job_id)]
    assert told == [ANSWERED, IN_FLIGHT]
    with store.snapshot() as txn:
        assert NODE_CALLS.count(txn) == 0
        assert check(txn) == []


def test_an_opcode_that_is_killed_leaves_in_the_log_what_it_had_asked(
    queue: Queue, store: Store
) -> None:
    job_id = queue.submit(delay(comment="ask"))
    assert queue.carrier.asked.wait(PATIENCE_S)
    with store.snapshot() as txn:
        assert NODE_CALLS.count(txn) == 2
        assert check(txn) == []
    assert queue.service.cancel(job_id, kill=True)[0]
    told = [json.loads(entry.message) for entry in queue.service.repository.logs(job_id)]
    assert told == [ANSWERED, IN_FLIGHT]
    with store.snapshot() as txn:
        assert NODE_CALLS.count(txn) == 0
        assert check(txn) == []


@pytest.mark.parametrize("word", ["ask", "broken off"])
def test_what_was_asked_is_forgotten_when_an_opcode_ends_by_itself(
    queue: Queue, store: Store, word: str
) -> None:
    queue.carrier.go.set()
    job_id = queue.submit(delay(comment=word), delay())
    queue.end(job_id)
    assert queue.service.repository.logs(job_id) == []
    with store.snapshot() as txn:
        assert NODE_CALLS.count(txn) == 0
        assert check(txn) == []


def test_an_opcode_may_ask_in_several_greenlets_at_once(queue: Queue) -> None:
    job = queue.end(queue.submit(delay(comment="both")))
    assert job.status is OpStatus.SUCCESS
    (entry,) = queue.service.repository.logs(job.job_id)
    assert entry.message == b'"before"'


def test_a_job_that_has_ended_asks_nothing_more(queue: Queue) -> None:
    job_id = queue.submit(delay())
    queue.end(job_id)
    asked = NodeCalls(0, 1, (("os_get", "node1"),))
    with pytest.raises(InvalidTransitionError, match="has ended and asks nodes"):
        queue.service.repository.note_calls(job_id, 1, asked)


def test_of_too_many_notes_the_first_are_forgotten(queue: Queue, store: Store) -> None:
    job_id = queue.submit(delay(comment="block"))
    queue.until(job_id, OpStatus.RUNNING)
    for number in range(1, 4):
        asked = NodeCalls(0, number, (("os_get", "node1"),))
        queue.service.repository.note_calls(job_id, number, asked)
    newest = NodeCalls(0, 4, (("os_get", "node1"),))
    queue.service.repository.note_calls(job_id, NODE_CALLS_KEPT_MAX + 2, newest)
    with store.snapshot() as txn:
        assert list(NODE_CALLS.keys(txn)) == [(job_id, n) for n in (1, 3, NODE_CALLS_KEPT_MAX + 2)]
    queue.carrier.go.set()
    queue.end(job_id)
