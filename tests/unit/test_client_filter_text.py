"""Filters as people type them."""

import pytest

from masterd.client.filter_text import (
    FilterTextError,
    looks_like_filter,
    name_pattern,
    parse_filter,
)
from masterd.limits import QUERY_FILTER_DEPTH_MAX


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("archived", ["?", "archived"]),
        ("id == 5", ["==", "id", 5]),
        ("id=5", ["==", "id", 5]),
        ("priority >= -10", [">=", "priority", -10]),
        ("id<3", ["<", "id", 3]),
        ('status != "error"', ["!=", "status", "error"]),
        ("status == 'it''s'", None),
        ('"x" in summary', ["=[]", "summary", "x"]),
        ('"x" not in summary', ["!", ["=[]", "summary", "x"]]),
        ("3 in oppriority", ["=[]", "oppriority", 3]),
        ("a and b and c", ["&", ["?", "a"], ["?", "b"], ["?", "c"]]),
        ("a or b and not c", ["|", ["?", "a"], ["&", ["?", "b"], ["!", ["?", "c"]]]]),
        ("not (a or b)", ["!", ["|", ["?", "a"], ["?", "b"]]]),
        ("((a))", ["?", "a"]),
        ("status =~ m/^err/i", ["=~", "status", "(?i)^err"]),
        (r"status =~ /a\/b\.c/", ["=~", "status", r"a/b\.c"]),
        ("status !~ #x|y#si", ["!", ["=~", "status", "(?is)x|y"]]),
        ('name =* "*.site"', ["=~", "name", r"^[^.]*\.site(\..*)?$"]),
        ('name !* "a?"', ["!", ["=~", "name", r"^a[^.](\..*)?$"]]),
        ("note.and/or_x", ["?", "note.and/or_x"]),
        ("nothing", ["?", "nothing"]),
    ],
)
def test_a_filter_text_becomes_its_document(text: str, document: list[object] | None) -> None:
    if document is None:
        with pytest.raises(FilterTextError):
            parse_filter(text)
    else:
        assert parse_filter(text) == document


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("status ~~ 3", 7, "expected the end"),
        ("id in opstatus", 3, "expected the end"),
        ("", 0, "expected a field"),
        ("id ==", 5, "expected a number or quoted text"),
        ("(a", 2, r"expected '\)'"),
        ("a and", 5, "expected a field"),
        ("not", 3, "expected a field"),
        ("5", 1, "expected 'in' and a field"),
        ("a =~ x", 5, "expected a regular expression"),
        ("a =~ /x/q", 5, "unknown flags 'q'"),
        ("a =~ /(/", 5, "no regular expression"),
        ("a =* x", 5, "expected a quoted name pattern"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(FilterTextError, match=problem) as refused:
        parse_filter(text)
    assert refused.value.position == position
    assert str(refused.value).endswith(f"\n{' ' * position}^")


def test_nesting_is_bounded() -> None:
    levels = QUERY_FILTER_DEPTH_MAX - 1
    assert parse_filter("(" * levels + "a" + ")" * levels) == ["?", "a"]
    with pytest.raises(FilterTextError, match="levels"):
        parse_filter("not " * 100_000 + "a")


def test_only_arguments_with_telling_characters_are_taken_for_filters() -> None:
    assert looks_like_filter("id==5")
    assert looks_like_filter("not archived")
    assert not looks_like_filter("17")
    assert not looks_like_filter("a*")


def test_a_name_pattern_covers_whole_parts_of_a_name() -> None:
    assert name_pattern("n*.a+b") == r"^n[^.]*\.a\+b(\..*)?$"
