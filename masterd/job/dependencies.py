"""What a job's dependencies mean for it. Pure.

Source: jobfile.json scheduling_3_0 dependency_check; job files of dependent jobs.
"""

from collections.abc import Callable, Sequence
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
    """A relative dependency points before the first job of its submission."""


def resolve(
    depends: Sequence[tuple[int, Sequence[str]]], index: int, job_ids: Sequence[int | None]
) -> tuple[Dependency, ...]:
    """Turn relative ids into real ones.

    Args:
        depends: (job id or negative offset, statuses) as submitted.
        index: position of the job in its submission.
        job_ids: ids given to the jobs of the submission; None for one that was refused.

    Raises:
        RelativeDependencyError: an offset points outside the submission or at a refused job.
    """
    resolved = []
    for job_id, statuses in depends:
        real: int | None = job_id
        if job_id < 0:
            if index + job_id < 0:
                raise RelativeDependencyError(
                    f"Relative job dependency {job_id} points before the first job"
                )
            real = job_ids[index + job_id]
            if real is None:
                raise RelativeDependencyError(
                    f"Relative job dependency {job_id} points at a job that was refused"
                )
        assert real is not None
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
        if not dependency.statuses or status in dependency.statuses:
            continue
        if status is JobStatus.CANCELED:
            return Judgement(Verdict.CANCEL, f"Dependency job {number} was canceled")
        wished = ", ".join(sorted(dependency.statuses))
        return Judgement(
            Verdict.FAIL,
            f"Dependency job {number} ended with status '{status}', not one of: {wished}",
        )
    return Judgement(Verdict.GO_ON)
