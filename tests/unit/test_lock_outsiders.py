"""Locks of programs beside the daemon, among themselves and beside jobs."""

import pytest

from masterd.clock import SystemClock
from masterd.errors import GenericError, LockError
from masterd.limits_beside import LOCK_OUTSIDE_PENDING_MAX
from masterd.lock.levels import (
    ALL,
    BGL,
    CONFIG_LOCK,
    LOCKSET,
    Lock,
    LockLevel,
    LockMode,
    LockRequest,
)
from masterd.lock.manager import LockManager
from masterd.lock.monitor import problems, rows
from masterd.lock.open_table import OpenTable
from masterd.lock.outsiders import OutsideLocks
from masterd.lock.owners import Outsider

S, X = LockMode.SHARED, LockMode.EXCLUSIVE
ONE, TWO = Outsider("one", "/run/one", 11), Outsider("two", "/run/two", 12)
JOB = 7
NODE = LockLevel.NODE


def node(name: str) -> Lock:
    return Lock(NODE, name)


NODES = node(LOCKSET)
INSTANCE = Lock(LockLevel.INSTANCE, "i")
NETWORK = Lock(LockLevel.NETWORK, "n")


class Locks:
    """All locks, as both sides use them."""

    def __init__(self) -> None:
        self.table = OpenTable()
        self.manager = LockManager(self.table)
        self.outside = OutsideLocks(self.manager, self.table, SystemClock())


@pytest.fixture
def locks() -> Locks:
    return Locks()


def exclusive(*names: str) -> LockRequest:
    return LockRequest(frozenset(names), X)


def test_locks_are_taken_all_at_once_or_not_at_all(locks: Locks) -> None:
    assert locks.outside.change(ONE, {node("b"): X}) == set()
    assert locks.outside.change(TWO, {node("a"): X, node("b"): S, NETWORK: S}) == {ONE}
    assert locks.outside.held(TWO) == {}
    assert problems(locks.table.states()) == []


def test_a_level_and_its_names_are_in_each_others_way(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): S})
    assert locks.outside.change(TWO, {NODES: X}) == {ONE}
    assert locks.outside.change(TWO, {NODES: S}) == set()
    assert locks.outside.change(ONE, {node("b"): X}) == {TWO}


def test_taking_and_giving_back_is_one_step(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): X})
    assert locks.outside.change(ONE, {node("a"): None, NETWORK: S}) == set()
    assert locks.outside.held(ONE) == {NETWORK: S}
    assert locks.outside.change(TWO, {NODES: X}) == set()


def test_a_level_that_is_given_back_leaves_its_names(locks: Locks) -> None:
    locks.outside.change(ONE, {NODES: X, node("a"): X})
    locks.outside.change(ONE, {NODES: None})
    assert locks.outside.held(ONE) == {node("a"): X}
    assert locks.outside.change(TWO, {node("b"): X}) == set()
    assert problems(locks.table.states()) == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({INSTANCE: S}, 'requesting Instance "i" while holding Node "a"'),
        ({Lock(LockLevel.CLUSTER, BGL): S}, 'requesting BGL while holding Node "a"'),
        ({NODES: X}, 'requesting NodeLockSet while holding Node "a"'),
    ],
)
def test_locks_before_those_that_are_held_are_refused(
    locks: Locks, wanted: dict[Lock, LockMode], told: str
) -> None:
    locks.outside.change(ONE, {node("a"): X})
    with pytest.raises(GenericError, match=f"Order violation: {told}"):
        locks.outside.change(ONE, wanted)


def test_what_is_covered_already_is_no_violation_of_the_order(locks: Locks) -> None:
    locks.outside.change(ONE, {NODES: X, NETWORK: S})
    assert locks.outside.change(ONE, {node("a"): X}) == set()


def test_a_name_of_a_shared_level_cannot_become_exclusive(locks: Locks) -> None:
    locks.outside.change(ONE, {NODES: S})
    with pytest.raises(GenericError, match="while holding a shared lock on the group lock"):
        locks.outside.change(ONE, {node("a"): X})
    with pytest.raises(GenericError, match="is wanted exclusively"):
        locks.outside.change(TWO, {NODES: S, node("a"): X})


def test_the_lock_of_the_configuration_has_no_level(locks: Locks) -> None:
    locks.outside.change(ONE, {CONFIG_LOCK: X})
    assert [str(state.lock) for state in locks.table.states()] == ["cluster/config"]
    assert locks.outside.change(TWO, {CONFIG_LOCK: S}) == {ONE}
    assert problems(locks.table.states()) == []


