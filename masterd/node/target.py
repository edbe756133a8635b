"""Nodes as something that can be called, and the calling of one or several.

The verbs of this folder take `Nodes` (the runner, or what stands before it and keeps the journal)
and say where as `Where`: a node of the configuration, or one that is not in it yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from masterd.config.node import Node
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, Request

#: Where a call goes.
Where: TypeAlias = Node | NodeTarget


class Nodes(Protocol):
    """Calls node daemons; see `masterd.rpc.runner`."""

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[object],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        """Ask nodes at the same time; return results by node uuid. Switches."""
        ...

    def call_each(self, requests: Sequence[Request]) -> Sequence[RpcResult]:
        """Send different calls at the same time; return results in their order. Switches."""
        ...


def target(where: Where) -> NodeTarget:
    """Return a node as one that can be called; the runner leaves those marked offline alone."""
    if isinstance(where, NodeTarget):
        return where
    return NodeTarget(where.name, where.uuid, where.primary_ip, where.offline)


def targets(places: Iterable[Where]) -> list[NodeTarget]:
    """Return nodes as ones that can be called, in their order."""
    return [target(where) for where in places]


def one(nodes: Nodes, call_name: str, where: Where, *args: object) -> RpcResult:
    """Call one node. Switches."""
    at = target(where)
    return nodes.call(call_name, (at,), args)[at.uuid]


def several(
    nodes: Nodes, call_name: str, places: Iterable[Where], *args: object
) -> Mapping[str, RpcResult]:
    """Tell several nodes the same; return results by uuid, in the order of the nodes. Switches."""
    return nodes.call(call_name, targets(places), args)


def each(
    nodes: Nodes, call_name: str, told: Iterable[tuple[Where, Sequence[object]]]
) -> Mapping[str, RpcResult]:
    """Tell each node its own arguments, at the same time; return results by uuid. Switches."""
    requests = [Request(call_name, target(where), args) for where, args in told]
    answers = nodes.call_each(requests)
    return {request.node.uuid: answer for request, answer in zip(requests, answers, strict=True)}
