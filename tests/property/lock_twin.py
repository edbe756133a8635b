"""The lock table once more, slow and obvious: everything is looked at after every change."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from masterd.lock.levels import ALL, LOCKSET, LockLevel, LockMode, LockRequest
from masterd.lock.owners import Owner as Name


@dataclass(frozen=True)
class Claim:
    """A lock in a mode; on a lockset either the whole level or only the way to some names."""

    level: LockLevel
    name: str
    exclusive: bool
    whole: bool

    def hinders(self, other: "Claim") -> bool:
        same = (self.level, self.name) == (other.level, other.name)
        if self.name == LOCKSET and not self.whole and not other.whole:
            return False
        return same and (self.exclusive or other.exclusive)


def claims(level: LockLevel, request: LockRequest) -> list[Claim]:
    exclusive = request.mode is LockMode.EXCLUSIVE
    if request.names is ALL:
        return [Claim(level, LOCKSET, exclusive, whole=True)]
    if not request.names:
        return []
    return [
        Claim(level, LOCKSET, exclusive, whole=False),
        *(Claim(level, name, exclusive, whole=True) for name in sorted(request.names)),
    ]


@dataclass
class Owner:
    """What one owner has, and what it still wants in this order."""

    has: list[Claim] = field(default_factory=list)
    wants: list[Claim] = field(default_factory=list)
    priority: int = 0
    arrival: int = 0


class Twin:
    """Obeys the same rules as `LockTable`, for correct calls only."""

    def __init__(self) -> None:
        self.owners: dict[Name, Owner] = {}
        self.arrivals = 0

    def request(self, owner: Name, level: LockLevel, request: LockRequest, priority: int) -> None:
        self.arrivals += 1
        state = self.owners.setdefault(owner, Owner())
        state.wants = claims(level, request)
        state.priority, state.arrival = priority, self.arrivals
        self.settle()

    def take_free(
        self, owner: Name, level: LockLevel, request: LockRequest
    ) -> frozenset[str] | None:
        assert request.at_least is not None
        asked = claims(level, request)
        way, named = asked[:1], asked[1:]
        others = [state for name, state in self.owners.items() if name != owner]
        busy = [claim for state in others for claim in (*state.has, *state.wants[:1])]
        free = [
            claim
            for claim in named
            if not any(each.hinders(mine) for each in busy for mine in (claim, *way))
        ]
        if len(free) < request.at_least:
            return None
        if free:
            self.owners.setdefault(owner, Owner()).has += [*way, *free]
        return frozenset(claim.name for claim in free)

    def withdraw(self, owner: Name) -> None:
        state = self.owners[owner]
        # Whoever asks holds nothing of that level yet, so all that is there now is of this request.
        level = state.wants[0].level
        state.wants = []
        state.has = [claim for claim in state.has if claim.level != level]
        self.settle()

    def release(self, owner: Name, level: LockLevel | None) -> None:
        state = self.owners.setdefault(owner, Owner())
        if state.wants and level in (None, state.wants[0].level):
            state.wants = []
        state.has = [claim for claim in state.has if level is not None and claim.level != level]
        self.settle()

    def keep(self, owner: Name, level: LockLevel, names: frozenset[str]) -> None:
        state = self.owners[owner]
        here = [claim for claim in state.has if claim.level == level]
        state.has = [claim for claim in state.has if claim.level != level]
        mode = LockMode.EXCLUSIVE if here[0].exclusive else LockMode.SHARED
        state.has.extend(claims(level, LockRequest(names, mode)))
        self.settle()

    def downgrade(self, owner: Name, level: LockLevel) -> None:
        state = self.owners[owner]
        state.has = [
            replace(claim, exclusive=claim.exclusive and claim.level != level)
            for claim in state.has
        ]
        self.settle()

    def set_priority(self, owner: Name, priority: int) -> None:
        self.owners[owner].priority = priority
        self.settle()

    def settle(self) -> None:
        """Give the first one in line that can have its next lock that lock; again, until none."""
        while (ready := next(self._ready(), None)) is not None:
            ready.has.append(ready.wants.pop(0))
        self.owners = {
            owner: state for owner, state in self.owners.items() if state.has or state.wants
        }

    def _ready(self) -> Iterator[Owner]:
        line = sorted(
            (state for state in self.owners.values() if state.wants),
            key=lambda state: (state.priority, state.arrival),
        )
        for place, state in enumerate(line):
            held = [c for other in self.owners.values() if other is not state for c in other.has]
            before = [other.wants[0] for other in line[:place]]
            if not any(claim.hinders(state.wants[0]) for claim in (*held, *before)):
                yield state

    def waiting(self) -> dict[Name, Claim]:
        return {owner: state.wants[0] for owner, state in self.owners.items() if state.wants}
