"""Readers of single arguments: JSON value in, typed value out, or a refusal in known words."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import msgspec

from masterd.filter.language import Filter, FilterSyntaxError, document, numbers_of, parse
from masterd.filter.text import VALUE_TEXT_MAX, show_json
from masterd.luxi.calls import FilterPredicate, OpDocument
from masterd.query.job_fields import JobIdError
from masterd.query.job_fields import job_id as read_job_id

T = TypeVar("T")


class UnreadableError(Exception):
    """An argument has the wrong type or value; the text says which was expected."""


class RefusedError(UnreadableError):
    """As above, with a text that is complete as it is."""


#: Query resources by name. Source: a running 3.0.2 luxid.
RESOURCES: Final = frozenset(
    {"cluster", "export", "filter", "group", "instance", "job", "lock", "network", "node", "os"}
)

TAG_KINDS: Final = frozenset({"cluster", "nodegroup", "node", "instance", "network"})

PREDICATES: Final = ("jobid", "opcode", "reason")

ACTIONS: Final = ("ACCEPT", "PAUSE", "REJECT", "CONTINUE")


def text(value: object) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise UnreadableError("Unable to read String")
    return value


def flag(value: object) -> bool:
    """Read a bool."""
    if not isinstance(value, bool):
        raise UnreadableError("Unable to read Bool")
    return value


def whole(value: object) -> int:
    """Read a number, dropping its fraction as the reference does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableError("Unable to read Int")
    if not _fits(value):
        raise UnreadableError("Unable to read Int: more than 64 bits")
    return int(value)


def _fits(value: float) -> bool:
    return -(2**63) <= value < 2**63


def integer(value: object) -> int:
    """Read a number without fraction that is going to be kept: what is kept has 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableError("Unable to read Integer")
    if not _fits(value):
        raise UnreadableError("Unable to read Integer: more than 64 bits")
    return value


def not_negative(value: object) -> int:
    """Read a number from 0."""
    number = whole(value)
    if number < 0:
        raise UnreadableError(f"Invalid value for non-negative type '{number}'")
    return number


def job_id(value: object) -> int:
    """Read a job id in any of its forms."""
    try:
        return read_job_id(value)
    except JobIdError as err:
        raise UnreadableError(str(err)) from None


def each(read: Callable[[Any], T]) -> Callable[[object], tuple[T, ...]]:
    """Return a reader of lists whose items `read` reads."""

    def items(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise UnreadableError("Unable to read list")
        return tuple(read(item) for item in value)

    return items


def submitted(method: str, read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Return a reader of a list of what is submitted; refusals inside it begin with the method."""
    items = each(read)

    def documents(value: object) -> tuple[T, ...]:
        try:
            return items(value)
        except UnreadableError as err:
            if not isinstance(value, list):
                raise
            raise RefusedError(f"{method}: {err}") from None

    return documents


def nullable(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """Return a reader that also takes null."""
    return lambda value: None if value is None else read(value)


def null_as_empty(read: Callable[[object], tuple[T, ...]]) -> Callable[[object], tuple[T, ...]]:
    """Return a reader to which null means an empty list."""
    return lambda value: () if value is None else read(value)


def anything(value: object) -> object:
    """Take any value."""
    return value


def log_serial(value: object) -> int | None:
    """Read the serial of a log entry; what is no such number means that the client has none."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None


def resource(value: object) -> str:
    """Read the name of a query resource."""
    if not isinstance(value, str):
        raise UnreadableError(f"Invalid value '{show_json(value)}for query type")
    if value not in RESOURCES:
        raise UnreadableError(
            f"Can't parse value '{value}' as neitherQueryTypeLuxi nor QueryTypeOp"
        )
    return value


def query_filter(value: object) -> Filter:
    """Read a query filter."""
    try:
        return parse(value)
    except FilterSyntaxError as err:
        raise UnreadableError(str(err)) from None


def tag_kind(value: object) -> str:
    """Read the kind of object that has tags."""
    if not isinstance(value, str):
        raise UnreadableError("Can't parse value for 'TagKind': Unable to read String")
    if value not in TAG_KINDS:
        raise UnreadableError(f'Invalid string value for type TagKind: "{value}"')
    return value


def pause_end(value: object) -> float | None:
    """Read the end of a watcher pause, or null."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableError("Unable to read Double")
    return value


def op_document(value: object) -> OpDocument:
    """Take the document of an opcode, unread."""
    if not isinstance(value, dict):
        raise UnreadableError("Unable to read JSObject")
    return value


def predicate(value: object) -> FilterPredicate:
    """Read one `[name, query filter]` of a job filter rule."""
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise UnreadableError(
            "malformed FilterPredicate: must be a list with the first entry being a string"
            " describing the predicate type"
        )
    name, *parameters = value
    if name not in PREDICATES or len(parameters) != 1:
        raise UnreadableError(
            f"malformed FilterPredicate: bad parameter list for '{name}' predicate:"
            f" {show_json(parameters)}"
        )
    wanted = query_filter(parameters[0])
    for number in numbers_of(wanted):
        if not _fits(number):
            raise UnreadableError(f"FilterPredicate: {number} has more than 64 bits")
    return FilterPredicate(name, wanted, document(wanted))


Action = Literal["ACCEPT", "PAUSE", "REJECT", "CONTINUE", "RATE_LIMIT"]


def action(value: object) -> tuple[Action, int | None]:
    """Read what a job filter rule does, with the limit where it has one."""
    match value:
        case "ACCEPT" | "PAUSE" | "REJECT" | "CONTINUE":
            return value, None
        case ["RATE_LIMIT", *limit]:
            match limit:
                case [int(number)] if 0 < number < 2**63 and not isinstance(number, bool):
                    return "RATE_LIMIT", number
            raise UnreadableError("RATE_LIMIT argument must be a positive integer")
        case _:
            shown = msgspec.json.encode(value).decode()[:VALUE_TEXT_MAX]
            raise UnreadableError(f"malformed FilterAction JSON: {shown}")


def reason_entry(value: object) -> tuple[str, str, int]:
    """Read one `[source, reason, time in ns]`."""
    if not isinstance(value, list) or len(value) != 3:
        raise UnreadableError("Unable to read Triple")
    return text(value[0]), text(value[1]), integer(value[2])
