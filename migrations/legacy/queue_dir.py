"""Taking over a queue directory of Ganeti into an empty store.

First every file is read and judged: a live one that cannot be read refuses the whole, with all
reasons, before anything is written; one in the archive is told and passed over (masters up to 2.11
left such files there on purpose). Of a job that is live and archived the final one is kept, the
live one of two. Then the jobs are read again and put into the store in id order, the archive before
the live ones, some thousands per transaction; memory does not grow with the directory. The
directory itself is only read: it is the mirror from now on.

Invariants:

1. The first transaction raises the serial above every id, and leaves a mark with the position that
   every further transaction moves with the rows it adds. After a crash the next run goes on there.
2. Only jobs that were changed on the way (`unclean`), live ones whose file has another form than
   ours, those whose other file does not count, and a serial file that lagged behind, get an outbox
   entry; the mirror's cursor stands before them and behind everything the files say already.
3. The mark goes in the transaction that ends the takeover.
"""

from array import array
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

from migrations.legacy import job_file, queue_lock, queue_scan, unclean
from migrations.legacy.job_file import FINAL, JobFileRefusedError, LegacyJob, Summary
from migrations.legacy.queue_scan import QueueFiles
from migrations.legacy.unclean import Outcome
from store import failpoints, outbox, schema, serials
from store.store import Store
from store.txn import ReadTxn, WriteTxn

#: Jobs of one transaction, and the bytes of their files, whichever is reached first.
BATCH_JOBS: Final = 2000
BATCH_BYTES: Final = 16 * 1024 * 1024

#: Bytes of the largest job file that is read; verifying a cluster of 1,000 nodes leaves some 2 MiB.
FILE_BYTES_MAX: Final = 64 * 1024 * 1024

#: Reasons kept; the rest is only counted.
REASONS_MAX: Final = 100

#: Beside the queue directory: where a file may be moved that cannot be taken over.
ASIDE: Final = "queue.refused"

#: Name of the exporter's cursor in the outbox.
MIRROR_CURSOR: Final = "mirror"

#: Rows of table `meta`: the mark of a takeover under way, and the record of one that ended.
MARK: Final = "takeover"
RECORD: Final = "taken_over"

#: Is told how many files of how many were judged or taken over; must not touch the store.
Progress = Callable[[str, int, int], None]

#: Is told what is passed over, a sentence each.
Told = Callable[[str], None]

#: Tells whether an opcode of this name can be carried out.
Supported = Callable[[str], bool]


class QueueRefusedError(Exception):
    """The directory cannot be taken over. `reasons` says why.

    The store holds nothing new, or (where files changed between judging and taking) a part, with
    the mark that lets the next run go on.
    """

    def __init__(self, directory: Path, reasons: list[str]) -> None:
        super().__init__(f"{directory} cannot be taken over: " + "; ".join(reasons))
        self.directory = directory
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class TakeoverReport:
    """What was taken over, by all runs together where it took several."""

    live: int = 0
    archived: int = 0
    #: Jobs that had only waited for locks, and start over.
    requeued: int = 0
    #: Jobs cut off in the middle, which ended in error.
    ended: int = 0
    serial: int = 0
    drained: bool = False

    def __str__(self) -> str:
        drained = ", drained" if self.drained else ""
        return (
            f"{self.live} jobs ({self.requeued} back to the queue, {self.ended} cut off), "
            f"{self.archived} archived, last id {self.serial}{drained}"
        )


def takeover_if_first_start(
    store: Store,
    queue_dir: Path,
    *,
    now_us: int,
    summary: Summary = job_file.default_summary,
    locked: bool = False,
    told: Told = lambda _note: None,
    supported: Supported = lambda _op_id: True,
) -> TakeoverReport | None:
    """Take over a queue directory, or go on doing so, where the store has no queue yet. Switches.

    Args:
        locked: the caller has the queue's lock, and would lose it if the file was opened again.
        told, supported: as `takeover`.

    Returns:
        None when the store has its own queue already, or the directory holds nothing.

    Raises:
        QueueRefusedError, StoreError: as `takeover`.
    """
    with store.snapshot() as txn:
        begun = schema.META.get(txn, MARK) is not None
        used = _in_use(txn)
    if not begun and (used or queue_scan.scan(queue_dir).empty):
        return None
    return takeover(
        store,
        queue_dir,
        now_us=now_us,
        summary=summary,
        locked=locked,
        told=told,
        supported=supported,
    )


