"""Who holds which lock and who gets it next; pure decisions, nobody waits in here.

An owner (a job; see `owners`) asks for locks of one level after another. Its request is a list of
steps, each one lock in one mode, in the order of `levels`; it holds what it got so far while it
waits for the next.

Whoever locks single names takes an intention on the level's lockset first, so that a lock on the
whole level and locks on its names meet at one place:

    ================  =============  ================  ======  =========
    compatible        intent shared  intent exclusive  shared  exclusive
    ================  =============  ================  ======  =========
    intent shared     yes            yes               yes     no
    intent exclusive  yes            yes               no      no
    shared            yes            no                yes     no
    exclusive         no             no                no      no
    ================  =============  ================  ======  =========

Every lock has its own queue, by priority (a smaller number first) and then by the time of the
request. A request gets a lock when its mode is compatible with every holder and with everybody
before it in the queue: nobody overtakes somebody in whose way he would be.

An opportunistic request takes those of its names that nobody holds in its way, and nobody waits for
in its way, however urgent it is: it never makes anybody wait who waits already. It is answered at
once and is in no queue.

Times are of the caller's clock, in seconds; only their differences mean anything.

Invariants:

* No two holders of a lock are incompatible.
* The first in a queue is incompatible with a holder: nobody waits for a lock that nobody holds.
* A waiting owner holds only locks that come before the one it waits for. So every chain of waiting
  owners ends at one that does not wait, and there is no deadlock.
* Who has neither a lock nor a request is not in the table.

When several requests can go on at once, they do so in the order of their queues' rule.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final

from masterd.errors import LockError
from masterd.limits import LOCK_OWNERS_MAX
from masterd.lock.levels import LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.owners import Owner, subject

_S, _X = LockMode.SHARED, LockMode.EXCLUSIVE
_IS, _IX = LockMode.INTENT_SHARED, LockMode.INTENT_EXCLUSIVE

#: By mode, the modes of others it gets along with.
COMPATIBLE: Final[Mapping[LockMode, frozenset[LockMode]]] = {
    _IS: frozenset({_IS, _IX, _S}),
    _IX: frozenset({_IS, _IX}),
    _S: frozenset({_IS, _S}),
    _X: frozenset(),
}

#: By mode, a bit for each mode of others that is in its way.
_OBSTACLES: Final[tuple[int, ...]] = tuple(
    sum(1 << other for other in LockMode if other not in COMPATIBLE[mode]) for mode in LockMode
)
_X_BIT: Final = 1 << _X


@dataclass(slots=True, eq=False)
class _Request:
    """Locks an owner asked for and does not hold all of yet."""

    owner: Owner
    priority: int
    ticket: int
    steps: tuple[tuple[Lock, LockMode], ...]
    since_s: float
    done: int = 0

    @property
    def wanted(self) -> tuple[Lock, LockMode]:
        """The next step."""
        return self.steps[self.done]

    @property
    def key(self) -> tuple[int, int]:
        """Place in every queue: smaller comes first."""
        return (self.priority, self.ticket)

    def __lt__(self, other: "_Request") -> bool:
        return self.key < other.key


@dataclass(slots=True)
class _Entry:
    """A lock that is held: by whom, and who waits."""

    holders: dict[Owner, LockMode] = field(default_factory=dict)
    since_s: dict[Owner, float] = field(default_factory=dict)
    queue: list[_Request] = field(default_factory=list)
    #: Holders by mode, and a bit for each mode that has any.
    counts: list[int] = field(default_factory=lambda: [0] * len(LockMode))
    modes: int = 0

    def add(self, owner: Owner, mode: LockMode, since_s: float) -> None:
        self.holders[owner] = mode
        self.since_s[owner] = since_s
        self.counts[mode] += 1
        self.modes |= 1 << mode

    def remove(self, owner: Owner) -> float:
        """Take a holder out; return since when it was one."""
        mode = self.holders.pop(owner)
        self.counts[mode] -= 1
        if not self.counts[mode]:
            self.modes &= ~(1 << mode)
        return self.since_s.pop(owner)


@dataclass(frozen=True, slots=True)
class LockState:
    """One lock as it is now.

    Attributes:
        holders: mode by owner, in the order they got it.
        waiting: owner and mode, first one first.
        since_s: when each of these owners got the lock, or asked for it.
    """

    lock: Lock
    holders: Mapping[Owner, LockMode]
    waiting: tuple[tuple[Owner, LockMode], ...]
    since_s: Mapping[Owner, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InTheWay:
    """Somebody for whom somebody else waits: it holds the lock, or is before him in the queue."""

    owner: Owner
    mode: LockMode
    holds: bool
    since_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """What an owner waits for, since when, and for whom: holders first, in the order they came."""

    lock: Lock
    mode: LockMode
    since_s: float
    in_the_way: tuple[InTheWay, ...]


class LockTable:
    """All locks. A method that frees something returns the owners whose requests are complete now.

    Methods that change a request or a lock raise LockError, and change nothing, when the owner is
    not in the state they need.
    """

    def __init__(self, *, owners_max: int = LOCK_OWNERS_MAX) -> None:
        self._entries: dict[Lock, _Entry] = {}
        self._held: dict[Owner, dict[Lock, LockMode]] = {}
        self._requests: dict[Owner, _Request] = {}
        self._tickets = 0
        self._owners_max = owners_max

    # --- asking ---------------------------------------------------------------------------------

    def request(
        self,
        owner: Owner,
        level: LockLevel,
        request: LockRequest,
        priority: int,
        *,
        now_s: float = 0.0,
    ) -> bool:
        """Ask for locks of a level above all that the owner holds.

        Returns:
            Whether the owner holds them all now; otherwise its request waits.

        Raises:
            LockError: the owner waits already, holds locks of this or a later level, or there are
                too many owners.
        """
        if request.at_least is not None:
            raise LockError(f"{subject(owner)} does not want to wait; see `take_free`")
        self._check_order(owner, level)
        steps = request.steps(level)
        if not steps:
            return True
        self._tickets += 1
        pending = _Request(owner, priority, self._tickets, steps, now_s)
        if self._advance(pending, now_s):
            return True
        self._requests[owner] = pending
        return False

    def take_free(
        self, owner: Owner, level: LockLevel, request: LockRequest, *, now_s: float = 0.0
    ) -> frozenset[str] | None:
        """Take what is free of the names of an opportunistic request, and overtake nobody.

        Returns:
            What the owner holds now; None, and it holds nothing more than before, when less than
            `request.at_least` was free.

        Raises:
            LockError: as `request` does.
        """
        if request.at_least is None:
            raise LockError(f"{subject(owner)} does not say how many locks are enough")
        self._check_order(owner, level)
        steps = request.steps(level)
        free = [step for step in steps if self._is_free(*step)]
        # Without the way to them no name is free.
        names = free[1:] if steps and free[:1] == [steps[0]] else []
        if len(names) < request.at_least:
            return None
        if names:
            for lock, mode in free:
                self._grant(owner, lock, mode, now_s)
        return frozenset(lock.name for lock, _ in names)

    def _check_order(self, owner: Owner, level: LockLevel) -> None:
        """Refuse who waits, holds something of the level or of a later one, or is one too many."""
        if owner in self._requests:
            raise LockError(f"{subject(owner)} waits for {self.waits_for(owner)} already")
        held = self._held.get(owner)
        if held:
            if any(lock.level >= level for lock in held):
                last = max(held, key=lambda lock: lock.order)
                raise LockError(
                    f"{subject(owner)} holds {last} and cannot ask for locks of level {level.label}"
                )
        elif (
            # Who holds and waits is in both; counted in full only where that may matter.
            len(self._held) + len(self._requests) >= self._owners_max
            and len(self.owners()) >= self._owners_max
        ):
            raise LockError(f"More than {self._owners_max} jobs hold locks or wait for them")

    def withdraw(self, owner: Owner, *, now_s: float = 0.0) -> list[Owner]:
        """Take a waiting request back, with the locks it has got so far.

        What the owner held before the request stays with it.
        """
        request = self._requests.get(owner)
        if request is None:
            raise LockError(f"{subject(owner)} waits for no lock")
        freer = self._unqueue(request)
        taken = [lock for lock, _ in request.steps[: request.done]]
        return self._give_back(owner, taken, freer, now_s=now_s)

    def set_priority(self, owner: Owner, priority: int, *, now_s: float = 0.0) -> list[Owner]:
        """Move a waiting request to another place in its queue; nothing if the owner waits not."""
        request = self._requests.get(owner)
        if request is None or request.priority == priority:
            return []
        lock = request.wanted[0]
        queue = self._entries[lock].queue
        queue.remove(request)
        request.priority = priority
        insort(queue, request)
        return self._serve([lock], now_s)

    # --- giving back ----------------------------------------------------------------------------

    def release(
        self, owner: Owner, level: LockLevel | None = None, *, now_s: float = 0.0
    ) -> list[Owner]:
        """Give back all locks, or those of one level.

        A request that waits for what is given back is withdrawn. An owner without locks is no
        error: this is what cleans up.
        """
        request = self._requests.get(owner)
        freer: list[Lock] = []
        if request is not None and level in (None, request.wanted[0].level):
            freer = self._unqueue(request)
        held = self._held.get(owner, {})
        given_back = [lock for lock in held if level is None or lock.level is level]
        return self._give_back(owner, given_back, freer, now_s=now_s)

    def keep(
        self, owner: Owner, level: LockLevel, names: frozenset[str], *, now_s: float = 0.0
    ) -> list[Owner]:
        """Give back the locks of a level except those on `names`.

        Who holds the whole level goes on with `names` alone, in the same mode.
        """
        if owner in self._requests:
            raise LockError(f"{subject(owner)} waits for {self.waits_for(owner)}")
        held = {
            lock: mode for lock, mode in self._held.get(owner, {}).items() if lock.level is level
        }
        lockset = Lock(level, LOCKSET)
        if held.get(lockset) in (_S, _X):
            # Nobody else can hold a name in a mode that is in the way, and nobody waits for one.
            mode, since_s = held[lockset], self._entries[lockset].since_s[owner]
            for name in sorted(names):
                self._grant(owner, Lock(level, name), mode, since_s)
            if names:
                self._regrant(owner, lockset, mode.intention)
                return self._serve([lockset], now_s)
            return self._give_back(owner, [lockset], now_s=now_s)
        missing = sorted(names - {lock.name for lock in held})
        if missing:
            raise LockError(f"{subject(owner)} does not hold {Lock(level, missing[0])}")
        return self._give_back(
            owner,
            [lock for lock in held if lock.name not in names and (lock != lockset or not names)],
            now_s=now_s,
        )

    def downgrade(self, owner: Owner, level: LockLevel, *, now_s: float = 0.0) -> list[Owner]:
        """Hold in shared mode what the owner holds exclusively at a level."""
        if owner in self._requests:
            raise LockError(f"{subject(owner)} waits for {self.waits_for(owner)}")
        weaker = {_X: _S, _IX: _IS}
        changed = []
        for lock, mode in list(self._held.get(owner, {}).items()):
            if lock.level is level and mode in weaker:
                self._regrant(owner, lock, weaker[mode])
                changed.append(lock)
        return self._serve(changed, now_s)

    # --- looking --------------------------------------------------------------------------------

    def held(self, owner: Owner) -> dict[Lock, LockMode]:
        """Return what an owner holds, without intentions."""
        held = self._held.get(owner, {})
        return {lock: mode for lock, mode in held.items() if mode in (_S, _X)}

    def waits_for(self, owner: Owner) -> Lock | None:
        """Return the lock an owner waits for."""
        request = self._requests.get(owner)
        return None if request is None else request.wanted[0]

    def wait(self, owner: Owner) -> Wait | None:
        """Return what an owner waits for, and for whom."""
        request = self._requests.get(owner)
        if request is None:
            return None
        lock, mode = request.wanted
        entry = self._entries[lock]
        obstacles = _OBSTACLES[mode]
        in_the_way = [
            InTheWay(holder, held, True, entry.since_s[holder])
            for holder, held in entry.holders.items()
            if obstacles & 1 << held
        ]
        for other in entry.queue:
            if other is request:
                break
            if obstacles & 1 << other.wanted[1]:
                in_the_way.append(InTheWay(other.owner, other.wanted[1], False, other.since_s))
        return Wait(lock, mode, request.since_s, tuple(in_the_way))

    def owners(self) -> set[Owner]:
        """Return who holds or waits for anything."""
        return self._held.keys() | self._requests.keys()

    def states(self) -> list[LockState]:
        """Return every lock that is held, intentions included, in the order they are taken in."""
        return [
            LockState(
                lock,
                dict(entry.holders),
                tuple((request.owner, request.wanted[1]) for request in entry.queue),
                {**entry.since_s, **{request.owner: request.since_s for request in entry.queue}},
            )
            for lock, entry in sorted(self._entries.items(), key=lambda item: item[0].order)
        ]

    # --- the rule -------------------------------------------------------------------------------

    def _is_free(self, lock: Lock, mode: LockMode) -> bool:
        """Tell whether a lock can be had in a mode that is in nobody's way, holder or waiting."""
        entry = self._entries.get(lock)
        if entry is None:
            return True
        modes = entry.modes
        for other in entry.queue:
            modes |= 1 << other.wanted[1]
        return not modes & _OBSTACLES[mode]

    def _advance(self, request: _Request, now_s: float) -> bool:
        """Take step after step; return whether none is left, or queue the request at the next."""
        while request.done < len(request.steps):
            lock, mode = request.wanted
            entry = self._entries.get(lock)
            if entry is not None:
                modes = entry.modes
                for other in entry.queue:
                    if request < other:
                        break
                    modes |= 1 << other.wanted[1]
                if modes & _OBSTACLES[mode]:
                    insort(entry.queue, request)
                    return False
            self._grant(request.owner, lock, mode, now_s)
            request.done += 1
        return True

    def _next(self, lock: Lock) -> _Request | None:
        """Return the first request in a lock's queue that can have the lock now."""
        entry = self._entries.get(lock)
        if entry is None:
            return None
        modes = entry.modes
        for request in entry.queue:
            mode = request.wanted[1]
            if not modes & _OBSTACLES[mode]:
                return request
            modes |= 1 << mode
            if modes & _X_BIT:
                return None
        return None

    def _serve(self, locks: Sequence[Lock], now_s: float) -> list[Owner]:
        """Let requests go on at locks that became freer; return the owners of completed ones."""
        complete: list[Owner] = []
        if not any(self._entries[lock].queue for lock in locks):
            for lock in locks:
                self._forget(lock)
            return complete
        ready = [
            (*request.key, lock.order, lock)
            for lock in locks
            if (request := self._next(lock)) is not None
        ]
        heapify(ready)
        while ready:
            *key, _, lock = heappop(ready)
            request = self._next(lock)
            if request is not None and request.key == tuple(key):
                self._entries[lock].queue.remove(request)
                self._grant(request.owner, lock, request.wanted[1], now_s)
                request.done += 1
                if self._advance(request, now_s):
                    del self._requests[request.owner]
                    complete.append(request.owner)
                request = self._next(lock)
            # Otherwise a request that went on before took this lock meanwhile.
            if request is not None:
                heappush(ready, (*request.key, lock.order, lock))
        for lock in locks:
            self._forget(lock)
        return complete

    # --- bookkeeping ----------------------------------------------------------------------------

    def _grant(self, owner: Owner, lock: Lock, mode: LockMode, since_s: float) -> None:
        entry = self._entries.get(lock)
        if entry is None:
            entry = self._entries[lock] = _Entry()
        entry.add(owner, mode, since_s)
        self._held.setdefault(owner, {})[lock] = mode

    def _regrant(self, owner: Owner, lock: Lock, mode: LockMode) -> None:
        entry = self._entries[lock]
        entry.add(owner, mode, entry.remove(owner))
        self._held[owner][lock] = mode

    def _unqueue(self, request: _Request) -> list[Lock]:
        """Take a waiting request out of the table; return the lock whose queue is shorter now."""
        lock = request.wanted[0]
        self._entries[lock].queue.remove(request)
        del self._requests[request.owner]
        return [lock]

    def _give_back(
        self, owner: Owner, locks: list[Lock], freer: Sequence[Lock] = (), *, now_s: float
    ) -> list[Owner]:
        """Take locks from their owner; serve their queues and those of the `freer` ones."""
        held = self._held.get(owner, {})
        for lock in locks:
            del held[lock]
            self._entries[lock].remove(owner)
        if not held:
            self._held.pop(owner, None)
        return self._serve([*locks, *freer], now_s)

    def _forget(self, lock: Lock) -> None:
        """Drop a lock that nobody holds; then nobody waits for it either."""
        entry = self._entries.get(lock)
        if entry is not None and not entry.holders:
            assert not entry.queue, f"{lock} has waiters and no holder"
            del self._entries[lock]
