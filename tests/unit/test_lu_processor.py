"""The processor: order of the steps, checks between them, locks given back on every way out."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import gevent
import pytest
from gevent.event import Event

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import JobCanceled, OpCodeUnknown, OpExecError, OpPrereqError, OpResultError
from masterd.lock.levels import LOCKSET, Lock, LockLevel, LockMode, LockRequest
from masterd.lock.manager import LockManager
from masterd.opcodes.base import load
from masterd.opcodes.test import OpTestDelay, OpTestDummy
from masterd.wconf.reservations import Thing
from masterd.work.base import Locks, LogicalUnit
from masterd.work.lock_wait import lock_name
from masterd.work.processor import Processor
from tests.lu_support import PATIENCE_S, Run, World, make_world

OP = OpTestDummy()
STEPS = ["check_arguments", "needs", "check", "execute"]


class Unit(LogicalUnit[OpTestDummy, str]):
    """Locks one node, writes down its steps, and raises in one of them if told so."""

    calls: ClassVar[list[str]] = []
    fails_in: ClassVar[tuple[str, BaseException] | None] = None
    result: ClassVar[object] = None

    def note(self, step: str) -> None:
        self.calls.append(step)
        if self.fails_in is not None and self.fails_in[0] == step:
            raise self.fails_in[1]

    def check_arguments(self) -> None:
        self.note("check_arguments")

    def needs(self, config: ConfigSnapshot) -> Locks:
        if "needs" not in self.calls:
            assert self.work.locks.names(LockLevel.NODE) == frozenset()
            self.note("needs")
        return {LockLevel.NODE: LockRequest(frozenset({"n1"}))}

    def check(self, config: ConfigSnapshot) -> str:
        assert self.work.locks.names(LockLevel.NODE) == {"n1"}
        self.note("check")
        return "the plan"

    def execute(self, plan: str) -> object:
        assert plan == "the plan"
        self.note("execute")
        return self.result


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def unit(
    fails_in: tuple[str, BaseException] | None = None, result: object = None, bgl: bool = False
) -> type[Unit]:
    """Make a unit with its own notes."""
    body = {"calls": [], "fails_in": fails_in, "result": result, "REQUIRES_BGL": bgl}
    return type("Told", (Unit,), body)


def carry_out(world: World, kind: type[Unit], op: OpTestDummy = OP, run: Run | None = None) -> None:
    Processor(world.context, find=lambda op_id: kind).run(op, run or Run())


def test_steps_come_in_order_and_the_job_runs_once_all_locks_are_held(world: World) -> None:
    kind, run = unit(), Run()
    run.at_locks_held = lambda: kind.calls.append("locks_held")
    carry_out(world, kind, run=run)
    assert kind.calls == [*STEPS[:2], "locks_held", *STEPS[2:]]
    assert run.running == 1
    world.close()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [OpPrereqError("no"), OpExecError("no"), ValueError("no")])
def test_an_error_of_any_step_keeps_its_class_and_frees_the_locks(
    world: World, step: str, error: Exception
) -> None:
    kind = unit(fails_in=(step, error))
    with pytest.raises(type(error)) as caught:
        carry_out(world, kind)
    assert caught.value is error
    assert kind.calls == STEPS[: STEPS.index(step) + 1]
    world.close()


@pytest.mark.parametrize(("bgl", "mode"), [(False, LockMode.SHARED), (True, LockMode.EXCLUSIVE)])
def test_the_big_lock_is_shared_unless_the_unit_runs_alone(
    world: World, bgl: bool, mode: LockMode
) -> None:
    run, held = Run(), {}
    run.at_locks_held = lambda: held.update(world.locks.held(1))
    carry_out(world, unit(bgl=bgl), run=run)
    assert [held[lock] for lock in held if lock.level is LockLevel.CLUSTER] == [mode]
    world.close()


def test_a_dry_run_ends_after_the_checks(world: World) -> None:
    kind, run = unit(), Run()
    carry_out(world, kind, OpTestDummy(dry_run=True), run)
    assert kind.calls == STEPS[:3]
    assert run.messages() == [
        " - INFO: dry-run mode requested, not actually executing the operation"
    ]
    world.close()


def test_a_result_of_another_form_than_declared_is_an_error(world: World) -> None:
    with pytest.raises(OpResultError, match="OP_TEST_DUMMY: result is 5, expected None"):
        carry_out(world, unit(result=5))
    world.close()


def test_an_opcode_without_unit_is_refused(world: World) -> None:
    with pytest.raises(OpCodeUnknown, match="OP_TEST_DUMMY is not supported yet"):
        Processor(world.context, find=lambda _op_id: None).run(OP, Run())
    world.close()


def test_lost_secrets_stop_the_opcode_before_its_checks(world: World) -> None:
    first = load({"OP_ID": "OP_TEST_OS_PARAMS", "reason": [], "osparams_secret": {"k": "v"}})
    kind = unit()
    with pytest.raises(OpPrereqError, match="re-submit secret parameters"):
        Processor(world.context, find=lambda op_id: kind).run(load(first.to_input()), Run())
    assert kind.calls == []
    world.close()


def test_a_job_canceled_before_it_begins_takes_no_step(world: World) -> None:
    kind, run = unit(), Run()
    run.canceled = True
    with pytest.raises(JobCanceled):
        carry_out(world, kind, run=run)
    assert kind.calls == []
    world.close()


@pytest.mark.parametrize("way", ["cancel", "kill"])
def test_a_job_stopped_while_it_waits_for_a_lock_leaves_nothing_behind(
    world: World, way: str
) -> None:
    world.locks.acquire(9, LockLevel.NODE, LockRequest(frozenset({"n1"})), 0)
    kind, run = unit(), Run()
    worker = gevent.spawn(carry_out, world, kind, OP, run)
    gevent.idle()
    assert world.locks.stats.waiting == 1
    if way == "cancel":
        assert world.locks.cancel(1)
        with pytest.raises(JobCanceled):
            worker.get(timeout=PATIENCE_S)
    else:
        worker.kill(timeout=PATIENCE_S)
    assert kind.calls == STEPS[:2]
    assert run.running == 0
    assert world.locks.owners() == {9}
    world.locks.release(9)
    world.close()


def test_a_job_that_waits_long_for_a_lock_says_in_its_log_for_which_and_who_holds_it(
    world: World,
) -> None:
    at_once = LockManager(told_s=0.0)
    world = replace(world, locks=at_once, context=replace(world.context, locks=at_once))
    at_once.acquire(9, LockLevel.NODE, LockRequest(frozenset({"n1"})), 0)
    kind, run = unit(), Run()
    worker = gevent.spawn(carry_out, world, kind, OP, run)
    assert run.wait_logged("message") == (
        " - INFO: Waiting for the lock node/n1 (exclusive) for 0 seconds; "
        "held by job 9 (exclusive, held for 0 seconds)"
    )
    at_once.release(9)
    worker.get(timeout=PATIENCE_S)
    world.close()


def test_the_log_names_the_object_of_a_lock_that_is_taken_by_uuid(world: World) -> None:
    config = world.config.snapshot()
    node, group = config.nodes.sorted()[0], config.nodegroups.sorted()[0]
    names = [
        lock_name(Lock(level, name), config)
        for level, name in (
            (LockLevel.NODE_RES, node.uuid),
            (LockLevel.NODEGROUP, group.uuid),
            (LockLevel.INSTANCE, "inst1"),
            (LockLevel.NODE, LOCKSET),
        )
    ]
    assert names == [
        f"node-res/{node.uuid} of {node.name}",
        f"nodegroup/{group.uuid} of {group.name}",
        "instance/inst1",
        "node/[lockset]",
    ]


def test_a_job_killed_at_work_gives_its_locks_back(world: World) -> None:
    run, working, never = Run(), Event(), Event()

    def stand_still() -> None:
        working.set()
        never.wait()

    run.at_locks_held = stand_still
    worker = gevent.spawn(world.run, OpTestDelay(duration=1.0), run)
    assert working.wait(PATIENCE_S)
    assert world.locks.owners() == {1}
    worker.kill(timeout=PATIENCE_S)
    world.close()


@pytest.mark.parametrize("fails", [False, True])
def test_reservations_end_with_the_opcode(world: World, fails: bool) -> None:
    class Reserving(Unit):
        def check(self, config: ConfigSnapshot) -> str:
            self.work.reserve.thing(Thing.INSTANCE, "new.example.com")
            return super().check(config)

    Reserving.calls = []
    Reserving.fails_in = ("execute", OpExecError("no")) if fails else None
    Reserving.result = None
    processor = Processor(world.context, find=lambda _op_id: Reserving)
    if fails:
        with pytest.raises(OpExecError):
            processor.run(OP, Run())
    else:
        processor.run(OP, Run())
    assert world.context.reservations.owners == set()
