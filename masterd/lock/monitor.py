"""What the lock table holds, for people and for checks.

Source: answers of luxid 3.0.2 to Query "lock" (rows).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from masterd.limits import LOCK_WAIT_OWNERS_TOLD_MAX
from masterd.lock.levels import Lock, LockMode
from masterd.lock.owners import Owner, described, label, subject
from masterd.lock.table import COMPATIBLE, InTheWay, LockState, Wait

_REAL: Final = (LockMode.SHARED, LockMode.EXCLUSIVE)
_NO_MODE: Final = -1


@dataclass(frozen=True, slots=True)
class LockRow:
    """One lock in a listing.

    Attributes:
        name: such as `node/<uuid>` or `instance/[lockset]`.
        mode: "shared", "exclusive", or None when only names below a lockset are locked.
        owners: job ids as text, and names of programs.
        pending: mode and owners of those that wait, in their order; neighbours that wait for the
            lock in shared mode are told together.
    """

    name: str
    mode: str | None
    owners: tuple[str, ...]
    pending: tuple[tuple[str, tuple[str, ...]], ...]


def rows(states: Sequence[LockState]) -> list[LockRow]:
    """Return the listing, in order of names."""
    return sorted(map(_row, states), key=lambda row: row.name)


def _row(state: LockState) -> LockRow:
    holders = {owner: mode for owner, mode in state.holders.items() if mode in _REAL}
    pending: list[tuple[str, tuple[str, ...]]] = []
    for mode, group in groupby(state.waiting, key=lambda item: item[1].label):
        owners = tuple(label(owner) for owner, _ in group)
        if mode == LockMode.SHARED.label:
            pending.append((mode, owners))
        else:
            pending.extend((mode, (owner,)) for owner in owners)
    mode = max(holders.values()).label if holders else None
    return LockRow(str(state.lock), mode, tuple(map(label, holders)), tuple(pending))


def told(wait: Wait, now_s: float, name: str | None = None) -> str:
    """Return one line for people: for what somebody waits, and who is in the way.

    Args:
        name: what the lock is called; otherwise as the listing has it.
    """
    for_s = now_s - wait.since_s
    line = f"Waiting for the lock {name or wait.lock} ({wait.mode.label}) for {for_s:.0f} seconds"
    holders = [each for each in wait.in_the_way if each.holds]
    before = [each for each in wait.in_the_way if not each.holds]
    if holders:
        line += f"; held by {_listed(holders, now_s, 'held')}"
    if before:
        line += f"; asked for before by {_listed(before, now_s, 'waiting')}"
    return line


def _listed(those: Sequence[InTheWay], now_s: float, how: str) -> str:
    shown = [
        f"{described(each.owner)} ({each.mode.label}, {how} for {now_s - each.since_s:.0f} seconds)"
        for each in those[:LOCK_WAIT_OWNERS_TOLD_MAX]
    ]
    more = len(those) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def problems(states: Sequence[LockState]) -> list[str]:
    """Return what breaks an invariant of the table; nothing when all is well."""
    found: list[str] = []
    held: dict[Owner, dict[Lock, LockMode]] = {}
    waits: dict[Owner, Lock] = {}
    for state in states:
        found.extend(_holder_problems(state))
        for owner, mode in state.holders.items():
            held.setdefault(owner, {})[state.lock] = mode
        for owner, _ in state.waiting:
            if owner in waits:
                found.append(f"{subject(owner)} waits for {waits[owner]} and {state.lock}")
            waits[owner] = state.lock
    for owner, lock in waits.items():
        found.extend(
            f"{subject(owner)} holds {other} while it waits for {lock}"
            for other in held.get(owner, {})
            if other.order >= lock.order
        )
    for owner, locks in held.items():
        found.extend(
            f"{subject(owner)} holds {lock} without an intention on its level"
            for lock, mode in locks.items()
            if lock.lockset is not None and mode.intention > locks.get(lock.lockset, _NO_MODE)
        )
    return found


def _holder_problems(state: LockState) -> list[str]:
    holders = list(state.holders.items())
    found = [
        f"{subject(owner)} and {described(other)} hold {state.lock} "
        f"in modes {mode.name} and {other_mode.name}"
        for index, (owner, mode) in enumerate(holders)
        for other, other_mode in holders[index + 1 :]
        if other_mode not in COMPATIBLE[mode]
    ]
    if not holders:
        found.append(f"{state.lock} is in the table and nobody holds it")
    if state.waiting:
        owner, mode = state.waiting[0]
        if all(other in COMPATIBLE[mode] for other in state.holders.values()):
            found.append(f"{subject(owner)} waits for {state.lock} though it could have it")
    return found
