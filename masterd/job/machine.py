"""How a job moves: pure functions from a job and an event to the next job and what follows from it.

Every change of a job is one of these functions, run inside a store transaction on the row as it is
at that moment. So two events that cross (a cancel while the worker reports that locks are held)
meet in the order in which the store takes them, and the second one sees what the first one did.

Invariants:

* An opcode's status moves only along `TRANSITIONS`; final statuses have no way out.
* Opcodes run in order: at most one is waiting, canceling or running, and all before it succeeded.
* When an opcode fails or is canceled, all later ones get the same kind of end in the same step; the
  job then has an end time, and never before.
* `revision` grows by one with each step.

Source: jobfile.json status_moves; job files of a 3.0.2 master.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Final

from masterd.job.model import Holder, Job, Json, Op
from masterd.job.status import FINAL, OpStatus


class OpEvent(StrEnum):
    """What can happen to one opcode."""

    PICKED = "picked"
    LOCKS_HELD = "locks held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCEL = "cancel"
    CANCEL_DONE = "cancel done"
    KILLED = "killed"
    PUT_BACK = "put back"
    ABANDONED = "abandoned"
    WAIT_AGAIN = "wait again"


TRANSITIONS: Final[Mapping[tuple[OpStatus, OpEvent], OpStatus]] = {
    (OpStatus.QUEUED, OpEvent.PICKED): OpStatus.WAITING,
    (OpStatus.QUEUED, OpEvent.CANCEL): OpStatus.CANCELED,
    (OpStatus.QUEUED, OpEvent.CANCEL_DONE): OpStatus.CANCELED,
    (OpStatus.QUEUED, OpEvent.FAILED): OpStatus.ERROR,
    (OpStatus.QUEUED, OpEvent.KILLED): OpStatus.ERROR,
    (OpStatus.QUEUED, OpEvent.ABANDONED): OpStatus.ERROR,
    (OpStatus.WAITING, OpEvent.LOCKS_HELD): OpStatus.RUNNING,
    (OpStatus.WAITING, OpEvent.FAILED): OpStatus.ERROR,
    (OpStatus.WAITING, OpEvent.CANCEL): OpStatus.CANCELING,
    (OpStatus.WAITING, OpEvent.CANCEL_DONE): OpStatus.CANCELED,
    (OpStatus.WAITING, OpEvent.KILLED): OpStatus.ERROR,
    (OpStatus.WAITING, OpEvent.PUT_BACK): OpStatus.QUEUED,
    (OpStatus.CANCELING, OpEvent.CANCEL): OpStatus.CANCELING,
    (OpStatus.CANCELING, OpEvent.CANCEL_DONE): OpStatus.CANCELED,
    (OpStatus.CANCELING, OpEvent.FAILED): OpStatus.CANCELED,
    (OpStatus.CANCELING, OpEvent.KILLED): OpStatus.ERROR,
    (OpStatus.RUNNING, OpEvent.SUCCEEDED): OpStatus.SUCCESS,
    (OpStatus.RUNNING, OpEvent.FAILED): OpStatus.ERROR,
    (OpStatus.RUNNING, OpEvent.CANCEL_DONE): OpStatus.CANCELED,
    (OpStatus.RUNNING, OpEvent.KILLED): OpStatus.ERROR,
    (OpStatus.RUNNING, OpEvent.ABANDONED): OpStatus.ERROR,
    (OpStatus.RUNNING, OpEvent.WAIT_AGAIN): OpStatus.WAITING,
}

#: Result of an opcode that was canceled after it had been picked.
CANCELED_RESULT: Final[Json] = b'"Job canceled by request"'
#: Result of the opcodes behind one that failed.
PRECEDING_FAILED: Final[Json] = b'["OpExecError",["Preceding opcode failed"]]'


class InvalidTransitionError(Exception):
    """An event does not fit the job's state; the message tells the job's story."""


class Effect(Enum):
    """What the shell has to do once the step is durable."""

    ENDED = "the job is final: tell waiters and dependents"
    INTERRUPT = "tell the job's worker to stop waiting"


@dataclass(frozen=True, slots=True)
class Step:
    """The job after an event, and what follows from it."""

    job: Job
    effects: tuple[Effect, ...] = ()


def current_index(job: Job) -> int | None:
    """Return the index of the first opcode that is not final, None when all are."""
    for index, op in enumerate(job.ops):
        if op.status not in FINAL:
            return index
    return None


def pick(job: Job, now_us: int, holder: Holder | None = None) -> Step:
    """Take up the next opcode: it waits for its locks from now on.

    `holder` shows others that whoever carries it out is alive.
    """
    index = _current(job, OpEvent.PICKED)
    op = _move(job, index, OpEvent.PICKED, start_us=now_us)
    start_us = job.start_us if job.start_us is not None else now_us
    picked = _with_op(job, index, op, start_us=start_us)
    if holder is not None:
        picked = replace(picked, livelock=holder.livelock, process_id=holder.process_id)
    return Step(picked)


def locks_held(job: Job, now_us: int) -> Step:
    """The current opcode holds its locks and starts; one that is being canceled stays so.

    The caller looks at the opcode's new status: `canceling` means that it must not start.
    """
    index = _current(job, OpEvent.LOCKS_HELD)
    if job.ops[index].status is OpStatus.CANCELING:
        return Step(job)
    op = _move(job, index, OpEvent.LOCKS_HELD, exec_us=now_us)
    return Step(_with_op(job, index, op))


def wait_again(job: Job) -> Step:
    """Let the current opcode, which has changed nothing yet, wait for other locks."""
    index = _current(job, OpEvent.WAIT_AGAIN)
    if job.ops[index].config_serial is not None:
        raise InvalidTransitionError(
            f"job {job.job_id}: opcode {index} has changed the configuration and cannot begin again"
        )
    return Step(_with_op(job, index, _move(job, index, OpEvent.WAIT_AGAIN, exec_us=None)))


def succeed(job: Job, result: Json, now_us: int) -> Step:
    """The current opcode returned; behind the last one the job has ended."""
    index = _current(job, OpEvent.SUCCEEDED)
    op = _move(job, index, OpEvent.SUCCEEDED, result=result, end_us=now_us)
    if index + 1 < len(job.ops):
        return Step(_with_op(job, index, op))
    return Step(_with_op(job, index, op, end_us=now_us), (Effect.ENDED,))


def fail(job: Job, result: Json, now_us: int) -> Step:
    """The current opcode failed; the later ones fail with it.

    An opcode that was being canceled counts as canceled whatever error its way out took.
    """
    index = _current(job, OpEvent.FAILED)
    if job.ops[index].status is OpStatus.CANCELING:
        return cancel_done(job, now_us)
    return _end(job, index, OpEvent.FAILED, result, PRECEDING_FAILED, now_us)


def cancel(job: Job, now_us: int) -> Step:
    """A client asks to cancel.

    A job nobody picked is canceled at once; one waiting for locks becomes canceling and its worker
    is interrupted; a running one stays as it is (only told); a final one stays as it is. Between
    two opcodes, what is left of the job is canceled. A worker is interrupted there too: it may have
    begun before the store knows.
    """
    index = current_index(job)
    if index is None or job.ops[index].status is OpStatus.RUNNING:
        return Step(job)
    if job.ops[index].status is OpStatus.QUEUED:
        result = CANCELED_RESULT if index > 0 else None
        step = _end(job, index, OpEvent.CANCEL, result, result, now_us)
        return Step(step.job, (Effect.INTERRUPT, *step.effects))
    op = _move(job, index, OpEvent.CANCEL)
    return Step(_with_op(job, index, op), (Effect.INTERRUPT,))


def cancel_done(job: Job, now_us: int) -> Step:
    """The worker gave up: the current opcode and all later ones are canceled."""
    index = _current(job, OpEvent.CANCEL_DONE)
    return _end(job, index, OpEvent.CANCEL_DONE, CANCELED_RESULT, CANCELED_RESULT, now_us)


def kill(job: Job, result: Json, now_us: int) -> Step:
    """A client had the job killed: whatever is not final ends in error with `result`."""
    index = current_index(job)
    if index is None:
        return Step(job)
    step = _end(job, index, OpEvent.KILLED, result, result, now_us)
    return Step(step.job, (Effect.INTERRUPT, *step.effects))


def put_back(job: Job) -> Step:
    """Return a waiting opcode to the queue: its worker is gone and it had not begun.

    One that is being canceled is not put back: it was promised to be canceled.
    """
    index = _current(job, OpEvent.PUT_BACK)
    op = _move(job, index, OpEvent.PUT_BACK, start_us=None)
    start_us = job.start_us if index > 0 else None
    return Step(_with_op(job, index, op, start_us=start_us, livelock=None, process_id=None))


def let_go(job: Job) -> Step:
    """Nobody carries the job on between two of its opcodes: nobody is named who does.

    Ganeti's luxid takes a job that names a dead process for a dead job.
    """
    index = current_index(job)
    named = job.livelock is not None or job.process_id is not None
    if not named or index is None or job.ops[index].status is not OpStatus.QUEUED:
        return Step(job)
    return Step(replace(job, livelock=None, process_id=None, revision=job.revision + 1))


def abandon(job: Job, result: Json, now_us: int) -> Step:
    """The daemon died while the current opcode ran: it ends in error, and the rest with it."""
    index = _current(job, OpEvent.ABANDONED)
    return _end(job, index, OpEvent.ABANDONED, result, PRECEDING_FAILED, now_us)


def change_priority(job: Job, priority: int) -> Step:
    """Give all opcodes that are not final another priority; their inputs keep the submitted one."""
    ops = tuple(op if op.status in FINAL else replace(op, priority=priority) for op in job.ops)
    if ops == job.ops:
        return Step(job)
    return Step(replace(job, ops=ops, revision=job.revision + 1))


def changed_config(job: Job, index: int, serial_no: int) -> Step:
    """An opcode that runs has changed the configuration, which is at `serial_no` now."""
    op = job.ops[index]
    if op.status is not OpStatus.RUNNING:
        raise InvalidTransitionError(
            f"a change by opcode {index}, which does not run: {story(job)}"
        )
    return Step(_with_op(job, index, replace(op, config_serial=serial_no)))


def log(job: Job) -> Step:
    """Count one more log entry; the entry itself is a row beside the job."""
    return Step(replace(job, log_serial=job.log_serial + 1, revision=job.revision + 1))


def _end(
    job: Job, index: int, event: OpEvent, result: Json | None, rest: Json | None, now_us: int
) -> Step:
    """End the job at opcode `index` with `result`, and give all later opcodes `rest`."""
    ended = _move(job, index, event, result=result, end_us=now_us)
    # Later opcodes have no times of their own, except where the reference gives them one: when a
    # job ends without having been picked at all.
    unpicked = job.start_us is None
    later = tuple(
        _move(job, i, event, result=rest, end_us=now_us if unpicked else None)
        for i in range(index + 1, len(job.ops))
    )
    ops = (*job.ops[:index], ended, *later)
    return Step(replace(job, ops=ops, end_us=now_us, revision=job.revision + 1), (Effect.ENDED,))


def _current(job: Job, event: OpEvent) -> int:
    index = current_index(job)
    if index is None:
        raise InvalidTransitionError(f"{event} after the end: {story(job)}")
    return index


def _move(job: Job, index: int, event: OpEvent, **changes: Json | int | None) -> Op:
    op = job.ops[index]
    status = TRANSITIONS.get((op.status, event))
    if status is None:
        raise InvalidTransitionError(f"{event} at opcode {index}: {story(job)}")
    return replace(op, status=status, **changes)  # type: ignore[arg-type]  # fields of Op by name


def _with_op(job: Job, index: int, op: Op, **changes: int | None) -> Job:
    ops = (*job.ops[:index], op, *job.ops[index + 1 :])
    return replace(job, ops=ops, revision=job.revision + 1, **changes)  # type: ignore[arg-type]


def story(job: Job) -> str:
    """Tell in one line what a job is and where it stands, for messages about impossible events."""
    ops = ", ".join(f"{op.summary} {op.status}" for op in job.ops)
    return f"job {job.job_id} (revision {job.revision}): {ops}"
