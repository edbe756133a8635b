"""Compiled filters against a slow twin that walks the document again for every row."""

import re
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from masterd.errors import GanetiError, GenericError, ParameterError
from masterd.filter.fields import Absent, Field, FilterMode, Kind, Table, table_of
from masterd.filter.language import Value, parse
from masterd.filter.predicate import compile_filter
from masterd.query.engine import query


@dataclass(frozen=True)
class _Item:
    """A row that can hold any value in any column."""

    id: int
    values: dict[str, Any]


_COLUMNS = {
    "text": FilterMode.NORMAL,
    "host": FilterMode.HOSTNAME,
    "time": FilterMode.TIMESTAMP,
    "any": FilterMode.NORMAL,
}


def _key_of(value: Value) -> int:
    if not isinstance(value, int) or value < 0:
        raise GenericError("no key")
    return value


def _column(name: str, mode: FilterMode) -> Field[_Item]:
    return Field(name, name, Kind.OTHER, name, lambda row: row.values[name], mode)


_TABLE: Table[_Item, int] = table_of(
    "thing",
    "id",
    _key_of,
    [
        Field[_Item]("id", "ID", Kind.NUMBER, "id", lambda row: row.id),
        *(_column(name, mode) for name, mode in _COLUMNS.items()),
    ],
    listed=lambda row, needs: not all(value is Absent.UNAVAIL for value in row.values.values()),
)


class _Source:
    """Rows from memory."""

    def __init__(self, items: list[_Item]) -> None:
        self._items = {item.id: item for item in items}

    def by_keys(self, keys: Any, needs: frozenset[str]) -> list[_Item]:
        missing = dict.fromkeys(_COLUMNS, Absent.UNAVAIL)
        return [self._items.get(key, _Item(key, missing)) for key in keys]

    def all(self, needs: frozenset[str]) -> list[_Item]:
        return [item for _, item in sorted(self._items.items())]


def _twin(document: Any, row: _Item) -> bool:
    """Decide about one row, straight from the rules."""
    if document is None:
        return True
    symbol, *rest = document
    if symbol == "&":
        return all(_twin(part, row) for part in rest)
    if symbol == "|":
        return any(_twin(part, row) for part in rest)
    if symbol == "!":
        return not _twin(rest[0], row)
    if symbol == "!=":
        return not _twin(["==", *rest], row)
    name, *values = rest
    if name != "id" and name not in _COLUMNS:
        raise ParameterError("unknown field")
    value = row.id if name == "id" else row.values[name]
    if isinstance(value, Absent):
        return True
    mode = FilterMode.NORMAL if name == "id" else _COLUMNS[name]
    if mode is FilterMode.TIMESTAMP and isinstance(value, list):
        value = value[0]
    return _twin_leaf(symbol, value, mode, *values)


def _twin_leaf(symbol: str, value: Any, mode: FilterMode, wanted: Any = None) -> bool:
    if symbol == "?":
        if type(value) is not bool:
            raise ParameterError("no bool")
        return value
    if symbol == "=~":
        if type(value) is not str:
            raise ParameterError("no text")
        return re.search(wanted, value) is not None
    if symbol == "=[]":
        if type(value) is not list or any(type(item) is not type(wanted) for item in value):
            raise GenericError("no such list")
        return wanted in value
    if type(value) is not type(wanted):
        raise ParameterError("unlike")
    if symbol in ("=", "=="):
        if mode is FilterMode.HOSTNAME and isinstance(value, str):
            return value == wanted or value.startswith(wanted + ".")
        return bool(value == wanted)
    outcome = {
        "<": value < wanted,
        ">": value > wanted,
        "<=": value <= wanted,
        ">=": value >= wanted,
    }
    return bool(outcome[symbol])


_texts = st.sampled_from(["", "a", "a.b", "ab", "b"])
_numbers = st.integers(0, 4)
_absent = st.sampled_from(list(Absent))
_rows = st.fixed_dictionaries(
    {
        "text": _texts | _absent,
        "host": _texts | _absent,
        "time": st.tuples(_numbers, _numbers).map(list) | _absent,
        "any": _texts
        | _numbers
        | st.booleans()
        | st.lists(_texts, max_size=3)
        | st.lists(_numbers, max_size=3)
        | st.none()
        | _absent,
    }
)
_names = st.sampled_from(["id", *_COLUMNS])
_leaves: st.SearchStrategy[Any] = (
    st.none()
    | st.tuples(st.just("?"), _names).map(list)
    | st.tuples(
        st.sampled_from(["=", "==", "!=", "<", ">", "<=", ">=", "=[]"]), _names, _texts | _numbers
    ).map(list)
    | st.tuples(st.just("=~"), _names, st.sampled_from(["a", "^a$", "", "[ab]b"])).map(list)
    | st.tuples(st.sampled_from(["=", "=="]), st.just("id"), _numbers).map(list)
)
_filters = st.recursive(
    _leaves,
    lambda inner: (
        st.tuples(st.just("!"), inner).map(list)
        | st.tuples(st.sampled_from("&|"), st.lists(inner, max_size=4)).map(lambda t: [t[0], *t[1]])
    ),
    max_leaves=8,
)


@given(document=_filters, values=st.lists(_rows, max_size=5))
def test_a_compiled_filter_passes_what_its_twin_passes(
    document: Any, values: list[dict[str, Any]]
) -> None:
    passes = compile_filter(parse(document), _TABLE.fields)
    for number, row_values in enumerate(values):
        row = _Item(number, row_values)
        expected = _outcome(lambda row=row: _twin(document, row))
        assert _outcome(lambda row=row: passes(row)) == expected


def _outcome(decide: Any) -> object:
    try:
        return decide()
    except GanetiError as err:
        return type(err)


@given(document=_filters, values=st.lists(_rows, max_size=5))
def test_looking_names_up_gives_the_rows_a_walk_gives(
    document: Any, values: list[dict[str, Any]]
) -> None:
    items = [_Item(number, row_values) for number, row_values in enumerate(values)]
    items = [item for item in items if any(v is not Absent.UNAVAIL for v in item.values.values())]
    #: Under "&" a plain request is none, so that names without an item give no row.
    document = ["&", document]
    expected = _outcome(lambda: [item.id for item in items if _twin(document, item)])
    if not isinstance(expected, list):
        # A walk may meet an error in a row that a look-up never reads.
        return
    result = query(_TABLE, _Source(items), ("id",), parse(document))
    assert [row[0][1] for row in result["data"]] == expected  # type: ignore[attr-defined]
