"""Which scripts run when, as nodes change their role or leave; a scenario does not show that."""

from pathlib import Path

from tests.lu_support import World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS


def scripts(world: World, path: str) -> list[tuple[str, str]]:
    """Return node and phase of the scripts that were run."""
    return [
        (node, body[1])
        for node, call, body in world.asked
        if call == "hooks_runner" and body[0] == path
    ]


def test_a_node_that_leaves_runs_its_last_scripts_and_then_forgets_the_cluster(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    ARRANGEMENTS["empty"](world, "node3.lab.example")
    ARRANGEMENTS["offline"](world, "node3.lab.example")
    world.run(op("OP_NODE_REMOVE", node_name="node3"))
    asked = [call for node, call, _ in world.asked if node == "node3.lab.example"]
    assert asked == ["hooks_runner", "node_leave_cluster"]
    assert ("node3.lab.example", "post") in scripts(world, "node-remove")
    world.close()


def test_no_scripts_follow_a_change_of_one_node_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.run(op("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"ovs": True}))
    assert scripts(world, "config-update") == []
    world.close()


def test_scripts_follow_a_change_of_who_is_a_candidate(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    ARRANGEMENTS["pool"](world, "2 node2.lab.example")
    world.run(op("OP_NODE_SET_PARAMS", node_name="node3", master_candidate=True))
    assert scripts(world, "config-update") == [("node1.lab.example", "post")]
    config = world.config.snapshot()
    node = config.nodes.named("node3.lab.example")
    assert node is not None and node.uuid in config.cluster.candidate_certs
    world.close()
