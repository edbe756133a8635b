"""One greenlet carries one job through its opcodes.

The worker asks for each move of the job and acts only on what the commit made of it: an opcode
begins once `running` is durable, and its end is told once that is. What it takes from the world
(the logical unit) and what it gives to the queue (moves, log entries) meet only here.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

import gevent
import msgspec

from masterd.clock import Clock
from masterd.errors import GanetiError, JobCanceled, OpExecError, ProgrammerError
from masterd.job import machine
from masterd.job.dependencies import Judgement, Verdict, judge
from masterd.job.journal import OpJournal
from masterd.job.machine import InvalidTransitionError, Step
from masterd.job.model import Holder, Job, Json, Op
from masterd.job.new import WithJobs, inherited
from masterd.job.repository import (
    Change,
    ConfigRecord,
    JobRepository,
    NewLogEntry,
    StoreUnavailableError,
    Submitted,
    Ticket,
)
from masterd.job.status import JobStatus, OpStatus
from masterd.limits import (
    JOB_LOG_ENTRIES_UNSAVED_MAX,
    JOB_LOG_MESSAGE_BYTES_MAX,
    JOB_STORE_RETRY_S_MAX,
    JOB_STORE_RETRY_S_MIN,
)
from masterd.log import job_context
from masterd.opcodes.base import OpCode
from masterd.opcodes.reason import ReasonEntry

_log = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode

T = TypeVar("T")


class Carrier(Protocol):
    """Carries out one opcode: `masterd.work.processor`."""

    def run(self, op: OpCode, run: "OpRun") -> object:
        """Do what an opcode asks; return its result. Switches.

        Raises:
            GanetiError: it failed; the wire form becomes the opcode's result.
            JobCanceled: it was canceled before it began.
        """
        ...


class HandOver(Protocol):
    """Takes in jobs that an opcode submits and moves its job, in one commit: `JobService`."""

    def __call__(
        self,
        job_id: int,
        jobs: Sequence[Sequence[OpCode]],
        decide: Callable[[Job, Submitted], Step],
    ) -> Job:
        """Return the moved job. Switches.

        Raises:
            GanetiError: the jobs are refused, and nothing was changed.
        """
        ...


class Outcome(Enum):
    """How a worker ended."""

    #: The job is final.
    ENDED = auto()
    #: The job went back to the queue: a dependency has to end first, or the daemon stops.
    PUT_BACK = auto()


class OpRun:
    """What a logical unit sees of the job it works for."""

    def __init__(self, worker: "Worker", op_index: int) -> None:
        self.job_id = worker.job_id
        self.op_index = op_index
        self._worker = worker

    def priority(self) -> int:
        """Return the opcode's priority now."""
        return self._worker.current().ops[self.op_index].priority

    def locks_held(self) -> None:
        """All locks are held: the opcode is running from here on. Switches.

        Raises:
            JobCanceled: a cancel was quicker.
        """
        now_us = self._worker.clock.now_us()
        try:
            job = self._worker.move(lambda job: machine.locks_held(job, now_us))
        except InvalidTransitionError as error:
            raise JobCanceled("Job ended before it began") from error
        if job.ops[self.op_index].status is OpStatus.CANCELING:
            raise JobCanceled("Job canceled by request")

    def wait_again(self) -> None:
        """Let the opcode, which has changed nothing yet, wait for other locks. Switches."""
        self._worker.move(machine.wait_again)

    def check_canceled(self) -> None:
        """Raise when the job is being canceled or put back.

        Raises:
            JobCanceled: as it says.
        """
        if self._worker.interrupted:
            raise JobCanceled("Job canceled by request")

    def config_record(self) -> ConfigRecord:
        """Return what records the opcode's changes of the configuration in the job."""
        return self._worker.repository.config_record(self.job_id, self.op_index)

    def journal(self) -> OpJournal:
        """Return what notes the opcode's calls to nodes in the store."""
        worker = self._worker
        repository, clock = worker.repository, worker.clock
        return OpJournal(repository, self.job_id, self.op_index, clock, worker.kept)

    def feedback(self, kind: str, message: object) -> None:
        """Append to the job's log; told to clients once it is durable. Does not wait for that.

        Raises:
            ProgrammerError: the message is larger than a log message may be.
        """
        text = _encode(message)
        if len(text) > JOB_LOG_MESSAGE_BYTES_MAX:
            raise ProgrammerError(f"a log message of {len(text)} bytes")
        entry = (self.op_index, self._worker.clock.now_us(), kind, text)
        self._worker.log(entry)


