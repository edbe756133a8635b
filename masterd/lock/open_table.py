"""The lock table for those who change what they hold at will: programs beside the daemon.

A job asks for locks level after level, and waits in their queues. A program asks for any locks at
once, gives others back in the same step, and gets all of it or nothing. It waits in no queue (who
wants to wait is tried again, see `outsiders`), so that the invariants of `table` hold as they are:
every chain of jobs that wait ends at a job, or at a program that waits for none of them.

What a program holds by name is what it asked for, single names and whole levels beside each other;
the intentions on locksets follow from that.

Source: answers of a running wconfd 3.0.2 (order, refusals).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from masterd.errors import GenericError, LockError
from masterd.limits_beside import LOCK_OUTSIDE_LOCKS_MAX
from masterd.lock.levels import LOCKSET, Lock, LockLevel, LockMode
from masterd.lock.owners import Outsider, Owner, subject
from masterd.lock.table import COMPATIBLE, LockTable

_S, _X = LockMode.SHARED, LockMode.EXCLUSIVE
_REAL: Final = (_S, _X)

#: What to hold by name; None gives it back.
Changes = Mapping[Lock, LockMode | None]


class OpenTable(LockTable):
    """All locks, with the ways of programs beside the daemon."""

    def named(self, owner: Owner) -> dict[Lock, LockMode]:
        """Return what an owner holds by name, without intentions, in the order of locks."""
        held = ((lock, mode) for lock, mode in self._held.get(owner, {}).items() if mode in _REAL)
        return dict(sorted(held, key=lambda item: item[0].order))

    def exchange(
        self, owner: Outsider, changes: Changes, *, now_s: float = 0.0
    ) -> tuple[set[Owner], list[Owner]]:
        """Take and give back locks in one step, or change nothing.

        Returns:
            Who is in the way, holder or waiting, nobody if it was done; and the owners whose
            requests are complete now.

        Raises:
            GenericError: the owner would take locks against their order.
            LockError: there are too many owners or locks.
        """
        held = self._held.get(owner, {})
        named = self.named(owner)
        _check_order(named, changes)
        wanted = {lock: mode for lock, mode in {**named, **changes}.items() if mode is not None}
        if len(wanted) > LOCK_OUTSIDE_LOCKS_MAX:
            raise LockError(f"{subject(owner)} asks for more than {LOCK_OUTSIDE_LOCKS_MAX} locks")
        if not held and wanted and len(self.owners()) >= self._owners_max:
            raise LockError(f"More than {self._owners_max} owners hold locks or wait for them")
        after = _with_intentions(wanted)
        stronger = {lock: mode for lock, mode in after.items() if held.get(lock, -1) < mode}
        blockers: set[Owner] = set()
        for lock, mode in stronger.items():
            blockers |= self._in_the_way(owner, lock, mode, waiting=lock not in held)
        if blockers:
            return blockers, []
        for lock, mode in stronger.items():
            if lock in held:
                self._regrant(owner, lock, mode)
            else:
                self._grant(owner, lock, mode, now_s)
        weaker = [lock for lock, mode in after.items() if self._held[owner][lock] > mode]
        for lock in weaker:
            self._regrant(owner, lock, after[lock])
        gone = [lock for lock in self._held.get(owner, {}) if lock not in after]
        return set(), self._give_back(owner, gone, weaker, now_s=now_s)

    def take_any(
        self,
        owner: Outsider,
        wanted: Iterable[tuple[Lock, LockMode]],
        at_least: int = 0,
        *,
        now_s: float = 0.0,
    ) -> list[Lock]:
        """Take those of some locks that can be had; none when they are fewer than `at_least`.

        What cannot be taken in their order, or is held already, is left out.
        """
        taken: dict[Lock, LockMode | None] = {}
        named = self.named(owner)
        for lock, mode in sorted(wanted, key=lambda each: each[0].order):
            if named.get(lock, -1) >= mode or lock in taken:
                continue
            try:
                blockers, _ = self.exchange(owner, {lock: mode}, now_s=now_s)
            except GenericError:
                continue
            if not blockers:
                taken[lock] = mode
        if len(taken) < at_least:
            # Nobody waited for these in their way, so nobody gets them now.
            self.exchange(owner, {lock: named.get(lock) for lock in taken}, now_s=now_s)
            return []
        return list(taken)

    def _in_the_way(self, owner: Owner, lock: Lock, mode: LockMode, *, waiting: bool) -> set[Owner]:
        """Return who holds a lock in the way of a mode, and who waits for it so, if that counts."""
        entry = self._entries.get(lock)
        if entry is None:
            return set()
        allowed = COMPATIBLE[mode]
        found = {
            other for other, held in entry.holders.items() if other != owner and held not in allowed
        }
        if waiting:
            found |= {each.owner for each in entry.queue if each.wanted[1] not in allowed}
        return found


def spelled(lock: Lock) -> str:
    """Return a lock in the words of the reference's refusals."""
    if lock.level is LockLevel.CONFIG:
        return "ConfigLock"
    kind = _KINDS[lock.level]
    if lock.name == LOCKSET:
        return f"{kind}LockSet"
    return "BGL" if lock.level is LockLevel.CLUSTER else f'{kind} "{lock.name}"'


_KINDS: Final = ("Cluster", "Instance", "NodeGroup", "Node", "NodeRes", "Network")


def _check_order(named: Mapping[Lock, LockMode], changes: Changes) -> None:
    """Refuse a request for locks before the last one that is held by name."""
    if not named:
        return
    last = max(named, key=lambda lock: lock.order)
    for lock, mode in changes.items():
        if mode is None:
            continue
        lockset = lock.lockset
        covered = named.get(lock, -1) >= mode or (
            lockset is not None and named.get(lockset, -1) >= mode
        )
        if lock.order < last.order and not covered:
            raise GenericError(
                f"Order violation: requesting {spelled(lock)} while holding {spelled(last)}"
            )
        if mode is _X and lockset is not None and named.get(lockset) is _S:
            raise GenericError(
                f"Order violation: requesting exclusively {spelled(lock)} while holding a shared"
                f" lock on the group lock {spelled(lockset)} it belongs to."
            )


def _with_intentions(wanted: Mapping[Lock, LockMode]) -> dict[Lock, LockMode]:
    """Return what to hold for locks by name, in the order of locks.

    Raises:
        GenericError: a whole level is wanted shared, and a name of it exclusively.
    """
    full = dict(wanted)
    for lock, mode in wanted.items():
        lockset = lock.lockset
        if lockset is None:
            continue
        on_all = wanted.get(lockset)
        if on_all is _S and mode is _X:
            raise GenericError(f"{lock} is wanted exclusively, and {lockset} shared")
        if on_all is None:
            full[lockset] = max(full.get(lockset, mode.intention), mode.intention)
    return dict(sorted(full.items(), key=lambda item: item[0].order))
