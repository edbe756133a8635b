"""Which files of a queue directory are not of our writing.

The mirror writes only what was committed, so a file of ours shows its job as the store has it, or,
where the outbox still owes the mirror something, as the store had it. Whatever is further than the
store was written by another master that worked here meanwhile.

What it costs does not grow with the archive: names are listed of the live jobs and of the newest
directories of the archive, and contents are read of unfinished jobs and of those still owed.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter.layout import JOBS_PER_DIRECTORY, Layout, job_id_of
from exporter.mirror import CURSOR
from store import outbox, schema, serials
from store.store import Store
from store.txn import ReadTxn, WriteTxn

#: Keys that say of a job's file and of an opcode in it how far the job has come.
_JOB_TIMES: Final = ("received", "start", "end")
_OP_TIMES: Final = ("start", "exec", "end")

_FINAL: Final = frozenset({"success", "error", "canceled"})
#: How far an opcode has come; a restart puts one that waits back to the queue, none else.
_PROGRESS: Final = {"queued": 0, "waiting": 0, "canceling": 0, "running": 1}
_ENDED: Final = 2

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

_decode: Final = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStanding:
    """The files of a queue directory beside the jobs of the store. Ids rise.

    Attributes:
        last_id: Last job id that the store gave out.
        serial: Number in the file `serial`; None where there is none.
        highest: Highest id that has a file; 0 without any.
        unknown: Jobs that have a file, and that the store does not know.
        further: Jobs that the store knows, and whose file is further, or of another job.
        archived: Jobs whose file lies in the archive, and that are not archived in the store.
        drained: Whether the queue is drained by its file, where the store says otherwise.
    """

    last_id: int
    serial: int | None
    highest: int
    unknown: tuple[int, ...] = ()
    further: tuple[int, ...] = ()
    archived: tuple[int, ...] = ()
    drained: bool | None = None

    @property
    def last_file_id(self) -> int:
        """The last id that whoever wrote the files gave out."""
        return max(self.serial or 0, self.highest)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else has worked on jobs here; anybody may set the drain flag."""
        ahead = self.last_file_id > self.last_id
        return not (ahead or self.unknown or self.further or self.archived)


def look(store: Store, layout: Layout) -> QueueStanding:
    """Compare the files of a queue directory with the store. Blocks.

    Raises:
        OSError: the directory or a file in it cannot be read.
        StoreError: the store cannot be read.
    """
    live = set(_ids(layout.directory))
    with store.snapshot() as txn:
        owed = _Owed.of(txn)
        last_id = serials.last(txn, "job")
        known = set(schema.JOBS.keys(txn))
        unknown = {i for i in live - known if not schema.ARCHIVE.has(txn, i)}
        looked_at = set(schema.UNFINISHED.keys(txn)) | (
            owed.jobs if owed.jobs is not None else known
        )
        further = [
            job_id
            for job_id in sorted(looked_at & live)
            if _is_further(txn, job_id, _content(layout.job(job_id)), owed.job(job_id))
        ]
        drained = bool(schema.FLAGS.get(txn, "drain"))
    moved = [i for i in sorted(known - live) if layout.archived_job(i).exists()]
    beyond = {i for i in _newest_archived(layout, last_id) if i > last_id}
    is_drained = layout.drain.exists()
    return QueueStanding(
        last_id=last_id,
        serial=_serial(layout),
        highest=max([0, *live, *beyond]),
        unknown=tuple(sorted(unknown | beyond)),
        further=tuple(further),
        archived=tuple(moved),
        drained=None if is_drained == drained or owed.drain else is_drained,
    )


def missing(store: Store, layout: Layout) -> tuple[int, ...]:
    """Return the jobs of the store that the files do not hold, in rising order. Blocks.

    A job is held whose file, live or archived, was received at the same time. Of archived jobs only
    those are looked at that the mirror may not have moved yet.

    Raises:
        OSError: a file cannot be read.
        StoreError: the store cannot be read.
    """
    with store.snapshot() as txn:
        owed = _Owed.of(txn).jobs
        received = {job_id: row["received"] for job_id, row in schema.JOBS.scan(txn)}
        rows = {} if owed is None else {i: schema.ARCHIVE.get(txn, i) for i in owed}
        received |= {job_id: row["received"] for job_id, row in rows.items() if row is not None}
    if owed is None:
        # What the mirror has not done may be anything.
        return tuple(sorted(received))
    return tuple(i for i in sorted(received) if _received(layout, i) != received[i])


