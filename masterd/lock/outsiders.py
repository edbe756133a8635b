"""Locks of programs beside the daemon: asked for at will, waited for outside of the queues.

A program is answered at once. Where it asks to wait, its request stays here and is tried whenever
something becomes free, behind the jobs that wait in the queues of the table, the most urgent
request first. Meanwhile it can have nothing else; giving anything back takes the request back too,
as with the reference. Nothing here switches.

Source: answers of a running wconfd 3.0.2 (refusals, what takes a request back).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from masterd.clock import Clock
from masterd.errors import GenericError, LockError
from masterd.limits_beside import LOCK_OUTSIDE_PENDING_MAX
from masterd.lock.levels import Lock, LockLevel, LockMode
from masterd.lock.manager import LockManager
from masterd.lock.open_table import Changes, OpenTable
from masterd.lock.owners import Outsider, Owner
from masterd.lock.table import LockState


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits; a smaller priority comes first."""

    priority: int
    owner: Outsider
    changes: Changes
    since_s: float


class OutsideLocks:
    """What programs beside the daemon do with the locks. One for the whole daemon."""

    def __init__(self, manager: LockManager, table: OpenTable, clock: Clock) -> None:
        """Prepare; `table` is that of `manager`."""
        self._manager = manager
        self._table = table
        self._clock = clock
        #: In the order they came.
        self._pending: dict[Outsider, Pending] = {}
        self._trying = False
        manager.when_freed(self._try_pending)

    # --- looking ------------------------------------------------------------------------------

    def held(self, owner: Owner) -> dict[Lock, LockMode]:
        """Return what an owner holds by name, in the order of locks."""
        return self._table.named(owner)

    def owners(self) -> set[Outsider]:
        """Return the programs that hold anything or wait."""
        return {each for each in self._table.owners() if isinstance(each, Outsider)} | set(
            self._pending
        )

    def pending(self) -> list[Pending]:
        """Return the requests that wait, the most urgent first."""
        return sorted(self._pending.values(), key=lambda each: each.priority)

    def is_pending(self, owner: Outsider) -> bool:
        """Tell whether a request of an owner waits."""
        return owner in self._pending

    def states(self) -> list[LockState]:
        """Return all locks as they are now, with these requests behind the jobs that wait."""
        found = self._table.states()
        if not self._pending:
            return found
        by_lock = {state.lock: state for state in found}
        for each in self.pending():
            for lock, mode in each.changes.items():
                if mode is None:
                    continue
                state = by_lock.get(lock) or LockState(lock, {}, ())
                by_lock[lock] = replace(
                    state,
                    waiting=(*state.waiting, (each.owner, mode)),
                    since_s={**state.since_s, each.owner: each.since_s},
                )
        return sorted(by_lock.values(), key=lambda state: state.lock.order)

    # --- asking -------------------------------------------------------------------------------

    def change(self, owner: Outsider, changes: Changes) -> set[Owner]:
        """Take and give back locks at once, or change nothing; return who is in the way.

        Raises:
            GenericError: a request of the owner waits, or the locks' order forbids it.
            LockError: there are too many owners.
        """
        if owner in self._pending:
            raise GenericError("cannot update locks while having pending requests")
        return self._exchange(owner, changes)

    def change_or_wait(self, owner: Outsider, priority: int, changes: Changes) -> set[Owner]:
        """Likewise, but let the request wait while somebody is in the way.

        Raises:
            GenericError, LockError: as `change`; too many requests wait.
        """
        blockers = self.change(owner, changes)
        if blockers:
            if len(self._pending) >= LOCK_OUTSIDE_PENDING_MAX:
                raise LockError(f"More than {LOCK_OUTSIDE_PENDING_MAX} requests wait for locks")
            self._pending[owner] = Pending(priority, owner, changes, self._clock.monotonic_s())
        return blockers

    def take_any(
        self, owner: Outsider, wanted: Iterable[tuple[Lock, LockMode]], at_least: int = 0
    ) -> list[Lock]:
        """Take what is free of some locks, in their order, or none if that is not enough.

        Nothing is for an owner whose request waits.
        """
        if owner in self._pending:
            return []
        taken = self._table.take_any(owner, wanted, at_least, now_s=self._clock.monotonic_s())
        self._try_pending()
        return taken

    def keep_only(self, owner: Outsider, keep: Callable[[Lock], bool]) -> None:
        """Give back all locks but those that are to be kept, and take back what waits."""
        self._pending.pop(owner, None)
        self._exchange(owner, {lock: None for lock in self.held(owner) if not keep(lock)})

    def release(self, owner: Outsider) -> None:
        """Give back all locks of an owner, and take back what waits."""
        self.keep_only(owner, lambda _lock: False)

    def downgrade(self, owner: Outsider, level: LockLevel) -> None:
        """Hold in shared mode what the owner holds exclusively at a level."""
        self._pending.pop(owner, None)
        held = [lock for lock in self.held(owner) if lock.level is level]
        self._exchange(owner, dict.fromkeys(held, LockMode.SHARED))

    # --- inside -------------------------------------------------------------------------------

    def _exchange(self, owner: Outsider, changes: Changes) -> set[Owner]:
        blockers, complete = self._table.exchange(owner, changes, now_s=self._clock.monotonic_s())
        self._manager.wake(complete)
        if not blockers:
            self._try_pending()
        return blockers

    def _try_pending(self) -> None:
        """Give what is free now to those who wait; what one gives back may serve another."""
        if self._trying or not self._pending:
            return
        self._trying = True
        try:
            while any(map(self._try, self.pending())):
                pass
        finally:
            self._trying = False

    def _try(self, request: Pending) -> bool:
        """Carry a waiting request out, if nobody is in the way; tell whether it was."""
        try:
            blockers, complete = self._table.exchange(
                request.owner, request.changes, now_s=self._clock.monotonic_s()
            )
        except LockError:
            # Too many owners now; there is room again when one has gone.
            return False
        if not blockers:
            del self._pending[request.owner]
            self._manager.wake(complete)
        return not blockers
