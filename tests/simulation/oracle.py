"""What must be true after every step, whatever happened; independent of how the daemon does it.

The oracle reads the store, the memory of the daemon and what clients were told, and compares them.
It remembers across crashes what was told, because that must not be forgotten.
"""

import itertools
import logging
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from masterd.config import verify
from masterd.job import documents
from masterd.job.crew import current_status
from masterd.job.filters import Rules, Verdict
from masterd.job.invariants import violations
from masterd.job.machine import TRANSITIONS
from masterd.job.model import Job, LogEntry
from masterd.job.status import FINAL, OpStatus
from masterd.lock.monitor import problems
from masterd.opcodes.base import OpCode
from store import outbox, serials
from store.schema import ARCHIVE, JOB_LOGS, JOBS, UNFINISHED
from store.txn import ReadTxn
from tests.simulation.daemon import Daemon

#: Seconds after which a job is gone that a rule rejects.
REJECTED_S_MAX: Final = 1.0

_BEGUN: Final = frozenset({OpStatus.WAITING, OpStatus.CANCELING, OpStatus.RUNNING})


#: In the input of a job that another one's opcode handed over, at its end: job and place.
_HANDED_OVER: Final = re.compile(rb'"gnt:opcode:cluster_verify","job=(\d+);index=(\d+)"')


def _one_step() -> frozenset[tuple[OpStatus, OpStatus]]:
    return frozenset((before, after) for (before, _), after in TRANSITIONS.items())


def _many_steps(one: Iterable[tuple[OpStatus, OpStatus]]) -> frozenset[tuple[OpStatus, OpStatus]]:
    """Return from which status any number of moves lead to which."""
    found = set(one) | {(status, status) for status in OpStatus}
    for middle, start, end in itertools.product(OpStatus, repeat=3):
        if (start, middle) in found and (middle, end) in found:
            found.add((start, end))
    return frozenset(found)


ONE_STEP: Final = _one_step()
MANY_STEPS: Final = _many_steps(ONE_STEP)


class ViolationError(AssertionError):
    """Something that must always be true was not."""