def _received(layout: Layout, job_id: int) -> int | None:
    content = _content(layout.job(job_id)) or _content(layout.archived_job(job_id))
    try:
        return None if content is None else _us(_decode(content)["received_timestamp"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None


def keep_store(txn: WriteTxn, standing: QueueStanding) -> None:
    """Let the store outlive what another master wrote. For a transaction.

    No id is given out that the other has given out, and the mirror and the candidates get anew
    whatever the other has changed.
    """
    serials.raise_to(txn, "job", standing.last_file_id)
    for job_id in (*standing.further, *standing.archived):
        outbox.append(txn, outbox.JOB, job_id)
    outbox.append(txn, outbox.SERIAL, serials.last(txn, "job"))
    for name, _ in list(schema.CURSORS.scan(txn)):
        if name != CURSOR:
            outbox.drop_cursor(txn, name)


def put_aside(layout: Layout, standing: QueueStanding, directory: Path) -> None:
    """Move the files of another master into a directory that has the form of a queue.

    Raises:
        OSError: the disk fails; what was moved is in the directory.
    """
    aside = Layout(directory)
    for job_id in (*standing.unknown, *standing.further):
        _move(layout.job(job_id), aside.job(job_id))
    for job_id in (*standing.unknown, *standing.archived):
        _move(layout.archived_job(job_id), aside.archived_job(job_id))


@dataclass(frozen=True, slots=True)
class _Owed:
    """What the mirror still has to do; `jobs` is None where that may be everything."""

    jobs: frozenset[int] | None
    drain: bool

    @classmethod
    def of(cls, txn: ReadTxn) -> "_Owed":
        after = outbox.get_cursor(txn, CURSOR)
        oldest = outbox.first(txn)
        if after is None or (oldest is not None and oldest > after + 1):
            return cls(None, drain=after is None)
        entries = outbox.read(txn, after, outbox.ENTRIES_MAX)
        return cls(
            frozenset(e.ident for e in entries if e.kind in (outbox.JOB, outbox.ARCHIVE)),
            drain=any(e.kind == outbox.DRAIN for e in entries),
        )

    def job(self, job_id: int) -> bool:
        return self.jobs is None or job_id in self.jobs


def _is_further(txn: ReadTxn, job_id: int, content: bytes | None, owed: bool) -> bool:
    document = schema.JOBS.get(txn, job_id)
    archived = document is None
    if archived:
        document = schema.ARCHIVE.get(txn, job_id)
    if document is None or content is None:
        return False
    try:
        found = _decode(content)
        return is_further(found, document, owed=owed)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        # Damaged: no master wrote that, and the store has the job.
        return False


def is_further(found: Mapping[str, Any], document: Mapping[str, Any], *, owed: bool) -> bool:
    """Tell whether a job's file was written by another master than the store's. Pure.

    Args:
        found: The file.
        document: Row of the job in table `jobs` or `archive`.
        owed: Whether the mirror may still show an older state of the job.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `found` is no job.
    """
    theirs, ours = found["ops"], document["ops"]
    if _us(found["received_timestamp"]) != document["received"] or len(theirs) != len(ours):
        return True
    if [_op_id(op) for op in theirs] != [op["id"] for op in ours]:
        return True
    log = max((line[0] for op in theirs for line in op.get("log", ())), default=0)
    if owed:
        pairs = list(zip(theirs, ours, strict=True))
        return log > document["log_serial"] or any(_op_is_further(*pair) for pair in pairs)
    return log != document["log_serial"] or _file_state(found) != _row_state(document)


def _op_is_further(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    progress = _PROGRESS.get(theirs["status"], _ENDED)
    if progress == _ENDED == _PROGRESS.get(ours["status"], _ENDED):
        return bool(
            theirs["status"] != ours["status"] or _us(theirs["end_timestamp"]) != ours["end"]
        )
    return progress > _PROGRESS.get(ours["status"], _ENDED)


def _file_state(found: Mapping[str, Any]) -> list[object]:
    state: list[object] = [_us(found.get(f"{key}_timestamp")) for key in _JOB_TIMES]
    for op in found["ops"]:
        times = [_us(op.get(f"{key}_timestamp")) for key in _OP_TIMES]
        state += [op["status"], op.get("priority", 0), *times]
    return state


def _row_state(document: Mapping[str, Any]) -> list[object]:
    state: list[object] = [document[key] for key in _JOB_TIMES]
    for op in document["ops"]:
        state += [op["status"], op["priority"], *(op[key] for key in _OP_TIMES)]
    return state


def _op_id(op: Mapping[str, Any]) -> str:
    """Return an opcode's name as the store has it. Source: see `migrations.legacy.job_file`."""
    op_input = op["input"]
    op_id = op_input.get("OP_ID") if isinstance(op_input, dict) else None
    return op_id if isinstance(op_id, str) and op_id else "INVALID_OP"


def _us(stamp: Sequence[int] | None) -> int | None:
    if stamp is None:
        return None
    seconds, microseconds = stamp
    return int(seconds) * 1_000_000 + int(microseconds)


def _ids(directory: Path) -> Iterator[int]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                job_id = job_id_of(entry.name)
                if job_id is not None:
                    yield job_id
    except FileNotFoundError:
        return


def _newest_archived(layout: Layout, last_id: int) -> Iterator[int]:
    """Yield the ids in those directories of the archive that may go beyond `last_id`."""
    try:
        names = [path.name for path in layout.archive.iterdir()]
    except FileNotFoundError:
        return
    for name in names:
        if _NUMBER.fullmatch(name) and int(name) >= last_id // JOBS_PER_DIRECTORY:
            yield from _ids(layout.archive / name)


def _serial(layout: Layout) -> int | None:
    content = _content(layout.serial)
    text = "" if content is None else content.decode("ascii", errors="replace").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _move(old: Path, new: Path) -> None:
    if old.exists():
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        old.rename(new)
