"""Takes the locks a logical unit needs, level by level, until they are the ones it needs.

What has to be locked depends on the configuration, which others change while one waits. So the unit
is asked again when all is held; wants it more by then, all but the big lock is let go and taken
anew.
"""

from typing import Any, Final

from masterd.errors import ECode, OpPrereqError
from masterd.limits import LU_LOCK_TRIES_MAX
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.work.base import Locks, LogicalUnit
from masterd.work.context import ClusterContext, OpRun
from masterd.work.feedback import Feedback
from masterd.work.lock_wait import told_in_log

_LEVELS: Final = tuple(
    level for level in LockLevel if level not in (LockLevel.CLUSTER, LockLevel.CONFIG)
)

AnyUnit = LogicalUnit[Any, Any]


class Locking:
    """The taking of one run's locks. All methods switch."""

    def __init__(self, context: ClusterContext, run: OpRun, say: Feedback) -> None:
        self._locks = context.locks
        self._config = context.config.snapshot
        self._run = run
        self._tell = told_in_log(say, context.config.snapshot)
        self._taken: Locks = {}

    def take(self, level: LockLevel, request: LockRequest) -> None:
        """Take locks of one level, or wait for them.

        Raises:
            JobCanceled: the job was canceled.
        """
        self._run.check_canceled()
        owner, priority = self._run.job_id, self._run.priority()
        self._locks.acquire(owner, level, request, priority, self._tell)

    def take_all(self, unit: AnyUnit) -> AnyUnit:
        """Take what a unit needs; return it, or the one that goes on without luck.

        Raises:
            JobCanceled: the job was canceled.
            OpPrereqError: the unit needed more each time that all was held, or too little was free.
        """
        for _ in range(LU_LOCK_TRIES_MAX):
            taken = self._take_levels(unit)
            self._run.check_canceled()
            if taken is None:
                other = unit.without_luck()
                if other is None:
                    raise OpPrereqError("Too few of the locks are free", ECode.TEMP_NORES)
                unit = other
            else:
                self._taken = taken
                if self.suffice(unit):
                    return unit
            self.let_go()
        raise never_enough()

    def suffice(self, unit: AnyUnit) -> bool:
        """Tell whether what is held is what a unit needs in the configuration of now."""
        return _covers(self._taken, unit.needs(self._config()))

    def _take_levels(self, unit: AnyUnit) -> Locks | None:
        """Return what was taken; None when an opportunistic request found too little."""
        taken: dict[LockLevel, LockRequest] = {}
        for level in _LEVELS:
            wanted = unit.needs(self._config())
            assert LockLevel.CLUSTER not in wanted, "that level is locked by the processor"
            if level not in wanted:
                continue
            request = wanted[level]
            if request.at_least is None:
                self.take(level, request)
            else:
                self._run.check_canceled()
                if self._locks.take_free(self._run.job_id, level, request) is None:
                    return None
            taken[level] = request
        return taken

    def let_go(self) -> None:
        """Give back all but the big lock."""
        for level in _LEVELS:
            self._locks.release(self._run.job_id, level)


def never_enough() -> OpPrereqError:
    """Return what refuses an opcode that needed more locks each time it held those it needed."""
    return OpPrereqError(
        f"What has to be locked changed {LU_LOCK_TRIES_MAX} times while the job waited for it",
        ECode.STATE,
    )


def _covers(taken: Locks, wanted: Locks) -> bool:
    """Tell whether everything wanted was taken, and as strictly."""
    return all(_suffices(taken.get(level), request) for level, request in wanted.items())


def _suffices(taken: LockRequest | None, wanted: LockRequest) -> bool:
    if isinstance(wanted.names, frozenset) and not wanted.names:
        return True
    if taken is None or (wanted.mode is LockMode.EXCLUSIVE and taken.mode is LockMode.SHARED):
        return False
    if wanted.at_least is not None or not isinstance(taken.names, frozenset):
        return True
    return isinstance(wanted.names, frozenset) and wanted.names <= taken.names