def test_a_shared_lock_becomes_exclusive_when_nobody_shares_it(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): S})
    locks.outside.change(TWO, {node("a"): S})
    assert locks.outside.change(ONE, {node("a"): X}) == {TWO}
    locks.outside.release(TWO)
    assert locks.outside.change(ONE, {node("a"): X}) == set()


def test_a_job_that_waits_is_overtaken_by_nobody(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): S})
    assert not locks.table.request(JOB, NODE, exclusive("a"), 0)
    assert locks.outside.change(TWO, {node("a"): S}) == {JOB}


def test_a_job_gets_what_programs_give_back(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): X})
    assert not locks.table.request(JOB, NODE, LockRequest(ALL, S), 0)
    # The manager wakes greenlets of its own; this job has none.
    _, complete = locks.table.exchange(ONE, {node("a"): None})
    assert complete == [JOB]
    assert problems(locks.table.states()) == []


def test_a_request_that_waits_is_served_when_its_locks_are_free(locks: Locks) -> None:
    assert locks.table.request(JOB, NODE, exclusive("a"), 0)
    assert locks.outside.change_or_wait(ONE, 0, {node("a"): X, NETWORK: X}) == {JOB}
    assert locks.outside.is_pending(ONE)
    assert locks.outside.held(ONE) == {}
    locks.manager.release(JOB)
    assert not locks.outside.is_pending(ONE)
    assert locks.outside.held(ONE) == {node("a"): X, NETWORK: X}


def test_the_most_urgent_request_comes_first(locks: Locks) -> None:
    locks.outside.change(Outsider("third", "/run/3", 13), {node("a"): X})
    locks.outside.change_or_wait(ONE, 5, {node("a"): X})
    locks.outside.change_or_wait(TWO, -5, {node("a"): X})
    locks.outside.release(Outsider("third", "/run/3", 13))
    assert locks.outside.held(TWO) == {node("a"): X}
    assert locks.outside.is_pending(ONE)


def test_what_a_served_request_gives_back_serves_the_next(locks: Locks) -> None:
    third = Outsider("third", "/run/3", 13)
    locks.outside.change(ONE, {node("a"): X})
    locks.outside.change(third, {node("b"): X})
    locks.outside.change_or_wait(TWO, 0, {node("a"): X})
    locks.outside.change_or_wait(ONE, 0, {node("a"): None, node("b"): X})
    locks.outside.release(third)
    assert locks.outside.held(ONE) == {node("b"): X}
    assert locks.outside.held(TWO) == {node("a"): X}


def test_who_waits_can_ask_for_nothing_else(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): X})
    locks.outside.change_or_wait(TWO, 0, {node("a"): X})
    with pytest.raises(GenericError, match="while having pending requests"):
        locks.outside.change(TWO, {node("b"): X})
    assert locks.outside.take_any(TWO, [(node("b"), X)]) == []
    assert locks.outside.is_pending(TWO)
    locks.outside.release(TWO)
    assert not locks.outside.is_pending(TWO)


def test_requests_that_wait_are_bounded(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): X})
    for number in range(LOCK_OUTSIDE_PENDING_MAX):
        locks.outside.change_or_wait(Outsider(number, "/run/x", number), 0, {node("a"): X})
    with pytest.raises(LockError, match="requests wait for locks"):
        locks.outside.change_or_wait(TWO, 0, {node("a"): X})


def test_of_many_locks_those_that_are_free_are_taken(locks: Locks) -> None:
    locks.outside.change(ONE, {node("b"): X})
    wanted = [(node("c"), X), (node("b"), S), (node("a"), S)]
    assert locks.outside.take_any(TWO, wanted, 3) == []
    assert locks.outside.held(TWO) == {}
    assert locks.outside.take_any(TWO, wanted, 2) == [node("a"), node("c")]
    assert locks.outside.take_any(TWO, [(node("c"), S), (INSTANCE, S)]) == []
    assert locks.outside.held(TWO) == {node("a"): S, node("c"): X}
    assert problems(locks.table.states()) == []


def test_a_downgrade_lets_others_share(locks: Locks) -> None:
    locks.outside.change(ONE, {NODES: X, NETWORK: X})
    locks.outside.downgrade(ONE, NODE)
    assert locks.outside.held(ONE) == {NODES: S, NETWORK: X}
    assert locks.outside.change(TWO, {node("a"): S}) == set()


def test_listings_show_programs_that_hold_and_wait(locks: Locks) -> None:
    locks.outside.change(ONE, {node("a"): X})
    locks.outside.change_or_wait(TWO, 0, {node("a"): S})
    shown = {row.name: row for row in rows(locks.outside.states())}
    assert shown["node/a"].owners == ("one",)
    assert shown["node/a"].pending == (("shared", ("two",)),)
    assert locks.outside.owners() == {ONE, TWO}
