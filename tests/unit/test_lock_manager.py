"""Greenlets that wait for locks."""

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import Greenlet

from masterd.errors import JobCanceled, LockError
from masterd.lock.levels import ALL, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.manager import PRIORITY_HIGHEST, LockManager
from masterd.lock.monitor import problems
from masterd.lock.table import LockTable

NODE = LockLevel.NODE
A = LockRequest(frozenset({"a"}))
B = LockRequest(frozenset({"b"}))
AB = LockRequest(frozenset({"a", "b"}))
A_SHARED = LockRequest(frozenset({"a"}), LockMode.SHARED)


@pytest.fixture
def manager() -> Iterator[LockManager]:
    manager = LockManager()
    yield manager
    assert problems(manager.states()) == []
    for owner in manager.owners():
        manager.release(owner)
    assert manager.owners() == set()
    assert manager.stats.waiting == 0


def begin(manager: LockManager, owner: int, request: LockRequest, priority: int = 0) -> Greenlet:
    """Start a greenlet that acquires, and let it run until it waits or is done."""
    greenlet = gevent.spawn(manager.acquire, owner, NODE, request, priority)
    gevent.idle()
    return greenlet


def test_a_free_lock_is_had_without_a_switch(manager: LockManager) -> None:
    ran: list[bool] = []
    gevent.spawn(ran.append, True)
    manager.acquire(1, NODE, A, 0)
    assert manager.held(1) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}
    assert not ran


def test_a_waiting_job_goes_on_when_the_holder_releases(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    waiting = begin(manager, 2, A)
    assert not waiting.ready()
    manager.release(1)
    waiting.get(timeout=5)
    assert manager.held(2) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}
    assert manager.stats.after_waiting == 1


def test_cancel_makes_a_waiting_job_give_up_what_it_got_of_the_request(
    manager: LockManager,
) -> None:
    manager.acquire(1, NODE, B, 0)
    manager.acquire(2, LockLevel.INSTANCE, A, 0)
    waiting = begin(manager, 2, AB)
    assert manager.cancel(2)
    with pytest.raises(JobCanceled):
        waiting.get(timeout=5)
    assert manager.held(2) == {Lock(LockLevel.INSTANCE, "a"): LockMode.EXCLUSIVE}
    assert manager.stats.canceled == 1


def test_cancel_lets_those_behind_the_canceled_job_go_on(manager: LockManager) -> None:
    manager.acquire(1, NODE, A_SHARED, 0)
    writer = begin(manager, 2, A)
    reader = begin(manager, 3, A_SHARED)
    assert not reader.ready()
    manager.cancel(2)
    reader.get(timeout=5)
    with pytest.raises(JobCanceled):
        writer.get(timeout=5)


def test_cancel_of_a_job_that_does_not_wait_does_nothing(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    assert not manager.cancel(1)
    assert not manager.cancel(2)
    assert manager.held(1)


def test_a_lock_granted_before_the_cancel_stays_granted(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    waiting = begin(manager, 2, A)
    manager.release(1)
    assert not manager.cancel(2)
    waiting.get(timeout=5)
    assert manager.held(2)


def test_killing_a_waiting_greenlet_takes_its_request_back(manager: LockManager) -> None:
    manager.acquire(1, NODE, B, 0)
    waiting = begin(manager, 2, AB)
    waiting.kill()
    assert manager.owners() == {1}
    manager.release(1)
    assert manager.owners() == set()


def test_killing_a_greenlet_that_was_just_granted_leaves_the_locks_to_release(
    manager: LockManager,
) -> None:
    manager.acquire(1, NODE, A, 0)
    waiting = begin(manager, 2, A)
    manager.release(1)
    waiting.kill()
    assert manager.owners() == {2}
    manager.release(2)
    assert manager.owners() == set()


def test_a_raised_priority_overtakes_at_once(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    first, second = begin(manager, 2, A), begin(manager, 3, A)
    manager.set_priority(3, -10)
    manager.release(1)
    second.get(timeout=5)
    assert not first.ready()
    manager.release(3)
    first.get(timeout=5)


def wait_until(holds: Callable[[], bool]) -> None:
    with gevent.Timeout(5):
        while not holds():
            gevent.idle()


def test_waiting_long_enough_wins_against_more_urgent_jobs() -> None:
    table = LockTable()
    manager = LockManager(table, raise_s=0.001)
    manager.acquire(1, NODE, A, 0)
    patient = begin(manager, 2, A, priority=3)
    urgent = begin(LockManager(table), 3, A, priority=2)
    wait_until(lambda: [owner for owner, _ in table.states()[-1].waiting] == [2, 3])
    manager.release(1)
    patient.get(timeout=5)
    assert not urgent.ready()
    urgent.kill()


def test_waiting_raises_no_further_than_the_most_urgent_priority(manager: LockManager) -> None:
    table = LockTable()
    impatient = LockManager(table, raise_s=0.0001)
    impatient.acquire(1, NODE, A, 0)
    waiting = begin(impatient, 2, A, priority=PRIORITY_HIGHEST + 1)
    manager_of_equals = LockManager(table)
    later = begin(manager_of_equals, 3, A, priority=PRIORITY_HIGHEST)
    wait_until(lambda: [owner for owner, _ in table.states()[-1].waiting] == [2, 3])
    impatient.set_priority(2, 19)
    wait_until(lambda: [owner for owner, _ in table.states()[-1].waiting] == [2, 3])
    for greenlet in (waiting, later):
        greenlet.kill()
    assert table.owners() == {1}


def test_keep_and_downgrade_wake_those_they_make_room_for(manager: LockManager) -> None:
    manager.acquire(1, NODE, LockRequest(ALL), 0)
    for_b = begin(manager, 2, B)
    for_a = begin(manager, 3, A_SHARED)
    manager.keep(1, NODE, frozenset({"a"}))
    for_b.get(timeout=5)
    assert not for_a.ready()
    manager.downgrade(1, NODE)
    for_a.get(timeout=5)


def test_asking_in_the_wrong_order_is_refused_and_changes_nothing(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    with pytest.raises(LockError, match="Job 1 holds node/a and cannot ask"):
        manager.acquire(1, LockLevel.INSTANCE, A, 0)
    with pytest.raises(LockError, match="cannot ask for locks of level node"):
        manager.acquire(1, NODE, B, 0)
    assert manager.held(1) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}
