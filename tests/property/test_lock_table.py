"""The lock table against its twin, and what must hold whatever anybody does."""

from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from masterd.lock.levels import ALL, LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.monitor import problems
from masterd.lock.owners import Outsider, Owner
from masterd.lock.table import LockTable
from tests.property.lock_twin import Twin

LEVELS = st.sampled_from([LockLevel.INSTANCE, LockLevel.NODE])
NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)
MODES = st.sampled_from([LockMode.SHARED, LockMode.EXCLUSIVE])
REQUESTS = st.builds(LockRequest, NAMES | NAMES | st.just(ALL), MODES)
PRIORITIES = st.integers(-1, 1)
PICKS = st.integers(0, 1000)
FREE = st.builds(LockRequest, NAMES, MODES, st.integers(0, 2))
#: Jobs, and two programs that call themselves by the same word.
OWNERS: list[Owner] = [1, 2, 3, 4, Outsider("tool", "/run/a", 7), Outsider("tool", "/run/a", 8)]


def in_order(owners: Iterable[Owner]) -> list[Owner]:
    return sorted(owners, key=OWNERS.index)


class TableAgainstTwin(RuleBasedStateMachine):
    """Does the same to both and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.table = LockTable()
        self.twin = Twin()

    def expect(self, completed: list[Owner], waiting: set[Owner], *gone: Owner) -> None:
        """Compare the owners told with those of `waiting` that wait no more, `gone` left out."""
        assert len(completed) == len(set(completed))
        assert {*completed} == waiting - self.waiting() - {*gone}

    def waiting(self) -> set[Owner]:
        return {owner for owner, state in self.twin.owners.items() if state.wants}

    def active(self) -> list[Owner]:
        """Return who holds something and does not wait."""
        return in_order(self.twin.owners.keys() - self.waiting())

    def low(self) -> list[Owner]:
        """Return who can still ask for nodes and holds something."""
        return [
            owner
            for owner in self.active()
            if all(claim.level < LockLevel.NODE for claim in self.twin.owners[owner].has)
        ]

    @rule(level=LEVELS, request=REQUESTS, priority=PRIORITIES)
    def newcomer(self, level: LockLevel, request: LockRequest, priority: int) -> None:
        owner = next((each for each in OWNERS if each not in self.twin.owners), None)
        if owner is not None:
            done = self.table.request(owner, level, request, priority)
            self.twin.request(owner, level, request, priority)
            assert done == (owner not in self.waiting())

    @rule(pick=PICKS, request=REQUESTS, priority=PRIORITIES)
    def next_level(self, pick: int, request: LockRequest, priority: int) -> None:
        low = self.low()
        if low:
            owner = low[pick % len(low)]
            done = self.table.request(owner, LockLevel.NODE, request, priority)
            self.twin.request(owner, LockLevel.NODE, request, priority)
            assert done == (owner not in self.waiting())

    @rule(pick=PICKS, request=FREE)
    def take_free(self, pick: int, request: LockRequest) -> None:
        """Whoever holds nothing yet may ask too."""
        able = [*self.low(), *(owner for owner in OWNERS if owner not in self.twin.owners)]
        if able:
            owner = able[pick % len(able)]
            waiting = self.waiting()
            taken = self.table.take_free(owner, LockLevel.NODE, request)
            assert taken == self.twin.take_free(owner, LockLevel.NODE, request)
            assert self.waiting() == waiting

    @rule(pick=PICKS)
    def withdraw(self, pick: int) -> None:
        if waiting := self.waiting():
            owner = in_order(waiting)[pick % len(waiting)]
            completed = self.table.withdraw(owner)
            self.twin.withdraw(owner)
            self.expect(completed, waiting, owner)

    @rule(pick=PICKS, level=st.none() | LEVELS)
    def release(self, pick: int, level: LockLevel | None) -> None:
        if self.twin.owners:
            waiting = self.waiting()
            owner = in_order(self.twin.owners)[pick % len(self.twin.owners)]
            completed = self.table.release(owner, level)
            self.twin.release(owner, level)
            self.expect(completed, waiting, owner)

    @rule(pick=PICKS, level=LEVELS, names=NAMES)
    def keep(self, pick: int, level: LockLevel, names: frozenset[str]) -> None:
        if active := self.active():
            waiting = self.waiting()
            owner = active[pick % len(active)]
            held = {lock.name for lock in self.table.held(owner) if lock.level is level}
            if held:
                names = names if LOCKSET in held else names & held
                completed = self.table.keep(owner, level, names)
                self.twin.keep(owner, level, names)
                self.expect(completed, waiting)

    @rule(pick=PICKS, level=LEVELS)
    def downgrade(self, pick: int, level: LockLevel) -> None:
        if active := self.active():
            waiting = self.waiting()
            owner = active[pick % len(active)]
            completed = self.table.downgrade(owner, level)
            self.twin.downgrade(owner, level)
            self.expect(completed, waiting)

    @rule(pick=PICKS, priority=PRIORITIES)
    def set_priority(self, pick: int, priority: int) -> None:
        if waiting := self.waiting():
            owner = in_order(waiting)[pick % len(waiting)]
            completed = self.table.set_priority(owner, priority)
            self.twin.set_priority(owner, priority)
            self.expect(completed, waiting)

    @invariant()
    def both_agree(self) -> None:
        assert self.table.owners() == self.twin.owners.keys()
        for owner, state in self.twin.owners.items():
            held = {Lock(c.level, c.name): c.exclusive for c in state.has if c.whole}
            assert {
                lock: mode is LockMode.EXCLUSIVE for lock, mode in self.table.held(owner).items()
            } == held
            wanted = state.wants[0] if state.wants else None
            expected = None if wanted is None else Lock(wanted.level, wanted.name)
            assert self.table.waits_for(owner) == expected

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert problems(self.table.states()) == []

    @invariant()
    def nobody_is_in_anybodys_way(self) -> None:
        """Said without intentions: a whole level is in the way of each of its names."""
        held = [
            (owner, lock, mode)
            for owner in self.table.owners()
            for lock, mode in self.table.held(owner).items()
        ]
        for owner, lock, mode in held:
            for other, other_lock, other_mode in held:
                overlap = lock.level is other_lock.level and (
                    lock.name == other_lock.name or LOCKSET in (lock.name, other_lock.name)
                )
                if owner != other and overlap:
                    assert mode is other_mode is LockMode.SHARED

    def teardown(self) -> None:
        """Everybody who does not wait ends: in the end nobody is left."""
        rounds = len(self.table.owners()) + 1
        for _ in range(rounds):
            for owner in self.table.owners():
                if self.table.waits_for(owner) is None:
                    self.table.release(owner)
        assert self.table.owners() == set()
        assert self.table.states() == []


TestTableAgainstTwin = TableAgainstTwin.TestCase
TestTableAgainstTwin.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def test_a_request_is_withdrawn_whole_after_a_lower_level_was_given_back() -> None:
    both = TableAgainstTwin()
    exclusive = LockRequest(frozenset({"a"}), LockMode.EXCLUSIVE)
    both.newcomer(LockLevel.INSTANCE, LockRequest(ALL, LockMode.SHARED), 0)
    both.newcomer(LockLevel.NODE, exclusive, 0)
    both.next_level(0, exclusive, 0)
    both.release(0, LockLevel.INSTANCE)
    both.withdraw(0)
    both.both_agree()
    both.teardown()
