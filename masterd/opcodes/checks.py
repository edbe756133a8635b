"""Checks of parameter and result values, put together from small ones.

A check takes any JSON value and either returns it in the form in which opcodes keep it or raises
`Refused`. Kept forms: arrays of a declared form become tuples, sets frozensets, whole numbers
written as `1.0` become ints, ints where a fraction is expected become floats, wrapped values
`Secret`. Values without a declared form (`ANYTHING`) stay as they came.

`Check.form` is the check as data and `Check.text` in words; both follow the reference, so that
tests can compare and people recognise them. Source: opcodes.json check, type.

Where the reference's two halves differ (luxid reads a submission, the job's process checks it
again), a value has to please both.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from masterd.opcodes.secrets import Secret

#: A check as data: a name, or a mapping with the combinator and its operands.
Form = str | dict[str, object]


class Refused(Exception):  # noqa: N818 - an answer of a check, never an error anybody is told
    """The value does not have the form."""


# Compared by identity: annotations that carry a check have to be hashable.
@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A form that values may have."""

    text: str
    form: Form
    #: Returns the value in its kept form or raises `Refused`; raises nothing else.
    convert: Callable[[object], object]


_PLAIN_WORD: Final = re.compile(r"[a-zA-Z0-9_-]+")

#: Whole numbers travel as 64 bits; the reference wraps larger ones round without a word.
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def _enclosed(text: str) -> str:
    return text if _PLAIN_WORD.fullmatch(text) else f"({text})"


# --- single values ------------------------------------------------------------------------------


def _none(value: object) -> None:
    if value is not None:
        raise Refused


def _anything(value: object) -> object:
    return value


def _boolean(value: object) -> bool:
    if value is True or value is False:
        return value
    raise Refused


def _integer(value: object) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and _INT_MIN <= value <= _INT_MAX:
        return value
    raise Refused


def _float(value: object) -> float:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise Refused from None
    # JSON has neither infinities nor NaN; both make the difference of a value with itself NaN.
    if type(value) is float and value - value == 0.0:
        # JSON numbers of the reference know no negative zero.
        return value + 0.0
    raise Refused


def _string(value: object) -> str:
    if type(value) is str:
        return value
    raise Refused


def _non_empty_string(value: object) -> str:
    if type(value) is str and value:
        return value
    raise Refused


