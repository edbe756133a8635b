"""What a logical unit is: one opcode's way through locks, checks and work.

The processor calls the methods in this order:

1. `check_arguments`, once: what the opcode says, before anything is locked but the big lock;
2. `needs`, before each level of locks and once more when all are held: what has to be locked;
3. `check`, with all locks held: is the cluster as the work needs it? Returns the plan;
4. `hooks`, before the work and after it: what scripts on the nodes are told;
5. `describe` and `dry_run` where the opcode asks for no more than that, else
6. `execute`: the work, told by the plan.

Up to 3 nothing is changed, and a refusal is an OpPrereqError. A unit keeps nothing between the
steps but its opcode and its work: what one step found out is in the plan, or found out again.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from masterd.config.snapshot import ConfigSnapshot
from masterd.job.new import WithJobs as WithJobs
from masterd.lock.levels import LockLevel, LockRequest
from masterd.opcodes.base import OpCode
from masterd.work.hooks import NO_HOOKS, Answers, Hooked, HookPath
from masterd.work.work import Work

Op = TypeVar("Op", bound=OpCode)
Plan = TypeVar("Plan")

#: What to lock, by level; a level that is missing needs nothing. The cluster's is the processor's.
Locks: TypeAlias = Mapping[LockLevel, LockRequest]

#: Sentences that say what `execute` is going to do, in order.
Description: TypeAlias = Sequence[str]


class LogicalUnit(ABC, Generic[Op, Plan]):
    """Carries out one opcode of one job."""

    #: Runs alone: holds the big Ganeti lock exclusively instead of sharing it.
    REQUIRES_BGL: ClassVar[bool] = False
    #: The scripts that nodes run before and after the work; None where there are none.
    HOOKS: ClassVar[HookPath | None] = None
    #: Whether a change of the configuration is followed by the scripts for such changes.
    #: Source: hook_env.json when_computed.
    CONFIG_UPDATE_HOOK: ClassVar[bool] = False

    def __init__(self, op: Op, work: Work) -> None:
        self.op = op
        self.work = work

    def check_arguments(self) -> None:
        """Check what the opcode says beyond its declaration. May switch, to look a name up.

        Raises:
            OpPrereqError: it cannot be carried out on any cluster.
        """

    def needs(self, config: ConfigSnapshot) -> Locks:
        """Return what has to be locked in this configuration. Pure: it is asked again and again.

        Before a level is locked it may look at `work.locks` for what is held of those before. When
        the last answer asks for more than is held, everything is let go and taken anew.

        Raises:
            OpPrereqError: the opcode names something that does not exist.
        """
        return {}

    @abstractmethod
    def check(self, config: ConfigSnapshot) -> Plan:
        """Check that the work can be done, and return what the later steps need to know.

        All locks are held. It may ask nodes (and so switch), and changes nothing.

        Args:
            config: the configuration in which the locks are what `needs` answered.

        Raises:
            OpPrereqError: it cannot.
            TooFewLocks (of `masterd.errors`): not with what an opportunistic request got.
        """

    def hooks(self, plan: Plan, config: ConfigSnapshot) -> Hooked:
        """Return what scripts are told, and on which nodes they run. Pure.

        It is asked before the work and, with the configuration of then, after it.
        """
        return NO_HOOKS

    def heard(self, plan: Plan, answers: Answers, result: object) -> object:
        """Return the result, which may depend on what the scripts after the work answered."""
        return result

    def tells_change(self, plan: Plan) -> bool:
        """Return whether scripts follow a change of the configuration by this plan. Pure."""
        return self.CONFIG_UPDATE_HOOK

    def describe(self, plan: Plan) -> Description:
        """Return what `execute` is going to do, in sentences for people. Pure."""
        return ()

    def dry_run(self, plan: Plan) -> object:
        """Return the result of a run that ends before the work. Pure."""
        return None

    @abstractmethod
    def execute(self, plan: Plan) -> object:
        """Do the work; return the opcode's result, a JSON value or `WithJobs`. May switch.

        Raises:
            OpExecError: it failed, and something may have been changed.
        """

    def without_luck(self) -> "LogicalUnit[Op, Any] | None":
        """Return the unit that goes on when too little was free: one that wants all and waits."""
        return None
