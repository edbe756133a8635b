"""Messages so large that reading them at one go would hold everybody else up.

Only submissions may be large. What a message is, and how many values it holds at most, is found
out before anything is decoded: decoded, a value of three bytes takes sixty. Then a submission is
decoded opcode by opcode, and others have their turn in between. `pause` is called for that; it may
switch greenlets.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from masterd.errors import LuxiParseError
from masterd.limits import (
    LUXI_CALL_BYTES_MAX,
    LUXI_CALL_VALUES_MAX,
    LUXI_COUNTED_BYTES,
    LUXI_PIECES_PER_PAUSE,
    LUXI_SUBMISSION_VALUES_MAX,
)
from masterd.turns import Turns

#: Lets others have their turn.
Pause = Callable[[], None]

#: Methods whose messages may be large.
SUBMISSIONS: Final = frozenset({"SubmitJob", "SubmitJobToDrainedQueue", "SubmitManyJobs"})

_VERSION: Final = rb'"version"\s*:\s*\d{1,20}'
#: The method at the beginning, as 3.x clients write it, and at the end, as some of 2.x do.
_HEAD: Final = re.compile(rb'\s{0,64}\{\s*(?:%b\s*,\s*)?"method"\s*:\s*"(\w{1,64})"' % _VERSION)
_TAIL: Final = re.compile(
    rb',\s*"method"\s*:\s*"(\w{1,64})"\s*(?:,\s*%b\s*)?\}\s{0,64}\Z' % _VERSION
)
_TAIL_BYTES: Final = 256
#: One of these stands beside every value but the first.
_MARKS: Final = (b",", b"[", b"{")


class _Envelope(msgspec.Struct):
    """A request with its arguments unread."""

    method: str
    args: msgspec.Raw
    version: msgspec.Raw = msgspec.Raw(b"null")


_read_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_read_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read: Final = msgspec.json.Decoder().decode


def is_submission(raw: bytes) -> bool:
    """Tell what a message says it is, and see that it is not too large for that.

    Raises:
        LuxiParseError: it has too many bytes for what is no submission.
    """
    found = _HEAD.match(raw) or _TAIL.search(raw, max(0, len(raw) - _TAIL_BYTES))
    submission = found is not None and found[1].decode() in SUBMISSIONS
    if not submission and len(raw) > LUXI_CALL_BYTES_MAX:
        raise LuxiParseError(
            f"a message of {len(raw)} bytes; only submissions may have more than"
            f" {LUXI_CALL_BYTES_MAX}"
        )
    return submission


def check_values(raw: bytes, values_max: int, pause: Pause) -> None:
    """See that a message holds no more values than that. Switches where `pause` does.

    Raises:
        LuxiParseError: it holds more, as far as can be told without reading it.
    """
    count = 0
    for start in range(0, len(raw), LUXI_COUNTED_BYTES):
        if start:
            pause()
        count += sum(raw.count(mark, start, start + LUXI_COUNTED_BYTES) for mark in _MARKS)
        if count > values_max:
            raise LuxiParseError(f"a message of more than {values_max} values")


def read_call(raw: bytes, pause: Pause) -> object:
    """Decode the message of a call. Switches where `pause` does.

    Raises:
        LuxiParseError: it is too large.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no JSON.
    """
    if not is_submission(raw):
        check_values(raw, LUXI_CALL_VALUES_MAX, pause)
        return _read(raw)
    check_values(raw, LUXI_SUBMISSION_VALUES_MAX, pause)
    pause()
    try:
        envelope = _read_envelope(raw)
    except msgspec.ValidationError:
        # Something that every submission has is missing; the caller says what.
        check_values(raw, LUXI_CALL_VALUES_MAX, pause)
        return _read(raw)
    if envelope.method not in SUBMISSIONS:
        raise LuxiParseError(f"a message says both {envelope.method} and that it submits jobs")
    depth = 3 if envelope.method == "SubmitManyJobs" else 2
    return {
        "method": envelope.method,
        "args": _read_pieces(envelope.args, depth, Turns(LUXI_PIECES_PER_PAUSE, pause)),
        "version": _read(envelope.version),
    }


def _read_pieces(raw: msgspec.Raw, depth: int, turns: Turns) -> object:
    """Decode lists of so many levels, item by item."""
    if depth == 0 or bytes(memoryview(raw)[:1]) != b"[":
        turns.one_more()
        return _read(raw)
    return [_read_pieces(item, depth - 1, turns) for item in _read_list(raw)]
