"""Comparing the mirror with the store, and writing it anew.

The store is never changed here: a file that vanished, changed or appeared is reported, and written
or moved away only when somebody asks for it. Everything blocks.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter import carried
from exporter import plan as plans
from exporter.files import QueueFiles
from exporter.layout import VERSION_CONTENT, Layout, job_id_of, number_content
from exporter.mirror import CURSOR, Mirror
from store import outbox, schema, serials
from store.store import Store
from store.table import Table

#: Rows looked at within one snapshot.
PAGE: Final = 500


class Kind(StrEnum):
    """How a file differs from the store."""

    VANISHED = "vanished"
    CHANGED = "changed"
    #: A file of a live job, but the job is archived.
    STALE = "not moved to the archive"
    UNKNOWN = "of a job that the store does not know"


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not as the store has it."""

    path: Path
    kind: Kind

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}"


@dataclass(slots=True)
class Comparison:
    """What a comparison found.

    Attributes:
        live: Live jobs looked at.
        archived: Archived jobs looked at.
        pending: Jobs passed over because the mirror has them still to do.
        removed: Archived jobs without a file: removed by an administrator or `ganeti-cleaner`,
            which is their right.
        uncarried: What the configuration says that Ganeti's own daemons cannot carry.
    """

    differences: list[Difference] = field(default_factory=list)
    live: int = 0
    archived: int = 0
    pending: int = 0
    removed: int = 0
    uncarried: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "live": self.live,
            "archived": self.archived,
            "pending": self.pending,
            "removed": self.removed,
            "differences": documents_of(self.differences),
            "uncarried": list(self.uncarried),
        }


def documents_of(differences: Sequence[Difference]) -> list[dict[str, str]]:
    """Return differences as JSON values."""
    return [{"path": str(each.path), "kind": str(each.kind)} for each in differences]


def compare(store: Store, layout: Layout) -> Comparison:
    """Compare every file of the mirror with the store; a daemon may be at work.

    Raises:
        OSError: a file cannot be read.
        StoreError: the store cannot be read.
    """
    found = Comparison()
    pending = _Pending(store)
    _compare_switches(store, layout, pending, found)
    _compare_live(store, layout, pending, found)
    _compare_archive(store, layout, pending, found)
    _compare_names(store, layout, pending, found)
    with store.snapshot() as txn:
        for (kind, uuid), row in schema.CONFIG.scan(txn):
            if isinstance(row, dict):
                found.uncarried += carried.uncarried(kind, uuid, row)
    return found


