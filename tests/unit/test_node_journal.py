"""What changes a node is noted before it is sent, and once more when it is answered."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from masterd.node.journal import JournaledNodes, Step
from masterd.rpc.calls import CALLS
from masterd.rpc.result import RpcResult, failed, offline
from masterd.rpc.runner import NodeTarget, Request
from tests.nodes_in_memory import OneByOne

NODE = NodeTarget("node1", "uuid1", "192.0.2.1")
BROKEN = NodeTarget("node2", "uuid2", "192.0.2.2")
AWAY = NodeTarget("node3", "uuid3", "192.0.2.3", offline=True)


class World(OneByOne):
    """Nodes and their journal, which write down what happens in one list."""

    def __init__(self) -> None:
        self.story: list[object] = []
        self.killed = False

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[Any],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        self.story.append(f"{call_name} {' '.join(node.name for node in nodes)}")
        if self.killed:
            raise KeyboardInterrupt
        return {node.uuid: self._answer(call_name, node) for node in nodes}

    def _answer(self, call_name: str, node: NodeTarget) -> RpcResult:
        if node.offline:
            return offline(call_name, node.name, node.uuid)
        if node is BROKEN:
            return failed(call_name, node.name, node.uuid, "broken")
        return RpcResult(call_name, node.name, node.uuid, ok=True)

    def sending(self, calls: Sequence[Step]) -> Callable[[Sequence[bool]], None]:
        self.story.append(list(calls))
        return lambda done: self.story.append(list(done))


def test_a_change_is_noted_before_and_after() -> None:
    world = World()
    results = JournaledNodes(world, world).call("node_stop_master", [BROKEN], ())
    assert world.story == [
        [("node_stop_master", "node2")], "node_stop_master node2", [False]
    ]  # fmt: skip
    assert results["uuid2"].error == "broken"


def test_a_question_is_not_noted() -> None:
    world = World()
    nodes = JournaledNodes(world, world)
    nodes.call("version", [NODE], ())
    nodes.call_each([Request("blockdev_find", NODE, [{}])])
    assert world.story == ["version node1", "blockdev_find node1"]


def test_a_node_that_is_not_asked_is_not_noted() -> None:
    world = World()
    nodes = JournaledNodes(world, world)
    nodes.call("upload_file", [AWAY, NODE], ([],))
    assert world.story[0] == [("upload_file", "node1")]
    assert world.story[-1] == [True]
    world.story.clear()
    nodes.call("jobqueue_purge", [AWAY], ())
    assert world.story == ["jobqueue_purge node3"]


def test_different_calls_are_noted_together() -> None:
    world = World()
    requests = [
        Request("blockdev_remove", BROKEN, [{}]),
        Request("blockdev_find", NODE, [{}]),
        Request("blockdev_shutdown", NODE, [{}]),
    ]
    results = JournaledNodes(world, world).call_each(requests)
    assert world.story[0] == [("blockdev_remove", "node2"), ("blockdev_shutdown", "node1")]
    assert world.story[-1] == [False, True]
    assert [result.call for result in results] == [each.call_name for each in requests]


def test_a_call_that_was_in_flight_is_never_noted_as_answered() -> None:
    world = World()
    world.killed = True
    with pytest.raises(KeyboardInterrupt):
        JournaledNodes(world, world).call("node_stop_master", [NODE], ())
    assert world.story == [[("node_stop_master", "node1")], "node_stop_master node1"]


def test_the_table_tells_changes_from_questions() -> None:
    for name in ("instance_start", "blockdev_create", "hooks_runner", "write_ssconf_files"):
        assert CALLS[name].changes
    for name in ("node_verify", "instance_console_info", "test_delay", "iallocator_runner"):
        assert not CALLS[name].changes
