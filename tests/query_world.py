"""Everything that answers queries about the configuration, with nodes that never answer."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0
from masterd.errors import GanetiError
from masterd.luxi import calls, messages, methods
from masterd.luxi.messages import Request
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget
from tests.nodes_in_memory import OneByOne


class SilentNodes(OneByOne):
    """Obeys `masterd.node.target.Nodes`; nobody answers."""

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[Any],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        return {
            node.uuid: RpcResult(call_name, node.name, node.uuid, ok=False, error="no answer")
            for node in nodes
        }


def resources(config: ConfigSnapshot) -> Resources:
    collector = Collector(SilentNodes())
    return Resources(lambda: config, collector, list, lambda: None, dialect=DIALECT_3_0)


class RefusedError(Exception):
    """A request was answered with an error: its wire form."""


def ask(answering: Resources, method: str, arguments: list[Any]) -> Any:
    """Answer a request as the daemon does, and return what the wire would carry.

    Raises:
        RefusedError: the answer is an error.
    """
    try:
        answer = _answer(answering, methods.check(Request(method, arguments)))
    except GanetiError as error:
        raise RefusedError(json.loads(messages.encode_error(error))["result"]) from error
    return json.loads(messages.encode_success(answer))["result"]


def _answer(answering: Resources, call: calls.Call) -> object:
    match call:
        case calls.Query():
            return answering.query(call.resource, call.fields, call.filter)
        case calls.QueryFields():
            return answering.query_fields(call.resource, call.fields)
        case calls.QueryFilters():
            return answering.classic("filter", call.uuids or (), call.fields)
        case calls.QueryTags():
            return answering.tags(call.kind, call.name)
        case calls.QueryExports():
            return answering.exports(call.nodes, lock=call.lock)
        case calls.ClassicQuery():
            resource = type(call).__name__.removeprefix("Query").removesuffix("s").lower()
            return answering.classic(resource, call.names, call.fields, lock=call.lock)
    raise AssertionError(f"{call} is no query")
