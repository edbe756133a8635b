"""How values appear in error texts, as the reference writes them.

Clients and people compare these texts, so JSON values are spaced `[1, {"a": null}]`, fractions are
written `1.0e-2`, and strings inside filter values are quoted `"caf\\233"`. The reference breaks
long values over several lines; here they stay on one, and are cut where nobody would read on.
"""

import json
from decimal import Decimal
from typing import Final

#: Characters of one value in an error text.
VALUE_TEXT_MAX: Final = 4000

#: Levels of nesting shown; deeper ones are abbreviated.
_DEPTH_MAX: Final = 40

_CONTROL_WORDS: Final = (
    "NUL SOH STX ETX EOT ENQ ACK a b t n v f r SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB"
    " ESC FS GS RS US"
)

#: Escapes of the first 32 characters.
_CONTROL_NAMES: Final = _CONTROL_WORDS.split()


def show_json(value: object) -> str:
    """Return a JSON value on one line; at most `VALUE_TEXT_MAX` characters."""
    text = _show(value, _DEPTH_MAX)
    return text if len(text) <= VALUE_TEXT_MAX else text[:VALUE_TEXT_MAX] + "…"


def _show(value: object, depth: int) -> str:
    if depth == 0:
        return "…"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_show(item, depth - 1) for item in value) + "]"
    if isinstance(value, dict):
        members = (f"{_quote(str(key))}: {_show(item, depth - 1)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, float):
        return show_number(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def show_number(value: float) -> str:
    """Return a number as error texts have it: whole ones without a point, else `1.0e-2`."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int), "JSON has no infinities"
    point = len(digits) + exponent
    text = "".join(map(str, digits))
    if point <= 7 and abs(value) >= 0.1:
        shown = f"{text[:point] or '0'}.{text[point:] or '0'}"
    else:
        shown = f"{text[0]}.{text[1:] or '0'}e{point - 1}"
    return "-" + shown if sign else shown


def show_fraction(value: float) -> str:
    """Return a fractional number as `numerator % denominator`."""
    numerator, denominator = Decimal(repr(value)).as_integer_ratio()
    return f"{numerator} % {denominator}"


def show_string(text: str) -> str:
    """Return text in double quotes with everything outside printable ASCII escaped in decimal."""
    out = ['"']
    #: Characters that would change the meaning of the escape before them.
    clashes = ""
    for char in text:
        code = ord(char)
        if clashes and char in clashes:
            out.append("\\&")
        clashes = ""
        if char in '"\\':
            out.append("\\" + char)
        elif code < 32:
            out.append("\\" + _CONTROL_NAMES[code])
            clashes = "H" if code == 14 else ""
        elif code == 127:
            out.append("\\DEL")
        elif code > 127:
            out.append(f"\\{code}")
            clashes = "0123456789"
        else:
            out.append(char)
    return "".join(out) + '"'
