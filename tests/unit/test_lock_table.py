"""Refusals and listings of the lock table; `property` and `scenario` show how it grants."""

import pytest

from masterd.errors import LockError, ProgrammerError
from masterd.lock.levels import ALL, BGL, LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.monitor import LockRow, problems, rows
from masterd.lock.table import COMPATIBLE, LockState, LockTable

NODE = LockLevel.NODE


def names(*wanted: str, mode: LockMode = LockMode.EXCLUSIVE) -> LockRequest:
    return LockRequest(frozenset(wanted), mode)


def test_levels_come_in_the_order_of_the_reference() -> None:
    labels = [level.label for level in sorted(LockLevel)]
    assert labels == ["cluster", "instance", "nodegroup", "node", "node-res", "network"]


def test_compatibility_does_not_depend_on_who_came_first() -> None:
    for one in LockMode:
        for other in LockMode:
            assert (one in COMPATIBLE[other]) == (other in COMPATIBLE[one])


def test_names_are_taken_in_byte_order_behind_the_lockset() -> None:
    steps = names("node10", "Zebra", "node2", "é").steps(NODE)
    assert [lock.name for lock, _ in steps] == [LOCKSET, "Zebra", "node10", "node2", "é"]


def test_a_request_cannot_ask_for_an_intention_or_name_the_lockset() -> None:
    with pytest.raises(ProgrammerError, match="INTENT_SHARED"):
        names("a", mode=LockMode.INTENT_SHARED)
    with pytest.raises(ProgrammerError, match="lockset"):
        names(LOCKSET)


def test_a_request_for_nothing_holds_nothing() -> None:
    table = LockTable()
    assert table.request(1, NODE, names(), 0)
    assert table.owners() == set()


def test_an_owner_that_waits_cannot_ask_keep_or_downgrade() -> None:
    table = LockTable()
    assert table.request(1, NODE, names("a"), 0)
    assert not table.request(2, NODE, names("a"), 0)
    with pytest.raises(LockError, match="Job 2 waits for node/a already"):
        table.request(2, LockLevel.NETWORK, names("n"), 0)
    with pytest.raises(LockError, match="Job 2 waits for node/a"):
        table.keep(2, NODE, frozenset())
    with pytest.raises(LockError, match="Job 2 waits for node/a"):
        table.downgrade(2, NODE)
    assert table.waits_for(2) == Lock(NODE, "a")


def test_an_owner_that_does_not_wait_has_nothing_to_withdraw() -> None:
    table = LockTable()
    table.request(1, NODE, names("a"), 0)
    with pytest.raises(LockError, match="Job 1 waits for no lock"):
        table.withdraw(1)


def test_only_what_is_held_can_be_kept() -> None:
    table = LockTable()
    table.request(1, NODE, names("a"), 0)
    with pytest.raises(LockError, match="Job 1 does not hold node/b"):
        table.keep(1, NODE, frozenset({"a", "b"}))
    assert table.held(1) == {Lock(NODE, "a"): LockMode.EXCLUSIVE}


def test_the_number_of_owners_is_bounded() -> None:
    table = LockTable(owners_max=2)
    table.request(1, NODE, names("a"), 0)
    table.request(2, NODE, names("b"), 0)
    with pytest.raises(LockError, match="More than 2 jobs"):
        table.request(3, NODE, names("c"), 0)
    assert table.request(2, LockLevel.NETWORK, names("n"), 0)


def test_release_of_a_level_withdraws_only_a_request_of_that_level() -> None:
    table = LockTable()
    table.request(1, NODE, names("b"), 0)
    table.request(2, LockLevel.INSTANCE, names("i"), 0)
    table.request(2, NODE, names("a", "b"), 0)
    table.release(2, LockLevel.INSTANCE)
    assert table.waits_for(2) == Lock(NODE, "b")
    table.release(2, NODE)
    assert table.owners() == {1}


def test_who_frees_several_locks_lets_the_most_urgent_job_go_first() -> None:
    """The most urgent job gets `c`, though the other one's first lock is freed before its own."""
    table = LockTable()
    table.request(1, NODE, names("a", "b"), 0)
    assert not table.request(2, NODE, names("a", "c"), 0)
    assert not table.request(3, NODE, names("b", "c"), -10)
    assert table.release(1) == [3]
    assert table.waits_for(2) == Lock(NODE, "c")


def test_a_lock_taken_meanwhile_by_a_more_urgent_job_is_not_given_twice() -> None:
    """Job 3 goes on from `a` to `b` while job 2 is about to be served there."""
    table = LockTable()
    table.request(1, NODE, names("a", "b"), 0)
    assert not table.request(2, NODE, names("b"), 0)
    assert not table.request(3, NODE, names("a", "b"), -10)
    assert table.release(1) == [3]
    assert table.release(3) == [2]


def test_the_listing_has_the_rows_of_the_reference() -> None:
    """As the reference answers while job 584 restarts an instance."""
    table = LockTable()
    table.request(584, LockLevel.CLUSTER, names(BGL, mode=LockMode.SHARED), 0)
    table.request(584, LockLevel.INSTANCE, names("inst2.lab.example"), 0)
    assert rows(table.states()) == [
        LockRow("cluster/BGL", "shared", ("584",), ()),
        LockRow("cluster/[lockset]", None, (), ()),
        LockRow("instance/[lockset]", None, (), ()),
        LockRow("instance/inst2.lab.example", "exclusive", ("584",), ()),
    ]


def test_the_listing_groups_those_who_wait_to_share() -> None:
    table = LockTable()
    table.request(1, NODE, LockRequest(ALL), 0)
    for owner in (2, 3):
        table.request(owner, NODE, names("a", mode=LockMode.SHARED), 0)
    for owner in (4, 5):
        table.request(owner, NODE, names("b"), 0)
    pending = (("shared", ("2", "3")), ("exclusive", ("4",)), ("exclusive", ("5",)))
    assert rows(table.states()) == [LockRow("node/[lockset]", "exclusive", ("1",), pending)]


def test_problems_names_what_is_wrong() -> None:
    lockset, a, b = Lock(NODE, LOCKSET), Lock(NODE, "a"), Lock(NODE, "b")
    shared, exclusive = LockMode.SHARED, LockMode.EXCLUSIVE
    assert problems(
        [
            LockState(lockset, {1: LockMode.INTENT_EXCLUSIVE}, ((3, exclusive),)),
            LockState(a, {1: exclusive, 2: shared}, ()),
            LockState(b, {3: shared}, ((3, shared),)),
            LockState(Lock(NODE, "c"), {}, ()),
        ]
    ) == [
        "Jobs 1 and 2 hold node/a in modes EXCLUSIVE and SHARED",
        "Job 3 waits for node/b though it could have it",
        "Job 3 waits for node/[lockset] and node/b",
        "node/c is in the table and nobody holds it",
        "Job 3 holds node/b while it waits for node/b",
        "Job 2 holds node/a without an intention on its level",
        "Job 3 holds node/b without an intention on its level",
    ]
