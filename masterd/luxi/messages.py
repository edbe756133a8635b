"""Envelopes: message bytes to `Request`, results and errors to bytes.

A request is `{"method": text, "args": anything, "version": int (3.0 clients)}`; an answer
`{"success": bool, "result": anything}`. Errors of an operation are `[class name, [arguments]]`;
errors of the request itself are plain text beginning "Failed to parse request: ", after which the
connection is closed. Source: luxi.json, transport; answers of a running 3.0.2 luxid.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from masterd.errors import GanetiError, LuxiParseError
from masterd.filter.text import show_json
from masterd.limits import LUXI_READ_AT_ONCE_BYTES
from masterd.luxi.large_message import Pause, read_call

PARSE_ERROR_PREFIX: Final = "Failed to parse request: "

_TOP: Final = "parsing top-level JSON message: "
_SUCCESS_HEAD: Final = b'{"success":true,"result":'
_OBJECT_OR_ARRAY: Final = re.compile(rb"[ \t\r\n]*[{\[]")

_decode: Final[Callable[[bytes], object]] = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed envelope; the arguments are whatever JSON the client sent."""

    method: str
    #: Usually a list; 2.x clients send a single argument bare.
    args: object
    #: Library version number of a 3.x client; None from a 2.x one.
    version: int | None = None


def _no_pause() -> None:
    """Go on."""


def parse_request(raw: bytes, pause: Pause = _no_pause) -> Request:
    """Parse one message. Switches where `pause` does, which is called in a large one.

    Raises:
        LuxiParseError: not JSON, not an object, no "method" or "args", a method that is no text,
            or too large for what it is.
    """
    if len(raw) <= LUXI_READ_AT_ONCE_BYTES:
        document = _parse_object(raw)
    else:
        document = _parse_object(raw, lambda raw: read_call(raw, pause))
    if "method" not in document:
        raise _missing_key("method", document)
    if "args" not in document:
        raise _missing_key("args", document)
    method = document["method"]
    if not isinstance(method, str):
        raise LuxiParseError(
            "Unable to parse LUXI request method: Can't parse value for 'LuxiReq':"
            " Unable to read String"
        )
    version = document.get("version")
    return Request(method, document["args"], version if type(version) is int else None)


def encode_success(result: object) -> bytes:
    """Return the answer for a result: JSON values, tuples, and `msgspec.Raw` for JSON text.

    Raises:
        TypeError: `result` is not made of such values.
    """
    return encode_success_raw(_encode(result))


def encode_success_raw(result: bytes) -> bytes:
    """Return the answer for a result that is JSON text already."""
    return b"%b%b}" % (_SUCCESS_HEAD, result)


def encode_error(error: BaseException) -> bytes:
    """Return the answer for a failure; what is no `GanetiError` is reported as a fault of ours."""
    if isinstance(error, LuxiParseError):
        return _encode({"success": False, "result": PARSE_ERROR_PREFIX + error.message})
    if isinstance(error, GanetiError):
        return _encode({"success": False, "result": error.to_wire()})
    text = f"Internal error: {type(error).__name__}: {error}"
    return _encode({"success": False, "result": ["ProgrammerError", [text]]})


def encode_request(method: str, args: object, version: int | None) -> bytes:
    """Return a request as a client sends it."""
    document: dict[str, object] = {"method": method, "args": args}
    if version is not None:
        document["version"] = version
    return _encode(document)


def parse_answer(raw: bytes) -> tuple[bool, object]:
    """Return `(success, result)` of an answer.

    Raises:
        LuxiParseError: it is no answer.
    """
    document = _parse_object(raw)
    success = document.get("success")
    if not isinstance(success, bool) or "result" not in document:
        raise LuxiParseError(f"not an answer: {show_json(document)}")
    return success, document["result"]


def _parse_object(raw: bytes, decode: Callable[[bytes], object] = _decode) -> dict[str, object]:
    if _OBJECT_OR_ARRAY.match(raw) is None:
        raise LuxiParseError(
            f"{_TOP}Invalid JSON: a JSON text a serialized object or array at the top level."
        )
    try:
        document = decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise LuxiParseError(f"{_TOP}Invalid JSON: {err}") from None
    except RecursionError:
        raise LuxiParseError(f"{_TOP}Invalid JSON: nested too deeply") from None
    if not isinstance(document, dict):
        raise LuxiParseError(f"{_TOP}Unable to read JSObject")
    return document


def _missing_key(key: str, document: dict[str, object]) -> LuxiParseError:
    keys = _encode(list(document)[:50]).decode()
    return LuxiParseError(f"key '{key}' not found, object contains only {keys}")
