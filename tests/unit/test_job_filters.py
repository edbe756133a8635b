"""Job filter rules decide as a 3.0.2 luxid does.

What is expected was observed on one: each rule said REJECT, and one job came to it. More are
compared side by side in `tests/interop/test_filters_in_effect.py`.
"""

import dataclasses
from typing import Any, Final

import pytest

from masterd.config.filter import FilterRule
from masterd.job.filters import OPEN, Bucket, Facts, Lane, Rules, Verdict, lane
from masterd.job.model import Job
from masterd.job.new import NewJob
from masterd.job.status import OpStatus
from masterd.opcodes.base import load
from tests.filter_cases import DELAY, MATCHING, NOT_MATCHING

JOB_ID: Final = 5
WATERMARK: Final = 4


def job(*reasons: str, job_id: int = JOB_ID, opcodes: int = 1, **parameters: Any) -> Job:
    """Return a queued job as it is kept, with a trail entry for each reason in its last opcode."""
    ops: list[dict[str, Any]] = [{**DELAY, "reason": [], **parameters} for _ in range(opcodes)]
    ops[-1]["reason"] = [["gnt:user", reason, 1] for reason in reasons]
    new = NewJob.of([load(op) for op in ops])
    return new.job(job_id, new.resolve(job_id, ()), None, 7)


def rule(action: Any, *predicates: Any, uuid: str = "r", **changes: Any) -> FilterRule:
    made: dict[str, Any] = {"watermark": WATERMARK, "priority": 0, "reason_trail": (), **changes}
    return FilterRule(uuid=uuid, action=action, predicates=tuple(map(tuple, predicates)), **made)


def decide(*rules: FilterRule, of: Job | None = None) -> Lane:
    return Rules.of(rules).lane_of(of or job("x"))


@pytest.mark.parametrize("predicates", MATCHING, ids=str)
def test_a_rule_applies_where_the_references_does(predicates: list[Any]) -> None:
    assert decide(rule("REJECT", *predicates)).verdict is Verdict.REJECTED


@pytest.mark.parametrize("predicates", NOT_MATCHING, ids=str)
def test_a_rule_leaves_a_job_alone_where_the_references_does(predicates: list[Any]) -> None:
    assert decide(rule("REJECT", *predicates)) == OPEN


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (["=", "beparams.memory", 512], True),
        (["<", "beparams.memory", 600], True),
        (["=", "beparams.memory", "512"], False),
        (["!", ["=", "beparams.memory", "x"]], True),
        (["!", ["=", "beparams.nope", 1]], False),
        (["?", "beparams.always"], True),
        # No host name, but a text like others.
        (["=", "instance_name", "inst1"], False),
        # Parameters that were not given.
        (["!", ["=", "pnode", "x"]], False),
        (["!", ["=", "offline", "x"]], False),
        (["!", ["=", "osparams_private", "x"]], False),
        (["!", ["=", "hvparams", "x"]], True),
        (["!", ["?", "force"]], True),
    ],
    ids=str,
)
def test_parameters_below_others_are_named_with_dots(wanted: Any, matches: bool) -> None:
    made = load(
        {
            "OP_ID": "OP_INSTANCE_SET_PARAMS",
            "instance_name": "inst1.example.com",
            "beparams": {"memory": 512, "always": True},
            "reason": [],
        }
    )
    judged = decide(rule("PAUSE", ["opcode", wanted]), of=NewJob.of([made]).job(1, ((),), None, 1))
    assert (judged.verdict is Verdict.HELD) == matches


def test_a_predicate_that_cannot_be_read_never_matches() -> None:
    for predicate in (("jobid",), ("jobid", 5), ("user", None), ("opcode", ["=~", "OP_ID", "("])):
        assert decide(rule("REJECT", predicate)) == OPEN


