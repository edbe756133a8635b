"""Answers of queries as tables.

A query answers with field definitions (`name`, `title`, `kind`, `doc`) and rows of cells, each a
pair of a status and a value. Columns are as wide as their widest cell, numbers stand at the right,
and the last column is not padded; with a separator nothing is padded.

Source: Ganeti 3.0.2 lib/cli.py (forms), constants.json RSS_DESCRIPTION.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.client.times import format_timestamp

#: Status of a cell: only a normal one has a value.
NORMAL: Final = 0
UNKNOWN: Final = 1

#: What stands for a cell without value: in full, and short.
_ABSENT: Final = {
    1: ("(unknown)", "??"),
    2: ("(nodata)", "?"),
    3: ("(unavail)", "-"),
    4: ("(offline)", "*"),
}

_KIND_NAMES: Final = {
    "unknown": "Unknown",
    "text": "Text",
    "bool": "Boolean",
    "number": "Number",
    "float": "Floating-point number",
    "unit": "Storage size",
    "timestamp": "Timestamp",
    "other": "Custom",
}

Show = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Column:
    """How one column looks; `width` tells how wide a value counts when columns are aligned."""

    title: str
    show: Show = str
    right: bool = False
    width: Callable[[Any, str], int] = lambda _value, text: len(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's answer: field definitions and rows of cells [status, value]."""

    fields: Sequence[Mapping[str, Any]]
    rows: Sequence[Sequence[Sequence[Any]]] = ()

    @classmethod
    def from_wire(cls, document: Any) -> "Answer":
        """Read the answer of Query, or of QueryFields, which has no rows."""
        return cls(document["fields"], document.get("data", ()))

    @property
    def unknown_fields(self) -> list[str]:
        return [field["name"] for field in self.fields if field["kind"] == "unknown"]

    def as_objects(self) -> list[dict[str, Any]]:
        """Return each row as an object from field name to value, null where there is none."""
        names = [field["name"] for field in self.fields]
        return [
            {
                name: value if status == NORMAL else None
                for name, (status, value) in zip(names, row, strict=True)
            }
            for row in self.rows
        ]


def job_table(
    answer: Answer, *, header: bool, separator: str | None = None, verbose: bool = False
) -> list[str]:
    """Return the lines of a table of jobs."""
    columns = [_query_column(field, verbose) for field in answer.fields]
    return format_table(answer.rows, columns, header=header, separator=separator)


def field_table(answer: Answer, *, header: bool, separator: str | None = None) -> list[str]:
    """Return the lines of a table of fields with their descriptions."""
    rows = [
        (field["name"], _KIND_NAMES.get(field["kind"], field["kind"]), field["title"], field["doc"])
        for field in answer.fields
    ]
    columns = [Column(title) for title in ("Name", "Type", "Title", "Description")]
    return format_table(rows, columns, header=header, separator=separator)


def format_table(
    rows: Iterable[Sequence[Any]],
    columns: Sequence[Column],
    *,
    header: bool,
    separator: str | None = None,
) -> list[str]:
    """Return a table's lines; each row has one value per column."""
    lines = [[column.title for column in columns]] if header else []
    widths = [len(column.title) if header else 0 for column in columns]
    for row in rows:
        texts = []
        for index, (value, column) in enumerate(zip(row, columns, strict=True)):
            text = column.show(value)
            widths[index] = max(widths[index], column.width(value, text))
            texts.append(text)
        lines.append(texts)
    if separator is not None:
        return [separator.join(texts) for texts in lines]
    if columns and not columns[-1].right:
        widths[-1] = 0
    return [
        " ".join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(texts, widths, columns, strict=True)
        )
        for texts in lines
    ]


def _query_column(field: Mapping[str, Any], verbose: bool) -> Column:
    show, right = _FORMATS_BY_NAME.get(field["name"]) or _FORMATS.get(field["kind"], (str, False))

    def show_cell(cell: Sequence[Any]) -> str:
        status, value = cell
        if status == NORMAL:
            return show(value)
        full, short = _ABSENT.get(status, (f"(status {status})", "?"))
        return full if verbose else short

    if field["name"] in _OPCODE_TIMES:
        return Column(field["title"], show_cell, right, _opcode_times_width)
    return Column(field["title"], show_cell, right)


def _opcode_times_width(cell: Sequence[Any], text: str) -> int:
    # The reference counts the opcodes of a job, not the characters of their times; columns behind
    # do not line up, and scripts that cut them expect that.
    status, value = cell
    return len(value) if status == NORMAL else len(text)


def _show_flag(value: object) -> str:
    return "Y" if value else "N"


def _show_opcode_times(values: Sequence[Any]) -> str:
    return str([format_timestamp(value) for value in values])


_FORMATS: Final[Mapping[str, tuple[Show, bool]]] = {
    "bool": (_show_flag, False),
    "number": (str, True),
    "float": (str, True),
    "unit": (str, True),
}

_OPCODE_TIMES: Final = frozenset({"opstart", "opexec", "opend"})

_FORMATS_BY_NAME: Final[Mapping[str, tuple[Show, bool]]] = {
    "summary": (",".join, False),
    **dict.fromkeys(_OPCODE_TIMES, (_show_opcode_times, False)),
}