def compare_live(store: Store, layout: Layout) -> list[Difference]:
    """Compare the files of the live jobs, and those that should be none; errors as `compare`."""
    found = Comparison()
    pending = _Pending(store)
    _compare_live(store, layout, pending, found)
    _compare_strays(store, layout, pending, found)
    return found.differences


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was written anew.

    Attributes:
        before: Differences that there were.
        left: Those that are left: files of jobs that the store does not know.
        archived: Files of archived jobs that were written.
    """

    before: tuple[Difference, ...]
    left: tuple[Difference, ...]
    archived: int


def rebuild(store: Store, layout: Layout, *, archive: bool = False) -> Rebuilt:
    """Write the mirror anew, and say in the outbox that it is up to date.

    Files of live jobs are written all, those of archived jobs where they differ. Files of jobs that
    the store does not know are left where they are.

    Args:
        archive: write missing files of archived jobs too.

    Raises:
        OSError, StoreError: the disk fails; run again.
    """
    before = compare(store, layout)
    mirror = Mirror(store, layout)
    mirror.prepare()
    through = mirror.write_whole()
    files = QueueFiles(layout)
    archived = 0
    for job_id, content, end_us in _archived_to_write(store, layout, missing_too=archive):
        path = layout.archived_job(job_id)
        files.make_directory(path.parent)
        files.write(path, content, modified_us=end_us)
        archived += 1
    files.sync()
    store.update(lambda txn: outbox.set_cursor(txn, CURSOR, through))
    left = compare(store, layout)
    return Rebuilt(tuple(before.differences), tuple(left.differences), archived)


def catch_up(store: Store, layout: Layout) -> int:
    """Do what the outbox asks for, without a daemon; return how many entries were done.

    Raises:
        OSError, StoreError: the disk fails; run again.
    """
    mirror = Mirror(store, layout)
    mirror.prepare()
    with store.snapshot() as txn:
        after = outbox.get_cursor(txn, CURSOR)
    done = 0
    while True:
        through = mirror.step(after)
        if through == after:
            return done
        done += through - (after or 0)
        after = through
        store.update(lambda txn, seq=through: outbox.set_cursor(txn, CURSOR, seq))  # type: ignore[misc]


class _Pending:
    """What the mirror still has to do, looked up again when there is news of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, int] | None = None
        self._jobs: frozenset[int] = frozenset()
        self._kinds: frozenset[str] = frozenset()

    def job(self, job_id: int) -> bool:
        """Tell whether a job's file is still to be written or moved."""
        self._look()
        return job_id in self._jobs

    @property
    def any(self) -> bool:
        """Whether anything is still to be done."""
        self._look()
        return bool(self._kinds)

    def kind(self, kind: str) -> bool:
        """Tell whether an entry of some kind is still to be done."""
        self._look()
        return kind in self._kinds

    def _look(self) -> None:
        with self._store.snapshot() as txn:
            after = outbox.get_cursor(txn, CURSOR) or 0
            if self._seen == (after, outbox.last(txn)):
                return
            self._seen = (after, outbox.last(txn))
            entries = outbox.read(txn, after, outbox.ENTRIES_MAX)
        self._jobs = frozenset(e.ident for e in entries if e.kind in (outbox.JOB, outbox.ARCHIVE))
        self._kinds = frozenset(e.kind for e in entries)


def _compare_switches(store: Store, layout: Layout, pending: _Pending, found: Comparison) -> None:
    with store.snapshot() as txn:
        serial = number_content(serials.last(txn, "job"))
        epoch = serials.last(txn, plans.EPOCH)
        drained = bool(schema.FLAGS.get(txn, "drain"))
    wanted_files = {layout.serial: serial, layout.version: VERSION_CONTENT}
    if epoch:
        wanted_files[layout.epoch] = number_content(epoch)
    for path, wanted in wanted_files.items():
        content = _read(path)
        if content is not None and content.strip() == wanted.strip():
            continue
        if path in (layout.serial, layout.epoch) and pending.any:
            continue
        kind = Kind.VANISHED if content is None else Kind.CHANGED
        found.differences.append(Difference(path, kind))
    if drained != layout.drain.exists() and not pending.kind(outbox.DRAIN):
        kind = Kind.VANISHED if drained else Kind.CHANGED
        found.differences.append(Difference(layout.drain, kind))


def _compare_live(store: Store, layout: Layout, pending: _Pending, found: Comparison) -> None:
    for job_id, wanted in _live_contents(store):
        found.live += 1
        content = _read(layout.job(job_id))
        if content is None or not same(content, wanted):
            _judge_live(store, layout, pending, found, job_id)


def _judge_live(
    store: Store, layout: Layout, pending: _Pending, found: Comparison, job_id: int
) -> None:
    """Look again at a file that differs: a daemon at work may have been between two looks."""
    if pending.job(job_id):
        found.pending += 1
        return
    with store.snapshot() as txn:
        document = schema.JOBS.get(txn, job_id)
        if document is None:
            return  # archived meanwhile
        wanted = plans.render_live(txn, job_id, document)
    content = _read(layout.job(job_id))
    if content is not None and same(content, wanted):
        return
    if pending.job(job_id):
        found.pending += 1
        return
    kind = Kind.VANISHED if content is None else Kind.CHANGED
    found.differences.append(Difference(layout.job(job_id), kind))


