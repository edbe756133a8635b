"""What a logical unit is: one opcode's way through locks, checks and work.

The processor calls the hooks in this order, each once:

1. `check_arguments`: what the opcode says, without a look at the cluster;
2. `expand_names`: the locks it needs, level by level;
3. `declare_locks`, before each of those levels: a second look, with the levels before it locked;
4. `check_prereq`, with all locks held: is the cluster as the work needs it? Returns the plan;
5. `execute`: the work, told by the plan.

Up to 4 nothing is changed, and a refusal is an OpPrereqError.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import LOCKSET, LockLevel, LockRequest
from masterd.lu.context import ClusterContext
from masterd.lu.feedback import Feedback
from masterd.opcodes.base import OpCode

Op = TypeVar("Op", bound=OpCode)
Plan = TypeVar("Plan")


class LogicalUnit(ABC, Generic[Op, Plan]):
    """Carries out one opcode of one job."""

    #: Runs alone: holds the big Ganeti lock exclusively instead of sharing it.
    REQUIRES_BGL: ClassVar[bool] = False

    def __init__(self, op: Op, context: ClusterContext, feedback: Feedback, *, job_id: int) -> None:
        self.op = op
        self.context = context
        self.feedback = feedback
        self.job_id = job_id

    # --- hooks ----------------------------------------------------------------------------------

    def check_arguments(self) -> None:
        """Check what the opcode says beyond its declaration. Does not switch.

        Raises:
            OpPrereqError: it cannot be carried out on any cluster.
        """

    def expand_names(self) -> dict[LockLevel, LockRequest]:
        """Return the locks needed; the cluster's level is the processor's. May switch.

        Raises:
            OpPrereqError: the opcode names something that does not exist.
        """
        return {}

    def declare_locks(self, level: LockLevel, request: LockRequest) -> LockRequest:
        """Return the locks needed at a level that `expand_names` named, now that all levels before
        it are locked. May switch.
        """
        return request

    @abstractmethod
    def check_prereq(self) -> Plan:
        """Check that the work can be done, and return what `execute` needs to know. May switch.

        Raises:
            OpPrereqError: it cannot.
        """

    @abstractmethod
    def execute(self, plan: Plan) -> object:
        """Do the work; return the opcode's result, a JSON value. May switch.

        Raises:
            OpExecError: it failed, and something may have been changed.
        """

    # --- for the hooks --------------------------------------------------------------------------

    @property
    def config(self) -> ConfigSnapshot:
        """The configuration as it is now."""
        return self.context.config.snapshot()

    def owned(self, level: LockLevel) -> frozenset[str]:
        """Return the names locked at a level.

        Who holds a whole level has to ask the configuration for the names.
        """
        held = self.context.locks.held(self.job_id)
        names = frozenset(lock.name for lock in held if lock.level is level)
        assert LOCKSET not in names, f"All of level {level.label} is locked, not single names"
        return names
