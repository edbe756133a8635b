"""What one node answered to one call, as a value.

Nodes fail one by one: a failure is not an exception until somebody says that it matters.

Source: Ganeti 3.0.2 lib/rpc/node.py, RpcResult (rules and texts).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from masterd.errors import ECode, OpPrereqError, RpcError
from masterd.limits import RPC_ANSWER_VALUES_MAX, RPC_ERROR_CHARS_MAX
from masterd.rpc import payloads

OFFLINE: Final = "Node is marked offline"
NO_INFORMATION: Final = "No error information"


@dataclass(frozen=True, slots=True)
class RpcResult:
    """One node's answer.

    Attributes:
        call: name of the call.
        node_name: the node's name, for messages.
        node_uuid: the node's uuid, or its name where it is not in the configuration.
        ok: the node carried the call out.
        payload: what it returned, a JSON value; None unless `ok`.
        error: why not; None if `ok`, never empty otherwise.
        offline: the node was not asked because it is marked offline.
        unsent: not ok, and the node certainly did not start to carry the call out.
        unreachable: not ok, because nobody accepted a connection at the node.
    """

    call: str
    node_name: str
    node_uuid: str
    ok: bool
    payload: object = None
    error: str | None = None
    offline: bool = False
    unsent: bool = False
    unreachable: bool = False

    def raise_(
        self, text: str | None = None, *, prereq: bool = False, code: ECode | None = None
    ) -> None:
        """Do nothing if the call succeeded.

        Args:
            text: what did not work because of it; the node's error is appended.
            prereq: nothing was changed yet.
            code: kind of precondition, only with `prereq`.

        Raises:
            RpcError: the call failed.
            OpPrereqError: the call failed and `prereq` is set.
        """
        if self.ok:
            return
        if text:
            message = f"{text}: {self.error}"
        else:
            message = f"Call '{self.call}' to node '{self.node_name}' has failed: {self.error}"
        if prereq:
            raise OpPrereqError(message, code)
        raise RpcError(message)

    def warn(self, text: str, feedback: Callable[[str], None]) -> bool:
        """Tell `feedback` of a failure and return whether there was one."""
        if not self.ok:
            feedback(f"{text}: {self.error}")
        return not self.ok


def offline(call: str, node_name: str, node_uuid: str) -> RpcResult:
    """Return the result for a node that is not asked because it is marked offline."""
    return RpcResult(call, node_name, node_uuid, ok=False, error=OFFLINE, offline=True, unsent=True)


def failed(
    call: str,
    node_name: str,
    node_uuid: str,
    error: str,
    *,
    unsent: bool = False,
    unreachable: bool = False,
) -> RpcResult:
    """Return the result for a node that gave no usable answer.

    A long error is cut: it goes into messages, logs and jobs.
    """
    if len(error) > RPC_ERROR_CHARS_MAX:
        left = len(error) - RPC_ERROR_CHARS_MAX
        error = f"{error[:RPC_ERROR_CHARS_MAX]} [{left} more characters]"
    return RpcResult(
        call,
        node_name,
        node_uuid,
        ok=False,
        error=error or NO_INFORMATION,
        unsent=unsent,
        unreachable=unreachable,
    )


def decode(call: str, node_name: str, node_uuid: str, body: bytes) -> RpcResult:
    """Read the body of a node's answer: a JSON pair `[success, payload or error text]`.

    The payload must have the form of the call's answers (`masterd.rpc.payloads`).
    Anything else is a failure of that node, never an exception.
    """
    if _values_at_most(body) > RPC_ANSWER_VALUES_MAX:
        text = f"RPC layer error: answer has more than {RPC_ANSWER_VALUES_MAX} values"
        return failed(call, node_name, node_uuid, text)
    try:
        answer: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return failed(call, node_name, node_uuid, f"RPC layer error: answer is not JSON ({error})")
    if not isinstance(answer, list):
        kind = type(answer).__name__
        text = f"RPC layer error: invalid result type ({kind})"
        return failed(call, node_name, node_uuid, text)
    if len(answer) != 2:
        text = f"RPC layer error: invalid result length ({len(answer)}), expected 2"
        return failed(call, node_name, node_uuid, text)
    success, payload = answer
    if not success:
        return failed(call, node_name, node_uuid, str(payload) if payload else "")
    wrong = payloads.problem(call, payload)
    if wrong is not None:
        text = f"RPC layer error: invalid answer to '{call}' ({wrong})"
        return failed(call, node_name, node_uuid, text)
    return RpcResult(call, node_name, node_uuid, ok=True, payload=payload)


def _values_at_most(body: bytes) -> int:
    """Return a number of values that a JSON text does not exceed, in little time.

    Decoding holds everybody up and takes up to a hundred times the memory of the text; both grow
    with the number of values. What separates values inside of strings counts too.
    """
    if len(body) <= RPC_ANSWER_VALUES_MAX:
        return len(body)
    return 1 + sum(map(body.count, (b",", b":", b"[", b"{")))
