"""What simulated nodes are told to answer, and what they were asked, in order of arrival.

A script replaces what a simulated node would do for a call; a test uses it for calls that change
nothing here (disks, hypervisors), whose answers the master only reads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

#: Bytes of all bodies that are recorded; a test that asks for more has forgotten to leave some out.
RECORDED_BYTES_MAX: Final = 8 * 1024 * 1024


#: Instead of a key's value: the answer lacks the key.
ABSENT: Final = "(absent)"

#: Instead of a payload: the call fails, however often it is made.
FAILS: Final = "(fails)"

#: Behind the name of a call whose own answer is changed.
_CHANGED: Final = "+"


class TooMuchRecordedError(Exception):
    """More was asked than a recording may hold."""


@dataclass(frozen=True, slots=True)
class Scripted:
    """An answer that a node gives instead of its own.

    Attributes:
        call: name of the call; with a "+" behind it, the payload's keys replace those of the
            node's own answer, or take them away where their value is `ABSENT`.
        payload: JSON value that a successful answer brings, or `FAILS`.
        node: name of the node, None for all.
        turn: which call of the name at a node gets it, from 1; None for all that have no own one.
    """

    call: str
    payload: object
    node: str | None = None
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it arrived: node, name, and the JSON value of its body."""

    node: str
    call: str
    arguments: object


class NodeScript:
    """The script and the recording of all nodes. Nothing here switches."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str | None, str, int | None], bytes] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._asked: list[tuple[str, str, bytes]] | None = None
        self._left_out: frozenset[str] = frozenset()
        self._bytes = 0

    def begin(self, answers: Sequence[Scripted], left_out: Sequence[str]) -> None:
        """Follow these answers from now on, and record all calls but those left out by name."""
        self._answers = {
            (each.node, each.call, each.turn): msgspec.json.encode(_body(each.payload))
            for each in answers
        }
        self._turns.clear()
        self._left_out = frozenset(left_out)
        self._asked = []
        self._bytes = 0

    def end(self) -> list[Asked]:
        """Stop recording, forget the answers, and return what was recorded.

        Raises:
            TooMuchRecordedError: it was more than a recording holds.
        """
        asked, self._asked, self._answers = self._asked or [], None, {}
        if self._bytes > RECORDED_BYTES_MAX:
            raise TooMuchRecordedError(f"{self._bytes} bytes of calls")
        return [Asked(node, call, msgspec.json.decode(body)) for node, call, body in asked]

    def note(self, node: str, call: str, body: bytes) -> None:
        """Record a call that has arrived, if calls are recorded."""
        if self._asked is None or call in self._left_out:
            return
        self._bytes += len(body)
        if self._bytes <= RECORDED_BYTES_MAX:
            self._asked.append((node, call, body))

    def answer(self, node: str, call: str) -> bytes | None:
        """Return the body of the answer that the script has for a call, None without any."""
        self._turns[node, call] += 1
        return self._told(node, call, self._turns[node, call])

    def changed(self, node: str, call: str, own: bytes | None) -> bytes | None:
        """Return a node's own answer with what the script changes in it."""
        told = self._told(node, call + _CHANGED, self._turns[node, call])
        if told is None or own is None:
            return own
        _, changes = msgspec.json.decode(told)
        done, payload = msgspec.json.decode(own)
        merged = {**payload, **changes}
        return msgspec.json.encode(
            [done, {key: value for key, value in merged.items() if value != ABSENT}]
        )

    def _told(self, node: str, call: str, turn: int) -> bytes | None:
        places = ((node, call, turn), (None, call, turn), (node, call, None), (None, call, None))
        return next((self._answers[key] for key in places if key in self._answers), None)


def _body(payload: object) -> list[object]:
    """Return what a node daemon answers: whether it succeeded, and with what."""
    return [False, "The node was told to fail"] if payload == FAILS else [True, payload]
