"""The query filter language: parsed once, compiled once, then one call per row.

    null                          every row
    ["&", F...]  ["|", F...]      all, any; no operand: true, false
    ["!", F]                      not
    ["?", field]                  the field's bool
    ["==" or "=", field, value]   equal; a host name also when `value` is its part before a dot
    ["!=", field, value]          not "=="
    ["<" ">" "<=" ">=", field, value]
    ["=~", field, regex]          the regular expression is found in the text
    ["=[]", field, value]         the list contains the value

Values are text or whole numbers. A cell without a value (status not normal) satisfies every
comparison, and so fails under "!" and "!=". Types are judged row by row when a comparison is
reached; "&" and "|" stop at the first operand that decides. Source: luxi.json, filter_language;
answers of a running 3.0.2 luxid.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.filter.pattern import Pattern, PatternError
from masterd.filter.text import show_fraction, show_json
from masterd.limits import (
    QUERY_FILTER_DEPTH_MAX,
    QUERY_PATTERN_SIZE_PER_TEST,
    QUERY_PATTERNS_SIZE_MAX,
)

#: What a filter compares with.
Value = str | int


class FilterSyntaxError(Exception):
    """The filter document is not in the language; the text is the reference's."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Passes every row."""


@dataclass(frozen=True, slots=True)
class All:
    """Passes when every part does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Passes when any part does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Passes when the part does not."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class Truth:
    """Passes when the field is true."""

    field: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Passes when the field has the value, or a host name begins with it."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Order:
    """Passes when the field stands in this order to the value."""

    symbol: str
    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Match:
    """Passes when the pattern is found in the field."""

    field: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Contains:
    """Passes when the list in the field has the value."""

    field: str
    value: Value


#: Tests of one field.
Leaf = Truth | Equal | Order | Match | Contains

Filter = Everything | All | Some | Not | Leaf

EVERYTHING: Final = Everything()

#: Comparisons by their symbol; the two values are of one kind by then.
ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def parse(document: object) -> Filter:
    """Read a filter document (decoded JSON).

    Raises:
        FilterSyntaxError: it is not in the language, too deep, or a pattern does not compile.
    """
    return _Parser().parse(document, QUERY_FILTER_DEPTH_MAX)


def document(wanted: Filter) -> object:
    """Return a filter as the reference writes it: each test in one form only."""
    match wanted:
        case Everything():
            return None
        case All(parts):
            return ["&", *map(document, parts)]
        case Some(parts):
            return ["|", *map(document, parts)]
        case Not(part):
            return ["!", document(part)]
        case Truth(field):
            return ["?", field]
        case Equal(field, value):
            return ["==", field, value]
        case Order(symbol, field, value):
            return [symbol, field, value]
        case Match(field, pattern):
            return ["=~", field, pattern.text]
        case Contains(field, value):
            return ["=[]", field, value]


def cost_of(wanted: Filter) -> int:
    """Return how many tests a row costs at most; a large pattern counts as several."""
    match wanted:
        case Everything():
            return 0
        case All(parts) | Some(parts):
            return sum(map(cost_of, parts))
        case Not(part):
            return cost_of(part)
        case Match(_, pattern):
            return 1 + pattern.size // QUERY_PATTERN_SIZE_PER_TEST
        case _:
            return 1


def requested(wanted: Filter, name_field: str) -> list[Value] | None:
    """Return the names a plain request asks for: alternatives of equalities on the name field.

    None when the filter is anything else; an empty list means all. Rows for these names are given
    in this order, and a name without an item is answered for itself (or is an error), not left out.
    """
    match wanted:
        case Everything():
            return []
        case Equal(field, value) if field == name_field:
            return [value]
        case Some(parts):
            names: list[Value] = []
            for part in parts:
                inner = requested(part, name_field)
                if inner is None:
                    return None
                names += inner
            return names
        case _:
            return None


def fields_of(wanted: Filter) -> list[str]:
    """Return the names of the fields that a filter looks at."""
    match wanted:
        case Everything():
            return []
        case All(parts) | Some(parts):
            return [name for part in parts for name in fields_of(part)]
        case Not(part):
            return fields_of(part)
        case _:
            return [wanted.field]


def with_leaves(wanted: Filter, change: Callable[[Leaf], Leaf]) -> Filter:
    """Return a filter with other tests of single fields."""
    match wanted:
        case Everything():
            return wanted
        case All(parts):
            return All(tuple(with_leaves(part, change) for part in parts))
        case Some(parts):
            return Some(tuple(with_leaves(part, change) for part in parts))
        case Not(part):
            return Not(with_leaves(part, change))
        case _:
            return change(wanted)


def numbers_of(wanted: Filter) -> list[int]:
    """Return the numbers that a filter compares with."""
    match wanted:
        case All(parts) | Some(parts):
            return [number for part in parts for number in numbers_of(part)]
        case Not(part):
            return numbers_of(part)
        case Equal(_, int(value)) | Order(_, _, int(value)) | Contains(_, int(value)):
            return [value]
        case _:
            return []


def restricted(wanted: Filter, name_field: str) -> list[Value] | None:
    """Return names outside which no row can pass; None when the filter sets no such bound.

    Only a way to look at fewer rows: the filter still decides about each.
    """
    match wanted:
        case Equal(field, value) if field == name_field:
            return [value]
        case Some(parts) if parts:
            union: list[Value] = []
            for part in parts:
                inner = restricted(part, name_field)
                if inner is None:
                    return None
                union += inner
            return union
        case All(parts):
            bounds = [
                bound for part in parts if (bound := restricted(part, name_field)) is not None
            ]
            if not bounds:
                return None
            first, *others = bounds
            common = set(first).intersection(*others)
            return [name for name in dict.fromkeys(first) if name in common]
        case _:
            return None


class _Parser:
    """Reads one filter; knows how large its patterns are."""

    def __init__(self) -> None:
        self._size_left = QUERY_PATTERNS_SIZE_MAX

    def parse(self, document: object, depth: int) -> Filter:
        """Read a filter of at most `depth` levels; see the module's `parse`."""
        if document is None:
            return EVERYTHING
        if depth == 0:
            raise FilterSyntaxError(
                f"Filter is nested more than {QUERY_FILTER_DEPTH_MAX} levels deep"
            )
        if not isinstance(document, list) or not document or not isinstance(document[0], str):
            raise FilterSyntaxError(
                "Cannot deserialise filter: expected array [string, args],"
                f" got {show_json(document)}"
            )
        symbol, *operands = document
        match symbol:
            case "&":
                return All(tuple(self.parse(operand, depth - 1) for operand in operands))
            case "|":
                return Some(tuple(self.parse(operand, depth - 1) for operand in operands))
            case "!":
                return Not(self.parse(_only(operands, "filter"), depth - 1))
            case "?":
                return Truth(_text(_only(operands, "fieldname")))
            case "=" | "==":
                return Equal(*_field_and_value(operands))
            case "!=":
                return Not(Equal(*_field_and_value(operands)))
            case "<" | ">" | "<=" | ">=":
                return Order(symbol, *_field_and_value(operands))
            case "=~":
                field, pattern = _pair(operands)
                return Match(_text(field), self._pattern(_text(pattern)))
            case "=[]":
                return Contains(*_field_and_value(operands))
            case _:
                raise FilterSyntaxError(f"Unknown filter operand '{symbol}'")

    def _pattern(self, text: str) -> Pattern:
        try:
            pattern = Pattern(text)
        except PatternError as error:
            raise FilterSyntaxError(f'(0,"{error}")') from None
        self._size_left -= pattern.size
        if self._size_left < 0:
            raise FilterSyntaxError("The regular expressions of the filter are too large together")
        return pattern


def _only(operands: Sequence[object], what: str) -> object:
    if len(operands) != 1:
        raise FilterSyntaxError(
            f"Cannot deserialise field, expected [{what}] but got {show_json(operands)}"
        )
    return operands[0]


def _pair(operands: Sequence[object]) -> tuple[object, object]:
    if len(operands) != 2:
        raise FilterSyntaxError(
            "Cannot deserialise field/value pair, expected [fieldname, value] but got"
            f" {show_json(operands)}"
        )
    return operands[0], operands[1]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FilterSyntaxError("Unable to read String")
    return value


def _field_and_value(operands: Sequence[object]) -> tuple[str, Value]:
    field, value = _pair(operands)
    name = _text(field)
    if isinstance(value, float):
        if not value.is_integer():
            raise FilterSyntaxError(
                "Cannot deserialise numeric filter value, expecting integral but got a fractional"
                f" value: {show_fraction(value)}"
            )
        return name, int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FilterSyntaxError(
            f"Cannot deserialise filter value, expecting string or integer, got {show_json(value)}"
        )
    return name, value
