"""What simulated nodes do wrong, as data.

A plan holds faults by node name; a call meets the first that applies to it. The same plan drives
the node daemons behind sockets and those of the in-memory transport.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """How a node misbehaves."""

    #: Nobody listens; connections that exist are closed. For all calls, until it is taken away.
    REFUSE = "refuse"
    #: The request is read and nothing happens, for ever.
    HANG = "hang"
    #: The answer is not HTTP.
    GARBAGE = "garbage"
    #: The answer is HTTP, but its body is not the pair of success and payload.
    NO_PAIR = "no-pair"
    #: HTTP status 500; the call is not carried out.
    STATUS_500 = "status-500"
    #: The call is carried out after `delay_s`.
    DELAY = "delay"
    #: The call fails in the node daemon: `[false, text]`.
    FAIL = "fail"
    #: The connection is closed after reading the request; the call is not carried out.
    DROP = "drop"
    #: The call is carried out, but the connection is closed before the answer.
    LOSE_ANSWER = "lose-answer"
    #: The call is carried out, and then nothing happens, for ever.
    WITHHOLD = "withhold"
    #: The answer ends in its middle.
    CUT_ANSWER = "cut-answer"
    #: "100 Continue" again and again, and never an answer.
    CONTINUE_FOR_EVER = "continue-for-ever"
    #: The answer is longer than that of any call.
    LONG_ANSWER = "long-answer"
    #: The call fails with a text of `LONG_ERROR_CHARS` characters.
    LONG_ERROR = "long-error"


#: More than anybody wants to keep of an error, less than what an answer may hold.
LONG_ERROR_CHARS = 200_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a node misbehaves.

    Attributes:
        kind: how.
        calls: names of the calls that meet it; empty for all.
        times: how many calls meet it before it is over; None for all that come.
        delay_s: seconds, for `DELAY`.
        after: how many calls go well before the first that meets it.
        about: text that stands in the arguments of the calls that meet it; empty for all.
    """

    kind: FaultKind
    calls: tuple[str, ...] = ()
    times: int | None = None
    delay_s: float = 0.0
    after: int = 0
    about: str = ""

    def applies(self, call: str, body: bytes) -> bool:
        """Tell whether a call with these arguments is one of those that meet it."""
        if self.kind is FaultKind.REFUSE or (self.calls and call not in self.calls):
            return False
        return self.about.encode() in body


class FaultPlan:
    """The faults of all nodes, by node name. Nothing here switches."""

    def __init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}

    def set(self, node: str, *faults: Fault) -> None:
        """Give a node these faults instead of those it had; none makes it well."""
        for fault in faults:
            narrowed = fault.calls or fault.after or fault.times is not None or fault.about
            if fault.kind is FaultKind.REFUSE and narrowed:
                raise ValueError("A node that refuses connections refuses all calls")
        self._faults[node] = list(faults)

    def clear(self) -> None:
        """Make all nodes well."""
        self._faults.clear()

    def refuses(self, node: str) -> bool:
        """Tell whether connections to the node are refused."""
        return any(fault.kind is FaultKind.REFUSE for fault in self._faults.get(node, ()))

    def take(self, node: str, call: str, body: bytes = b"") -> Fault | None:
        """Return the fault that a call with these arguments meets, counting it; None if none."""
        faults = self._faults.get(node)
        if not faults:
            return None
        for index, fault in enumerate(faults):
            if not fault.applies(call, body):
                continue
            if fault.after:
                faults[index] = replace(fault, after=fault.after - 1)
                continue
            if fault.times is not None:
                if fault.times <= 1:
                    del faults[index]
                else:
                    faults[index] = replace(fault, times=fault.times - 1)
            return fault
        return None


def dump(faults: Sequence[Fault]) -> list[object]:
    """Return faults as JSON values."""
    document: list[object] = msgspec.to_builtins(list(faults))
    return document


def load(document: object) -> tuple[Fault, ...]:
    """Read what `dump` made.

    Raises:
        ValueError: it is something else.
    """
    return tuple(msgspec.convert(document, list[Fault]))
