"""Everything about a job, as an indented outline that YAML parsers read.

Source: Ganeti 3.0.2 lib/cli.py, lib/client/gnt_job.py (forms).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.client.documents import with_times
from masterd.client.log_text import log_text
from masterd.client.table import NORMAL, Answer
from masterd.client.times import format_timestamp, seconds_between

#: What `info` asks for, in the order in which `describe_jobs` takes it.
FIELDS: Final = (
    *("id", "status", "ops", "opresult", "opstatus", "oplog", "opstart", "opexec", "opend"),
    *("received_ts", "start_ts", "end_ts"),
)

_INDENT: Final = "  "


# --- the outline --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A line `Name: value`; values of entries in the same group of an outline start in line."""

    name: str
    value: object
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Inline:
    """Simple values on one line, in brackets."""

    values: tuple[object, ...]


def outline(value: object) -> str:
    """Return a value as an outline without the last newline.

    Entries and mappings (by name) become `name: value`, lists items with a dash, `Inline` a list in
    brackets, anything else its text.
    """
    return "".join(_outline(value, 0, after_name=False)).rstrip("\n")


def _outline(value: object, level: int, *, after_name: bool) -> Iterable[str]:
    if isinstance(value, Inline):
        yield f"[{', '.join(map(str, value.values))}]\n"
    elif isinstance(value, Mapping):
        entries = [Entry(name, value[name]) for name in sorted(value)]
        yield from _block([_entry(entry, 0, level) for entry in entries], level, after_name)
    elif isinstance(value, list) and value and isinstance(value[0], Entry):
        widths: dict[str | None, int] = {}
        for entry in value:
            if entry.group is not None:
                widths[entry.group] = max(widths.get(entry.group, 0), len(entry.name))
        parts = [_entry(entry, widths.get(entry.group, 0), level) for entry in value]
        yield from _block(parts, level, after_name)
    elif isinstance(value, list):
        items = [["- ", *_outline(item, level + 1, after_name=False)] for item in value]
        yield from _block(items, level, after_name)
    else:
        yield f"{value}\n"


def _block(parts: Sequence[Iterable[str]], level: int, after_name: bool) -> Iterable[str]:
    """Put parts below a name, or let the first stand where we are."""
    if not parts:
        yield "\n"
        return
    if after_name:
        yield "\n"
    for index, part in enumerate(parts):
        if after_name or index:
            yield _INDENT * level
        yield from part


def _entry(entry: Entry, width: int, level: int) -> Iterable[str]:
    yield f"{entry.name}: {' ' * (width - len(entry.name))}"
    yield from _outline(entry.value, level + 1, after_name=True)


# --- jobs ---------------------------------------------------------------------------------------


def describe_jobs(answer: Answer) -> str:
    """Return the outline of the jobs in an answer to a query for `FIELDS`."""
    return outline([_describe_job(row) for row in answer.rows])


def not_found(job_id: int) -> str:
    """Return what every command says of an id without a job."""
    return f"Job ID {job_id} not found"


def jobs_as_objects(answer: Answer) -> list[dict[str, Any]]:
    """Return the same as JSON values; a job that was not found has `id` and `found` only."""
    return [
        {"id": values["id"], "found": False}
        if row[FIELDS.index("status")][0] != NORMAL
        else {"id": values["id"], "found": True, **with_times(values)}
        for row, values in zip(answer.rows, answer.as_objects(), strict=True)
    ]


def _describe_job(row: Sequence[Sequence[Any]]) -> object:
    values = {name: value for name, (_, value) in zip(FIELDS, row, strict=True)}
    if row[FIELDS.index("status")][0] != NORMAL:
        return not_found(values["id"])
    received, start, end = values["received_ts"], values["start_ts"], values["end_ts"]
    total = "N/A"
    if received is not None and end is not None:
        total = f"{seconds_between(received, end):.6f} seconds"
    columns = ("ops", "opresult", "opstatus", "oplog", "opstart", "opexec", "opend")
    # Parts of an answer that differ in length are cut: a job's file may have been damaged.
    opcodes = zip(*(values[name] for name in columns), strict=False)
    return [
        Entry("Job ID", values["id"]),
        Entry("Status", values["status"]),
        _job_time("Received", received, None),
        _job_time("Processing start", start, received),
        _job_time("Processing end", end, start),
        Entry("Total processing time", total),
        Entry("Opcodes", [_describe_opcode(*opcode) for opcode in opcodes]),
    ]


def _job_time(name: str, value: Sequence[int] | None, before: Sequence[int] | None) -> Entry:
    if value is None:
        return Entry(name, "unknown (None)", "job")
    text = format_timestamp(value)
    if before is not None:
        text += f" (delta {seconds_between(before, value):.6f}s)"
    return Entry(name, text, "job")


def _describe_opcode(
    document: Mapping[str, Any],
    result: object,
    status: str,
    log: Sequence[tuple[int, Sequence[int], str, object]],
    start: object,
    execute: object,
    end: object,
) -> list[Entry]:
    return [
        Entry("Opcode", document["OP_ID"]),
        Entry("Status", status),
        _opcode_time("Processing start", start),
        _opcode_time("Execution start", execute),
        _opcode_time("Processing end", end),
        Entry("Input fields", document),
        Entry("Result", result),
        Entry("Execution log", [_describe_log_entry(*entry) for entry in log]),
    ]


def _opcode_time(name: str, value: object) -> Entry:
    text = format_timestamp(value) if isinstance(value, list | tuple) else "N/A"
    return Entry(name, text, "opcode")


def _describe_log_entry(
    serial: int, time_: Sequence[int], kind: str, message: object
) -> list[Entry]:
    return [
        Entry("Time", format_timestamp(time_)),
        Entry("Content", Inline((serial, kind, log_text(kind, message)))),
    ]