def takeover(
    store: Store,
    queue_dir: Path,
    *,
    now_us: int,
    summary: Summary = job_file.default_summary,
    progress: Progress = lambda _what, _done, _of: None,
    batch_jobs: int = BATCH_JOBS,
    locked: bool = False,
    told: Told = lambda _note: None,
    supported: Supported = lambda _op_id: True,
) -> TakeoverReport:
    """Take over a queue directory, or finish a takeover that was cut off. Switches.

    Args:
        now_us: the end of jobs that were cut off, in microseconds since the epoch.
        summary: makes the short text of an opcode from its input.
        locked: as `takeover_if_first_start`.
        told: hears of what is passed over.
        supported: refuses jobs that would only fail, because nobody here carries them out.

    Raises:
        QueueRefusedError: another master uses the directory, the store has jobs already, or files
            cannot be read.
        StoreError: the store fails; run again.
    """
    if not queue_dir.is_dir():
        raise QueueRefusedError(queue_dir, ["it is not a directory"])
    try:
        with nullcontext() if locked else queue_lock.held(queue_dir):
            files = queue_scan.scan(queue_dir)
            files = _Judgement(files, supported).judge(progress)
            for note in _few(list(files.notes)):
                told(note)
            return _Takeover(store, files, now_us, summary, progress, batch_jobs).run()
    except queue_lock.QueueInUseError as error:
        raise QueueRefusedError(queue_dir, [str(error)]) from error
    except OSError as error:
        raise QueueRefusedError(queue_dir, [f"{error.filename}: {error.strerror}"]) from error


def _in_use(txn: ReadTxn) -> bool:
    if schema.META.get(txn, RECORD) is not None:
        return True  # such as a directory that held nothing but the drain flag
    rows = schema.JOBS.count(txn) + schema.ARCHIVE.count(txn)
    return rows > 0 or serials.last(txn, "job") > 0


class _Judgement:
    """One reading of all files, and what comes of it."""

    def __init__(self, files: QueueFiles, supported: Supported) -> None:
        self._files = files
        self._supported = supported
        self._reasons = list(files.reasons)
        self._notes = list(files.notes)
        #: Whether the file of a job in both places is final, as far as it can be read; by place.
        self._final: dict[tuple[int, bool], bool] = {}
        self._unread: set[int] = set()

    def judge(self, progress: Progress) -> QueueFiles:
        """Return what is taken over of the files, with a note of what is not.

        Raises:
            QueueRefusedError: with everything that stands against taking over.
        """
        files = self._files
        total = len(files.live) + len(files.archived)
        for done, (job_id, archived) in enumerate(_in_order(files, 0, 0)):
            if done % BATCH_JOBS == 0:
                progress("read", done, total)
            self._look(job_id, archived)
        without = [set[int](), set(self._unread)]
        for job_id in files.both:
            live = self._final.get((job_id, False)) or not self._final.get((job_id, True))
            without[live].add(job_id)
            kept = "live" if live else "archived"
            self._notes.append(f"job {job_id} is both live and archived; the {kept} one is kept")
            if not live:
                # Whatever stands against the live one does not count.
                prefix = f"{files.live_path(job_id)}: "
                self._reasons = [each for each in self._reasons if not each.startswith(prefix)]
        if self._reasons:
            raise QueueRefusedError(files.directory, _few(self._reasons))
        return replace(
            files,
            live=array("Q", (i for i in files.live if i not in without[False])),
            archived=array("Q", (i for i in files.archived if i not in without[True])),
            notes=tuple(self._notes),
        )

    def _look(self, job_id: int, archived: bool) -> None:
        try:
            job, _ = _read(self._files, job_id, archived, job_file.default_summary)
        except JobFileRefusedError as error:
            if archived:
                self._unread.add(job_id)
                self._notes.append(f"{error}; passed over")
            else:
                aside = self._files.directory.with_name(ASIDE)
                self._reasons.append(f"{error}; to go on without this job, move it into {aside}")
            return
        self._final[job_id, archived] = job.status in FINAL
        if archived or job.status in FINAL:
            return
        path = self._files.live_path(job_id)
        livelock = job.document.get("livelock")
        if livelock and queue_lock.job_is_running(Path(livelock)):
            self._reasons.append(f"{path}: it is still being run by process {_process(job)}")
        settled, _ = unclean.settle(job, 0, archived=False)
        for op in settled.document["ops"]:
            if op["status"] not in FINAL and not self._supported(op["id"]):
                self._reasons.append(
                    f"{path}: it is {settled.status}, and {op['id']} cannot be carried out yet;"
                    " cancel it, or let the master before finish it"
                )
                break


