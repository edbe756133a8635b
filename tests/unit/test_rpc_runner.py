"""The runner bounds what is asked at once and repeats only what may be repeated."""

from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from masterd.errors import ProgrammerError
from masterd.limits import (
    RPC_FANOUT_MAX,
    RPC_NODE_REQUESTS_MAX,
    RPC_NODE_SLOW_REQUESTS_MAX,
    RPC_NODE_WAITING_MAX,
    RPC_STALE_RETRIES,
)
from masterd.rpc.errors import ConnectError, ConnectionLostError, TransportError
from masterd.rpc.runner import NodeTarget, RpcRunner

NODE = NodeTarget("node1", "uuid1", "10.0.0.1")


class HeldTransport:
    """Holds requests until they are let go; fails those for which an error was laid out."""

    def __init__(self) -> None:
        self.open = Event()
        self.now: dict[str, int] = {}
        self.most = 0
        self.asked: list[str] = []
        self.errors: list[TransportError] = []

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
        self.asked.append(path)
        self.now[path] = self.now.get(path, 0) + 1
        self.most = max(self.most, sum(self.now.values()))
        try:
            self.open.wait()
        finally:
            self.now[path] -= 1
        if self.errors:
            raise self.errors.pop()
        return b"[true, 80]"

    def close(self) -> None:
        self.open.set()


@pytest.fixture
def transport() -> Iterator[HeldTransport]:
    held = HeldTransport()
    yield held
    held.close()
    gevent.idle()


def test_one_node_is_asked_a_bounded_number_of_things_at_once(transport: HeldTransport) -> None:
    runner = RpcRunner(transport)
    callers = [gevent.spawn(runner.call_one, "version", NODE, []) for _ in range(50)]
    gevent.idle()
    assert transport.now == {"/version": RPC_NODE_REQUESTS_MAX}
    assert runner.busy() == {"10.0.0.1": 50}
    transport.open.set()
    gevent.joinall(callers, raise_error=True)
    assert all(caller.value.ok for caller in callers)
    assert transport.most == RPC_NODE_REQUESTS_MAX
    assert runner.busy() == {}


def test_slow_calls_leave_places_for_quick_ones(transport: HeldTransport) -> None:
    runner = RpcRunner(transport)
    callers = [gevent.spawn(runner.call_one, "test_delay", NODE, [60]) for _ in range(30)]
    gevent.idle()
    callers += [gevent.spawn(runner.call_one, "version", NODE, []) for _ in range(3)]
    gevent.idle()
    assert transport.now == {"/test_delay": RPC_NODE_SLOW_REQUESTS_MAX, "/version": 3}
    transport.open.set()
    gevent.joinall(callers, raise_error=True)
    assert all(caller.value.ok for caller in callers)


def test_beyond_its_bound_the_queue_before_a_node_refuses(transport: HeldTransport) -> None:
    runner = RpcRunner(transport)
    full = RPC_NODE_REQUESTS_MAX + RPC_NODE_WAITING_MAX
    callers = [gevent.spawn(runner.call_one, "version", NODE, []) for _ in range(full)]
    gevent.idle()
    refused = runner.call_one("version", NODE, [])
    assert refused.error == f"{RPC_NODE_WAITING_MAX} requests are waiting for the node already"
    assert refused.unsent
    transport.open.set()
    gevent.joinall(callers, raise_error=True)


def test_a_turn_that_does_not_come_is_a_failure_and_leaves_nothing_behind(
    transport: HeldTransport,
) -> None:
    runner = RpcRunner(transport)
    callers = [gevent.spawn(runner.call_one, "version", NODE, []) for _ in range(16)]
    gevent.idle()
    late = runner.call_one("version", NODE, [], timeout_s=0.01)
    assert late.error == "No turn at the node within 0.01 seconds"
    assert runner.busy() == {"10.0.0.1": 16}
    transport.open.set()
    gevent.joinall(callers, raise_error=True)


def test_one_call_asks_a_bounded_number_of_nodes_at_once(transport: HeldTransport) -> None:
    runner = RpcRunner(transport)
    nodes = [
        NodeTarget(f"node{n}", f"uuid{n}", f"10.0.{n // 256}.{n % 256}")
        for n in range(RPC_FANOUT_MAX + 100)
    ]
    caller = gevent.spawn(runner.call, "version", nodes, [])
    gevent.idle()
    assert transport.now == {"/version": RPC_FANOUT_MAX}
    transport.open.set()
    results = caller.get()
    assert list(results) == [node.uuid for node in nodes]
    assert all(result.ok for result in results.values())


def stale() -> TransportError:
    return ConnectionLostError("closed", stale=True)


@pytest.mark.parametrize(
    ("call", "error", "attempts"),
    [
        ("version", stale(), 1 + RPC_STALE_RETRIES),
        ("node_demote_from_mc", stale(), 1),
        ("version", ConnectionLostError("broke"), 1),
        ("version", ConnectError("refused"), 1),
    ],
)
def test_only_a_repeatable_call_on_a_stale_connection_is_sent_again(
    transport: HeldTransport, call: str, error: TransportError, attempts: int
) -> None:
    transport.open.set()
    transport.errors = [error]
    result = RpcRunner(transport).call_one(call, NODE, [])
    assert len(transport.asked) == attempts
    assert result.ok == (attempts > 1)


def test_a_call_that_stays_stale_fails_in_the_end(transport: HeldTransport) -> None:
    transport.open.set()
    transport.errors = [stale(), stale(), stale()]
    assert not RpcRunner(transport).call_one("version", NODE, []).ok
    assert len(transport.asked) == 1 + RPC_STALE_RETRIES


def test_nothing_is_sent_when_the_arguments_are_wrong(transport: HeldTransport) -> None:
    runner = RpcRunner(transport)
    with pytest.raises(ProgrammerError):
        runner.call("jobqueue_update", [NODE], ["only one"])
    with pytest.raises(ProgrammerError, match="is for one node, not 2"):
        runner.call("node_stop_master", [NODE, NODE], [])
    with pytest.raises(ProgrammerError, match="has no JSON form"):
        runner.call_one("hotplug_supported", NODE, [object()])
    with pytest.raises(ProgrammerError, match="needs a timeout"):
        runner.send("test_delay", NODE, b"[1]")
    assert transport.asked == []


def test_no_nodes_are_no_requests(transport: HeldTransport) -> None:
    assert RpcRunner(transport).call("version", [], []) == {}
    assert transport.asked == []
