"""Carrying out migration steps: see where a store stands, bring it forward or back.

Invariants:

1. Nothing is changed before a backup is whole and durable.
2. Each step and its version number are one transaction: after a crash the store has the form of one
   version, and says of which.
3. A store that a daemon has open is refused (`StoreBusy`), because only one process may write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrations import backup
from migrations.registry import STEPS
from migrations.step import Body, Irreversible, Step
from store import failpoints, schema
from store.env import DATA_FILE
from store.errors import StoreError, StoreMissing
from store.store import Store
from store.txn import WriteTxn


class MigrationError(Exception):
    """There is no way to the wanted version; the store is as it was."""


class StepFailedError(Exception):
    """A step raised; the store has the version before it. The text says which, and the backup."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a store stands."""

    version: int
    newest: int
    #: Steps that `up` would take, oldest first.
    pending: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was done."""

    before: int
    after: int
    #: Where the store as it was before is kept; None when nothing had to be done.
    backup: Path | None


def status(store_path: Path, *, steps: Sequence[Step] = STEPS) -> Status:
    """Look at a store; a daemon may have it open.

    Raises:
        StoreMissing: there is none.
        MigrationError: its version is not one of ours.
    """
    store = Store.open(store_path, read_only=True, schema_version=None)
    try:
        version = _version(store, steps)
    finally:
        store.close()
    return Status(version, steps[-1].version, tuple(s for s in steps if s.version > version))


def up(store_path: Path, *, backup_dir: Path, now_us: int, steps: Sequence[Step] = STEPS) -> Report:
    """Bring a store to the newest version; errors as `migrate`. Switches."""
    return migrate(store_path, steps[-1].version, backup_dir=backup_dir, now_us=now_us, steps=steps)


def down(
    store_path: Path, *, backup_dir: Path, now_us: int, steps: Sequence[Step] = STEPS
) -> Report:
    """Take a store one version back; errors as `migrate`. Switches."""
    version = status(store_path, steps=steps).version
    return migrate(store_path, version - 1, backup_dir=backup_dir, now_us=now_us, steps=steps)


def migrate(
    store_path: Path,
    version: int,
    *,
    backup_dir: Path,
    now_us: int,
    steps: Sequence[Step] = STEPS,
    told: Callable[[str], None] = lambda _text: None,
) -> Report:
    """Bring a store to a version, forward or back, step by step. Switches.

    A step that fails leaves the store at the version before that step; `backup_dir` holds it as it
    was before the first.

    Args:
        backup_dir: where the backup is put; made when it is not there.
        now_us: time in microseconds since the epoch, for the backup's name.
        told: is given a line before the backup and before each step.

    Raises:
        MigrationError: no such version, or the way back is closed; nothing was changed.
        backup.BackupError: no good backup; nothing was changed.
        StepFailedError: a step found data that it cannot bring to the other form.
        StoreMissing: there is no store.
        StoreBusy: a daemon has it.
        StoreError, OSError: the disk fails.
    """
    if not (store_path / DATA_FILE).exists():
        # Opening for writing would make a new one.
        raise StoreMissing(f"there is no store in {store_path}")
    store = Store.open(store_path, schema_version=None)
    try:
        before = _version(store, steps)
        way = _way(before, version, steps)
        if not way:
            return Report(before, before, None)
        told(f"backing up version {before}")
        kept = backup.make(store, backup_dir, now_us=now_us)
        for step, start, end, body in way:
            told(f"version {start} to {end}: {step.name}")
            try:
                _take(store, step, start, end, body)
            except (StoreError, OSError):
                raise
            except Exception as error:
                raise StepFailedError(
                    f"version {start} to {end} ({step.name}) failed: {error}; the store has "
                    f"version {start}, and {kept} is the store as it was at first"
                ) from error
            failpoints.hit("migrations.after-step")
    finally:
        store.close()
    return Report(before, version, kept)


def _take(store: Store, step: Step, start: int, end: int, change: Body) -> None:
    def body(txn: WriteTxn) -> None:
        found = schema.META.get(txn, "version")
        assert found == start, f"version {found} where {start} was expected"
        change(txn)
        schema.META.put(txn, "version", end)

    store.create_tables(*(name for name in step.tables if name not in _tables(store)))
    store.update(body)


def _tables(store: Store) -> frozenset[str]:
    with store.snapshot() as txn:
        return frozenset(txn.tables)


def _way(start: int, end: int, steps: Sequence[Step]) -> list[tuple[Step, int, int, Body]]:
    """Return the steps to take as (step, version before, version after, body)."""
    newest = steps[-1].version
    if end == start:
        return []
    if not 0 <= end <= newest:
        raise MigrationError(f"there is no version {end}; this program knows 1 to {newest}")
    if end > start:
        return [
            (step, step.version - 1, step.version, step.up)
            for step in steps
            if start < step.version <= end
        ]
    way: list[tuple[Step, int, int, Body]] = []
    for step in reversed(steps):
        if end < step.version <= start:
            if isinstance(step.down, Irreversible):
                raise MigrationError(
                    f"there is no way back from version {step.version} ({step.name}): "
                    f"{step.down.reason}; a backup can be put back instead"
                )
            way.append((step, step.version, step.version - 1, step.down))
    return way


def _version(store: Store, steps: Sequence[Step]) -> int:
    with store.snapshot() as txn:
        version = schema.META.get(txn, "version")
    assert isinstance(version, int), "checked when the store was opened"
    if not 0 <= version <= steps[-1].version:
        raise MigrationError(
            f"the store in {store.path} has version {version}; "
            f"this program knows 1 to {steps[-1].version}"
        )
    return version
