"""What a job's dependencies mean for it. Pure.

Source: jobfile.json scheduling_3_0 dependency_check; job files of dependent jobs.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from masterd.job.model import Dependency
from masterd.job.status import FINAL, JobStatus


class Verdict(Enum):
    """Whether an opcode may go on."""

    GO_ON = "all dependencies ended as wished"
    WAIT = "a dependency has not ended"
    CANCEL = "a dependency was canceled"
    FAIL = "a dependency ended otherwise, or does not exist"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and, unless it is GO_ON, the sentence that explains it."""

    verdict: Verdict
    reason: str = ""


class RelativeDependencyError(ValueError):
    """A relative dependency leads to no job."""


def resolve(
    depends: Sequence[tuple[int, Sequence[str]]], job_id: int, refused: Collection[int]
) -> tuple[Dependency, ...]:
    """Turn relative ids into real ones: -1 is the job that got its id before this one.

    That may be a job of the same submission, or one from before it.

    Args:
        depends: (job id or negative offset, statuses) as submitted.
        job_id: id of the job that depends.
        refused: ids set aside for jobs of the submission that were refused.

    Raises:
        RelativeDependencyError: an offset points before the first job there ever was, or at a
            refused one. The text for the former is the reference's.
    """
    resolved = []
    for number, statuses in depends:
        real = number if number >= 0 else job_id + number
        if real < 0:
            raise RelativeDependencyError(f"Invalid value for job ID ' {real}'")
        if number < 0 and real in refused:
            raise RelativeDependencyError(
                f"Relative job dependency {number} points at a job that was refused"
            )
        resolved.append(Dependency(real, frozenset(JobStatus(s) for s in statuses)))
    return tuple(resolved)


def judge(depends: Sequence[Dependency], status_of: Callable[[int], JobStatus | None]) -> Judgement:
    """Decide whether an opcode with these dependencies may go on.

    Args:
        depends: dependencies, in order; the first that is not fulfilled decides.
        status_of: status of a job, archived ones too; None when it does not exist.
    """
    for dependency in depends:
        status = status_of(dependency.job_id)
        number = dependency.job_id
        if status is None:
            return Judgement(Verdict.FAIL, f"Dependency error: job {number} does not exist")
        if status not in FINAL:
            return Judgement(Verdict.WAIT, f"Need to wait for job {number}")
        if status in dependency.statuses:
            continue
        if status is JobStatus.CANCELED:
            return Judgement(Verdict.CANCEL, f"Dependency job {number} was canceled")
        if not dependency.statuses:
            continue
        # The reference's words.
        wished = ", ".join(sorted(dependency.statuses))
        return Judgement(
            Verdict.FAIL,
            f"Dependency job {number} finished with status '{status}',"
            f" not one of '{wished}' as required",
        )
    return Judgement(Verdict.GO_ON)
