"""What dependencies mean for a job."""

import pytest

from masterd.job.dependencies import RelativeDependencyError, Verdict, judge, resolve
from masterd.job.model import Dependency
from masterd.job.status import JobStatus

STATUS = {
    1: JobStatus.SUCCESS,
    2: JobStatus.ERROR,
    3: JobStatus.CANCELED,
    4: JobStatus.RUNNING,
    5: JobStatus.QUEUED,
}


def verdict(*depends: tuple[int, set[str]]) -> Verdict:
    wanted = [Dependency(i, frozenset(JobStatus(s) for s in statuses)) for i, statuses in depends]
    return judge(wanted, STATUS.get).verdict


@pytest.mark.parametrize(
    ("depends", "expected"),
    [
        ([], Verdict.GO_ON),
        ([(1, set())], Verdict.GO_ON),
        ([(2, set())], Verdict.GO_ON),
        ([(3, set())], Verdict.CANCEL),
        ([(1, {"success"})], Verdict.GO_ON),
        ([(2, {"success", "error"})], Verdict.GO_ON),
        ([(2, {"success"})], Verdict.FAIL),
        ([(3, {"success"})], Verdict.CANCEL),
        ([(3, {"success", "canceled"})], Verdict.GO_ON),
        ([(1, {"error"})], Verdict.FAIL),
        ([(4, {"success"})], Verdict.WAIT),
        ([(5, set())], Verdict.WAIT),
        ([(99, set())], Verdict.FAIL),
        ([(1, {"success"}), (4, set())], Verdict.WAIT),
        ([(3, {"success"}), (4, set())], Verdict.CANCEL),
    ],
)
def test_verdict(depends: list[tuple[int, set[str]]], expected: Verdict) -> None:
    assert verdict(*depends) is expected


def test_a_failed_dependency_says_what_was_wished() -> None:
    judgement = judge([Dependency(2, frozenset({JobStatus.SUCCESS}))], STATUS.get)
    assert judgement.reason == (
        "Dependency job 2 finished with status 'error', not one of 'success' as required"
    )


def test_relative_ids_count_back_from_the_job() -> None:
    assert resolve([(-1, ["success"]), (7, []), (-102, [])], 102, ()) == (
        Dependency(101, frozenset({JobStatus.SUCCESS})),
        Dependency(7, frozenset()),
        Dependency(0, frozenset()),
    )


@pytest.mark.parametrize(
    ("offset", "text"),
    [(-107, "^Invalid value for job ID ' -5'$"), (-1, "a job that was refused")],
)
def test_a_relative_id_must_lead_to_a_job(offset: int, text: str) -> None:
    with pytest.raises(RelativeDependencyError, match=text):
        resolve([(offset, [])], 102, {101})
