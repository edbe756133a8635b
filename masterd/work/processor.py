"""Runs one opcode: locks, checks, work, result. Locks and reservations end whatever happens.

Source: Ganeti 3.0.2 lib/mcpu.py (order of the steps, texts).
"""

from collections.abc import Callable
from typing import Any, Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpCodeUnknown, OpPrereqError, OpResultError, TooFewLocks
from masterd.limits import LU_LOCK_TRIES_MAX
from masterd.lock.levels import BGL, LockLevel, LockMode, LockRequest
from masterd.node.journal import JournaledNodes
from masterd.opcodes.base import OpCode, check_result, lost_secrets
from masterd.work.base import LogicalUnit, WithJobs
from masterd.work.context import ClusterContext, OpRun, RecordedConfig
from masterd.work.feedback import Feedback
from masterd.work.hooks import NO_HOOKS, Hooked, LastScripts, Surrounded
from masterd.work.jobs import submitter
from masterd.work.locks import Locking, never_enough
from masterd.work.work import HeldLocks, Reserving, Work

# The parameters of a logical unit's type do not matter to who runs it.
AnyUnit = LogicalUnit[Any, Any]

_BGL_SHARED: Final = LockRequest(frozenset({BGL}), LockMode.SHARED)
_BGL_EXCLUSIVE: Final = LockRequest(frozenset({BGL}), LockMode.EXCLUSIVE)


def unsupported(op_id: str) -> str:
    """Return the text that refuses an opcode without a logical unit."""
    return f"Opcode {op_id} is not supported yet by this master daemon"


class Processor:
    """Runs opcodes. One for the whole daemon; each run belongs to its caller's greenlet."""

    def __init__(
        self,
        context: ClusterContext,
        *,
        find: Callable[[str], type[AnyUnit] | None],
    ) -> None:
        """Prepare; `find` tells which logical unit carries out an opcode of some OP_ID."""
        self._context = context
        self._find = find

    def run(self, op: OpCode, run: OpRun) -> object:
        """Carry out an opcode and return its result, a JSON value or `WithJobs`. Switches.

        `run.locks_held` is called when all locks are held and nothing is checked yet, and again
        when a check found too few and the unit waited for more. A greenlet that is killed gives its
        locks back on its way out.

        Raises:
            JobCanceled: the job was canceled while the opcode waited.
            OpPrereqError: a check refused it; nothing was changed.
            OpExecError: the work failed.
            OpResultError: the result is not of the declared form; the work was done.
        """
        unit_class = self._find(op.OP_ID)
        if unit_class is None:
            raise OpCodeUnknown(unsupported(op.OP_ID))
        work = self._work(run)
        try:
            return self._run(unit_class(op, work), run)
        finally:
            self._context.reservations.release((run.job_id, run.op_index))
            if not work.locks.kept_for_good:
                self._context.locks.release(run.job_id)

    def _work(self, run: OpRun) -> Work:
        """Make the world of one run."""
        context = self._context
        return Work(
            config=RecordedConfig(context.config, run.config_record()),
            rpc=JournaledNodes(context.rpc, run.journal(), context.dialect.calls),
            locks=HeldLocks(context.locks, run.job_id, context.config.snapshot),
            reserve=Reserving(context.reservations, (run.job_id, run.op_index)),
            say=Feedback(run.feedback),
            submit=submitter(context.jobs, run.job_id, run.op_index),
            queries=context.queries,
            dialect=context.dialect,
            clock=context.clock,
            paths=context.paths,
            new_uuid=context.new_uuid,
            sleep=context.sleep,
            drained=context.drained,
            watcher_pause=context.watcher_pause,
            in_thread=context.in_thread,
            probe=context.probe,
            scripts=LastScripts(context.hooks),
        )

    def _run(self, unit: AnyUnit, run: OpRun) -> object:
        op: OpCode = unit.op
        locking = Locking(self._context, run, unit.work.say)
        locking.take(LockLevel.CLUSTER, _BGL_EXCLUSIVE if unit.REQUIRES_BGL else _BGL_SHARED)
        if lost_secrets(op):
            raise OpPrereqError("Please re-submit secret parameters to job.", ECode.INVAL)
        unit.check_arguments()
        for _ in range(LU_LOCK_TRIES_MAX):
            unit = locking.take_all(unit)
            run.locks_held()
            try:
                # The commit of that was one more wait, in which the configuration may have changed.
                if locking.suffice(unit):
                    result = self._carry_out(unit)
                    break
            except TooFewLocks as error:
                other = unit.without_luck()
                if other is None:
                    raise OpPrereqError(error.message, ECode.TEMP_NORES) from error
                unit = other
            self._context.reservations.release((run.job_id, run.op_index))
            locking.let_go()
            run.wait_again()
        else:
            raise never_enough()
        # A dry run has no result to declare.
        problem = None if op.dry_run else check_result(op, _as_told(result))
        if problem is not None:
            raise OpResultError(problem)
        return result

    def _carry_out(self, unit: AnyUnit) -> object:
        """Check and work, with all locks held and the scripts around the work. Switches."""
        op, work = unit.op, unit.work
        config = work.config.snapshot()
        plan = unit.check(config)
        told = NO_HOOKS if unit.HOOKS is None else unit.hooks(plan, config)
        if unit.HOOKS is not None:
            self._context.hooks.pre(_surrounded(unit, config), told)
        if op.dry_run:
            for text in unit.describe(plan):
                work.say.info(text)
            work.say.info("dry-run mode requested, not actually executing the operation")
            return unit.dry_run(plan)
        try:
            result = self._execute(unit, plan, told, config)
        except Exception:
            # Not where the greenlet is killed: it must give its locks back at once.
            self._tell_change(unit, plan, told, config)
            raise
        self._tell_change(unit, plan, told, config)
        return result

    def _tell_change(
        self, unit: AnyUnit, plan: object, told: Hooked, config: ConfigSnapshot
    ) -> None:
        """Have the scripts run that follow a change of the configuration. Switches."""
        if unit.work.config.changed and unit.tells_change(plan):
            self._context.hooks.config_update(_surrounded(unit, config), told)

    def _execute(self, unit: AnyUnit, plan: object, told: Hooked, config: ConfigSnapshot) -> object:
        """Work, and have the scripts run that follow it; `config` is that of before. Switches."""
        unit.work.scripts.begin(_surrounded(unit, config), told)
        result: object = unit.execute(plan)
        if unit.HOOKS is None:
            return result
        now = unit.hooks(plan, unit.work.config.snapshot())
        answers = self._context.hooks.post(_surrounded(unit, config), told, now)
        return unit.heard(plan, answers, result)


def _surrounded(unit: AnyUnit, config: ConfigSnapshot) -> Surrounded:
    return Surrounded(unit.work.rpc, unit.op, unit.HOOKS, unit.work.say, config)


def _as_told(result: object) -> object:
    """Return a result in the form clients get; jobs that have no ids yet have the first one."""
    if isinstance(result, WithJobs):
        return result.result([(True, 1)] * len(result.jobs))
    return result
