"""Lets greenlets wait for the locks of the table.

A greenlet runs one job, and the job's id is the owner of its locks. Only `acquire` switches;
whatever frees locks wakes those whose requests are complete, and they run when the caller next
switches.
"""

from dataclasses import dataclass, field
from typing import Final

from gevent.event import Event

from masterd.errors import JobCanceled
from masterd.limits import LOCK_WAIT_RAISE_S
from masterd.lock.levels import Lock, LockLevel, LockMode, LockRequest
from masterd.lock.table import LockState, LockTable

#: The most urgent priority; waiting raises up to it. Source: constants.json OP_PRIO_HIGHEST.
PRIORITY_HIGHEST: Final = -20


@dataclass(slots=True)
class _Waiter:
    """An owner whose greenlet waits in `acquire`."""

    priority: int
    #: Steps of priority gained by waiting.
    raised: int = 0
    canceled: bool = False
    done: Event = field(default_factory=Event)

    @property
    def effective(self) -> int:
        return max(PRIORITY_HIGHEST, self.priority - self.raised)


@dataclass(frozen=True, slots=True)
class LockStats:
    """Counts since the start, and how many wait now."""

    at_once: int
    after_waiting: int
    canceled: int
    waiting: int


class LockManager:
    """All locks of the cluster. One for the whole daemon, used by its hub's greenlets alone."""

    def __init__(
        self, table: LockTable | None = None, *, raise_s: float = LOCK_WAIT_RAISE_S
    ) -> None:
        """Prepare; waiting for `raise_s` seconds counts one step of priority."""
        self._table = LockTable() if table is None else table
        self._raise_s = raise_s
        self._waiters: dict[int, _Waiter] = {}
        self._at_once = 0
        self._after_waiting = 0
        self._canceled = 0

    def acquire(self, owner: int, level: LockLevel, request: LockRequest, priority: int) -> None:
        """Take locks of a level above all that `owner` holds, or wait for them. Switches.

        A greenlet that is killed while it waits takes its request back; what the owner held before
        stays with it in every case.

        Raises:
            JobCanceled: `cancel` was called while it waited.
            LockError: see `LockTable.request`.
        """
        if self._table.request(owner, level, request, priority):
            self._at_once += 1
            return
        waiter = self._waiters[owner] = _Waiter(priority)
        try:
            while not waiter.done.wait(self._raise_s):
                waiter.raised += 1
                self._wake(self._table.set_priority(owner, waiter.effective))
        except BaseException:
            if self._waiters.pop(owner, None) is not None:
                self._wake(self._table.withdraw(owner))
            raise
        if waiter.canceled:
            self._canceled += 1
            raise JobCanceled("Job canceled by request")
        self._after_waiting += 1

    def cancel(self, owner: int) -> bool:
        """Let a waiting `acquire` raise JobCanceled; return whether there was one."""
        waiter = self._waiters.pop(owner, None)
        if waiter is None:
            return False
        waiter.canceled = True
        waiter.done.set()
        self._wake(self._table.withdraw(owner))
        return True

    def set_priority(self, owner: int, priority: int) -> None:
        """Give a waiting request another priority; steps gained by waiting stay on top of it."""
        waiter = self._waiters.get(owner)
        if waiter is not None:
            waiter.priority = priority
            self._wake(self._table.set_priority(owner, waiter.effective))

    def release(self, owner: int, level: LockLevel | None = None) -> None:
        """Give back all locks of an owner, or those of one level; none is no error."""
        self._wake(self._table.release(owner, level))

    def keep(self, owner: int, level: LockLevel, names: frozenset[str]) -> None:
        """Give back the locks of a level except those on `names`; see `LockTable.keep`."""
        self._wake(self._table.keep(owner, level, names))

    def downgrade(self, owner: int, level: LockLevel) -> None:
        """Hold in shared mode what the owner holds exclusively at a level."""
        self._wake(self._table.downgrade(owner, level))

    def held(self, owner: int) -> dict[Lock, LockMode]:
        """Return what an owner holds."""
        return self._table.held(owner)

    def owners(self) -> set[int]:
        """Return who holds or waits for anything."""
        return self._table.owners()

    def states(self) -> list[LockState]:
        """Return all locks as they are now, for `monitor`."""
        return self._table.states()

    @property
    def stats(self) -> LockStats:
        return LockStats(
            self._at_once, self._after_waiting, self._canceled, waiting=len(self._waiters)
        )

    def _wake(self, owners: list[int]) -> None:
        for owner in owners:
            self._waiters.pop(owner).done.set()