def test_the_first_rule_by_priority_watermark_and_uuid_decides() -> None:
    for first, second in (
        ({"priority": 0, "watermark": 9}, {"priority": 1, "watermark": 1}),
        ({"watermark": 1, "uuid": "z"}, {"watermark": 2, "uuid": "a"}),
        ({"uuid": "a"}, {"uuid": "b"}),
    ):
        accept, pause = rule("ACCEPT", **first), rule("PAUSE", **second)
        assert decide(pause, accept).verdict is Verdict.OPEN
        accept, pause = rule("ACCEPT", **second), rule("PAUSE", **first)
        assert decide(pause, accept).verdict is Verdict.HELD


def test_a_rule_that_says_continue_leaves_the_decision_to_later_ones() -> None:
    assert decide(rule("CONTINUE", uuid="a"), rule("PAUSE", uuid="b")).verdict is Verdict.HELD
    assert decide(rule("CONTINUE")) == OPEN


def test_a_rule_that_limits_gives_its_jobs_a_bucket() -> None:
    limit = rule(("RATE_LIMIT", 3), ["reason", ["=", "reason", "x"]])
    assert decide(limit) == Lane(Verdict.OPEN, (Bucket("r", True, 3),))
    assert decide(limit, of=job("y")) == OPEN


def test_a_job_that_was_begun_is_held_by_no_rule_but_counts() -> None:
    queued = job("rate-limit:2:q", opcodes=2)
    facts = Facts.of(queued)
    assert not facts.begun
    begun = Facts(facts.job_id, True, facts.ops, facts.reasons)
    bucket = Bucket("2:q", False, 2)
    for action, verdict in (("PAUSE", Verdict.HELD), ("REJECT", Verdict.REJECTED)):
        rules = Rules.of([rule(action)])
        assert lane(rules, facts) == Lane(verdict, (bucket,))
        assert lane(rules, begun) == Lane(Verdict.OPEN, (bucket,))
    limit = Rules.of([rule(("RATE_LIMIT", 1))])
    assert lane(limit, begun).buckets == (Bucket("r", True, 1), bucket)


def test_a_job_is_begun_once_an_opcode_is_not_queued() -> None:
    queued = job(opcodes=2)
    done = dataclasses.replace(queued.ops[0], status=OpStatus.SUCCESS)
    assert Facts.of(dataclasses.replace(queued, ops=(done, queued.ops[1]))).begun


@pytest.mark.parametrize(
    ("reason", "name", "limit"),
    [
        ("rate-limit:1:q", "1:q", 1),
        ("rate-limit:1:q:z", "1:q:z", 1),
        ("rate-limit:1", "1", 1),
        ("rate-limit:1:", "1:", 1),
        ("rate-limit:01:q", "01:q", 1),
        ("rate-limit: 1:q", " 1:q", 1),
        ("rate-limit:20:two\nlines", "20:two\nlines", 20),
    ],
)
def test_a_reason_limits_the_jobs_that_have_it(reason: str, name: str, limit: int) -> None:
    assert decide(of=job(reason)) == Lane(Verdict.OPEN, (Bucket(name, False, limit),))


@pytest.mark.parametrize(
    "reason",
    ["rate-limit:0:q", "rate-limit:x:q", "rate-limit:-1:q", "rate-limit:+1:q", "rate-limit:1 :q",
     "rate-limit:1.0:q", "rate-limit::1", "rate-limit:1_0:q", "xrate-limit:1:q", "rate-limit"],
)  # fmt: skip
def test_a_reason_that_names_no_positive_number_limits_nothing(reason: str) -> None:
    assert decide(of=job(reason)) == OPEN


def test_a_job_counts_in_each_bucket_that_any_of_its_opcodes_names() -> None:
    made = job("rate-limit:2:b", "x", "rate-limit:1:a", "rate-limit:2:b", opcodes=3)
    assert decide(of=made).buckets == (Bucket("1:a", False, 1), Bucket("2:b", False, 2))


def test_rules_that_stay_are_not_compiled_again() -> None:
    first, second = rule("PAUSE", uuid="a"), rule("PAUSE", uuid="b")
    before = Rules.of([first])
    after = Rules.of([first, second], before)
    assert after._compiled[0] is before._compiled[0]
    assert Rules.of([rule("REJECT", uuid="a")], after).lane_of(job()).verdict is Verdict.REJECTED