def _few(sentences: list[str]) -> list[str]:
    """Return no more sentences than anybody reads."""
    more = len(sentences) - REASONS_MAX
    return sentences if more <= 0 else [*sentences[:REASONS_MAX], f"and {more} more"]


def _process(job: LegacyJob) -> str:
    return str(job.document.get("process_id", "of unknown number"))


def _in_order(files: QueueFiles, archived_done: int, live_done: int) -> Iterator[tuple[int, bool]]:
    """Yield (id, archived) of the files behind a position, in the order of taking over."""
    yield from ((job_id, True) for job_id in files.archived if job_id > archived_done)
    yield from ((job_id, False) for job_id in files.live if job_id > live_done)


def _read(
    files: QueueFiles, job_id: int, archived: bool, summary: Summary
) -> tuple[LegacyJob, int]:
    """Return a job and the size of its file.

    Raises:
        JobFileRefusedError: with the path in its text.
    """
    path = files.archived_path(job_id) if archived else files.live_path(job_id)
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise JobFileRefusedError(f"it is larger than {FILE_BYTES_MAX} bytes")
        return job_file.parse(job_id, content, summary), len(content)
    except JobFileRefusedError as error:
        raise JobFileRefusedError(f"{path}: {error}") from error
    except OSError as error:
        raise JobFileRefusedError(f"{path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Taken:
    """A job on its way into the store.

    Attributes:
        anew: Its file has to be written, because it is not what the store says.
    """

    job: LegacyJob
    archived: bool
    outcome: Outcome
    anew: bool


@dataclass(frozen=True, slots=True)
class _Position:
    """How far a takeover has come; kept in the mark."""

    archived_done: int
    live_done: int
    report: TakeoverReport

    def document(self, directory: Path) -> dict[str, Any]:
        report = self.report
        return {
            "queue_dir": str(directory),
            "done": [self.archived_done, self.live_done],
            "counts": [report.live, report.archived, report.requeued, report.ended],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "_Position":
        archived_done, live_done = document["done"]
        return cls(archived_done, live_done, TakeoverReport(*document["counts"]))

    def behind(self, batch: list[_Taken]) -> "_Position":
        """Return the position behind a batch."""
        archived = [taken.job.job_id for taken in batch if taken.archived]
        live = [taken.job.job_id for taken in batch if not taken.archived]
        outcomes = [taken.outcome for taken in batch]
        return _Position(
            archived[-1] if archived else self.archived_done,
            live[-1] if live else self.live_done,
            replace(
                self.report,
                live=self.report.live + len(live),
                archived=self.report.archived + len(archived),
                requeued=self.report.requeued + outcomes.count(Outcome.REQUEUED),
                ended=self.report.ended + outcomes.count(Outcome.ENDED),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Takeover:
    """The writing half of a takeover, over files that were judged."""

    store: Store
    files: QueueFiles
    now_us: int
    summary: Summary
    progress: Progress
    batch_jobs: int

    def run(self) -> TakeoverReport:
        """Put everything into the store. Switches."""
        position = self.store.update(self._begin)
        total = len(self.files.live) + len(self.files.archived)
        for batch in self._batches(position):
            position = self._add(position, batch)
            failpoints.hit("migrations.takeover-batch")
            report = position.report
            self.progress("taken over", report.live + report.archived, total)
        return self.store.update(lambda txn: self._finish(txn, position))

    def _begin(self, txn: WriteTxn) -> _Position:
        mark = schema.META.get(txn, MARK)
        if isinstance(mark, dict):
            if mark["queue_dir"] != str(self.files.directory):
                self._refuse(f"the takeover of {mark['queue_dir']} has to be finished first")
            return _Position.from_document(mark)
        if _in_use(txn):
            self._refuse(f"the store in {self.store.path} holds a queue already")
        position = _Position(0, 0, TakeoverReport())
        schema.META.put(txn, MARK, position.document(self.files.directory))
        if outbox.get_cursor(txn, MIRROR_CURSOR) is None:
            # What other parts appended before this (the configuration) stays to be done.
            oldest = outbox.first(txn)
            outbox.set_cursor(
                txn, MIRROR_CURSOR, outbox.last(txn) if oldest is None else oldest - 1
            )
        known = self.files.serial or 0
        last = max(known, self.files.highest)
        if serials.raise_to(txn, "job", last) != known:
            outbox.append(txn, outbox.SERIAL, last)
        if self.files.drained:
            schema.FLAGS.put(txn, "drain", True)
        return position

    def _batches(self, position: _Position) -> Iterator[list[_Taken]]:
        batch: list[_Taken] = []
        size = 0
        for job_id, archived in _in_order(self.files, position.archived_done, position.live_done):
            try:
                job, length = _read(self.files, job_id, archived, self.summary)
            except JobFileRefusedError as error:
                self._refuse(f"changed since it was read first: {error}")
            batch.append(self._settled(job, archived))
            size += length
            if len(batch) >= self.batch_jobs or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _settled(self, job: LegacyJob, archived: bool) -> _Taken:
        settled, outcome = unclean.settle(job, self.now_us, archived=archived)
        # A live file that does not count is written over before it moves to the other one's place;
        # one with a text id is written once in our form (in the archive it may stay as it is).
        anew = job.job_id in self.files.both if archived else job.has_text_id
        return _Taken(settled, archived, outcome, anew)

    def _add(self, position: _Position, batch: list[_Taken]) -> _Position:
        behind = position.behind(batch)

        def body(txn: WriteTxn) -> None:
            for taken in batch:
                _put(txn, taken)
            schema.META.put(txn, MARK, behind.document(self.files.directory))

        self.store.update(body)
        return behind

    def _finish(self, txn: WriteTxn, position: _Position) -> TakeoverReport:
        report = replace(
            position.report,
            serial=serials.last(txn, "job"),
            drained=bool(schema.FLAGS.get(txn, "drain")),
        )
        record = position.document(self.files.directory)
        schema.META.put(txn, RECORD, {**record, "at_us": self.now_us, "serial": report.serial})
        schema.META.delete(txn, MARK)
        return report

    def _refuse(self, reason: str) -> NoReturn:
        raise QueueRefusedError(self.files.directory, [reason])


def _put(txn: WriteTxn, taken: _Taken) -> None:
    job = taken.job
    job_id = job.job_id
    if taken.archived:
        schema.ARCHIVE.put(txn, job_id, job.archive_document, append=True)
    else:
        schema.JOBS.put(txn, job_id, job.document, append=True)
        for serial, value in job.logs:
            schema.JOB_LOGS.put(txn, (job_id, serial), value, append=True)
        if job.status in FINAL:
            schema.FINISHED.put(txn, (job.document["end"] or 0, job_id), None)
        else:
            schema.UNFINISHED.put(txn, job_id, None, append=True)
    if taken.anew:
        outbox.append(txn, outbox.JOB, job_id)
    elif taken.outcome is not Outcome.KEPT:
        outbox.append(txn, outbox.ARCHIVE if taken.archived else outbox.JOB, job_id)
