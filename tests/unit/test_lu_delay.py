"""OP_TEST_DELAY: who waits, what is said, and how a client ends it."""

import socket as plain_socket
from pathlib import Path

import gevent
import pytest
from gevent import socket

from masterd.errors import JobCanceled, OpExecError, OpPrereqError, RpcError
from masterd.opcodes.base import OpCode, load
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World

NODE2 = "node2.lab.example"
NODE3 = "node3.lab.example"


def delay(**parameters: object) -> OpCode:
    return load({"OP_ID": "OP_TEST_DELAY", "duration": 1.5, "on_master": False, "reason": [],
                 **parameters})  # fmt: skip


def test_without_nodes_the_daemon_itself_waits(world: World) -> None:
    run = Run()
    assert world.run(delay(), run) is None
    assert world.slept == [("", 1.5)]
    assert run.running == 1
    assert run.log == []


def test_nodes_wait_all_at_once_the_master_by_its_node_daemon_too(world: World) -> None:
    master = world.config.snapshot().master.name
    world.run(delay(on_master=True, on_nodes=[NODE3, NODE2]))
    assert sorted(world.slept) == sorted([(master, 1.5), (NODE2, 1.5), (NODE3, 1.5)])


def test_a_short_name_of_a_node_will_do(world: World) -> None:
    world.run(delay(on_nodes=["node2"]))
    assert world.slept == [(NODE2, 1.5)]


def test_an_unknown_node_is_refused_before_anything_is_locked(world: World) -> None:
    run = Run()
    with pytest.raises(OpPrereqError, match="Node 'nobody' not known"):
        world.run(delay(on_nodes=["nobody"]), run)
    assert (run.running, world.slept) == (0, [])


@pytest.mark.parametrize("duration", [0.0, -1.0])
def test_a_duration_that_is_none_is_refused(world: World, duration: float) -> None:
    with pytest.raises(OpPrereqError, match="Duration must be greater than zero"):
        world.run(delay(duration=duration))


def test_repetitions_are_counted_in_the_log(world: World) -> None:
    run = Run()
    world.run(delay(repeat=3), run)
    assert world.slept == [("", 1.5)] * 3
    assert run.messages() == [f" - INFO: Test delay iteration {n}/2" for n in range(3)]


def test_a_node_that_fails_ends_the_opcode_with_its_name_and_reason(world: World) -> None:
    world.faults.set(NODE2, Fault(FaultKind.FAIL))
    with pytest.raises((OpExecError, RpcError), match=f"Failure during rpc call to node {NODE2}"):
        world.run(delay(on_nodes=[NODE2]))


def test_a_node_that_is_marked_offline_is_not_asked(world: World) -> None:
    import msgspec

    node = world.config.snapshot().nodes.named(NODE2)
    assert node is not None
    offline = msgspec.structs.replace(node, offline=True, master_candidate=False)
    world.config.update(lambda draft: draft.put(offline))
    with pytest.raises((OpExecError, RpcError), match="offline"):
        world.run(delay(on_nodes=[NODE2]))
    assert world.slept == []


def test_a_canceled_job_does_not_wait(world: World) -> None:
    run = Run()
    run.canceled = True
    with pytest.raises(JobCanceled):
        world.run(delay(), run)
    assert world.slept == []


class TestInterruptible:
    """The wait is for a client on a socket; nobody's clock is asked."""

    def start(self, world: World, **parameters: object) -> tuple[gevent.Greenlet, Run, str]:
        run = Run()
        op = delay(duration=600.0, interruptible=True, **parameters)
        greenlet = gevent.spawn(world.run, op, run)
        message = run.wait_logged("delay-test")
        assert isinstance(message, list)
        (path,) = message
        return greenlet, run, path

    def connect(self, path: str) -> socket.socket:
        client = socket.socket(plain_socket.AF_UNIX, plain_socket.SOCK_STREAM)
        client.connect(path)
        return client

    @pytest.mark.parametrize("how", ["writes", "leaves"])
    def test_a_client_that_comes_and_writes_or_leaves_ends_it(self, world: World, how: str) -> None:
        greenlet, run, path = self.start(world)
        client = self.connect(path)
        run.wait_logged("message")
        if how == "writes":
            client.sendall(b"x")
        else:
            client.close()
        greenlet.get(timeout=10)
        client.close()
        texts = [str(text) for text in run.messages()]
        assert texts[0].startswith("Received connection, time to go is ")
        assert texts[1].startswith("Interrupted, time spent waiting: ")
        assert not Path(path).parent.exists()
        assert world.slept == []

    def test_nobody_that_comes_lets_it_end_by_itself(self, world: World) -> None:
        run = Run()
        world.run(delay(duration=0.01, interruptible=True), run)
        assert run.messages() == []

    def test_nodes_are_not_asked(self, world: World) -> None:
        greenlet, _, path = self.start(world, on_nodes=[NODE2])
        self.connect(path).close()
        greenlet.get(timeout=10)
        assert world.slept == []

    def test_a_killed_greenlet_leaves_no_socket(self, world: World) -> None:
        greenlet, _, path = self.start(world)
        greenlet.kill(timeout=10)
        assert not Path(path).parent.exists()
