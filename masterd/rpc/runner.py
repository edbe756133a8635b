"""Ask nodes, many at once, and return one result for each."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import gevent
from gevent.lock import Semaphore

from masterd.errors import ProgrammerError
from masterd.limits import RPC_FANOUT_MAX, RPC_PEERS_MAX, RPC_REQUESTS_MAX, RPC_STALE_RETRIES
from masterd.rpc import result
from masterd.rpc.call import Call
from masterd.rpc.calls import CALLS, Calls, find
from masterd.rpc.errors import TransportError
from masterd.rpc.gates import NodeGate
from masterd.rpc.result import RpcResult
from masterd.rpc.transport import Transport

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

#: Port of the node daemon, where the services database does not say otherwise.
NODED_PORT: Final = 1811


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """A node to be asked.

    Attributes:
        name: for messages.
        uuid: key of the result; the name where the node has no uuid yet.
        address: primary IP address, or a name that resolves to it.
        offline: marked so in the configuration.
    """

    name: str
    uuid: str
    address: str
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One call to one node; see `RpcRunner.call`."""

    call_name: str
    node: NodeTarget
    args: Sequence[object]


class RpcRunner:
    """Sends calls to nodes. One for the whole daemon: it knows how busy each node is."""

    def __init__(
        self,
        transport: Transport,
        *,
        port: int = NODED_PORT,
        calls: Calls = CALLS,
        permit: Callable[[], str | None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            transport: brings requests to nodes.
            port: of every node daemon.
            calls: that node daemons of this release know.
            permit: returns why no node may be called now, None while they may; may switch.
        """
        self._transport = transport
        self._port = port
        self._calls = calls
        self._permit = permit
        self._gates: dict[str, NodeGate] = {}
        self._places = Semaphore(RPC_REQUESTS_MAX)

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[object],
        *,
        timeout_s: float | None = None,
    ) -> dict[str, RpcResult]:
        """Send a call to `nodes`, at the same time, and wait for all answers. Switches.

        Nodes marked offline are not asked, unless the call says so. If the caller is killed, the
        requests under way are given up.

        Args:
            args: JSON values in the order of the call's row.
            timeout_s: instead of the call's own.

        Returns:
            By node uuid, in the order of `nodes`.

        Raises:
            ProgrammerError: no such call, wrong arguments, several nodes for a single-node call.
        """
        call = find(call_name, self._calls)
        if call.single and len(nodes) > 1:
            raise ProgrammerError(f"Node call '{call_name}' is for one node, not {len(nodes)}")
        bodies = call.bodies([node.uuid for node in nodes], args)
        limit_s = call.timeout_s(args) if timeout_s is None else timeout_s
        results: dict[str, RpcResult] = {}
        asked: list[NodeTarget] = []
        for node in nodes:
            # The place is taken now, so that results come in the order of the nodes.
            results[node.uuid] = result.offline(call_name, node.name, node.uuid)
            if not node.offline or call.accept_offline:
                asked.append(node)
        if len(asked) == 1:
            results[asked[0].uuid] = self._ask(call, asked[0], bodies[asked[0].uuid], limit_s)
        elif asked:
            self._ask_all(call, asked, bodies, limit_s, results)
        return results

    def call_each(self, requests: Sequence[Request]) -> list[RpcResult]:
        """Send different calls, each to one node, at the same time. Switches.

        Returns:
            One result for each request, in their order. If the caller is killed, the requests under
            way are given up.

        Raises:
            ProgrammerError: as `call`.
        """
        results: list[RpcResult | None] = [None] * len(requests)
        waiting = iter(range(len(requests)))

        def work(waiting: Iterator[int]) -> None:
            for place in waiting:
                request = requests[place]
                results[place] = self.call_one(request.call_name, request.node, request.args)

        self._work_on(work, waiting, len(requests))
        done = [result for result in results if result is not None]
        assert len(done) == len(requests), "a request without a result"
        return done

    def call_one(
        self,
        call_name: str,
        node: NodeTarget,
        args: Sequence[object],
        *,
        timeout_s: float | None = None,
    ) -> RpcResult:
        """Send a call to one node and return its result; see `call`. Switches."""
        return self.call(call_name, (node,), args, timeout_s=timeout_s)[node.uuid]

    def send(
        self, call_name: str, node: NodeTarget, body: bytes, *, timeout_s: float | None = None
    ) -> RpcResult:
        """Send a body that was encoded before (`Call.bodies`) to one node. Switches.

        Raises:
            ProgrammerError: no such call, or its timeout follows from its arguments and none was
                given.
        """
        call = find(call_name, self._calls)
        if timeout_s is None:
            if not isinstance(call.timeout, int):
                raise ProgrammerError(f"Node call '{call_name}' needs a timeout")
            timeout_s = call.timeout
        if node.offline and not call.accept_offline:
            return result.offline(call_name, node.name, node.uuid)
        return self._ask(call, node, body, timeout_s)

    def busy(self) -> dict[str, int]:
        """Return how many requests each busy node has or is waited for, by address."""
        held = {address: gate.held + gate.waiting for address, gate in self._gates.items()}
        return {address: count for address, count in held.items() if count}

    def _ask_all(
        self,
        call: Call,
        nodes: Sequence[NodeTarget],
        bodies: Mapping[str, bytes],
        timeout_s: float,
        results: dict[str, RpcResult],
    ) -> None:
        waiting = iter(nodes)

        def work(nodes: Iterator[NodeTarget]) -> None:
            for node in nodes:
                results[node.uuid] = self._ask(call, node, bodies[node.uuid], timeout_s)

        self._work_on(work, waiting, len(nodes))

    def _work_on(
        self, work: Callable[[Iterator[T]], None], waiting: Iterator[T], count: int
    ) -> None:
        """Have some greenlets take what waits until nothing is left."""
        workers = [gevent.spawn(work, waiting) for _ in range(min(count, RPC_FANOUT_MAX))]
        try:
            gevent.joinall(workers, raise_error=True)
        except BaseException:
            gevent.killall(workers, block=False)
            raise

    def _ask(self, call: Call, node: NodeTarget, body: bytes, timeout_s: float) -> RpcResult:
        refusal = None if self._permit is None else self._permit()
        if refusal is not None:
            return result.failed(
                call.name, node.name, node.uuid, refusal, unsent=True, unreachable=False
            )
        try:
            with self._gate(node).turn(quick=call.quick, timeout_s=timeout_s):
                answer = self._request(call, node, body, timeout_s)
        except TransportError as error:
            _LOG.warning("Node %s, call %s: %s", node.name, call.name, error)
            return result.failed(
                call.name,
                node.name,
                node.uuid,
                str(error),
                unsent=error.unsent,
                unreachable=error.unreachable,
            )
        return result.decode(call.name, node.name, node.uuid, answer)

    def _request(self, call: Call, node: NodeTarget, body: bytes, timeout_s: float) -> bytes:
        retries = RPC_STALE_RETRIES if call.repeatable else 0
        while True:
            try:
                return self._transport.request(
                    node.address,
                    self._port,
                    f"/{call.name}",
                    body,
                    timeout_s,
                    answer_bytes_max=call.answer_bytes_max,
                )
            except TransportError as error:
                if not error.stale or retries == 0:
                    raise
                retries -= 1

    def _gate(self, node: NodeTarget) -> NodeGate:
        gate = self._gates.get(node.address)
        if gate is None:
            if len(self._gates) >= RPC_PEERS_MAX:
                self._gates = {
                    address: gate
                    for address, gate in self._gates.items()
                    if gate.held or gate.waiting
                }
            gate = self._gates[node.address] = NodeGate(self._places)
        return gate
