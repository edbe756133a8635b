"""Faults planted into a daemon, to show that the simulation finds what it is there to find."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from masterd.job import machine
from masterd.job.filters import OPEN
from masterd.job.machine import Step
from masterd.job.model import Job
from masterd.job.new import NewJob
from masterd.job.repository import Change, Submitted
from masterd.job.status import OpStatus
from masterd.opcodes.base import OpCode
from tests.simulation.daemon import Daemon

Plant = Callable[[Daemon], None]


def _keep_some_locks(daemon: Daemon) -> None:
    """Some jobs never give their locks back."""
    locks: Any = daemon.locks
    release = locks.release

    def released(owner: int, level: object = None) -> None:
        if owner % 4:
            release(owner, level)

    locks.release = released


def _keep_some_reservations(daemon: Daemon) -> None:
    """Some opcodes never give back what they put aside."""
    reservations: Any = daemon.context.reservations
    release = reservations.release

    def released(owner: tuple[int, int]) -> None:
        if owner[0] % 4:
            release(owner)

    reservations.release = released


def _tell_early(daemon: Daemon) -> None:
    """A change of a job is told when it is asked for, not when it is durable."""
    jobs: Any = daemon.jobs
    repository = jobs.repository
    change_soon = repository.change_soon

    def changed(job_id: int, decide: Callable[[Job], Step]) -> object:
        job = jobs._live.get(job_id)
        if job is not None:
            step = decide(job)
            repository._on_change([Change(step.job, step.effects)])
        return change_soon(job_id, decide)

    repository.change_soon = changed


def _lose_wake_ups(daemon: Daemon) -> None:
    """Now and then nobody looks which job may begin."""
    live: Any = daemon.jobs._live
    schedule, count = live.schedule, 0

    def scheduled() -> None:
        nonlocal count
        count += 1
        if count % 5:
            schedule()

    live.schedule = scheduled


def _lose_ends(daemon: Daemon) -> None:
    """The end of a job's greenlet is not always noticed."""
    crew: Any = daemon.jobs._crew
    ended = crew._ended

    def told(job_id: int, put_back: bool) -> None:
        if job_id % 5:
            ended(job_id, put_back)

    crew._ended = told


def _lose_clients(daemon: Daemon) -> None:
    """Who waits for a job is not always told."""
    waiters: Any = daemon.jobs.waiters
    tell = waiters.tell

    def told(job: Job) -> None:
        if job.job_id % 3:
            tell(job)

    waiters.tell = told


def _never_interrupt(daemon: Daemon) -> None:
    """A job that is killed goes on."""
    crew: Any = daemon.jobs._crew
    crew.interrupt = lambda job: None


def _forget_dependencies(daemon: Daemon) -> None:
    """Jobs begin before those on which they depend have ended."""
    scheduler: Any = daemon.jobs._live._scheduler
    add = scheduler.add
    scheduler.add = lambda job_id, priority, unfinished=(), lane=OPEN: add(
        job_id, priority, (), lane
    )


def _forget_priorities(daemon: Daemon) -> None:
    """Jobs begin in the order of their ids."""
    scheduler: Any = daemon.jobs._live._scheduler
    add = scheduler.add
    scheduler.add = lambda job_id, priority, unfinished=(), lane=OPEN: add(
        job_id, 0, unfinished, lane
    )
    scheduler.change_priority = lambda job_id, priority: None


def _forget_rules(daemon: Daemon) -> None:
    """Filter rules and rate limits have no effect."""
    scheduler: Any = daemon.jobs._live._scheduler
    add = scheduler.add
    scheduler.add = lambda job_id, priority, unfinished=(), lane=OPEN: add(
        job_id, priority, unfinished, OPEN
    )
    scheduler.change_lane = lambda job_id, lane: None


def _run_one_more(daemon: Daemon) -> None:
    """One job more runs than may."""
    scheduler: Any = daemon.jobs._live._scheduler
    start = scheduler.start
    scheduler.start = lambda running_max: start(running_max + 1)


def _leave_files(daemon: Daemon) -> None:
    """The files of archived jobs stay where they are."""
    mirror: Any = daemon.mirror
    mirror._files.move = lambda old, new: True


def _forget_commits(daemon: Daemon) -> None:
    """A commit is told that never came to the disk."""
    writer: Any = daemon.writer
    make_durable, count = writer._make_durable, 0

    def made(txn: Any, bodies: int) -> None:
        nonlocal count
        count += 1
        if count % 7:
            make_durable(txn, bodies)

    writer._make_durable = made


def _lose_changes(daemon: Daemon) -> None:
    """Memory is not told of every commit, and no sweep looks for what it lacks."""
    repository: Any = daemon.jobs.repository
    tell, count = repository._on_change, 0

    def told(changes: Sequence[Change]) -> None:
        nonlocal count
        count += 1
        if count % 9:
            tell(changes)

    repository._on_change = told
    sweep: Any = daemon.jobs._sweep
    sweep.look = list


def _work_early(daemon: Daemon) -> None:
    """An opcode works before it is durable that it runs."""
    hands: Any = daemon.hands
    run, repository = hands.run, daemon.jobs.repository

    def carried_out(op: OpCode, of: Any) -> object:
        now_us = daemon.clock.now_us()
        of.locks_held = lambda: repository.change_soon(
            of.job_id, lambda job: machine.locks_held(job, now_us)
        )
        return run(op, of)

    hands.run = carried_out


def _work_again(daemon: Daemon) -> None:
    """After a crash, what ran without a change of the configuration begins again."""
    jobs: Any = daemon.jobs
    recover = jobs.recover

    def recovered() -> object:
        for job in jobs.repository.unfinished():
            index = machine.current_index(job)
            op = None if index is None else job.ops[index]
            if op is not None and op.status is OpStatus.RUNNING and op.config_serial is None:
                jobs.repository.change(
                    job.job_id, lambda job: machine.put_back(machine.wait_again(job).job)
                )
        return recover()

    jobs.recover = recovered


def _submit_apart(daemon: Daemon) -> None:
    """The jobs of an opcode are submitted in one commit, and the opcode ends in the next."""
    repository: Any = daemon.jobs.repository

    def handed_over(
        job_id: int,
        news: Sequence[NewJob],
        decide: Callable[[Job, Submitted], Step],
        *arguments: Any,
        **limits: Any,
    ) -> Change:
        submitted = repository.submit(news, None, *arguments, ignore_drain=True, **limits)
        change: Change = repository.change(job_id, lambda job: decide(job, submitted))
        return change

    repository.hand_over = handed_over


PLANTS: Final[Mapping[str, Plant]] = {
    "keep-some-locks": _keep_some_locks,
    "keep-some-reservations": _keep_some_reservations,
    "tell-early": _tell_early,
    "lose-wake-ups": _lose_wake_ups,
    "lose-ends": _lose_ends,
    "lose-clients": _lose_clients,
    "never-interrupt": _never_interrupt,
    "forget-dependencies": _forget_dependencies,
    "forget-priorities": _forget_priorities,
    "forget-rules": _forget_rules,
    "run-one-more": _run_one_more,
    "leave-files": _leave_files,
    "forget-commits": _forget_commits,
    "lose-changes": _lose_changes,
    "work-early": _work_early,
    "work-again": _work_again,
    "submit-apart": _submit_apart,
}
