"""Regular expressions of clients: what is understood, and what matching may cost."""

import re

import pytest

from masterd.filter.language import FilterSyntaxError, cost_of, parse
from masterd.filter.pattern import Pattern, PatternError
from masterd.limits import QUERY_PATTERNS_SIZE_MAX, QUERY_ROWS_PER_PAUSE
from masterd.query.engine import query
from masterd.query.job_fields import JOB_TABLE
from tests.query_support import ListSource, job

#: Of 7,000 instructions, where an ordinary one has 30.
LARGE = ".{900}"


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        (r"^node1\-x(\..*)?$", "node1-x.example.com", "node1-xy"),
        ("(?i:INSTANCE_.*)", "instance_start", "instances"),
        ("[[:digit:]]", "a1", "a"),
        ("^$", "", "a"),
        ("é", "café", "cafe"),
        ("", "", None),
    ],
)
def test_what_clients_send_is_understood(pattern: str, found: str, not_found: str | None) -> None:
    assert Pattern(pattern).search(found)
    assert not_found is None or not Pattern(pattern).search(not_found)


def test_nested_repetitions_cost_no_more_than_others() -> None:
    """An engine that backtracks does not come to an end here."""
    for pattern in ("^(([a-f0-9-])+)+Z$", "(a|a)*$Z", "^(.*a){30}Z"):
        assert not Pattern(pattern).search("0a" * 5000)


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?!a)", "(?<=a)b", r"(a)\1", r"(?P<x>a)(?P=x)", "s++"]
)
def test_what_needs_backtracking_is_refused_with_the_reason(pattern: str) -> None:
    with pytest.raises(PatternError, match="without back-references, look-around"):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "[", "*a", "a{1001}", "x" * 1001, ".{900}" * 9])
def test_what_is_no_pattern_or_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)
    with pytest.raises(FilterSyntaxError, match=re.escape('(0,"')):
        parse(["=~", "name", pattern])


def test_the_patterns_of_a_filter_have_a_bound_together() -> None:
    leaf = ["=~", "name", LARGE]
    fitting = QUERY_PATTERNS_SIZE_MAX // Pattern(LARGE).size
    parse(["|", *[leaf] * fitting])
    with pytest.raises(FilterSyntaxError, match="too large together"):
        parse(["|", *[leaf] * (fitting + 1)])


def test_text_that_is_no_unicode_is_searched_too() -> None:
    assert Pattern("a").search("\ud800a")


def test_a_filter_of_many_tests_pauses_more_often_than_one_of_few() -> None:
    rows = 12
    source = ListSource(job(number) for number in range(rows))

    def pauses(wanted: object) -> int:
        count = 0

        def pause() -> None:
            nonlocal count
            count += 1

        query(JOB_TABLE, source, ("id",), parse(wanted), pause)
        return count

    assert pauses(["=~", "status", "a"]) == 0
    assert pauses(["=~", "status", LARGE]) == rows
    assert cost_of(parse(["&", *[["=", "id", 1]] * 64])) == 64
    many = ["|", *[["=", "status", "x"]] * 64]
    assert pauses(many) == rows * 64 // QUERY_ROWS_PER_PAUSE