def _list(value: object) -> tuple[object, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise Refused


def _tuple(value: object) -> tuple[object, ...]:
    if isinstance(value, tuple):
        return value
    raise Refused


def _job_id(value: object) -> int:
    # Clients of the 2.x line write job ids as text.
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    number = _integer(value)
    if number < 0:
        raise Refused
    return number


def _relative_job_id(value: object) -> int:
    number = _integer(value)
    if number >= 0:
        raise Refused
    return number


NONE: Final = Check("None", "None", _none)
ANYTHING: Final = Check("Anything", "Anything", _anything)
BOOLEAN: Final = Check("Boolean", "Boolean", _boolean)
INTEGER: Final = Check("Integer", "Integer", _integer)
FLOAT: Final = Check("Float", "Float", _float)
STRING: Final = Check("String", "String", _string)
NON_EMPTY_STRING: Final = Check("NonEmptyString", "NonEmptyString", _non_empty_string)
LIST: Final = Check("List", "List", _list)
#: No JSON value is a tuple, but a loaded one is.
TUPLE: Final = Check("Tuple", "Tuple", _tuple)
JOB_ID: Final = Check("JobId", "JobId", _job_id)
RELATIVE_JOB_ID: Final = Check("RelativeJobId", "RelativeJobId", _relative_job_id)


def _address(name: str, parse: Callable[[str], object]) -> Check:
    def convert(value: object) -> str:
        text = _string(value)
        try:
            parse(text)
        except ValueError:
            raise Refused from None
        return text

    return Check(name, name, convert)


IPV4_ADDRESS: Final = _address("IPv4 address", ipaddress.IPv4Address)
IPV4_NETWORK: Final = _address("IPv4 network", ipaddress.IPv4Network)
IPV6_ADDRESS: Final = _address("IPv6 address", ipaddress.IPv6Address)
IPV6_NETWORK: Final = _address("IPv6 network", ipaddress.IPv6Network)


def one_of(*values: str | int) -> Check:
    """One of these texts or whole numbers."""
    allowed = frozenset(values)
    numeric = any(type(value) is int for value in values)

    def convert(value: object) -> object:
        if numeric and type(value) is not str:
            value = _integer(value)
        if type(value) in (str, int) and value in allowed:
            return value
        raise Refused

    text = "OneOf " + ", ".join(str(value) for value in values)
    return Check(text, {"oneof": list(values)}, convert)


def _number(name: str, lowest: int) -> Check:
    def convert(value: object) -> int:
        number = _integer(value)
        if number < lowest:
            raise Refused
        return number

    return Check(name, {"number": name, "base": "Integer"}, convert)


NON_NEGATIVE_INTEGER: Final = _number("EqualOrGreaterThanZero", 0)
POSITIVE_INTEGER: Final = _number("GreaterThanZero", 1)


def less_than(bound: int) -> Check:
    """A whole number below `bound`."""

    def convert(value: object) -> int:
        number = _integer(value)
        if number >= bound:
            raise Refused
        return number

    return Check(f"Less than {bound}", {"less_than": bound}, convert)


# --- combinations -------------------------------------------------------------------------------


def any_of(*checks: Check) -> Check:
    """Whatever the first fitting of these makes of the value; `NONE` comes first."""
    assert NONE not in checks[1:], "None is easily missed behind a long description"
    converters = tuple(check.convert for check in checks)

    def convert(value: object) -> object:
        for converter in converters:
            try:
                return converter(value)
            except Refused:
                continue
        raise Refused

    text = " or ".join(_enclosed(check.text) for check in checks)
    return Check(text, {"or": [check.form for check in checks]}, convert)


def optional(check: Check) -> Check:
    """Nothing, or what `check` takes."""
    inner = check.convert

    def convert(value: object) -> object:
        return None if value is None else inner(value)

    general = any_of(NONE, check)
    return Check(general.text, general.form, convert)


def all_of(*checks: Check) -> Check:
    """What passes all of these, each given what the one before made of it."""
    converters = tuple(check.convert for check in checks)

    def convert(value: object) -> object:
        for converter in converters:
            value = converter(value)
        return value

    text = " and ".join(_enclosed(check.text) for check in checks)
    return Check(text, {"and": [check.form for check in checks]}, convert)


def length(size: int) -> Check:
    """An array of `size` items."""

    def convert(value: object) -> object:
        if isinstance(value, list | tuple) and len(value) == size:
            return value
        raise Refused

    return Check(f"Length {size}", {"length": size}, convert)


def items(*checks: Check) -> Check:
    """An array with one item for each of these; usually behind `length`."""
    converters = tuple(check.convert for check in checks)

    def convert(value: object) -> tuple[object, ...]:
        if isinstance(value, list | tuple) and len(value) == len(converters):
            return tuple(converter(item) for converter, item in zip(converters, value, strict=True))
        raise Refused

    words = (
        f"{'item' if index else 'Item'} {index} is {_enclosed(check.text)}"
        for index, check in enumerate(checks)
    )
    return Check(", ".join(words), {"items": [check.form for check in checks]}, convert)


def tuple_of(*checks: Check) -> Check:
    """An array of exactly these."""
    text = f"Tuple of {_enclosed(', '.join(check.text for check in checks))}"
    return Check(text, {"tuple_of": [check.form for check in checks]}, items(*checks).convert)


def list_of(check: Check) -> Check:
    """An array of any length, all items alike."""
    inner = check.convert

    def convert(value: object) -> tuple[object, ...]:
        if isinstance(value, list | tuple):
            return tuple([inner(item) for item in value]) if value else ()
        raise Refused

    return Check(f"List of {_enclosed(check.text)}", {"list_of": check.form}, convert)


def set_of(check: Check) -> Check:
    """An array whose order and repetitions mean nothing; items must be texts or numbers."""
    inner = check.convert

    def convert(value: object) -> frozenset[object]:
        if isinstance(value, list | tuple | frozenset):
            return frozenset(inner(item) for item in value)
        raise Refused

    return Check(f"Set of {_enclosed(check.text)}", {"set_of": check.form}, convert)


def dict_of(key: Check, value: Check) -> Check:
    """An object, all keys alike and all values alike."""
    convert_key, convert_value = key.convert, value.convert
    keys_free, values_free = key is ANYTHING, value is ANYTHING

    def convert(document: object) -> dict[object, object]:
        if not isinstance(document, dict):
            raise Refused
        if values_free:
            if not keys_free:
                for name in document:
                    convert_key(name)
            return document
        return {convert_key(name): convert_value(item) for name, item in document.items()}

    text = f"Dictionary with keys of {_enclosed(key.text)} and values of {_enclosed(value.text)}"
    return Check(text, {"dict_of": [key.form, value.form]}, convert)


def strict_dict(members: Mapping[str, Check]) -> Check:
    """An object with exactly these keys."""
    converters = {name: check.convert for name, check in members.items()}

    def convert(document: object) -> dict[str, object]:
        if not isinstance(document, dict) or document.keys() != converters.keys():
            raise Refused
        return {name: converter(document[name]) for name, converter in converters.items()}

    words = ", ".join(f'"{name}" (value {check.text})' for name, check in members.items())
    noun = "key" if len(members) == 1 else "keys"
    text = f"Dictionary containing none but the required {noun} {words}"
    form: Form = {
        "strict_dict": {name: check.form for name, check in members.items()},
        "require_all": True,
        "exclusive": True,
    }
    return Check(text, form, convert)


def private(check: Check) -> Check:
    """A value that must not be shown; kept as `Secret`."""
    inner = check.convert

    def convert(value: object) -> Secret:
        return Secret(inner(value.reveal() if isinstance(value, Secret) else value))

    return Check(f"Private {_enclosed(check.text)}", {"private": check.form}, convert)
