"""Answers to Query, QueryFields and the classic queries, from a field table and a source."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from masterd.errors import ECode, GanetiError, GenericError, OpPrereqError
from masterd.filter.fields import (
    Absent,
    Field,
    Narrowable,
    ResultStatus,
    Source,
    Table,
    unknown_definition,
)
from masterd.filter.language import (
    Everything,
    Filter,
    Value,
    cost_of,
    fields_of,
    requested,
    restricted,
)
from masterd.filter.predicate import compile_filter, compile_rough
from masterd.limits import QUERY_ROWS_PER_PAUSE

Row = TypeVar("Row")
Key = TypeVar("Key")

#: Called now and then during a long answer; may switch greenlets.
Pause = Callable[[], None]

#: Resources the reference knows and does not serve, as its errors call them.
_NEVER_SERVED: Final = {"cluster": "ItemTypeOpCode QRCluster", "os": "ItemTypeOpCode QROs"}

_UNKNOWN_CELL: Final = (int(ResultStatus.UNKNOWN), None)
_ABSENT_CELLS: Final = {reason: (int(reason.value), None) for reason in Absent}


def query(
    table: Table[Row, Key],
    source: Source[Row, Key],
    fields: Sequence[str],
    wanted: Filter,
    pause: Pause | None = None,
) -> dict[str, object]:
    """Answer Query: `{"fields": [definition...], "data": [[(status, value)...]...]}`.

    Switches when the source or `pause` does.

    Raises:
        ParameterError, GenericError: the filter names an unknown field, or compares unlike things.
        Whatever the table's `key_of` and the source raise for a name.
    """
    passes = _considerate(compile_filter(wanted, table.fields), wanted, pause)
    getters = [_getter(table.fields.get(name)) for name in fields]
    data = [
        [get(row) for get in getters]
        for row in _paused(_rows(table, source, fields, wanted, pause), pause)
        if passes(row)
    ]
    return {"fields": _definitions(table, fields), "data": data}


def query_fields(table: Table[Row, Key], names: Sequence[str] | None) -> dict[str, object]:
    """Answer QueryFields; no names mean all fields in natural order."""
    return {"fields": _definitions(table, names or list(table.fields))}


def query_classic(
    table: Table[Row, Key],
    source: Source[Row, Key],
    names: Sequence[Value],
    fields: Sequence[str],
    pause: Pause | None = None,
) -> list[list[object]]:
    """Answer an old-style query: bare values; None where there is none; no names mean all items.

    Switches when the source or `pause` does.

    Raises:
        OpPrereqError: a field does not exist.
        Whatever the table's `key_of` and the source raise for a name.
    """
    getters = [field.get for field in known_fields(table, fields)]
    needs = table.needs(fields)
    rows = source.by_keys(_keys(table, names), needs) if names else source.all(needs)
    return [[_bare(get(row)) for get in getters] for row in _paused(rows, pause)]


def query_bare(
    table: Table[Row, Key],
    source: Source[Row, Key],
    fields: Sequence[str],
    wanted: Filter,
    pause: Pause | None = None,
) -> list[list[object]]:
    """Answer an old-style query that filters: bare values of all rows that pass.

    Switches when the source or `pause` does; errors as `query` and `query_classic`.
    """
    getters = [field.get for field in known_fields(table, fields)]
    passes = _considerate(compile_filter(wanted, table.fields), wanted, pause)
    rows = source.all(table.needs(fields))
    return [[_bare(get(row)) for get in getters] for row in _paused(rows, pause) if passes(row)]


def unsupported(call: str, resource: str) -> GenericError:
    """Return the error for a resource that a call ("Query", "QueryFields") does not serve."""
    return GenericError(f"{call} '{_NEVER_SERVED.get(resource, resource)}' not supported")


def known_fields(table: Table[Row, Key], names: Iterable[str]) -> list[Field[Row]]:
    """Return the fields of these names.

    Raises:
        OpPrereqError: some do not exist; the text lists them.
    """
    names = list(names)
    unknown = [name for name in names if name not in table.fields]
    if unknown:
        raise OpPrereqError(f"Unknown output fields selected: {', '.join(unknown)}", ECode.INVAL)
    return [table.fields[name] for name in names]


def _rows(
    table: Table[Row, Key],
    source: Source[Row, Key],
    fields: Sequence[str],
    wanted: Filter,
    pause: Pause | None,
) -> Iterable[Row]:
    """Choose between looking names up and walking over everything."""
    needs = table.needs([*fields, *(fields_of(wanted) if table.filters_need else ())])
    if needs and not isinstance(wanted, Everything) and isinstance(source, Narrowable):
        # Nodes are asked only about what may pass.
        may_pass = compile_rough(wanted, table.fields)
        source = source.narrowed(_considerate(may_pass, wanted, pause))
    names = requested(wanted, table.name_field)
    if names and (names := [name for name in names if table.looks_up(name)]):
        return source.by_keys(_keys(table, names), needs)
    if names is None and table.listed is not None:
        bound = restricted(wanted, table.name_field)
        if bound is not None and all(isinstance(name, int) for name in bound):
            return _listed(table, source, sorted(set(bound), key=int), needs)
    return source.all(needs)


def _keys(table: Table[Row, Key], names: Iterable[Value]) -> list[Key]:
    return list(dict.fromkeys(table.key_of(name) for name in names))


def _listed(
    table: Table[Row, Key], source: Source[Row, Key], names: Iterable[Value], needs: frozenset[str]
) -> Iterator[Row]:
    """Give the rows of these names that a walk would have met."""
    assert table.listed is not None
    keys = []
    for name in names:
        # A name that cannot be a key belongs to no row; in this place that is no error.
        with suppress(GanetiError):
            keys.append(table.key_of(name))
    return (row for row in source.by_keys(keys, needs) if table.listed(row, needs))


def _considerate(
    passes: Callable[[Row], bool], wanted: Filter, pause: Pause | None
) -> Callable[[Row], bool]:
    """Return the filter's function with pauses where its tests take longer than rows do."""
    tests = cost_of(wanted)
    if pause is None or tests <= 1:
        return passes
    rows = max(1, QUERY_ROWS_PER_PAUSE // tests)
    count = 0

    def considerate(row: Row) -> bool:
        nonlocal count
        count += 1
        if count % rows == 0:
            pause()
        return passes(row)

    return considerate


def _paused(rows: Iterable[Row], pause: Pause | None) -> Iterable[Row]:
    return rows if pause is None else _pausing(rows, pause)


def _pausing(rows: Iterable[Row], pause: Pause) -> Iterator[Row]:
    for count, row in enumerate(rows, 1):
        yield row
        if count % QUERY_ROWS_PER_PAUSE == 0:
            pause()


def _definitions(table: Table[Row, Key], names: Iterable[str]) -> list[dict[str, str]]:
    definitions = []
    for name in names:
        field = table.fields.get(name)
        definitions.append(unknown_definition(name) if field is None else field.definition())
    return definitions


def _getter(field: Field[Row] | None) -> Callable[[Row], tuple[int, object]]:
    if field is None:
        return _unknown_cell
    get = field.get

    def cell(row: Row) -> tuple[int, object]:
        value = get(row)
        if type(value) is Absent:
            return _ABSENT_CELLS[value]
        return (0, value)

    return cell


def _unknown_cell(row: object) -> tuple[int, object]:
    return _UNKNOWN_CELL


def _bare(value: object) -> object:
    return None if type(value) is Absent else value
