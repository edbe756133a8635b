"""How jobs move."""

import itertools
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterd.job import machine
from masterd.job.invariants import violations
from masterd.job.machine import TRANSITIONS, Effect, InvalidTransitionError, OpEvent, Step
from masterd.job.model import Holder, Job, Op
from masterd.job.recovery import UNCLEAN_SHUTDOWN, recover
from masterd.job.status import FINAL, OpStatus, job_status


def new_job(count: int = 1) -> Job:
    ops = tuple(Op("OP_TEST_DELAY", b"{}", f"TEST_DELAY({i})", 0) for i in range(count))
    return Job(7, ops, 1)


def statuses(job: Job) -> list[str]:
    return [str(op.status) for op in job.ops]


def running(count: int = 1) -> Job:
    return machine.locks_held(machine.pick(new_job(count), 2).job, 3).job


def test_a_job_goes_from_queued_to_success() -> None:
    job = machine.pick(new_job(), 2).job
    assert statuses(job) == ["waiting"]
    assert (job.start_us, job.ops[0].start_us) == (2, 2)
    job = machine.locks_held(job, 3).job
    assert (statuses(job), job.ops[0].exec_us) == (["running"], 3)
    step = machine.succeed(job, b"null", 4)
    assert step.effects == (Effect.ENDED,)
    assert (step.job.status, step.job.end_us) == (OpStatus.SUCCESS, 4)
    assert step.job.revision == 3


def test_the_next_opcode_follows_a_success() -> None:
    step = machine.succeed(running(2), b"null", 4)
    assert (statuses(step.job), step.effects, step.job.end_us) == (["success", "queued"], (), None)
    assert statuses(machine.pick(step.job, 5).job) == ["success", "waiting"]


def test_a_failure_takes_the_later_opcodes_with_it() -> None:
    step = machine.fail(running(3), b'["OpExecError",["no"]]', 9)
    assert statuses(step.job) == ["error", "error", "error"]
    assert step.job.ops[1].result == machine.PRECEDING_FAILED
    assert (step.job.ops[0].end_us, step.job.ops[1].end_us, step.job.end_us) == (9, None, 9)


def test_cancel_of_a_queued_job_is_immediate_and_leaves_no_result() -> None:
    step = machine.cancel(new_job(2), 5)
    assert statuses(step.job) == ["canceled", "canceled"]
    assert [op.result for op in step.job.ops] == [None, None]
    assert [op.end_us for op in step.job.ops] == [5, 5]
    assert step.effects == (Effect.INTERRUPT, Effect.ENDED)


def test_cancel_while_waiting_only_asks_the_worker() -> None:
    step = machine.cancel(machine.pick(new_job(), 2).job, 5)
    assert (statuses(step.job), step.effects) == (["canceling"], (Effect.INTERRUPT,))
    assert not step.job.final
    done = machine.cancel_done(step.job, 6).job
    assert (statuses(done), done.ops[0].result) == (["canceled"], machine.CANCELED_RESULT)


def test_locks_that_come_after_a_cancel_do_not_start_the_opcode() -> None:
    canceling = machine.cancel(machine.pick(new_job(), 2).job, 5).job
    assert machine.locks_held(canceling, 6).job is canceling


def test_an_error_on_the_way_out_of_a_cancel_counts_as_canceled() -> None:
    canceling = machine.cancel(machine.pick(new_job(), 2).job, 5).job
    assert statuses(machine.fail(canceling, b"[]", 6).job) == ["canceled"]


def test_cancel_leaves_a_running_job_alone() -> None:
    job = running()
    assert machine.cancel(job, 9).job is job


def test_cancel_between_two_opcodes_cancels_the_rest() -> None:
    between = machine.succeed(running(2), b"null", 4).job
    step = machine.cancel(between, 5)
    assert statuses(step.job) == ["success", "canceled"]
    assert step.job.status is OpStatus.CANCELED


def test_kill_ends_a_running_job_in_error_and_interrupts_it() -> None:
    step = machine.kill(running(2), b'"dead"', 9)
    assert statuses(step.job) == ["error", "error"]
    assert step.effects == (Effect.INTERRUPT, Effect.ENDED)
    assert machine.kill(step.job, b'"dead"', 9).job is step.job


@pytest.mark.parametrize("event", [machine.pick, machine.locks_held, machine.cancel_done])
def test_nothing_happens_to_a_job_that_has_ended(event: Callable[[Job, int], Step]) -> None:
    ended = machine.succeed(running(), b"null", 4).job
    with pytest.raises(InvalidTransitionError, match=r"job 7 .*TEST_DELAY\(0\) success"):
        event(ended, 9)


def test_priority_changes_only_opcodes_that_have_not_ended() -> None:
    job = machine.succeed(running(2), b"null", 4).job
    changed = machine.change_priority(job, -5).job
    assert [op.priority for op in changed.ops] == [0, -5]
    assert changed.priority == -5
    assert machine.change_priority(changed, -5).job is changed


