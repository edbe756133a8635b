"""The processor: order of the hooks, checks between them, locks given back on every way out."""

from pathlib import Path
from typing import ClassVar

import gevent
import pytest
from gevent.event import Event

from masterd.config.reservations import Thing
from masterd.errors import JobCanceled, OpCodeUnknown, OpExecError, OpPrereqError, OpResultError
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu.base import LogicalUnit
from masterd.lu.processor import Processor
from masterd.opcodes.base import load
from masterd.opcodes.test import OpTestDelay, OpTestDummy
from tests.lu_support import PATIENCE_S, Run, World, make_world

OP = OpTestDummy()
HOOKS = ["check_arguments", "expand_names", "declare_locks", "check_prereq", "execute"]


class Unit(LogicalUnit[OpTestDummy, str]):
    """Locks one node, writes down its hooks, and raises in one of them if told so."""

    calls: ClassVar[list[str]] = []
    fails_in: ClassVar[tuple[str, BaseException] | None] = None
    result: ClassVar[object] = None

    def note(self, hook: str) -> None:
        self.calls.append(hook)
        if self.fails_in is not None and self.fails_in[0] == hook:
            raise self.fails_in[1]

    def check_arguments(self) -> None:
        self.note("check_arguments")

    def expand_names(self) -> dict[LockLevel, LockRequest]:
        self.note("expand_names")
        return {LockLevel.NODE: LockRequest(frozenset({"n1"}))}

    def declare_locks(self, level: LockLevel, request: LockRequest) -> LockRequest:
        assert self.owned(level) == frozenset()
        self.note("declare_locks")
        return request

    def check_prereq(self) -> str:
        assert self.owned(LockLevel.NODE) == {"n1"}
        self.note("check_prereq")
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


def test_hooks_come_in_order_and_the_job_runs_once_all_locks_are_held(world: World) -> None:
    kind, run = unit(), Run()
    run.at_locks_held = lambda: kind.calls.append("locks_held")
    carry_out(world, kind, run=run)
    assert kind.calls == [*HOOKS[:3], "locks_held", *HOOKS[3:]]
    assert run.running == 1
    world.close()


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", [OpPrereqError("no"), OpExecError("no"), ValueError("no")])
def test_an_error_of_any_hook_keeps_its_class_and_frees_the_locks(
    world: World, hook: str, error: Exception
) -> None:
    kind = unit(fails_in=(hook, error))
    with pytest.raises(type(error)) as caught:
        carry_out(world, kind)
    assert caught.value is error
    assert kind.calls == HOOKS[: HOOKS.index(hook) + 1]
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
    assert kind.calls == HOOKS[:4]
    assert run.messages() == [
        " - INFO: dry-run mode requested, not actually executing the operation"
    ]
    world.close()


def test_a_result_of_another_form_than_declared_is_an_error(world: World) -> None:
    with pytest.raises(OpResultError, match="OP_TEST_DUMMY: result is 5, expected None"):
        carry_out(world, unit(result=5))
    world.close()


def test_an_opcode_without_unit_is_refused(world: World) -> None:
    with pytest.raises(OpCodeUnknown, match="OP_TEST_OS_PARAMS is not supported yet"):
        world.run(load({"OP_ID": "OP_TEST_OS_PARAMS", "reason": []}))
    world.close()


def test_lost_secrets_stop_the_opcode_before_its_checks(world: World) -> None:
    first = load({"OP_ID": "OP_TEST_OS_PARAMS", "reason": [], "osparams_secret": {"k": "v"}})
    kind = unit()
    with pytest.raises(OpPrereqError, match="re-submit secret parameters"):
        Processor(world.context, find=lambda op_id: kind).run(load(first.to_input()), Run())
    assert kind.calls == []
    world.close()


def test_a_job_canceled_before_it_begins_calls_no_hook(world: World) -> None:
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
    assert kind.calls == HOOKS[:3]
    assert run.running == 0
    assert world.locks.owners() == {9}
    world.locks.release(9)
    world.close()


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
        def check_prereq(self) -> str:
            self.context.reservations.reserve((1, 0), Thing.INSTANCE, "new.example.com")
            return super().check_prereq()

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
