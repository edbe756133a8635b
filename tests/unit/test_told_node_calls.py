"""What is told of calls to nodes when the opcode that sent them ends unclean."""

from masterd.job.node_calls import NodeCalls, lines, story
from masterd.limits import NODE_CALLS_TOLD_MAX

FLYING = NodeCalls(0, 1, (("blockdev_create", "node1"), ("blockdev_create", "node2")))
DONE = NodeCalls(0, 1, (("os_get", "node1"), ("blockdev_find", "node1")), 2, (True, True))
FAILED = NodeCalls(0, 1, (("os_get", "node3"),), 2, (False,))


def test_in_flight_comes_first_and_may_be_half_done() -> None:
    assert story([DONE, FAILED, FLYING]) == (
        "in flight, and perhaps half done: blockdev_create on node1, node2;"
        " answered before: os_get on node1 and blockdev_find on node1, os_get on node3 (failed)"
    )


def test_nothing_is_told_of_nothing() -> None:
    assert story([]) == ""
    assert list(lines([])) == []


def test_the_log_has_them_in_order() -> None:
    assert list(lines([FAILED, DONE, FLYING])) == [
        "Answered: os_get on node3 (failed)",
        "Answered: os_get on node1 and blockdev_find on node1",
        "In flight, and perhaps half done: blockdev_create on node1, node2",
    ]


def test_of_many_calls_the_last_are_named() -> None:
    many = [
        NodeCalls(0, 1, ((f"call{number}", "node1"),), 2, (True,))
        for number in range(NODE_CALLS_TOLD_MAX + 3)
    ]
    text = story(many)
    assert text.startswith("answered before: 3 more, call3 on node1, ")
    assert text.count(" on ") == NODE_CALLS_TOLD_MAX
