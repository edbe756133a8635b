"""Field tables: what a resource's rows can show, how a cell is read and how a filter compares it.

A table is made once per resource; `masterd/query/engine.py` answers every query from it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from masterd.filter.language import Value
from masterd.filter.natural import natural_key

Row = TypeVar("Row")
Key = TypeVar("Key")
RowOut = TypeVar("RowOut", covariant=True)
KeyIn = TypeVar("KeyIn", contravariant=True)


class ResultStatus(IntEnum):
    """First half of a cell. Source: queryfields.json, result_status."""

    NORMAL = 0
    UNKNOWN = 1
    NODATA = 2
    UNAVAIL = 3
    OFFLINE = 4


class Kind(StrEnum):
    """What clients expect in a column, for formatting. Source: queryfields.json, kinds."""

    UNKNOWN = "unknown"
    TEXT = "text"
    BOOL = "bool"
    NUMBER = "number"
    FLOAT = "float"
    UNIT = "unit"
    TIMESTAMP = "timestamp"
    OTHER = "other"


class FilterMode(Enum):
    """How a filter sees the cell's value."""

    NORMAL = "normal"
    #: Equal also to a leading part that ends before a dot.
    HOSTNAME = "hostname"
    #: `[seconds, microseconds]`, compared by the seconds.
    TIMESTAMP = "timestamp"
    #: Any JSON value: one of another kind than what it is compared with is not an error, but less
    #: or greater by its kind, in this order: null, bool, number, text, list, object.
    ANY = "any"


class Absent(Enum):
    """Instead of a value: why a cell has none."""

    NODATA = ResultStatus.NODATA
    UNAVAIL = ResultStatus.UNAVAIL
    OFFLINE = ResultStatus.OFFLINE


# Without slots: `Field[Row](...)` sets an attribute, which a frozen slotted class cannot refuse
# properly.
@dataclass(frozen=True)
class Field(Generic[Row]):
    """One column."""

    name: str
    title: str
    kind: Kind
    doc: str
    #: JSON value of the cell (`msgspec.Raw` and tuples allowed), or why there is none.
    get: Callable[[Row], object]
    mode: FilterMode = FilterMode.NORMAL
    #: The value holds `msgspec.Raw`, to be decoded before it is compared.
    raw: bool = False
    #: What the source must do more for this field; the table's `Source.all` is told.
    needs: str | None = None

    def definition(self) -> dict[str, str]:
        """Return the description clients get."""
        return {
            "name": self.name,
            "title": self.title,
            "kind": str(self.kind),
            "doc": self.doc,
        }


def unknown_definition(name: str) -> dict[str, str]:
    """Return the description of a field that does not exist."""
    return {
        "name": name,
        "title": name,
        "kind": str(Kind.UNKNOWN),
        "doc": f"Unknown field '{name}'",
    }


@dataclass(frozen=True)
class Table(Generic[Row, Key]):
    """A resource: its fields and how its items are named."""

    #: Resource name in queries.
    resource: str
    #: The field that names items in plain requests.
    name_field: str
    #: Turn a requested name into a key, or raise the error clients get for it.
    key_of: Callable[[Value], Key]
    fields: dict[str, Field[Row]]
    #: Whether a walk over everything would have met this row, given what the source must do more.
    #: Set it where looking a name up is exact and harmless: then names deep inside a filter are
    #: looked up as well.
    listed: Callable[[Row, frozenset[str]], bool] | None = None
    #: Whether what the filter looks at counts for `needs` too, or only what is shown.
    filters_need: bool = True
    #: Which names of a plain request are looked up; the others are compared row by row.
    looks_up: Callable[[Value], bool] = lambda name: True

    def needs(self, names: Iterable[str]) -> frozenset[str]:
        """Return what the source must do more for these fields."""
        fields = (self.fields.get(name) for name in names)
        return frozenset(field.needs for field in fields if field is not None and field.needs)


class Source(Protocol[RowOut, KeyIn]):
    """Where a table's rows come from.

    Both methods may switch greenlets between two rows; neither may keep a store transaction open
    while it yields.
    """

    def by_keys(self, keys: Sequence[KeyIn], needs: frozenset[str]) -> Iterable[RowOut]:
        """Give one row per key, in this order.

        A key without an item gives what the resource prescribes: a row without values, or an error.
        """
        ...

    def all(self, needs: frozenset[str]) -> Iterable[RowOut]:
        """Give all rows in the resource's order."""
        ...


@runtime_checkable
class Narrowable(Protocol[RowOut]):
    """A source that asks nodes, and can do so for some items only."""

    def narrowed(self, may_pass: Callable[[RowOut], bool]) -> "Source[RowOut, Any]":
        """Return this source without the rows that cannot pass, whatever the nodes say.

        `may_pass` is given rows for which nobody was asked.
        """
        ...


def table_of(
    resource: str,
    name_field: str,
    key_of: Callable[[Value], Key],
    fields: Sequence[Field[Row]],
    listed: Callable[[Row, frozenset[str]], bool] | None = None,
    *,
    filters_need: bool = True,
    looks_up: Callable[[Value], bool] = lambda name: True,
) -> Table[Row, Key]:
    """Build a table; its fields are kept in natural order of their names."""
    ordered = sorted(fields, key=lambda field: natural_key(field.name))
    by_name = {field.name: field for field in ordered}
    assert len(by_name) == len(fields), f"a field of {resource} is defined twice"
    assert name_field in by_name, f"{resource} has no field {name_field}"
    return Table(resource, name_field, key_of, by_name, listed, filters_need, looks_up)