class Oracle(logging.Handler):
    """Watches one simulation through all lives of its daemon."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        #: What was found where nothing may be raised: on the hub, and in the log.
        self.found: list[str] = []
        #: Jobs as the store had them at the last look, and as clients were told of them last.
        self.stored: dict[int, Job] = {}
        self.told: dict[int, Job] = {}
        #: Ids that submissions were answered with.
        self.promised: set[int] = set()
        self.archived: set[int] = set()
        #: Opcodes whose work has begun, by job and place.
        self._worked: set[tuple[int, int]] = set()
        self._serials: dict[str, int] = {}
        self._outbox = 0
        self._config_checked = 0
        #: Since when jobs are rejected by a rule and still there.
        self._rejected_s: dict[int, float] = {}
        self._daemon: Daemon

    # --- attached to a daemon -------------------------------------------------------------------

    def attach(self, daemon: Daemon) -> None:
        """Watch another life."""
        self._daemon = daemon
        crew = daemon.jobs._crew
        begin = crew.begin

        def begun(job: Job, ops: tuple[OpCode, ...] | None) -> None:
            if not daemon.writer.dead:
                self._beginning(job)
            begin(job, ops)

        crew.begin = begun  # type: ignore[method-assign]
        daemon.hands.told = self._working
        daemon.config.on_publish(lambda now: self._published(now.serial_no))

    def emit(self, record: logging.LogRecord) -> None:
        """Take notice of what the daemon itself found strange."""
        lost = "nobody had told the queue" in record.getMessage()
        if record.exc_info is not None or (lost and not self._daemon.writer.untold):
            text = record.getMessage()
            if record.exc_info is not None:
                text += f": {record.exc_info[1]!r}"
            self.found.append(f"the log says: {text}")

    def _say(self, is_true: bool, text: str) -> None:
        if not is_true:
            self.found.append(text)

    # --- the moment something is told -----------------------------------------------------------

    def job_told(self, job: Job) -> None:
        """Look at a job that is told to whoever waits for it: it must be durable already."""
        with self._daemon.store.snapshot() as txn:
            stored = _find(txn, job.job_id)
        if stored is None or stored.revision < job.revision:
            self.found.append(f"job {job.job_id} was told before its commit")
            return
        before = self.told.get(job.job_id)
        if before is not None and before.revision + 1 == job.revision:
            for index, (old, new) in enumerate(zip(before.ops, job.ops, strict=True)):
                self._say(
                    old.status is new.status or (old.status, new.status) in ONE_STEP,
                    f"job {job.job_id}, opcode {index}: from {old.status} to {new.status}",
                )
        if before is None or job.revision >= before.revision:
            self.told[job.job_id] = job

    def submitted(self, job_id: int) -> None:
        """Note the answer to a submission."""
        self._say(job_id not in self.promised, f"the id {job_id} was given twice")
        self.promised.add(job_id)
        with self._daemon.store.snapshot() as txn:
            self._say(_find(txn, job_id) is not None, f"job {job_id} was told before its commit")

    def canceled(self, job_id: int, answer: str) -> None:
        """Note the answer to a cancel or kill that says that the job has ended."""
        if answer.startswith(("Dequeued", "SIGKILL")):
            with self._daemon.store.snapshot() as txn:
                job = _find(txn, job_id)
            self._say(job is not None and job.final, f"job {job_id} goes on, told: {answer}")

    def archiving(self, job_id: int) -> None:
        """Note the answer to an archiving that succeeded."""
        self.archived.add(job_id)
        with self._daemon.store.snapshot() as txn:
            self._say(ARCHIVE.has(txn, job_id), f"job {job_id} is not in the archive")

    def _published(self, serial_no: int) -> None:
        with self._daemon.store.snapshot() as txn:
            self._say(
                serials.last(txn, "config") >= serial_no,
                f"configuration {serial_no} was published before its commit",
            )

    # --- the moment a job begins ----------------------------------------------------------------

    def _beginning(self, job: Job) -> None:
        """Look at the scheduler's choice, with the queue as it is in memory."""
        daemon = self._daemon
        best = self.best()
        unfinished = [each for each in self._blockers(job) if each in daemon.jobs._live]
        self._say(not unfinished, f"job {job.job_id} begins before {unfinished} have ended")
        first = None if best is None else daemon.jobs._live._jobs[best].job
        self._say(
            first is None or (job.priority, job.job_id) <= (first.priority, first.job_id),
            f"job {job.job_id} begins while {best} is the best that may begin, of {self._queue()}",
        )
        self._say(
            self._has_room(job, with_ended=False),
            f"job {job.job_id} begins against a rule or a limit, of {self._queue()}",
        )
        running_max = daemon.config.snapshot().cluster.max_running_jobs
        self._say(len(daemon.jobs._crew) < running_max, f"more than {running_max} jobs run")

    def _working(self, job_id: int, index: int) -> None:
        """Look at an opcode whose work begins: no crash from here on may make it begin again."""
        if self._daemon.writer.dead:
            return
        with self._daemon.store.snapshot() as txn:
            job = _find(txn, job_id)
        # One that was killed a moment ago may have ended.
        kept = job is not None and job.ops[index].status in (OpStatus.RUNNING, *FINAL)
        self._say(kept, f"job {job_id}, opcode {index} works before it is kept that it runs")
        self._say((job_id, index) not in self._worked, f"job {job_id}, opcode {index} works twice")
        self._worked.add((job_id, index))

    def best(self) -> int | None:
        """Return the job that ought to begin next, if there were room among the running."""
        live, crew = self._daemon.jobs._live, self._daemon.jobs._crew
        ranked = sorted((each.job.priority, job_id) for job_id, each in live._jobs.items())
        for _, job_id in ranked:
            job = live._jobs[job_id].job
            if job_id not in crew and not self._blockers(job) and self._has_room(job):
                return job_id
        return None

    def _has_room(self, job: Job, *, with_ended: bool = True) -> bool:
        """Tell whether rules and limits let a job begin.

        Args:
            with_ended: count jobs that have ended and still have a greenlet: they count for the
                rules under which they ran, but for no rule that came after their end.
        """
        daemon = self._daemon
        rules = Rules.of(daemon.config.snapshot().filters.values())
        lane = rules.lane_of(job)
        if lane.verdict is not Verdict.OPEN:
            return False
        if not lane.buckets:
            return True
        ids = [
            each for each in daemon.jobs._crew.job_ids if with_ended or each in daemon.jobs._live
        ]
        running = [self._known(job_id) for job_id in ids]
        used = Counter(bucket for each in running for bucket in rules.lane_of(each).buckets)
        return all(used[bucket] < bucket.limit for bucket in lane.buckets)

    def _known(self, job_id: int) -> Job:
        """Return a job that is carried out, or has just ended and still has its greenlet."""
        return self._daemon.jobs._live.get(job_id) or self.told[job_id]

    def _queue(self) -> str:
        """Return the unfinished jobs in a few words."""
        daemon = self._daemon
        live, crew = daemon.jobs._live, daemon.jobs._crew
        rules = Rules.of(daemon.config.snapshot().filters.values())
        shown = []
        for job_id, each in sorted(live._jobs.items()):
            lane = rules.lane_of(each.job)
            where = "working" if job_id in crew else lane.verdict.name.lower()
            waits = sorted(self._blockers(each.job))
            shown.append(f"{job_id} (priority {each.job.priority}, {where}, waits for {waits})")
        return ", ".join(shown)

    def _blockers(self, job: Job) -> set[int]:
        """Return for which jobs a job waits; one that has ended counts until its greenlet has."""
        live, crew = self._daemon.jobs._live, self._daemon.jobs._crew
        return {
            each.job_id
            for op in job.ops
            if op.status not in FINAL
            for each in op.depends
            if each.job_id != job.job_id and (each.job_id in live or each.job_id in crew)
        }

    # --- after a step ---------------------------------------------------------------------------

    def check(self) -> None:
        """Compare everything; called when nothing can go on by itself.

        Raises:
            ViolationError: says what is wrong.
        """
        daemon = self._daemon
        with daemon.store.snapshot() as txn:
            self._look(txn)
            if daemon.started and not daemon.writer.waiting and not daemon.writer.untold:
                self._compare_memory(txn)
        self._check_config()
        self._check_owners()
        self.found += [f"a greenlet failed: {error!r}" for error in daemon.loop.errors]
        self.found += problems(daemon.locks.states())
        if self.found:
            raise ViolationError("; ".join(self.found))

    def look_at_all(self) -> None:
        """Compare all that was told with the store; after a restart and at the end."""
        with self._daemon.store.snapshot() as txn:
            for job_id in sorted(self.promised | set(self.told)):
                self._look_at(txn, job_id)

    def _look(self, txn: ReadTxn) -> None:
        """Look at what the store has that is new."""
        for name in ("job", "config", outbox.SERIAL_NAME):
            number = serials.last(txn, name)
            self._say(number >= self._serials.get(name, 0), f"the serial {name} fell to {number}")
            self._serials[name] = number
        changed = set()
        for entry in outbox.read(txn, self._outbox, 100_000):
            self._outbox = entry.seq
            if entry.kind in (outbox.JOB, outbox.ARCHIVE):
                changed.add(entry.ident)
        for job_id in sorted(changed):
            self._look_at(txn, job_id)

    def _look_at(self, txn: ReadTxn, job_id: int) -> None:
        job = _find(txn, job_id)
        before = self.stored.get(job_id)
        if job is None:
            self.found.append(f"job {job_id} is lost")
            return
        self.found += violations(job, _logs(txn, job))
        self._say(job_id <= serials.last(txn, "job"), f"job {job_id} is beyond the serial")
        self._say(JOBS.has(txn, job_id) != ARCHIVE.has(txn, job_id), f"job {job_id} is there twice")
        self._say(job.archived or job_id not in self.archived, f"job {job_id} left the archive")
        self._say(UNFINISHED.has(txn, job_id) != job.final, f"job {job_id} is indexed as it is not")
        told = self.told.get(job_id)
        if told is not None:
            self._say(told.revision <= job.revision, f"job {job_id} forgot what was told")
            self._say(not told.final or told.ops == job.ops, f"job {job_id} moved on after its end")
        if before is not None:
            self._compare(before, job)
        self._check_dependencies(txn, job, before)
        if before is None:
            self._check_parent(txn, job)
        self.stored[job_id] = job

    def _compare(self, before: Job, job: Job) -> None:
        self._say(job.revision >= before.revision, f"job {job.job_id} went back")
        self._say(job.log_serial >= before.log_serial, f"job {job.job_id} lost log entries")
        for index, (old, new) in enumerate(zip(before.ops, job.ops, strict=True)):
            self._say(
                (old.status, new.status) in MANY_STEPS,
                f"job {job.job_id}, opcode {index}: from {old.status} to {new.status}",
            )

    def _check_dependencies(self, txn: ReadTxn, job: Job, before: Job | None) -> None:
        """An opcode that runs, or has succeeded, had its dependencies fulfilled."""
        for index, op in enumerate(job.ops):
            if op.status not in (OpStatus.RUNNING, OpStatus.SUCCESS):
                continue
            if before is not None and before.ops[index].status is op.status:
                continue
            for each in op.depends:
                other = _find(txn, each.job_id)
                self._say(
                    other is not None
                    and other.final
                    and (not each.statuses or other.status in each.statuses),
                    f"job {job.job_id} runs though {each.job_id} did not end as it must",
                )

    def _check_parent(self, txn: ReadTxn, job: Job) -> None:
        """The opcode to which a job owes its being has ended, and names it."""
        for found in _HANDED_OVER.finditer(job.ops[0].input):
            parent_id, index = int(found[1]), int(found[2])
            if parent_id == job.job_id:
                continue
            parent = _find(txn, parent_id)
            op = None if parent is None else parent.ops[index]
            named = False
            if op is not None and op.status is OpStatus.SUCCESS and op.result is not None:
                named = [True, job.job_id] in msgspec.json.decode(op.result)["jobs"]
            self._say(named, f"job {job.job_id} is there, and {parent_id}, its parent, goes on")

    def _compare_memory(self, txn: ReadTxn) -> None:
        """Compare what is in memory with the store, nothing being on its way."""
        daemon = self._daemon
        live, crew = daemon.jobs._live, daemon.jobs._crew
        unfinished = set(UNFINISHED.keys(txn))
        self._say(
            unfinished == set(live.job_ids),
            f"unfinished are {sorted(unfinished)}, known are {sorted(live.job_ids)}",
        )
        for job_id in sorted(unfinished & set(live.job_ids)):
            self._say(live.get(job_id) == self.stored.get(job_id), f"job {job_id} is known wrongly")
        for job_id in sorted(set(crew.job_ids) - unfinished):
            self.found.append(f"job {job_id} has ended and still has a greenlet")
        for job_id in sorted(unfinished - set(crew.job_ids)):
            job = self.stored[job_id]
            self._say(current_status(job) not in _BEGUN, f"job {job_id} is with nobody")
        for job_id in sorted(set(daemon.jobs.waiters._by_job) - unfinished):
            self.found.append(f"somebody waits for job {job_id}, which has ended")
        snapshot = daemon.config.snapshot()
        self._say(
            snapshot.serial_no == serials.last(txn, "config"), "the configuration is not published"
        )
        self._check_rules()
        if crew.ready and len(crew) < snapshot.cluster.max_running_jobs:
            best = self.best()
            self._say(best is None, f"job {best} may begin, and nobody begins it")

    def _check_rules(self) -> None:
        """Nothing stays in the queue that a rule rejects; a full store is soon tried again."""
        live, crew = self._daemon.jobs._live, self._daemon.jobs._crew
        rules = Rules.of(self._daemon.config.snapshot().filters.values())
        now_s = self._daemon.loop.now()
        since_s = {}
        for job_id in sorted(set(live.job_ids) - set(crew.job_ids)):
            # A daemon that stops leaves that to the next one.
            if crew.ready and rules.lane_of(live._jobs[job_id].job).verdict is Verdict.REJECTED:
                since_s[job_id] = self._rejected_s.get(job_id, now_s)
                self._say(
                    now_s - since_s[job_id] <= REJECTED_S_MAX,
                    f"job {job_id} is rejected by a rule and still there",
                )
        self._rejected_s = since_s

    def _check_config(self) -> None:
        config = self._daemon.config.snapshot()
        if config.serial_no != self._config_checked:
            self._say(config.serial_no > self._config_checked, "the configuration went back")
            self._config_checked = config.serial_no
            self.found += verify.broken(config)

    def _check_owners(self) -> None:
        """No lock and no reservation is anybody's who does not work."""
        daemon = self._daemon
        working = set(daemon.jobs._crew.job_ids)
        live = daemon.jobs._live
        for owner in sorted(map(int, daemon.locks.owners())):  # type: ignore[arg-type]  # jobs only
            self._say(owner in working, f"job {owner} has locks and does not work")
            self._say(owner in live, f"job {owner} has locks and has ended")
        reservers = daemon.context.reservations.owners
        for job_id in sorted(int(owner[0]) for owner in reservers):  # type: ignore[index]  # jobs only
            self._say(job_id in working, f"job {job_id} has reservations and does not work")


def _find(txn: ReadTxn, job_id: int) -> Job | None:
    row: Any = JOBS.get(txn, job_id)
    if row is not None:
        return documents.from_document(job_id, row)
    row = ARCHIVE.get(txn, job_id)
    return None if row is None else documents.from_document(job_id, row, archived=True)


def _logs(txn: ReadTxn, job: Job) -> list[LogEntry]:
    if job.archived:
        row: Any = ARCHIVE.get(txn, job.job_id)
        return documents.archived_log(row)
    rows: Any = JOB_LOGS.scan(txn, (job.job_id, 0), (job.job_id + 1, 0))
    return [documents.log_entry(serial, value) for (_, serial), value in rows]
