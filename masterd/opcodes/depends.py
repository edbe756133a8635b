"""Dependencies on other jobs, as an opcode states them. Pure.

A dependency is `[job id, [status, ...]]`: the other job has to end first, in one of the statuses;
an empty list means any. A negative id counts back from the job's own: -1 is the job that got its id
just before. A submission turns it into the real id, and only real ids are stored.

Source: Ganeti 3.0.2, luxid's answers to relative ids.
"""

from typing import Annotated, Literal

from masterd.opcodes import checks
from masterd.opcodes.annotations import check_for

#: How a job may have ended.
FinalStatus = Literal["canceled", "error", "success"]

Dependency = tuple[int, tuple[FinalStatus, ...]]

_DEPENDENCY = checks.all_of(
    checks.any_of(checks.list_of(checks.ANYTHING), checks.TUPLE),
    checks.length(2),
    checks.items(
        checks.any_of(checks.JOB_ID, checks.RELATIVE_JOB_ID),
        checks.list_of(check_for(FinalStatus)),
    ),
)

Dependencies = tuple[Annotated[Dependency, _DEPENDENCY], ...]
