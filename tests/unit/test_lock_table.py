"""Refusals and listings of the lock table; `property` and `scenario` show how it grants."""

import pytest

from masterd.errors import LockError, ProgrammerError
from masterd.lock.levels import ALL, BGL, LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.monitor import LockRow, problems, rows, told
from masterd.lock.owners import Outsider
from masterd.lock.table import COMPATIBLE, InTheWay, LockState, LockTable, Wait

NODE = LockLevel.NODE


def names(*wanted: str, mode: LockMode = LockMode.EXCLUSIVE) -> LockRequest:
    return LockRequest(frozenset(wanted), mode)


def test_levels_come_in_the_order_of_the_reference() -> None:
    labels = [level.label for level in sorted(LockLevel)]
    assert labels == ["cluster", "instance", "nodegroup", "node", "node-res", "network", "cluster"]


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
        "Job 1 and job 2 hold node/a in modes EXCLUSIVE and SHARED",
        "Job 3 waits for node/b though it could have it",
        "Job 3 waits for node/[lockset] and node/b",
        "node/c is in the table and nobody holds it",
        "Job 3 holds node/b while it waits for node/b",
        "Job 2 holds node/a without an intention on its level",
        "Job 3 holds node/b without an intention on its level",
    ]


def free(*wanted: str, at_least: int, mode: LockMode = LockMode.EXCLUSIVE) -> LockRequest:
    return LockRequest(frozenset(wanted), mode, at_least)


def test_what_is_free_is_taken_all_of_it_or_nothing_below_the_least() -> None:
    table = LockTable()
    table.request(1, NODE, names("a"), 0)
    assert table.take_free(2, NODE, free("a", "b", "c", at_least=3)) is None
    assert table.owners() == {1}
    assert table.take_free(2, NODE, free("a", "b", "c", at_least=1)) == frozenset({"b", "c"})
    assert table.held(2) == {
        Lock(NODE, "b"): LockMode.EXCLUSIVE,
        Lock(NODE, "c"): LockMode.EXCLUSIVE,
    }
    assert table.take_free(3, NODE, free("a", "b", "c", at_least=0)) == frozenset()
    assert table.owners() == {1, 2}
    assert problems(table.states()) == []


def test_what_is_free_is_not_looked_for_on_a_level_that_somebody_holds_or_waits_for() -> None:
    table = LockTable()
    table.request(1, NODE, LockRequest(ALL, LockMode.SHARED), 0)
    assert table.take_free(2, NODE, free("a", at_least=1)) is None
    assert table.take_free(2, NODE, free("a", at_least=1, mode=LockMode.SHARED)) == frozenset({"a"})
    assert not table.request(3, NODE, LockRequest(ALL), 0)
    assert table.take_free(4, NODE, free("b", at_least=1, mode=LockMode.SHARED)) is None
    assert problems(table.states()) == []


def test_taking_what_is_free_keeps_the_order_of_levels() -> None:
    table = LockTable()
    table.request(1, NODE, names("a"), 0)
    table.request(2, NODE, names("a"), 0)
    with pytest.raises(
        LockError, match="Job 1 holds node/a and cannot ask for locks of level node"
    ):
        table.take_free(1, NODE, free("b", at_least=1))
    with pytest.raises(LockError, match="Job 2 waits for node/a already"):
        table.take_free(2, LockLevel.NETWORK, free("b", at_least=1))


def test_a_request_waits_or_takes_what_is_free_and_says_which() -> None:
    table = LockTable()
    with pytest.raises(LockError, match="Job 1 does not want to wait"):
        table.request(1, NODE, free("a", at_least=1), 0)
    with pytest.raises(LockError, match="Job 1 does not say how many"):
        table.take_free(1, NODE, names("a"))
    with pytest.raises(ProgrammerError, match="among names"):
        LockRequest(ALL, at_least=1)
    with pytest.raises(ProgrammerError, match="counted from 0"):
        free("a", at_least=-1)
    assert table.owners() == set()


def test_a_program_beside_the_daemon_owns_locks_and_is_listed_by_its_word() -> None:
    table = LockTable()
    one, other = (Outsider("MainThread", "/run/livelocks/tool_1", pid) for pid in (7, 8))
    assert table.request(one, NODE, names("a"), 0)
    assert not table.request(other, NODE, names("a"), 0)
    assert not table.request(3, NODE, names("a"), 0)
    assert rows(table.states())[1] == LockRow(
        "node/a",
        "exclusive",
        ("MainThread",),
        (("exclusive", ("MainThread",)), ("exclusive", ("3",))),
    )
    with pytest.raises(LockError, match=r"MainThread \(process 8\) waits for node/a already"):
        table.request(other, LockLevel.NETWORK, names("n"), 0)
    assert table.release(one) == [other]
    assert table.release(other) == [3]


def test_the_table_knows_since_when_everybody_holds_and_waits() -> None:
    table = LockTable()
    shared = names("a", mode=LockMode.SHARED)
    table.request(1, NODE, names("a", "b"), 0, now_s=10)
    table.request(2, NODE, shared, 0, now_s=20)
    table.request(3, NODE, names("a"), 0, now_s=30)
    assert table.wait(3) == Wait(
        Lock(NODE, "a"),
        LockMode.EXCLUSIVE,
        30,
        (
            InTheWay(1, LockMode.EXCLUSIVE, True, 10),
            InTheWay(2, LockMode.SHARED, False, 20),
        ),
    )
    table.downgrade(1, NODE, now_s=40)
    table.keep(1, NODE, frozenset({"a"}), now_s=50)
    assert [(str(each.lock), each.since_s) for each in table.states()] == [
        ("node/[lockset]", {1: 10, 2: 20, 3: 30}),
        ("node/a", {1: 10, 2: 40, 3: 30}),
    ]
    table.release(1, now_s=60)
    table.release(2, now_s=70)
    assert table.states()[1].since_s == {3: 70}
    assert table.wait(3) is None


def test_parting_a_whole_level_leaves_since_when_it_is_held() -> None:
    table = LockTable()
    table.request(1, NODE, LockRequest(ALL), 0, now_s=10)
    table.keep(1, NODE, frozenset({"a"}), now_s=20)
    assert [each.since_s for each in table.states()] == [{1: 10}, {1: 10}]


def test_a_long_wait_is_told_with_who_is_in_the_way() -> None:
    a = Lock(NODE, "a")
    holders = [InTheWay(n, LockMode.SHARED, True, 100.0 - n) for n in range(1, 13)]
    before = InTheWay(Outsider("tool", "/run/t", 7), LockMode.EXCLUSIVE, False, 30.0)
    assert told(Wait(a, LockMode.EXCLUSIVE, 40.0, (holders[0], before)), 100.0) == (
        "Waiting for the lock node/a (exclusive) for 60 seconds; held by job 1 (shared, held for "
        "1 seconds); asked for before by tool (process 7) (exclusive, waiting for 70 seconds)"
    )
    many = told(Wait(a, LockMode.EXCLUSIVE, 40.0, tuple(holders)), 100.0)
    assert "job 10 (shared, held for 10 seconds) and 2 more" in many
    assert "job 11" not in many


def test_an_owner_that_holds_and_waits_is_counted_once() -> None:
    table = LockTable(owners_max=3)
    for owner in (1, 2):
        table.request(owner, LockLevel.CLUSTER, names(BGL, mode=LockMode.SHARED), 0)
        table.request(owner, NODE, names("a"), 0)
    assert table.request(3, NODE, names("b"), 0)
    with pytest.raises(LockError, match="More than 3 jobs"):
        table.request(4, NODE, names("c"), 0)
