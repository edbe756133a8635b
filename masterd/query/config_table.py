"""What the tables of configuration objects have in common: cells, names, and where rows come from.

Source: answers of luxid 3.0.2 (order of rows, cells, texts).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from masterd.config.objects import ConfigObject, write
from masterd.config.params import NdParams
from masterd.errors import ECode, OpPrereqError
from masterd.filter.fields import Absent, Field, Kind
from masterd.filter.language import Value

Row = TypeVar("Row")
T = TypeVar("T")


class Stamped(Protocol):
    """What every object that is changed has."""

    @property
    def ctime(self) -> float: ...
    @property
    def mtime(self) -> float: ...
    @property
    def uuid(self) -> str: ...
    @property
    def serial_no(self) -> int: ...
    @property
    def tags(self) -> tuple[str, ...]: ...


class Rows(Generic[T, Row]):
    """Rows of the objects of one kind. Obeys `masterd.filter.fields.Source`; keys are names."""

    def __init__(
        self,
        everything: Sequence[T],
        find: Callable[[str], T | None],
        rows: Callable[[Sequence[T], frozenset[str]], Iterable[Row]],
        *,
        called: str | None,
    ) -> None:
        """Prepare.

        Args:
            everything: all objects in the order of rows.
            find: looks a requested name up.
            rows: makes rows, with what fields need besides the configuration; may switch.
            called: how errors call the kind; None where an unknown name is no error.
        """
        self._everything = everything
        self._find = find
        self._rows = rows
        self._called = called
        self._may_pass: Callable[[Row], bool] | None = None

    def narrowed(self, may_pass: Callable[[Row], bool]) -> "Rows[T, Row]":
        """Return these rows without those that cannot pass; see `fields.Narrowable`."""
        narrowed = Rows(self._everything, self._find, self._rows, called=self._called)
        narrowed._may_pass = may_pass
        return narrowed

    def by_keys(self, keys: Sequence[str], needs: frozenset[str]) -> Iterable[Row]:
        """Give one row per name, in this order.

        Raises:
            OpPrereqError: a name is not known.
        """
        found = []
        for name in keys:
            item = self._find(name)
            if item is not None:
                found.append(item)
            elif self._called is not None:
                raise unknown_name(self._called, name)
        return self._rows(self._chosen(found, needs), needs)

    def all(self, needs: frozenset[str]) -> Iterable[Row]:
        """Give all rows in natural order of names."""
        return self._rows(self._chosen(self._everything, needs), needs)

    def _chosen(self, items: Sequence[T], needs: frozenset[str]) -> Sequence[T]:
        """Return the items that nodes are to be asked about."""
        if self._may_pass is None or not needs:
            return items
        rows = self._rows(items, frozenset())
        return [item for item, row in zip(items, rows, strict=True) if self._may_pass(row)]


def unknown_name(called: str, name: str) -> OpPrereqError:
    """Return the error for a name that nothing has."""
    return OpPrereqError(f"{called} name {name} not found", ECode.NOENT)


def name_key(value: Value) -> str:
    """Read a requested name; numbers are none, and not looked up."""
    assert isinstance(value, str), "the table looks texts up only"
    return value


def is_text(value: Value) -> bool:
    """Tell whether a requested name is one that is looked up."""
    return isinstance(value, str)


def never(value: Value) -> bool:
    """Say that no name is looked up."""
    return False


# --- cells --------------------------------------------------------------------------------------


def stamp(seconds: float) -> float:
    """Return a time as the reference shows it: read from picoseconds, so the last digit may move.

    Source: answers of luxid 3.0.2 for times with a fraction.
    """
    return as_told(seconds * 1e12 / 1e12)


def as_told(value: float) -> float:
    """Return a number as luxid writes it: a whole one has no fraction, which clients show.

    Source: answers of luxid 3.0.2; its JSON numbers are fractions.
    """
    return int(value) if value.is_integer() else value


def or_unavailable(value: object) -> object:
    """Return a value, or why there is none."""
    return Absent.UNAVAIL if value is None else value


def plain(value: ConfigObject | Mapping[str, object]) -> dict[str, object]:
    """Return an object, or the objects of a mapping, as a document."""
    if isinstance(value, ConfigObject):
        return write(value, as_told)
    return {
        name: write(each, as_told) if isinstance(each, ConfigObject) else each
        for name, each in value.items()
    }


def in_order(value: Mapping[str, object]) -> dict[str, object]:
    """Return a mapping with its keys in order, and those of the mappings in it."""
    return {
        name: in_order(each) if isinstance(each, Mapping) else each
        for name, each in sorted(value.items())
    }


def stamped_fields(called: str, of: Callable[[Row], Stamped]) -> list[Field[Row]]:
    """Return the fields of every object that is changed; `called` is the kind in its texts."""
    return [
        Field("ctime", "CTime", Kind.TIMESTAMP, "Creation timestamp", lambda r: stamp(of(r).ctime)),
        Field(
            "mtime", "MTime", Kind.TIMESTAMP, "Modification timestamp", lambda r: stamp(of(r).mtime)
        ),
        Field(
            "serial_no",
            "SerialNo",
            Kind.NUMBER,
            f"{called} object serial number, incremented on each modification",
            lambda r: of(r).serial_no,
        ),
        Field("tags", "Tags", Kind.OTHER, "Tags", lambda r: sorted(of(r).tags)),
        Field("uuid", "UUID", Kind.TEXT, f"{called} UUID", lambda r: of(r).uuid),
    ]


#: Name, title and kind of each node parameter's field.
_NODE_PARAMS: Final = (
    ("cpu_speed", "ndp/cpu_speed", Kind.FLOAT),
    ("exclusive_storage", "ExclusiveStorage", Kind.BOOL),
    ("oob_program", "OutOfBandProgram", Kind.OTHER),
    ("ovs", "OpenvSwitch", Kind.BOOL),
    ("ovs_link", "OpenvSwitchLink", Kind.OTHER),
    ("ovs_name", "OpenvSwitchName", Kind.OTHER),
    ("spindle_count", "SpindleCount", Kind.NUMBER),
    ("ssh_port", "ndp/ssh_port", Kind.NUMBER),
)


def node_param_fields(of: Callable[[Row], NdParams | None]) -> list[Field[Row]]:
    """Return one field per node parameter, without a value where nobody knows them."""

    def getter(name: str) -> Callable[[Row], object]:
        def get(row: Row) -> object:
            params = of(row)
            if params is None:
                return Absent.NODATA
            value: object = getattr(params, name)
            return as_told(value) if isinstance(value, float) else value

        return get

    return [
        Field(f"ndp/{name}", title, kind, f'The "{name}" node parameter', getter(name))
        for name, title, kind in _NODE_PARAMS
    ]