def _compare_archive(store: Store, layout: Layout, pending: _Pending, found: Comparison) -> None:
    for job_id, document in _rows(store, schema.ARCHIVE):
        found.archived += 1
        path = layout.archived_job(job_id)
        content = _read(path)
        if content is not None and same(content, plans.render_archived(job_id, document)):
            continue
        if pending.job(job_id):
            found.pending += 1
        elif content is None:
            found.removed += 1
        else:
            found.differences.append(Difference(path, Kind.CHANGED))


def _compare_names(store: Store, layout: Layout, pending: _Pending, found: Comparison) -> None:
    _compare_strays(store, layout, pending, found)
    for directory in sorted(_directories(layout.archive)):
        for job_id in _job_ids(directory):
            with store.snapshot() as txn:
                # A live job may have an older file here from the master before.
                known = schema.ARCHIVE.has(txn, job_id) or schema.JOBS.has(txn, job_id)
            path = directory / f"job-{job_id}"
            if not known and not pending.job(job_id) and is_job(_read(path)):
                found.differences.append(Difference(path, Kind.UNKNOWN))


def _compare_strays(store: Store, layout: Layout, pending: _Pending, found: Comparison) -> None:
    for job_id in _job_ids(layout.directory):
        with store.snapshot() as txn:
            if schema.JOBS.has(txn, job_id):
                continue
            kind = Kind.STALE if schema.ARCHIVE.has(txn, job_id) else Kind.UNKNOWN
        path = layout.job(job_id)
        if not pending.job(job_id) and path.exists():
            found.differences.append(Difference(path, kind))


def same(content: bytes, wanted: bytes) -> bool:
    """Tell whether two files show the same job: equal bytes, or equal JSON.

    Old masters wrote ids as texts.
    """
    if content == wanted:
        return True
    try:
        found, job = _decode(content), _decode(wanted)
    except msgspec.DecodeError:
        return False
    if isinstance(found, dict) and found.get("id") == str(job["id"]):
        found["id"] = job["id"]
    return bool(found == job)


def is_job(content: bytes | None) -> bool:
    """Tell whether a file has anything of a job in it. Old masters left others in the archive."""
    try:
        found = None if content is None else _decode(content)
    except msgspec.DecodeError:
        return False
    return isinstance(found, dict) and bool(found.get("ops"))


_decode: Final = msgspec.json.Decoder().decode


def _archived_to_write(
    store: Store, layout: Layout, *, missing_too: bool
) -> Iterator[tuple[int, bytes, int | None]]:
    for job_id, document in _rows(store, schema.ARCHIVE):
        content = _read(layout.archived_job(job_id))
        wanted = plans.render_archived(job_id, document)
        if missing_too if content is None else not same(content, wanted):
            yield job_id, wanted, document["end"]


def _live_contents(store: Store) -> Iterator[tuple[int, bytes]]:
    start: int | None = 0
    while start is not None:
        with store.snapshot() as txn:
            plan, start = plans.page(txn, start)
        if plan.damaged:
            raise plan.damaged[0]
        yield from plan.jobs.items()


def _rows(store: Store, table: Table[int, Any]) -> Iterator[tuple[int, Any]]:
    """Yield all rows, some per snapshot, so that none is held for long."""
    start = 0
    while True:
        with store.snapshot() as txn:
            page = list(table.scan(txn, start, limit=PAGE))
        yield from page
        if len(page) < PAGE:
            return
        start = page[-1][0] + 1


def _job_ids(directory: Path) -> list[int]:
    try:
        with os.scandir(directory) as entries:
            return sorted(i for entry in entries if (i := job_id_of(entry.name)) is not None)
    except FileNotFoundError:
        return []


def _directories(archive: Path) -> list[Path]:
    try:
        return [path for path in archive.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
