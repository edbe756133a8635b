"""What the outbox asks a mirror to do: entries behind a cursor, joined into one plan.

Many entries for the same job are one thing to do, and what is written is the job as it is now, not
as it was at each entry; later entries that ask for no more are passed over (`held`). That is why a
mirror under load falls behind in time, but not in work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from exporter.held import Held
from exporter.render import render_job
from store import outbox, schema, serials
from store.errors import StoreDamaged
from store.store import Store
from store.txn import ReadTxn

#: Entries one plan joins at most, and the bytes of files after which it takes no further job.
ENTRIES_MAX: Final = 1024
BYTES_MAX: Final = 8 * 1024 * 1024

_JOB_SERIAL: Final = "job"
#: Name of the serial that counts the starts of masters.
EPOCH: Final = "epoch"
_DRAIN: Final = "drain"


@dataclass(slots=True)
class Plan:
    """What has to be done, in this order: drain flag and numbers, live jobs, archived jobs.

    Attributes:
        through: Number of the last outbox entry that is done with it.
        as_of: Number of the last entry when the jobs were read: that is how new they are.
        serial: Last job id given out.
        epoch: Number of the newest master's start; it goes wherever the serial goes. None before
            there was one that was counted.
        drained: State of the drain flag, when it has to be set or cleared.
        jobs: Contents of files of live jobs, by job id.
        finished: Ids of those of them that have ended.
        archived: Ids of jobs whose files move to the archive. True where the live file may be
            older than the job, so that it has to be written before it moves.
        damaged: What is wrong with jobs that cannot be read; their files stay as they are.
    """

    through: int
    as_of: int
    serial: int | None = None
    epoch: int | None = None
    drained: bool | None = None
    jobs: dict[int, bytes] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    archived: dict[int, bool] = field(default_factory=dict)
    damaged: list[StoreDamaged] = field(default_factory=list)

    def urgent_first(self) -> list[tuple[int, bytes]]:
        """Return the live jobs in the order in which a new master needs them.

        A job that has not ended would be lost, or run again; one that has is only history.
        """
        return sorted(self.jobs.items(), key=lambda item: item[0] in self.finished)

    def remember(self, held: Held) -> None:
        """Take notice that the plan was carried out."""
        if self.serial is not None:
            held.serial = self.serial
        if self.epoch is not None:
            held.epoch = self.epoch
        for job_id in (*self.jobs, *self.archived):
            held.add(job_id, self.as_of)


class LeftBehindError(Exception):
    """Entries behind the cursor are gone: the mirror has to be written as a whole."""


def read(
    txn: ReadTxn,
    after: int,
    held: Held,
    *,
    entries_max: int = ENTRIES_MAX,
    jobs_max: int = ENTRIES_MAX,
) -> Plan:
    """Return what the entries behind `after` ask for; an empty plan through `after` if none.

    Entries that `held` covers ask for nothing; a plan has at most `jobs_max` jobs.

    Raises:
        LeftBehindError: the entry right behind `after` is not kept any more.
    """
    _check_kept(txn, after)
    plan = Plan(after, outbox.last(txn))
    size = 0
    for entry in outbox.read(txn, after, entries_max):
        if size > BYTES_MAX or len(plan.jobs) + len(plan.archived) >= jobs_max:
            break
        plan.through = entry.seq
        if entry.kind == outbox.DRAIN:
            plan.drained = bool(schema.FLAGS.get(txn, _DRAIN))
        elif entry.kind not in (outbox.JOB, outbox.ARCHIVE) or held.covers(entry.ident, entry.seq):
            continue
        elif entry.kind == outbox.ARCHIVE:
            plan.archived.setdefault(entry.ident, False)
        elif entry.ident not in plan.jobs:
            size += _add_job(txn, plan, entry.ident)
    if plan.through != after:
        # Cheaper than an entry with every submission; written again only when it has grown.
        plan.serial = serials.last(txn, _JOB_SERIAL)
        plan.epoch = serials.last(txn, EPOCH) or None
    return plan


def page(txn: ReadTxn, start: int) -> tuple[Plan, int | None]:
    """Return a plan that writes live jobs from id `start` on, and where the next page starts.

    The first page (start 0) has numbers and drain flag too. A mirror is whole when all pages are
    done, through the last entry of the first page's snapshot; archived jobs are in none.
    """
    plan = switches(txn) if start == 0 else Plan(outbox.last(txn), outbox.last(txn))
    size = 0
    for job_id, document in schema.JOBS.scan(txn, start, damaged=plan.damaged):
        if size > BYTES_MAX or len(plan.jobs) >= ENTRIES_MAX:
            return plan, job_id
        size += _add_document(txn, plan, job_id, document)
    return plan, None


def note_damage(store: Store, plan: Plan) -> None:
    """Tell of the jobs that a plan passes over, once."""
    for error in plan.damaged:
        store.note_damage(str(error))


def switches(txn: ReadTxn) -> Plan:
    """Return a plan that writes the numbers and the drain flag."""
    last = outbox.last(txn)
    return Plan(
        last,
        last,
        serial=serials.last(txn, _JOB_SERIAL),
        epoch=serials.last(txn, EPOCH) or None,
        drained=bool(schema.FLAGS.get(txn, _DRAIN)),
    )


def of_jobs(txn: ReadTxn, job_ids: Sequence[int]) -> Plan:
    """Return a plan that writes those of some jobs that are live."""
    last = outbox.last(txn)
    plan = Plan(last, last)
    for job_id in job_ids:
        _add_live(txn, plan, job_id)
    return plan


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
    size = _add_live(txn, plan, job_id)
    if size is not None:
        return size
    if schema.ARCHIVE.has(txn, job_id):
        plan.archived[job_id] = True
    return 0


def _add_live(txn: ReadTxn, plan: Plan, job_id: int) -> int | None:
    """Add a job to a plan; return the bytes of its file, None where it is not live."""
    try:
        document = schema.JOBS.get(txn, job_id)
    except StoreDamaged as error:
        plan.damaged.append(error)
        return 0
    return None if document is None else _add_document(txn, plan, job_id, document)


def _add_document(txn: ReadTxn, plan: Plan, job_id: int, document: Any) -> int:
    try:
        content = plan.jobs[job_id] = render_live(txn, job_id, document)
    except StoreDamaged as error:
        plan.damaged.append(error)
        return 0
    if document["end"] is not None:
        plan.finished.add(job_id)
    return len(content)
