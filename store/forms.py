"""The form of each table's rows, as `FORMAT.md` describes it, as pure checks.

`flaws(table, key, value)` says what is wrong with one decoded row by itself. How rows of different
tables belong together is `check`'s part.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from store import outbox
from store.job_table import FIXED, OPS
from store.schema import SCHEMA_VERSION

#: Statuses of opcodes, and those that do not change any more.
STATUSES: Final = frozenset(
    {"queued", "waiting", "canceling", "running", "canceled", "success", "error"}
)
FINAL: Final = frozenset({"canceled", "success", "error"})

#: Kinds of configuration objects that are found by name too.
NAMED_KINDS: Final = frozenset({"node", "nodegroup", "instance", "network"})
#: Key of the row that holds what the configuration says of itself.
TOP: Final = ("config", "top")

#: Names of rows that are numbers given out.
SERIAL_NAMES: Final = frozenset({"job", "outbox", "config", "epoch"})

Test = Callable[[object], bool]


def job_status(statuses: list[str]) -> str:
    """Derive a job's status from those of its opcodes, in order.

    The first that is canceling, failed or canceled decides; otherwise the last that is waiting or
    running; otherwise the job is successful when all are, else queued.
    """
    found = "queued"
    for status in statuses:
        if status in ("canceling", "error", "canceled"):
            return status
        if status in ("waiting", "running"):
            found = status
    return "success" if all(status == "success" for status in statuses) else found


def flaws(table: str, key: Any, value: Any) -> Iterator[str]:
    """Yield what is wrong with a row that could be decoded."""
    yield from _FLAWS.get(table, _none)(key, value)


# --- values -----------------------------------------------------------------------------------


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_number(value) and value >= 0  # type: ignore[operator] # it is a number


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


def _is_json(value: object) -> bool:
    if not isinstance(value, bytes):
        return False
    try:
        # Numbers stay text: how large they are is not the question here.
        json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _is_peer(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))


def _is_depends(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, list)
        and len(item) == 2
        and _is_count(item[0])
        and isinstance(item[1], list)
        and all(isinstance(status, str) and status in STATUSES for status in item[1])
        for item in value
    )


def _or_none(test: Test) -> Test:
    return lambda value: value is None or test(value)


_TIME: Final = _or_none(_is_number)

JOB: Final[Mapping[str, Test]] = {
    "received": _TIME,
    "start": _TIME,
    "end": _TIME,
    "log_serial": _is_count,
    "rev": _is_count,
    "peer": _or_none(_is_peer),
    "ops": lambda value: isinstance(value, list),
}
JOB_OPTIONAL: Final[Mapping[str, Test]] = {"livelock": _is_text, "process_id": _is_number}
_ARCHIVED: Final[Mapping[str, Test]] = {**JOB, "log": lambda value: isinstance(value, list)}

OP: Final[Mapping[str, Test]] = {
    "id": _is_text,
    "input": _is_json,
    "summary": _is_text,
    "priority": _is_number,
    "depends": _is_depends,
    "status": lambda value: isinstance(value, str) and value in STATUSES,
    "result": _or_none(_is_json),
    "start": _TIME,
    "exec": _TIME,
    "end": _TIME,
}

OP_OPTIONAL: Final[Mapping[str, Test]] = {"config": _is_count}

#: What may change of a job, and of an opcode.
_JOB_STEP: Final = {name: test for name, test in JOB.items() if name != OPS}
_OP_STEP: Final = {name: test for name, test in OP.items() if name not in FIXED}

#: Op index, time, kind, message.
_LOG_ENTRY: Final[tuple[Test, ...]] = (_is_count, _TIME, _is_text, _is_json)


def _document(
    value: object, required: Mapping[str, Test], optional: Mapping[str, Test], what: str
) -> Iterator[str]:
    """Yield how a value differs from a map with these keys."""
    if not isinstance(value, dict):
        yield f"{what} is not a map"
        return
    for name, test in required.items():
        if name not in value:
            yield f"{what} has no '{name}'"
        elif not test(value[name]):
            yield f"{what} has a wrong '{name}': {_short(value[name])}"
    for name in value.keys() - required.keys():
        if name not in optional:
            yield f"{what} has an unknown key {_short(name)}"
        elif not optional[name](value[name]):
            yield f"{what} has a wrong '{name}': {_short(value[name])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# --- rows, by table ---------------------------------------------------------------------------


def _none(_key: object, _value: object) -> Iterator[str]:
    return iter(())


def _meta(key: str, value: object) -> Iterator[str]:
    if key == "version" and value != SCHEMA_VERSION:
        yield f"schema version {_short(value)} instead of {SCHEMA_VERSION}"
    elif key == "store_id" and not (isinstance(value, str) and value):
        yield f"not the name of a store: {_short(value)}"


def _serials(key: str, _value: int) -> Iterator[str]:
    if key not in SERIAL_NAMES:
        yield "a serial that nobody uses"


def _flags(key: str, value: object) -> Iterator[str]:
    if key != "drain":
        yield "a switch that nobody knows"
    elif value is not True:
        yield f"is {_short(value)}; a switch that is off has no row"


def _job(_key: int, value: object) -> Iterator[str]:
    yield from _document(value, JOB, JOB_OPTIONAL, "the job")
    yield from _ops(value)


def _job_step(key: tuple[int, int], value: object) -> Iterator[str]:
    if key[1] == 0:
        yield from _document(value, _JOB_STEP, JOB_OPTIONAL, "the job")
    else:
        yield from _document(value, _OP_STEP, OP_OPTIONAL, f"opcode {key[1] - 1}")


def _ops(value: object) -> Iterator[str]:
    if not isinstance(value, dict) or not isinstance(value.get("ops"), list):
        return
    if not value["ops"]:
        yield "the job has no opcodes"
    for index, op in enumerate(value["ops"]):
        yield from _document(op, OP, OP_OPTIONAL, f"opcode {index}")


def _archived(_key: int, value: object) -> Iterator[str]:
    yield from _document(value, _ARCHIVED, JOB_OPTIONAL, "the job")
    yield from _ops(value)
    if not isinstance(value, dict) or not isinstance(value.get("log"), list):
        return
    before = 0
    for entry in value["log"]:
        if not isinstance(entry, list) or not entry or not _is_count(entry[0]):
            yield f"a log entry without a serial: {_short(entry)}"
            continue
        serial = entry[0]
        for flaw in _entry(entry[1:]):
            yield f"log entry {serial} {flaw}"
        if serial <= before:
            yield f"log entry {serial} stands behind {before}"
        before = serial


def _log(_key: tuple[int, int], value: object) -> Iterator[str]:
    yield from _entry(value)


def _entry(value: object) -> Iterator[str]:
    if (
        not isinstance(value, list)
        or len(value) != len(_LOG_ENTRY)
        or not all(test(item) for test, item in zip(_LOG_ENTRY, value, strict=True))
    ):
        yield f"is not [opcode index, time, kind, JSON]: {_short(value)}"


def _node_calls(_key: tuple[int, int], value: object) -> Iterator[str]:
    if not isinstance(value, list) or len(value) != 5:
        yield f"is not [opcode index, sent, calls, answered, done]: {_short(value)}"
        return
    index, sent, calls, answered, done = value
    if not _is_count(index):
        yield f"has a wrong opcode index: {_short(index)}"
    if not _is_number(sent):
        yield f"has a wrong time: {_short(sent)}"
    if not isinstance(calls, list) or not calls or not all(map(_is_call, calls)):
        yield f"has calls that are not [call, node]: {_short(calls)}"
    elif answered is not None or done is not None:
        told = isinstance(done, list) and [isinstance(each, bool) for each in done]
        if not _is_number(answered) or told != [True] * len(calls):
            yield f"has a wrong answer: {_short([answered, done])}"


def _is_call(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value))


def _outbox(_key: int, value: object) -> Iterator[str]:
    if not isinstance(value, list) or len(value) != 2 or not _is_count(value[1]):
        yield f"is not [kind, number]: {_short(value)}"
    elif not isinstance(value[0], str) or value[0] not in outbox.KINDS:
        yield f"unknown kind {_short(value[0])}"
    elif value[0] == outbox.DRAIN and value[1] > 1:
        yield f"a switch set to {value[1]}"


def _cursors(_key: str, value: object) -> Iterator[str]:
    if not _is_count(value):
        yield f"is not a number: {_short(value)}"


def _config(key: tuple[str, str], value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"is not a map: {_short(value)}"
        return
    if key == TOP:
        for name in ("version", "ctime", "mtime"):
            if not isinstance(value.get(name), int | float):
                yield f"has a wrong '{name}': {_short(value.get(name))}"
        return
    unknown = [name for name in value if not isinstance(name, str)]
    if unknown:
        yield f"has keys that are no text: {_short(unknown)}"
    if value.get("uuid") != key[1]:
        yield f"says that its uuid is {_short(value.get('uuid'))}"


def _config_names(_key: tuple[str, str], value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"is not a uuid: {_short(value)}"


_FLAWS: Final[Mapping[str, Callable[[Any, Any], Iterator[str]]]] = {
    "meta": _meta,
    "serials": _serials,
    "flags": _flags,
    "jobs": _job,
    "job_steps": _job_step,
    "job_logs": _log,
    "node_calls": _node_calls,
    "archive": _archived,
    "outbox": _outbox,
    "cursors": _cursors,
    "config": _config,
    "config_names": _config_names,
}
