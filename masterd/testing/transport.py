"""The transport without sockets: simulated nodes in this process.

Obeys `masterd.rpc.transport.Transport` and the same faults as the node daemons behind sockets.
"""

from collections.abc import Mapping

import gevent
from gevent.event import Event

from masterd.limits import RPC_LISTING_BYTES_MAX
from masterd.rpc.errors import (
    BadAnswerError,
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    StatusError,
    UnreachableError,
)
from masterd.testing.faults import LONG_ERROR_CHARS, Fault, FaultKind, FaultPlan
from masterd.testing.node_calls import SimulatedNode


class MemoryTransport:
    """Requests that are function calls."""

    def __init__(self, nodes: Mapping[str, SimulatedNode], faults: FaultPlan) -> None:
        """Prepare; `nodes` are by address."""
        self._nodes = nodes
        self._faults = faults
        self._closed = False

    def request(
        self,
        address: str,
        port: int,
        path: str,
        body: bytes,
        timeout_s: float,
        *,
        answer_bytes_max: int,
    ) -> bytes:
        """See `Transport.request`. Switches."""
        if self._closed:
            raise ConnectError("The transport is closed")
        node = self._nodes.get(address)
        if node is None or self._faults.refuses(node.name):
            raise UnreachableError(f"Can't connect to {address}:{port}: Connection refused")
        timeout = gevent.Timeout.start_new(timeout_s)
        try:
            answer = self._answer(node, path.removeprefix("/"), body)
            if len(answer) > answer_bytes_max:
                raise BadAnswerError(f"The answer exceeds {answer_bytes_max} bytes")
            return answer
        except gevent.Timeout as expired:
            if expired is not timeout:
                raise
            raise DeadlineError(f"No answer within {timeout_s:g} seconds") from None
        finally:
            timeout.close()

    def close(self) -> None:
        """Refuse later requests."""
        self._closed = True

    def _answer(self, node: SimulatedNode, call: str, body: bytes) -> bytes:
        gevent.sleep(0)  # other greenlets run here, as they do while a socket is waited for
        if not body.isascii():
            raise ConnectionLostError("The node closed the connection without an answer")
        fault = self._faults.take(node.name, call, body)
        if fault is not None:
            early = _instead(fault)
            if early is not None:
                return early
        answer = node.answer(call, body)
        if answer is None:
            raise StatusError(404, "Nothing matches the given URI")
        if fault is not None and fault.kind is FaultKind.WITHHOLD:
            Event().wait()
        if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
            raise ConnectionLostError("The node closed the connection without an answer")
        if fault is not None and fault.kind is FaultKind.CUT_ANSWER:
            raise ConnectionLostError("The node closed the connection in the middle of its answer")
        return answer


def _instead(fault: Fault) -> bytes | None:
    """Do what the fault wants before the call; return an answer if it takes the call's place."""
    match fault.kind:
        case FaultKind.HANG:
            Event().wait()
        case FaultKind.DELAY:
            gevent.sleep(fault.delay_s)
        case FaultKind.GARBAGE:
            raise BadAnswerError("The answer is not HTTP: illegal status line")
        case FaultKind.NO_PAIR:
            return b'{"not": "a pair"}'
        case FaultKind.FAIL:
            return b'[false,"The node was told to fail"]'
        case FaultKind.CONTINUE_FOR_EVER:
            raise BadAnswerError("More bytes around the answer than allowed")
        case FaultKind.LONG_ANSWER:
            return b" " * (RPC_LISTING_BYTES_MAX + 1)
        case FaultKind.LONG_ERROR:
            return b'[false,"' + b"x" * LONG_ERROR_CHARS + b'"]'
        case FaultKind.STATUS_500:
            raise StatusError(500, "The node was told to fail")
        case FaultKind.DROP:
            raise ConnectionLostError("The node closed the connection without an answer")
        case _:
            pass
    return None
