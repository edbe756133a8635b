"""Runs one opcode: locks, checks, work, result. Locks and reservations end whatever happens.

Source: Ganeti 3.0.2 lib/mcpu.py (order of the hooks, texts).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from masterd.errors import ECode, OpCodeUnknown, OpPrereqError, OpResultError
from masterd.lock.levels import BGL, LockLevel, LockMode, LockRequest
from masterd.lu import registry
from masterd.lu.base import LogicalUnit
from masterd.lu.context import ClusterContext, OpRun, RecordedConfig
from masterd.lu.feedback import Feedback
from masterd.opcodes.base import OpCode, check_result, lost_secrets

# The parameters of a logical unit's type do not matter to who runs it.
AnyUnit = LogicalUnit[Any, Any]

_BGL_SHARED: Final = LockRequest(frozenset({BGL}), LockMode.SHARED)
_BGL_EXCLUSIVE: Final = LockRequest(frozenset({BGL}), LockMode.EXCLUSIVE)
_LEVELS: Final = tuple(level for level in LockLevel if level is not LockLevel.CLUSTER)


class Processor:
    """Runs opcodes. One for the whole daemon; each run belongs to its caller's greenlet."""

    def __init__(
        self,
        context: ClusterContext,
        *,
        find: Callable[[str], type[AnyUnit] | None] = registry.find,
    ) -> None:
        """Prepare; `find` tells which logical unit carries out an opcode of some OP_ID."""
        self._context = context
        self._find = find

    def run(self, op: OpCode, run: OpRun) -> object:
        """Carry out an opcode and return its result, a JSON value. Switches.

        `run.locks_held` is called once, when all locks are held and nothing is checked yet. A
        greenlet that is killed gives its locks back on its way out.

        Raises:
            JobCanceled: the job was canceled while the opcode waited.
            OpPrereqError: a check refused it; nothing was changed.
            OpExecError: the work failed.
            OpResultError: the result is not of the declared form; the work was done.
        """
        unit_class = self._find(op.OP_ID)
        if unit_class is None:
            raise OpCodeUnknown(registry.unsupported(op.OP_ID))
        feedback = Feedback(run.feedback)
        config = RecordedConfig(self._context.config, run.config_record())
        context = replace(self._context, config=config)
        unit = unit_class(op, context, feedback, job_id=run.job_id)
        try:
            return self._run(unit, run, feedback)
        finally:
            self._context.reservations.release((run.job_id, run.op_index))
            self._context.locks.release(run.job_id)

    def _run(self, unit: AnyUnit, run: OpRun, feedback: Feedback) -> object:
        op: OpCode = unit.op
        run.check_canceled()
        request = _BGL_EXCLUSIVE if unit.REQUIRES_BGL else _BGL_SHARED
        self._context.locks.acquire(run.job_id, LockLevel.CLUSTER, request, run.priority())
        if lost_secrets(op):
            raise OpPrereqError("Please re-submit secret parameters to job.", ECode.INVAL)
        unit.check_arguments()
        self._lock_levels(unit, run)
        run.locks_held()
        plan = unit.check_prereq()
        if op.dry_run:
            feedback.info("dry-run mode requested, not actually executing the operation")
            return None
        result: object = unit.execute(plan)
        problem = check_result(op, result)
        if problem is not None:
            raise OpResultError(problem)
        return result

    def _lock_levels(self, unit: AnyUnit, run: OpRun) -> None:
        wanted = unit.expand_names()
        assert LockLevel.CLUSTER not in wanted, "the cluster's level is locked by the processor"
        for level in _LEVELS:
            if level in wanted:
                request = unit.declare_locks(level, wanted[level])
                run.check_canceled()
                self._context.locks.acquire(run.job_id, level, request, run.priority())
        run.check_canceled()
