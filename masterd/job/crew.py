"""The crew: one greenlet for each job that is carried out.

Who starts is not decided here, and neither is what a job that has ended makes possible: `live` says
the one and is told the other. All methods but `drain` are called on the hub and do not switch.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

import gevent
import msgspec

from masterd.clock import Clock
from masterd.errors import JobLost
from masterd.job import machine
from masterd.job.machine import InvalidTransitionError
from masterd.job.model import Holder, Job
from masterd.job.repository import JobRepository, StoreUnavailableError
from masterd.job.status import OpStatus
from masterd.job.worker import Carrier, HandOver, Outcome, Worker, retry_pauses
from masterd.opcodes.base import OpCode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hands:
    """What workers need of the world, the same for all.

    Attributes:
        interrupt: Makes a job's wait for locks end; does not switch.
        reprioritize: Gives a job's wait for locks, if it waits, another priority; does not switch.
        load: Reads a stored opcode.
        hand_over: Ends an opcode and takes in the jobs it submits, in one commit; switches.
        holder: Shows in the files of jobs that are carried out that this daemon is alive.
    """

    clock: Clock
    interrupt: Callable[[int], object]
    reprioritize: Callable[[int, int], object]
    load: Callable[[object], OpCode]
    holder: Holder | None
    hand_over: HandOver


class _Member:
    """A greenlet and its job."""

    __slots__ = ("greenlet", "job", "worker")

    def __init__(self, job: Job) -> None:
        self.job = job
        #: None until the greenlet has begun.
        self.worker: Worker | None = None
        self.greenlet: gevent.Greenlet[..., Outcome]


class Crew:
    """Greenlets that carry jobs out."""

    def __init__(
        self, repository: JobRepository, hands: Hands, ended: Callable[[int, bool], None]
    ) -> None:
        """Prepare; nothing is begun before `start`.

        Args:
            ended: told on the hub that a job's greenlet has ended, and whether the job went back
                to the queue; does not switch.
        """
        self._repository = repository
        self._hands = hands
        self._ended = ended
        self._carrier: Carrier | None = None
        self._stopping = False
        self._members: dict[int, _Member] = {}

    def start(self, carrier: Carrier) -> None:
        """Be ready to begin jobs."""
        self._carrier = carrier

    @property
    def ready(self) -> bool:
        """Whether jobs may be begun."""
        return self._carrier is not None and not self._stopping

    @property
    def job_ids(self) -> Collection[int]:
        """The jobs that have a greenlet."""
        return self._members.keys()

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._members

    def __len__(self) -> int:
        return len(self._members)

    def begin(self, job: Job, ops: tuple[OpCode, ...] | None) -> None:
        """Spawn a job's greenlet; `ops` are its opcodes as submitted, if they are still at hand."""
        assert self._carrier is not None
        member = self._members[job.job_id] = _Member(job)
        member.greenlet = gevent.spawn(self._work, member, ops, self._carrier)
        member.greenlet.rawlink(lambda done: self._gone(job.job_id, done))

    def update(self, job: Job) -> None:
        """Take notice of a commit."""
        member = self._members.get(job.job_id)
        if member is None:
            return
        before, member.job = member.job, job
        if member.worker is not None:
            member.worker.update(job)
        # A worker that asks for its locks later reads the priority then.
        priority = _current_priority(job)
        if not job.final and priority != _current_priority(before):
            self._hands.reprioritize(job.job_id, priority)

    def interrupt(self, job: Job) -> None:
        """A job is being canceled, or was killed: its worker must let go."""
        member = self._members.get(job.job_id)
        if member is None:
            return
        if job.final:
            member.greenlet.kill(block=False)
        else:
            self._stop_waiting(member)

    def drain(self, timeout_s: float) -> bool:
        """Begin no further opcode and wait for the running ones; return whether all ended.

        Switches. Jobs that wait for locks or dependencies go back to the queue.
        """
        self._stopping = True
        members = list(self._members.values())
        for member in members:
            self._stop_waiting(member)
        gevent.joinall([member.greenlet for member in members], timeout=timeout_s)
        return not self._members

    def _stop_waiting(self, member: _Member) -> None:
        status = current_status(member.job)
        if status in (OpStatus.WAITING, OpStatus.CANCELING, OpStatus.QUEUED):
            if member.worker is not None:
                member.worker.interrupted = True
            self._hands.interrupt(member.job.job_id)

    def _work(self, member: _Member, ops: tuple[OpCode, ...] | None, carrier: Carrier) -> Outcome:
        """A job's greenlet."""
        worker = member.worker = Worker(
            member.job,
            ops,
            repository=self._repository,
            carrier=carrier,
            clock=self._hands.clock,
            load=self._hands.load,
            stopping=lambda: self._stopping,
            hand_over=self._hands.hand_over,
            holder=self._hands.holder,
        )
        try:
            return worker.run()
        except Exception:  # noqa: BLE001 - the job must end whatever went wrong
            _log.exception("the worker of job %d failed", worker.job_id)
            self._fail(worker.job_id)
            return Outcome.ENDED

    def look(self) -> None:
        """Notice greenlets that have ended, where nobody was told."""
        for job_id, member in list(self._members.items()):
            if member.greenlet.ready():
                self._gone(job_id, member.greenlet)

    def _gone(self, job_id: int, done: "gevent.Greenlet[..., Outcome]") -> None:
        """A greenlet ended, or was killed, perhaps before it began."""
        member = self._members.get(job_id)
        if member is not None and member.greenlet is done:
            del self._members[job_id]
            self._ended(job_id, done.value is Outcome.PUT_BACK)

    def _fail(self, job_id: int) -> None:
        """End a job whose worker broke, so that it does not stay unfinished for ever. Switches."""
        result = msgspec.json.encode(["OpExecError", ["Internal error, see the master's log"]])
        now_us = self._hands.clock.now_us()
        for pause_s in retry_pauses():
            try:
                self._repository.wait(
                    self._repository.end_unclean_soon(
                        job_id, lambda job, _: machine.kill(job, result, now_us), now_us
                    )
                )
            except StoreUnavailableError as error:
                _log.error("the end of job %d cannot be recorded: %s", job_id, error)
                gevent.sleep(pause_s)
            except (JobLost, InvalidTransitionError):
                return
            else:
                return


def current_status(job: Job) -> OpStatus:
    """Return the status of the opcode a job is at."""
    index = machine.current_index(job)
    return job.status if index is None else job.ops[index].status


def _current_priority(job: Job) -> int:
    index = machine.current_index(job)
    return job.priority if index is None else job.ops[index].priority
