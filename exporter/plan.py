"""What the outbox asks a mirror to do: entries behind a cursor, joined into one plan.

Many entries for the same job are one thing to do, and what is written is the job as it is now, not
as it was at each entry. That is why a mirror under load falls behind in time, but not in work.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.render import render_job
from store import outbox, schema, serials
from store.txn import ReadTxn

#: Entries one plan joins at most, and the bytes of files after which it takes no further job.
ENTRIES_MAX: Final = 1024
BYTES_MAX: Final = 8 * 1024 * 1024

#: Jobs of which a mirror remembers what it shows; some 2 MiB.
SHOWN_MAX: Final = 10_000

#: Revision and log serial of a job: equal stamps, equal contents.
Stamp = tuple[int, int]

_JOB_SERIAL: Final = "job"
_DRAIN: Final = "drain"


@dataclass(slots=True)
class Plan:
    """What has to be done, in this order: drain flag and serial, live jobs, archived jobs.

    Attributes:
        through: Number of the last outbox entry that is done with it.
        serial: Last job id given out.
        drained: State of the drain flag, when it has to be set or cleared.
        jobs: Contents of files of live jobs, by job id.
        stamps: Which states of the jobs these contents show, by job id.
        archived: Ids of jobs whose files move to the archive. True where the live file may be
            older than the job, so that it has to be written before it moves.
    """

    through: int
    serial: int | None = None
    drained: bool | None = None
    jobs: dict[int, bytes] = field(default_factory=dict)
    stamps: dict[int, Stamp] = field(default_factory=dict)
    archived: dict[int, bool] = field(default_factory=dict)


class Shown:
    """Which states a mirror shows already, so that none is written twice; bounded, oldest out."""

    def __init__(self, jobs_max: int = SHOWN_MAX) -> None:
        self._jobs_max = jobs_max
        self._serial: int | None = None
        self._stamps: OrderedDict[int, Stamp] = OrderedDict()

    def news(self, plan: Plan) -> dict[int, bytes]:
        """Return the contents of a plan that the mirror does not show yet."""
        known, stamps = self._stamps, plan.stamps
        return {
            job_id: content
            for job_id, content in plan.jobs.items()
            if known.get(job_id) != stamps[job_id]
        }

    def new_serial(self, plan: Plan) -> int | None:
        """Return a plan's serial where the mirror does not show it yet."""
        return None if plan.serial == self._serial else plan.serial

    def add(self, plan: Plan) -> None:
        """Remember that a plan was carried out."""
        if plan.serial is not None:
            self._serial = plan.serial
        for job_id, stamp in plan.stamps.items():
            self._stamps[job_id] = stamp
            self._stamps.move_to_end(job_id)
        while len(self._stamps) > self._jobs_max:
            self._stamps.popitem(last=False)

    def forget(self) -> None:
        """Take nothing for granted any more."""
        self._serial = None
        self._stamps.clear()


class LeftBehindError(Exception):
    """Entries behind the cursor are gone: the mirror has to be written as a whole."""


def read(txn: ReadTxn, after: int, *, entries_max: int = ENTRIES_MAX) -> Plan:
    """Return what the entries behind `after` ask for; an empty plan through `after` if none.

    Raises:
        LeftBehindError: the entry right behind `after` is not kept any more.
    """
    _check_kept(txn, after)
    plan = Plan(after)
    size = 0
    for entry in outbox.read(txn, after, entries_max):
        if size > BYTES_MAX:
            break
        plan.through = entry.seq
        if entry.kind == outbox.JOB:
            if entry.ident not in plan.jobs:
                size += _add_job(txn, plan, entry.ident)
        elif entry.kind == outbox.ARCHIVE:
            plan.archived.setdefault(entry.ident, False)
        elif entry.kind == outbox.DRAIN:
            plan.drained = bool(schema.FLAGS.get(txn, _DRAIN))
    if plan.through != after:
        # Cheaper than an entry with every submission; written again only when it has grown.
        plan.serial = serials.last(txn, _JOB_SERIAL)
    return plan


def page(txn: ReadTxn, start: int) -> tuple[Plan, int | None]:
    """Return a plan that writes live jobs from id `start` on, and where the next page starts.

    The first page (start 0) has serial and drain flag too. A mirror is whole when all pages are
    done, through the last entry of the first page's snapshot; archived jobs are in none.
    """
    plan = Plan(outbox.last(txn))
    if start == 0:
        plan.serial = serials.last(txn, _JOB_SERIAL)
        plan.drained = bool(schema.FLAGS.get(txn, _DRAIN))
    size = 0
    for job_id, document in schema.JOBS.scan(txn, start):
        if size > BYTES_MAX or len(plan.jobs) >= ENTRIES_MAX:
            return plan, job_id
        size += _add_document(txn, plan, job_id, document)
    return plan, None


def archived_content(txn: ReadTxn, job_id: int) -> bytes | None:
    """Return the file of an archived job; None when there is no such job."""
    document = schema.ARCHIVE.get(txn, job_id)
    return None if document is None else render_archived(job_id, document)


def render_archived(job_id: int, document: Any) -> bytes:
    """Return the file of an archived job from its row."""
    return render_job(job_id, document, document["log"])


def render_live(txn: ReadTxn, job_id: int, document: Any) -> bytes:
    """Return the file of a live job from its row, reading its log."""
    if document["log_serial"] == 0:
        return render_job(job_id, document, ())
    rows = schema.JOB_LOGS.scan(txn, (job_id, 0), (job_id + 1, 0))
    return render_job(job_id, document, [(serial, *value) for (_, serial), value in rows])


def _check_kept(txn: ReadTxn, after: int) -> None:
    oldest = outbox.first(txn)
    if oldest is None:
        oldest = outbox.last(txn) + 1
    if oldest > after + 1:
        raise LeftBehindError(f"outbox entries {after + 1} to {oldest - 1} are not kept any more")


def _add_job(txn: ReadTxn, plan: Plan, job_id: int) -> int:
    document = schema.JOBS.get(txn, job_id)
    if document is not None:
        return _add_document(txn, plan, job_id, document)
    if schema.ARCHIVE.has(txn, job_id):
        plan.archived[job_id] = True
    return 0


def _add_document(txn: ReadTxn, plan: Plan, job_id: int, document: Any) -> int:
    content = plan.jobs[job_id] = render_live(txn, job_id, document)
    plan.stamps[job_id] = (document["rev"], document["log_serial"])
    return len(content)
