"""The lock table against its twin, and what must hold whatever anybody does."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from masterd.lock.levels import ALL, LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.monitor import problems
from masterd.lock.table import LockTable
from tests.property.lock_twin import Twin

LEVELS = st.sampled_from([LockLevel.INSTANCE, LockLevel.NODE])
NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)
MODES = st.sampled_from([LockMode.SHARED, LockMode.EXCLUSIVE])
REQUESTS = st.builds(LockRequest, NAMES | NAMES | st.just(ALL), MODES)
PRIORITIES = st.integers(-1, 1)
PICKS = st.integers(0, 1000)
OWNERS_MAX = 6


class TableAgainstTwin(RuleBasedStateMachine):
    """Does the same to both and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.table = LockTable()
        self.twin = Twin()

    def expect(self, completed: list[int], waiting: set[int], *gone: int) -> None:
        """Compare the owners told with those of `waiting` that wait no more, `gone` left out."""
        assert len(completed) == len(set(completed))
        assert {*completed} == waiting - self.waiting() - {*gone}

    def waiting(self) -> set[int]:
        return {owner for owner, state in self.twin.owners.items() if state.wants}

    def active(self) -> list[int]:
        """Return who holds something and does not wait."""
        return sorted(self.twin.owners.keys() - self.waiting())

    @rule(level=LEVELS, request=REQUESTS, priority=PRIORITIES)
    def newcomer(self, level: LockLevel, request: LockRequest, priority: int) -> None:
        owner = next(n for n in range(OWNERS_MAX + 1) if n not in self.twin.owners)
        if owner < OWNERS_MAX:
            done = self.table.request(owner, level, request, priority)
            self.twin.request(owner, level, request, priority)
            assert done == (owner not in self.waiting())

    @rule(pick=PICKS, request=REQUESTS, priority=PRIORITIES)
    def next_level(self, pick: int, request: LockRequest, priority: int) -> None:
        low = [
            owner
            for owner in self.active()
            if all(claim.level < LockLevel.NODE for claim in self.twin.owners[owner].has)
        ]
        if low:
            owner = low[pick % len(low)]
            done = self.table.request(owner, LockLevel.NODE, request, priority)
            self.twin.request(owner, LockLevel.NODE, request, priority)
            assert done == (owner not in self.waiting())

    @rule(pick=PICKS)
    def withdraw(self, pick: int) -> None:
        if waiting := self.waiting():
            owner = sorted(waiting)[pick % len(waiting)]
            completed = self.table.withdraw(owner)
            self.twin.withdraw(owner)
            self.expect(completed, waiting, owner)

    @rule(pick=PICKS, level=st.none() | LEVELS)
    def release(self, pick: int, level: LockLevel | None) -> None:
        if self.twin.owners:
            waiting = self.waiting()
            owner = sorted(self.twin.owners)[pick % len(self.twin.owners)]
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
            owner = sorted(waiting)[pick % len(waiting)]
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
