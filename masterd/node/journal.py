"""Nodes whose changes are noted before they are asked for, and again when they have answered.

Who keeps the notes finds out after a crash which calls had been answered and which was in flight:
what of it is done, only that node knows. Calls that merely ask are not noted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from masterd.node.target import Nodes
from masterd.rpc.calls import CALLS, Calls, find
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, Request

#: What a node is about to be asked: the call, and the node's name.
Step = tuple[str, str]


class Journal(Protocol):
    """Keeps the notes of one opcode. All methods may switch."""

    def sending(self, calls: Sequence[Step]) -> Callable[[Sequence[bool]], None]:
        """Note calls that are about to be sent; return once that is safe.

        Returns:
            What is to be told, when all have been answered, of each whether it was done.
        """
        ...


class JournaledNodes:
    """Obeys `Nodes`; keeps a journal of calls that change nodes."""

    def __init__(self, nodes: Nodes, journal: Journal, calls: Calls = CALLS) -> None:
        """Prepare; `calls` are those of the release that is spoken."""
        self._nodes = nodes
        self._journal = journal
        self._calls = calls

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[object],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        """Ask nodes at the same time; return results by node uuid. Switches."""
        asked = [node for node in nodes if self._is_noted(call_name, node)]
        if not asked:
            return self._nodes.call(call_name, nodes, args, timeout_s=timeout_s)
        answered = self._journal.sending([(call_name, node.name) for node in asked])
        results = self._nodes.call(call_name, nodes, args, timeout_s=timeout_s)
        answered([results[node.uuid].ok for node in asked])
        return results

    def call_each(self, requests: Sequence[Request]) -> Sequence[RpcResult]:
        """Send different calls at the same time; return results in their order. Switches."""
        asked = [self._is_noted(request.call_name, request.node) for request in requests]
        if not any(asked):
            return self._nodes.call_each(requests)
        answered = self._journal.sending(
            [
                (request.call_name, request.node.name)
                for request, noted in zip(requests, asked, strict=True)
                if noted
            ]
        )
        results = self._nodes.call_each(requests)
        answered([result.ok for result, noted in zip(results, asked, strict=True) if noted])
        return results

    def _is_noted(self, call_name: str, node: NodeTarget) -> bool:
        """Tell whether a node will be asked to change."""
        call = find(call_name, self._calls)
        return call.changes and (call.accept_offline or not node.offline)
