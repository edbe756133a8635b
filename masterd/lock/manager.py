"""Lets greenlets wait for the locks of the table.

A greenlet runs one job, and the job's id is the owner of its locks. Only `acquire` switches;
whatever frees locks wakes those whose requests are complete, and they run when the caller next
switches. So locks are free the moment that `cancel` or `release` returns, and whoever gets them is
on its way, however many others wait.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from gevent.event import Event

from masterd.clock import Clock, SystemClock
from masterd.errors import JobCanceled
from masterd.limits import LOCK_WAIT_RAISE_S, LOCK_WAIT_TOLD_S
from masterd.lock.levels import Lock, LockLevel, LockMode, LockRequest
from masterd.lock.owners import Owner
from masterd.lock.table import LockState, LockTable, Wait

#: Told once of a wait that takes long, and what time it is by the table's clock, in seconds.
Tell = Callable[[Wait, float], None]

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
        self,
        table: LockTable | None = None,
        *,
        clock: Clock | None = None,
        raise_s: float = LOCK_WAIT_RAISE_S,
        told_s: float = LOCK_WAIT_TOLD_S,
        pause: Callable[[Event, float], bool] = Event.wait,
    ) -> None:
        """Prepare.

        Args:
            raise_s: waiting for so many seconds counts one step of priority.
            told_s: who has waited for so many seconds says so, once.
            pause: waits for an event, but not longer than so many seconds of `clock`; tells whether
                it has come. Switches.
        """
        self._table = LockTable() if table is None else table
        self._clock = SystemClock() if clock is None else clock
        self._raise_s = raise_s
        self._told_s = told_s
        self._pause = pause
        self._waiters: dict[Owner, _Waiter] = {}
        self._when_freed: Callable[[], None] = lambda: None
        self._at_once = 0
        self._after_waiting = 0
        self._canceled = 0

    def acquire(
        self,
        owner: Owner,
        level: LockLevel,
        request: LockRequest,
        priority: int,
        tell: Tell | None = None,
    ) -> None:
        """Take locks of a level above all that `owner` holds, or wait for them. Switches.

        A greenlet that is killed while it waits takes its request back; what the owner held before
        stays with it in every case.

        Args:
            tell: is called in this greenlet when it has waited long; see `LOCK_WAIT_TOLD_S`.

        Raises:
            JobCanceled: `cancel` was called while it waited.
            LockError: see `LockTable.request`.
        """
        if self._table.request(owner, level, request, priority, now_s=self._now_s()):
            self._at_once += 1
            return
        waiter = self._waiters[owner] = _Waiter(priority)
        try:
            self._wait(owner, waiter, tell)
        except BaseException:
            if self._waiters.pop(owner, None) is not None:
                self._wake(self._table.withdraw(owner, now_s=self._now_s()))
            raise
        if waiter.canceled:
            self._canceled += 1
            raise JobCanceled("Job canceled by request")
        self._after_waiting += 1

    def _wait(self, owner: Owner, waiter: _Waiter, tell: Tell | None) -> None:
        """Return when a waiter is done; meanwhile more and more urgent, and told of. Switches."""
        begun_s = self._now_s()
        raise_at_s = begun_s + self._raise_s
        tell_at_s = inf if tell is None else begun_s + self._told_s
        while True:
            if self._pause(waiter.done, max(0.0, min(raise_at_s, tell_at_s) - self._now_s())):
                return
            now_s = self._now_s()
            if now_s >= tell_at_s:
                tell_at_s = inf
                wait = self._table.wait(owner)
                if tell is not None and wait is not None:
                    tell(wait, now_s)
            if now_s >= raise_at_s:
                raise_at_s = now_s + self._raise_s
                waiter.raised += 1
                if not waiter.done.is_set():
                    self._wake(
                        self._table.set_priority(owner, waiter.effective, now_s=self._now_s())
                    )

    def take_free(
        self, owner: Owner, level: LockLevel, request: LockRequest
    ) -> frozenset[str] | None:
        """Take what is free of an opportunistic request; see `LockTable.take_free`."""
        return self._table.take_free(owner, level, request, now_s=self._now_s())

    def cancel(self, owner: Owner) -> bool:
        """Let a waiting `acquire` raise JobCanceled; return whether there was one."""
        waiter = self._waiters.pop(owner, None)
        if waiter is None:
            return False
        waiter.canceled = True
        waiter.done.set()
        self._wake(self._table.withdraw(owner, now_s=self._now_s()))
        return True

    def set_priority(self, owner: Owner, priority: int) -> None:
        """Give a waiting request another priority; steps gained by waiting stay on top of it."""
        waiter = self._waiters.get(owner)
        if waiter is not None:
            waiter.priority = priority
            self._wake(self._table.set_priority(owner, waiter.effective, now_s=self._now_s()))

    def release(self, owner: Owner, level: LockLevel | None = None) -> None:
        """Give back all locks of an owner, or those of one level; none is no error."""
        self._wake(self._table.release(owner, level, now_s=self._now_s()))

    def keep(self, owner: Owner, level: LockLevel, names: frozenset[str]) -> None:
        """Give back the locks of a level except those on `names`; see `LockTable.keep`."""
        self._wake(self._table.keep(owner, level, names, now_s=self._now_s()))

    def downgrade(self, owner: Owner, level: LockLevel) -> None:
        """Hold in shared mode what the owner holds exclusively at a level."""
        self._wake(self._table.downgrade(owner, level, now_s=self._now_s()))

    def held(self, owner: Owner) -> dict[Lock, LockMode]:
        """Return what an owner holds."""
        return self._table.held(owner)

    def owners(self) -> set[Owner]:
        """Return who holds or waits for anything."""
        return self._table.owners()

    def wait(self, owner: Owner) -> Wait | None:
        """Return what an owner waits for, and for whom."""
        return self._table.wait(owner)

    def states(self) -> list[LockState]:
        """Return all locks as they are now, for `monitor`."""
        return self._table.states()

    @property
    def stats(self) -> LockStats:
        return LockStats(
            self._at_once, self._after_waiting, self._canceled, waiting=len(self._waiters)
        )

    def when_freed(self, callback: Callable[[], None]) -> None:
        """Have `callback` called whenever something may have become free; it must not switch."""
        self._when_freed = callback

    def wake(self, owners: list[Owner]) -> None:
        """Let owners go on whose requests the table has completed."""
        for owner in owners:
            self._waiters.pop(owner).done.set()

    def _now_s(self) -> float:
        return self._clock.monotonic_s()

    def _wake(self, owners: list[Owner]) -> None:
        self.wake(owners)
        self._when_freed()