def test_recovery_restarts_what_had_not_begun_and_ends_what_had() -> None:
    queued = new_job()
    assert recover(queued, 9).job is queued
    waiting = recover(machine.pick(new_job(), 2).job, 9).job
    assert (statuses(waiting), waiting.start_us) == (["queued"], None)
    canceling = machine.cancel(machine.pick(new_job(), 2).job, 5).job
    assert statuses(recover(canceling, 9).job) == ["canceled"]
    unclean = recover(running(2), 9).job
    assert statuses(unclean) == ["error", "error"]
    assert unclean.ops[0].result == UNCLEAN_SHUTDOWN


def test_a_job_restarted_behind_its_first_opcode_keeps_its_start() -> None:
    second = machine.pick(machine.succeed(running(2), b"null", 4).job, 5).job
    back = recover(second, 9).job
    assert (statuses(back), back.start_us) == (["success", "queued"], 2)


def test_a_job_names_who_carries_it_out_from_its_first_pick_on() -> None:
    holder = Holder("/run/livelocks/ganeti-masterd_1", 4711)
    picked = machine.pick(new_job(2), 2, holder).job
    assert (picked.livelock, picked.process_id) == (holder.livelock, holder.process_id)
    between = machine.succeed(machine.locks_held(picked, 3).job, b"null", 4).job
    assert between.livelock == holder.livelock
    ended = machine.fail(machine.pick(between, 5, holder).job, b"null", 6).job
    assert (ended.livelock, ended.process_id) == (holder.livelock, holder.process_id)


def test_a_queued_job_names_nobody_after_a_restart() -> None:
    holder = Holder("/run/livelocks/ganeti-masterd_1", 4711)
    waiting = machine.pick(new_job(2), 2, holder).job
    between = machine.succeed(machine.locks_held(waiting, 3).job, b"null", 4).job
    for job in (waiting, between):
        back = recover(job, 9).job
        assert (back.livelock, back.process_id) == (None, None)
        assert back.revision > job.revision
        assert recover(back, 9).job is back
    running = machine.locks_held(waiting, 3).job
    assert machine.let_go(running).job is running
    assert recover(running, 9).job.livelock == holder.livelock


def test_every_status_that_is_not_final_has_a_way_to_its_end() -> None:
    for status in OpStatus:
        ways = {to for (start, _), to in TRANSITIONS.items() if start is status}
        assert (ways == set()) == (status in FINAL)


def slow_job_status(ops: list[OpStatus]) -> OpStatus:
    """The rule as the fact table words it."""
    status = OpStatus.QUEUED
    if all(op is OpStatus.SUCCESS for op in ops):
        return OpStatus.SUCCESS
    for op in ops:
        if op in (OpStatus.SUCCESS, OpStatus.QUEUED):
            continue
        status = op
        if op in (OpStatus.CANCELING, OpStatus.ERROR, OpStatus.CANCELED):
            break
    return status


def test_job_status_follows_the_rule_for_every_row_of_three() -> None:
    for ops in itertools.product(OpStatus, repeat=3):
        assert job_status(ops) is slow_job_status(list(ops)), ops


_EVENTS: Mapping[OpEvent, Callable[[Job, int], Step]] = {
    OpEvent.PICKED: machine.pick,
    OpEvent.LOCKS_HELD: machine.locks_held,
    OpEvent.SUCCEEDED: lambda job, now: machine.succeed(job, b"1", now),
    OpEvent.FAILED: lambda job, now: machine.fail(job, b"[]", now),
    OpEvent.CANCEL: machine.cancel,
    OpEvent.CANCEL_DONE: machine.cancel_done,
    OpEvent.KILLED: lambda job, now: machine.kill(job, b'"x"', now),
    OpEvent.PUT_BACK: lambda job, now: machine.put_back(job),
    OpEvent.ABANDONED: lambda job, now: machine.abandon(job, b"[]", now),
    OpEvent.WAIT_AGAIN: lambda job, now: machine.wait_again(job),
}


@given(st.integers(1, 4), st.lists(st.sampled_from(sorted(OpEvent)), max_size=25))
def test_no_sequence_of_events_breaks_an_invariant(count: int, events: list[OpEvent]) -> None:
    job = new_job(count)
    for now_us, event in enumerate(events, start=2):
        before = job
        try:
            step = _EVENTS[event](job, now_us)
        except InvalidTransitionError:
            continue
        job = step.job
        assert violations(job) == []
        assert (Effect.ENDED in step.effects) == (job.final and not before.final)
        for old, new in zip(before.ops, job.ops, strict=True):
            if old.status in FINAL:
                assert new == old
    restarted = job if job.final else recover(job, 99).job
    assert violations(restarted) == []


def test_an_opcode_that_changed_the_configuration_does_not_begin_again() -> None:
    running = machine.locks_held(machine.pick(new_job(1), 2).job, 3).job
    again = machine.wait_again(running).job
    assert again.ops[0].status is OpStatus.WAITING
    assert again.ops[0].exec_us is None
    changed = machine.changed_config(running, 0, 7).job
    with pytest.raises(InvalidTransitionError, match="cannot begin again"):
        machine.wait_again(changed)
