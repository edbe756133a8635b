"""A parsed filter and a field table become one function over rows."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from masterd.errors import GenericError, ParameterError
from masterd.filter.fields import Absent, Field, FilterMode
from masterd.filter.language import (
    ORDERS,
    All,
    Contains,
    Equal,
    Everything,
    Filter,
    Match,
    Not,
    Order,
    Some,
    Truth,
    Value,
)
from masterd.filter.text import show_json, show_string

Row = TypeVar("Row")


class _MissingError(Exception):
    """A row lacks what only a node knows; nobody has asked yet."""


def compile_filter(wanted: Filter, fields: Mapping[str, Field[Row]]) -> Callable[[Row], bool]:
    """Return a function that tells whether a row passes.

    It raises ParameterError or GenericError when a value in the row cannot be compared as asked.

    Raises:
        ParameterError: the filter names a field the table does not have.
    """
    return _compile(wanted, lambda name, test: _leaf(_field(name, fields), test), fields)


def compile_rough(wanted: Filter, fields: Mapping[str, Field[Row]]) -> Callable[[Row], bool]:
    """Return a function that tells whether a row may pass, before nodes are asked anything.

    As soon as it meets a field that asks nodes, the row may pass. Errors as `compile_filter`.
    """

    def leaf(name: str, test: Callable[[object], bool]) -> Callable[[Row], bool]:
        field = _field(name, fields)
        return _missing if field.needs else _leaf(field, test)

    inner = _compile(wanted, leaf, fields)

    def passes(row: Row) -> bool:
        try:
            return inner(row)
        except _MissingError:
            return True

    return passes


def _missing(row: object) -> bool:
    raise _MissingError


#: Makes the function for one field and one test of its value.
_MakeLeaf = Callable[[str, Callable[[object], bool]], Callable[[Row], bool]]


def _compile(
    wanted: Filter, leaf: _MakeLeaf[Row], fields: Mapping[str, Field[Row]]
) -> Callable[[Row], bool]:
    match wanted:
        case Everything():
            return _always
        case All(parts):
            return _all([_compile(part, leaf, fields) for part in parts])
        case Some(parts):
            return _some([_compile(part, leaf, fields) for part in parts])
        case Not(part):
            return _not(_compile(part, leaf, fields))
        case Truth(name):
            return leaf(name, _is_true)
        case Equal(name, value):
            mode = _field(name, fields).mode
            if mode is FilterMode.ANY:
                return leaf(name, _any_ordered("==", value))
            return leaf(name, _equals(value, mode is FilterMode.HOSTNAME))
        case Order(symbol, name, value):
            any_kind = _field(name, fields).mode is FilterMode.ANY
            return leaf(name, (_any_ordered if any_kind else _ordered)(symbol, value))
        case Match(name, pattern):
            return leaf(name, _matches(pattern.search))
        case Contains(name, value):
            return leaf(name, _contains(value))


def plain(value: object) -> object:
    """Return the value with every `msgspec.Raw` decoded."""
    if isinstance(value, msgspec.Raw):
        decoded: object = msgspec.json.decode(value)
        return decoded
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _field(name: str, fields: Mapping[str, Field[Row]]) -> Field[Row]:
    field = fields.get(name)
    if field is None:
        raise ParameterError(f"Can't find field named '{name}'")
    return field


def _always(row: object) -> bool:
    return True


def _all(parts: list[Callable[[Row], bool]]) -> Callable[[Row], bool]:
    return lambda row: all(part(row) for part in parts)


def _some(parts: list[Callable[[Row], bool]]) -> Callable[[Row], bool]:
    return lambda row: any(part(row) for part in parts)


def _not(part: Callable[[Row], bool]) -> Callable[[Row], bool]:
    return lambda row: not part(row)


def _leaf(field: Field[Row], test: Callable[[object], bool]) -> Callable[[Row], bool]:
    get = field.get
    convert: Callable[[object], object] | None = None
    if field.mode is FilterMode.TIMESTAMP:
        convert = _seconds
    elif field.raw:
        convert = plain

    def passes(row: Row) -> bool:
        value = get(row)
        if type(value) is Absent:
            return True
        return test(value if convert is None else convert(value))

    return passes


def _seconds(value: object) -> object:
    return value[0] if isinstance(value, list | tuple) else value


def _is_true(value: object) -> bool:
    if not isinstance(value, bool):
        raise ParameterError(f"Unexpected value '{show_json(value)}' in boolean context")
    return value


def _comparable(value: object, wanted: Value) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mismatch(value: object, wanted: Value) -> ParameterError:
    return ParameterError(
        f"Invalid types in comparison, trying to compare {show_json(value)} with"
        f" '{_show_value(wanted)}'"
    )


def _show_value(wanted: Value) -> str:
    if isinstance(wanted, str):
        return f"QuotedString {show_string(wanted)}"
    return f"NumericValue ({wanted})" if wanted < 0 else f"NumericValue {wanted}"


def _equals(wanted: Value, hostname: bool) -> Callable[[object], bool]:
    prefix = f"{wanted}."

    def test(value: object) -> bool:
        if not _comparable(value, wanted):
            raise _mismatch(value, wanted)
        if value == wanted:
            return True
        return hostname and isinstance(value, str) and value.startswith(prefix)

    return test


def _ordered(symbol: str, wanted: Value) -> Callable[[object], bool]:
    compare = ORDERS[symbol]

    def test(value: object) -> bool:
        if not _comparable(value, wanted):
            raise _mismatch(value, wanted)
        return compare(value, wanted)

    return test


def _any_ordered(symbol: str, wanted: Value) -> Callable[[object], bool]:
    compare = ORDERS[symbol]
    wanted_rank = _kind_rank(wanted)

    def test(value: object) -> bool:
        rank = _kind_rank(value)
        return compare(value, wanted) if rank == wanted_rank else compare(rank, wanted_rank)

    return test


def _kind_rank(value: object) -> int:
    match value:
        case None:
            return 0
        case bool():
            return 1
        case int() | float():
            return 2
        case str():
            return 3
        case list() | tuple():
            return 4
        case _:
            return 5


def _matches(search: Callable[[str], bool]) -> Callable[[object], bool]:
    def test(value: object) -> bool:
        if not isinstance(value, str):
            raise ParameterError(
                "Invalid field value used in regexp matching, expecting string but got"
                f" '{show_json(value)}'"
            )
        return search(value)

    return test


def _contains(wanted: Value) -> Callable[[object], bool]:
    kind = "String" if isinstance(wanted, str) else "Integer"

    def test(value: object) -> bool:
        if not isinstance(value, list | tuple):
            raise GenericError(
                f"Cannot convert value '{show_json(value)}', error: Unable to read list"
            )
        for item in value:
            if not _comparable(item, wanted):
                # To the reference, a text is a list of characters, and so a list nearly a text.
                expected = "Char" if kind == "String" and isinstance(item, list | tuple) else kind
                raise GenericError(
                    f"Cannot convert value '{show_json(value)}', error: Unable to read {expected}"
                )
        return wanted in value

    return test
