"""Greenlets that wait for locks."""

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import Greenlet
from gevent.event import Event

from masterd.errors import JobCanceled, LockError
from masterd.lock.levels import ALL, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.manager import PRIORITY_HIGHEST, LockManager
from masterd.lock.monitor import problems, told
from masterd.lock.table import LockTable, Wait
from masterd.testing.clock import ManualClock

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


def test_what_is_free_is_had_without_a_switch_and_nothing_is_waited_for(
    manager: LockManager,
) -> None:
    ran: list[bool] = []
    gevent.spawn(ran.append, True)
    manager.acquire(1, NODE, A, 0)
    assert manager.take_free(2, NODE, LockRequest(frozenset({"a", "b"}), at_least=2)) is None
    assert manager.take_free(2, NODE, LockRequest(frozenset({"a", "b"}), at_least=1)) == frozenset(
        {"b"}
    )
    assert not ran
    assert manager.stats.waiting == 0


class Waits:
    """A manager whose waits end when its clock says so, and what it tells of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[str] = []
        self._moved = Event()
        self.manager = LockManager(clock=self.clock, raise_s=1800.0, told_s=60.0, pause=self._pause)

    def _pause(self, done: Event, seconds: float) -> bool:
        until_s = self.clock.monotonic_s() + seconds
        while not done.is_set() and self.clock.monotonic_s() < until_s:
            gevent.wait([done, self._moved], count=1)
        return bool(done.is_set())

    def tell(self, wait: Wait, now_s: float) -> None:
        self.told.append(told(wait, now_s))

    def begin(self, owner: int, request: LockRequest, priority: int = 0) -> Greenlet:
        greenlet = gevent.spawn(self.manager.acquire, owner, NODE, request, priority, self.tell)
        gevent.idle()
        return greenlet

    def pass_s(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._moved.set()
        self._moved.clear()
        gevent.idle()


def test_a_wait_of_a_minute_is_told_once_with_who_holds_the_lock() -> None:
    waits = Waits()
    waits.manager.acquire(1, NODE, A, 0)
    waits.pass_s(5)
    second = waits.begin(2, A)
    waits.pass_s(30)
    third = waits.begin(3, A)
    waits.pass_s(29)
    assert waits.told == []
    waits.pass_s(1)
    assert waits.told == [
        "Waiting for the lock node/a (exclusive) for 60 seconds; "
        "held by job 1 (exclusive, held for 65 seconds)"
    ]
    waits.pass_s(30)
    assert waits.told[1:] == [
        "Waiting for the lock node/a (exclusive) for 60 seconds; "
        "held by job 1 (exclusive, held for 95 seconds); "
        "asked for before by job 2 (exclusive, waiting for 90 seconds)"
    ]
    waits.pass_s(3600)
    assert len(waits.told) == 2
    waits.manager.release(1)
    second.get(timeout=5)
    waits.manager.release(2)
    third.get(timeout=5)


def test_a_wait_that_ends_within_a_minute_is_not_told() -> None:
    waits = Waits()
    waits.manager.acquire(1, NODE, A, 0)
    second = waits.begin(2, A)
    waits.pass_s(59)
    waits.manager.release(1)
    second.get(timeout=5)
    waits.pass_s(60)
    assert waits.told == []


def test_a_wait_that_cannot_be_told_is_taken_back() -> None:
    waits = Waits()
    waits.manager.acquire(1, NODE, A, 0)

    def fail(wait: Wait, now_s: float) -> None:
        raise OSError("no room")

    waiting = gevent.spawn(waits.manager.acquire, 2, NODE, A, 0, fail)
    gevent.idle()
    waits.pass_s(60)
    with pytest.raises(OSError, match="no room"):
        waiting.get(timeout=5)
    assert waits.manager.owners() == {1}


def test_canceling_frees_the_locks_before_anybody_else_gets_his_turn() -> None:
    """However many wait: whoever gets a lock is told of it in the same turn of the hub."""
    manager = LockManager()
    manager.acquire(1, NODE, B, 0)
    canceled = begin(manager, 2, AB)
    crowd = [begin(manager, owner, A if owner % 2 else AB) for owner in range(3, 503)]
    assert not any(each.ready() for each in crowd)
    turns: list[int] = []
    gevent.spawn(turns.append, 1)
    manager.cancel(2)
    assert manager.held(2) == {}
    assert manager.held(3) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}
    assert turns == []
    gevent.idle()
    assert crowd[0].ready()
    assert canceled.ready()
    gevent.killall(crowd)
    for owner in manager.owners():
        manager.release(owner)


def test_asking_in_the_wrong_order_is_refused_and_changes_nothing(manager: LockManager) -> None:
    manager.acquire(1, NODE, A, 0)
    with pytest.raises(LockError, match="Job 1 holds node/a and cannot ask"):
        manager.acquire(1, LockLevel.INSTANCE, A, 0)
    with pytest.raises(LockError, match="cannot ask for locks of level node"):
        manager.acquire(1, NODE, B, 0)
    assert manager.held(1) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}