class Worker:
    """Runs one job. `run` is the greenlet's function; the rest is called from the hub."""

    def __init__(
        self,
        job: Job,
        ops: Sequence[OpCode] | None,
        *,
        repository: JobRepository,
        carrier: Carrier,
        clock: Clock,
        load: Callable[[object], OpCode],
        stopping: Callable[[], bool],
        hand_over: HandOver,
        holder: Holder | None = None,
    ) -> None:
        """Prepare.

        Args:
            ops: the opcodes as submitted, when they are still at hand; else they are read again.
            load: reads a stored opcode.
            hand_over: ends an opcode whose result are jobs.
            stopping: whether the daemon stops; then no further opcode is begun.
            holder: shows others that whoever carries the job out is alive.
        """
        self.job_id = job.job_id
        self.repository = repository
        self.clock = clock
        self.interrupted = False
        self._job = job
        self._ops = ops
        self._carrier = carrier
        self._load = load
        self._stopping = stopping
        self._hand_over = hand_over
        self._holder = holder
        self._log_tickets: deque[tuple[Ticket[Change], NewLogEntry]] = deque()
        #: The pick of the opcode at hand, until it is known to be kept.
        self._pick: tuple[Ticket[Change], Callable[[Job], Step]] | None = None

    def current(self) -> Job:
        """Return the job as of its last commit."""
        return self._job

    def update(self, job: Job) -> None:
        """Take notice of a commit; called on the hub."""
        self._job = job

    def move(self, decide: Callable[[Job], Step]) -> Job:
        """Move the job, durably; return what became of it. Switches.

        A store without room is waited for: what happened in the world cannot be taken back, so its
        record waits for the disk, however long that takes.
        """
        return self.kept(lambda: self.repository.change(self.job_id, decide).job)

    def kept(self, change: Callable[[], T]) -> T:
        """Have a change made, as often as it takes until the store keeps it. Switches."""
        pauses = retry_pauses()
        while True:
            try:
                self._save_pick()
                self._save_logs()
                return change()
            except StoreUnavailableError as error:
                pause_s = next(pauses)
                _log.error("job %d cannot be recorded, next try in %g s: %s",
                           self.job_id, pause_s, error)  # fmt: skip
                gevent.sleep(pause_s)

    def log(self, entry: NewLogEntry) -> None:
        """Append to the job's log without waiting; `move` makes sure that it was kept."""
        while self._log_tickets and self._log_tickets[0][0].succeeded:
            self._log_tickets.popleft()
        if len(self._log_tickets) >= JOB_LOG_ENTRIES_UNSAVED_MAX:
            raise OpExecError("The store cannot keep up with the log of this opcode")
        self._log_tickets.append((self.repository.append_log(self.job_id, [entry]), entry))

    def _save_pick(self) -> None:
        """Wait for the pick of the opcode at hand; give it again if the store refused it.

        Raises:
            InvalidTransitionError: the job ended before.
        """
        if self._pick is None:
            return
        ticket, decide = self._pick
        try:
            self.repository.wait(ticket)
        except StoreUnavailableError:
            self.repository.change(self.job_id, decide)
        self._pick = None

    def _save_logs(self) -> None:
        """Wait for the log entries on their way; give those that the store refused again."""
        while self._log_tickets:
            ticket, entry = self._log_tickets[0]
            try:
                self.repository.wait(ticket)
            except StoreUnavailableError:
                self.repository.wait(self.repository.append_log(self.job_id, [entry]))
            # Another greenlet of the opcode may have waited for the same one.
            if self._log_tickets and self._log_tickets[0][0] is ticket:
                self._log_tickets.popleft()

    def run(self) -> Outcome:
        """Run the job's opcodes from the first that is not final. Switches."""
        index = machine.current_index(self._job)
        if index is None:
            return Outcome.ENDED
        try:
            for op_index in range(index, len(self._job.ops)):
                if self._stopping():
                    return self._put_back()
                with job_context(self.job_id, op_index):
                    outcome = self._run_op(op_index)
                if outcome is not None:
                    return outcome
        except InvalidTransitionError as error:
            # Killed or canceled behind our back; what the store says holds.
            _log.info("job %d ended otherwise: %s", self.job_id, error)
        return Outcome.ENDED

    def _run_op(self, index: int) -> Outcome | None:
        """Run one opcode; return None when the next one may follow."""
        op = self._job.ops[index]
        judgement = judge(op.depends, self._status_of)
        if judgement.verdict is Verdict.WAIT:
            return self._put_back()
        now_us = self.clock.now_us()

        def pick(job: Job) -> Step:
            return machine.pick(job, now_us, self._holder)

        # Not waited for: the opcode begins only after the later commit of `locks_held`.
        self._pick = self.repository.change_soon(self.job_id, pick), pick
        if judgement.verdict is not Verdict.GO_ON:
            return self._refuse(judgement)
        try:
            result = self._carrier.run(self._opcode(index, op), OpRun(self, index))
        except JobCanceled:
            return self._give_up()
        except InvalidTransitionError:
            raise
        except GanetiError as error:
            _log.info("%s failed: %s", op.summary, error.message)
            return self._fail(_encode(error.to_wire()))
        except Exception as error:  # noqa: BLE001 - a fault of a logical unit ends its opcode only
            _log.exception("%s failed by a fault of the program", op.summary)
            return self._fail(_encode(_fault(error).to_wire()))
        return self._succeed(op, result)

    def _succeed(self, op: Op, result: object) -> Outcome | None:
        if isinstance(result, WithJobs):
            return self._succeed_with(op, result)
        try:
            text = _encode(result)
        except TypeError as error:
            _log.exception("%s returned what is no JSON value", op.summary)
            return self._fail(_encode(ProgrammerError(f"result of {op.op_id}: {error}").to_wire()))
        now_us = self.clock.now_us()
        job = self.move(lambda job: machine.succeed(job, text, now_us))
        return Outcome.ENDED if job.final else None

    def _succeed_with(self, op: Op, result: WithJobs) -> Outcome | None:
        """End an opcode together with the beginning of the jobs that go on with its work."""
        jobs = [[inherited(each, op) for each in ops] for ops in result.jobs]
        now_us = self.clock.now_us()

        def decide(job: Job, submitted: Submitted) -> Step:
            return machine.succeed(job, _encode(result.result(submitted.answers)), now_us)

        try:
            job = self.kept(lambda: self._hand_over(self.job_id, jobs, decide))
        except GanetiError as error:
            _log.warning("%s: its jobs were refused: %s", op.summary, error.message)
            return self._fail(_encode(error.to_wire()))
        return Outcome.ENDED if job.final else None

    def _fail(self, result: Json) -> Outcome:
        now_us = self.clock.now_us()
        self.move(lambda job: machine.fail(job, result, now_us))
        return Outcome.ENDED

    def _refuse(self, judgement: Judgement) -> Outcome:
        """End the job by what its dependencies came to."""
        _log.info("job %d: %s", self.job_id, judgement.reason)
        if judgement.verdict is Verdict.CANCEL:
            now_us = self.clock.now_us()
            self.move(lambda job: machine.cancel_done(job, now_us))
            return Outcome.ENDED
        return self._fail(_encode(OpExecError(judgement.reason).to_wire()))

    def _give_up(self) -> Outcome:
        """The opcode did not begin: canceled by a client, or put back because the daemon stops."""
        now_us = self.clock.now_us()

        def decide(job: Job) -> Step:
            index = machine.current_index(job)
            status = None if index is None else job.ops[index].status
            if status is OpStatus.WAITING and self._stopping():
                return machine.put_back(job)
            return machine.cancel_done(job, now_us)

        job = self.move(decide)
        return Outcome.ENDED if job.final else Outcome.PUT_BACK

    def _put_back(self) -> Outcome:
        """Leave the job where it is, between two opcodes, for a worker to come."""
        if self._job.livelock is not None:
            self.move(machine.let_go)
        return Outcome.PUT_BACK

    def _opcode(self, index: int, op: Op) -> OpCode:
        if self._ops is None:
            document: Any = msgspec.json.decode(op.input)
            return self._load(document)
        # The submission has added to the trail, which nodes are told.
        trail = _decode_trail(op.input).reason
        return replace(self._ops[index], reason=trail)

    def _status_of(self, job_id: int) -> JobStatus | None:
        job = self.repository.get(job_id)
        return None if job is None else job.status


class _Trail(msgspec.Struct):
    """The reason trail of a stored opcode; the rest is not looked at."""

    reason: tuple[ReasonEntry, ...] = ()


_decode_trail: Final = msgspec.json.Decoder(_Trail).decode


def _fault(error: Exception) -> GanetiError:
    return OpExecError(f"Internal error: {type(error).__name__}: {error}")


def retry_pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try: doubling up to a bound, without end."""
    pause_s = JOB_STORE_RETRY_S_MIN
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, JOB_STORE_RETRY_S_MAX)
