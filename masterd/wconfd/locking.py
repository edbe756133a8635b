"""The calls about locks; nothing here switches greenlets.

A job of this daemon is told as `[its id, the daemon's livelock file, the daemon's process]`.

Source: luxi.json, wconfd.methods; answers of a running wconfd 3.0.2.
"""

from collections.abc import Iterable, Sequence

from masterd.errors import GenericError
from masterd.job.model import Holder
from masterd.lock.levels import Lock, LockLevel, LockMode
from masterd.lock.open_table import Changes, spelled
from masterd.lock.outsiders import OutsideLocks
from masterd.lock.owners import Outsider, Owner
from masterd.lock.table import LockState

#: A lock and who holds it how, as answered.
Row = tuple[str, list[tuple[object, str]]]


class Locking:
    """Answers the calls about locks."""

    def __init__(self, locks: OutsideLocks, holder: Holder) -> None:
        """Prepare; `holder` is the daemon, which holds what its jobs hold."""
        self._locks = locks
        self._holder = holder

    # --- listing ------------------------------------------------------------------------------

    def held(self, owner: Outsider) -> list[tuple[str, str]]:
        """Return what an owner holds; a number without locks of its own means a job of ours."""
        found = self._locks.held(owner)
        if not found and isinstance(owner.name, int):
            found = self._locks.held(owner.name)
        return [(str(lock), mode.label) for lock, mode in found.items()]

    def names(self) -> list[str]:
        """Return every lock that is held, and the locksets of levels with such."""
        return [str(state.lock) for state in self._states()]

    def owners(self) -> list[Row]:
        """Likewise, with those who hold them."""
        return [
            (
                str(state.lock),
                [
                    (self._told(owner), mode.label)
                    for owner, mode in sorted(state.holders.items(), key=_by_name)
                    if mode in (LockMode.SHARED, LockMode.EXCLUSIVE)
                ],
            )
            for state in self._states()
        ]

    def waiting(self) -> tuple[list[Row], list[tuple[int, object, list[tuple[str, str]]]]]:
        """Likewise, with the requests of programs that wait: priority, owner, what they want."""
        return self.owners(), [
            (each.priority, self._told(each.owner), _requests(each.changes))
            for each in self._locks.pending()
        ]

    # --- asking -------------------------------------------------------------------------------

    def try_update(
        self, owner: Outsider, changes: Sequence[tuple[Lock, LockMode | None]]
    ) -> list[object]:
        """Take and give back locks, all or nothing; return who is in the way."""
        return self._all_told(self._locks.change(owner, _unambiguous(changes)))

    def update_waiting(
        self,
        owner: Outsider,
        priority: int,
        changes: Sequence[tuple[Lock, LockMode | None]],
    ) -> list[object]:
        """Likewise, and wait while somebody is in the way."""
        blockers = self._locks.change_or_wait(owner, priority, _unambiguous(changes))
        return self._all_told(blockers)

    def has_pending(self, owner: Outsider) -> bool:
        """Tell whether a request of an owner waits."""
        return self._locks.is_pending(owner)

    def take_any(
        self, owner: Outsider, wanted: Sequence[tuple[Lock, LockMode]], at_least: int = 0
    ) -> list[str]:
        """Take what is free of some locks, or nothing if that is fewer than `at_least`."""
        return list(map(str, self._locks.take_any(owner, wanted, at_least)))

    # --- giving back --------------------------------------------------------------------------

    def free(self, owner: Outsider) -> None:
        """Give back all locks of an owner."""
        self._locks.release(owner)

    def free_level(self, owner: Outsider, level: LockLevel) -> None:
        """Give back those of one level."""
        self._locks.keep_only(owner, lambda lock: lock.level is not level)

    def downgrade(self, owner: Outsider, level: LockLevel) -> None:
        """Hold in shared mode what is held exclusively at a level."""
        self._locks.downgrade(owner, level)

    def intersect(self, owner: Outsider, locks: Sequence[Lock]) -> None:
        """Give back all locks but some."""
        kept = frozenset(locks)
        self._locks.keep_only(owner, kept.__contains__)

    # --- inside -------------------------------------------------------------------------------

    def _states(self) -> list[LockState]:
        return [state for state in self._locks.states() if state.holders]

    def _told(self, owner: Owner) -> object:
        if isinstance(owner, Outsider):
            return owner.name, owner.livelock, owner.process_id
        return owner, self._holder.livelock, self._holder.process_id

    def _all_told(self, owners: Iterable[Owner]) -> list[object]:
        return [self._told(owner) for owner in sorted(owners, key=lambda each: str(each))]


def _by_name(item: tuple[Owner, LockMode]) -> str:
    owner, _ = item
    return str(owner.name if isinstance(owner, Outsider) else owner)


def _requests(changes: Changes) -> list[tuple[str, str]]:
    return [
        (str(lock), "release" if mode is None else mode.label) for lock, mode in changes.items()
    ]


def _unambiguous(changes: Sequence[tuple[Lock, LockMode | None]]) -> Changes:
    """Return a request by locks.

    Raises:
        GenericError: it says two things of one lock.
    """
    found: dict[Lock, LockMode | None] = {}
    for lock, mode in changes:
        if found.setdefault(lock, mode) != mode:
            raise GenericError(f"Inconsitent requests for lock {spelled(lock)}")
    return found
