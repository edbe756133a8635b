"""Part of what obeys `masterd.node.target.Nodes` in tests."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, Request


class OneByOne(ABC):
    """Answers different calls as it answers the same call to several nodes."""

    @abstractmethod
    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[Any],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        """Return each node's answer by its uuid."""

    def call_each(self, requests: Sequence[Request]) -> list[RpcResult]:
        """Return the answers in the order of the requests."""
        return [
            self.call(each.call_name, (each.node,), each.args)[each.node.uuid] for each in requests
        ]
