"""Jobs that bring instances elsewhere: what scenarios cannot show."""

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import msgspec
import pytest

from masterd.config.kinds import NODE
from masterd.errors import HooksAbort, OpExecError
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.opcodes.base import OpCode
from masterd.testing.allocator_script import write_script
from masterd.testing.node_facts import HOOKS_DIR
from tests.lu_support import PATIENCE_S, Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

GROUP = "default"
OTHER_JOB = 7


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    for command, rest in (
        ("group", "far node4"),
        ("drbd", "inst1.lab.example node2 node3"),
    ):
        ARRANGEMENTS[command](made, rest)
    yield made
    made.close()


def script(world: World, result: object, name: str = "mine") -> None:
    root = world.nodes[world.config.snapshot().master.name].root
    write_script(root, name, json.dumps({"success": True, "info": "", "result": result}))


def evacuate(**parameters: object) -> OpCode:
    return op("OP_NODE_EVACUATE", **{"node_name": "node3", "mode": "secondary-only", **parameters})


def locked(world: World, level: LockLevel) -> set[str]:
    config = world.config.snapshot()
    held = {lock.name for lock in world.locks.held(1) if lock.level is level}
    return {config.nodes[uuid].name for uuid in held if uuid in config.nodes}


def test_a_node_that_joins_the_group_while_the_job_waits_is_locked_too(world: World) -> None:
    script(world, [[], [], []])
    before = world.config.snapshot()
    node3, node4 = (before.nodes.named(f"node{n}.lab.example") for n in (3, 4))
    assert node3 is not None
    assert node4 is not None
    busy = LockRequest(frozenset({node3.uuid}), LockMode.EXCLUSIVE)
    world.locks.acquire(OTHER_JOB, LockLevel.NODE, busy, 0)
    run = Run()
    held: set[str] = set()
    run.at_locks_held = lambda: held.update(locked(world, LockLevel.NODE))
    job = gevent.spawn(world.run, evacuate(iallocator="mine"), run)
    gevent.idle()
    joined = msgspec.structs.replace(node4, group=node3.group)
    world.config.update(lambda draft: draft.put(joined))
    world.locks.release(OTHER_JOB)
    assert job.get(timeout=PATIENCE_S) == {"jobs": []}
    assert held == {f"node{number}.lab.example" for number in (1, 2, 3, 4)}


def test_an_opcode_that_cannot_be_read_ends_the_work_before_any_job(world: World) -> None:
    broken = {"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "inst1.lab.example", "speed": 9}
    script(world, [[], [], [[broken]]])
    with pytest.raises(OpExecError, match="OP_INSTANCE_MIGRATE"):
        world.run(evacuate(iallocator="mine"))
    assert world.jobs.submitted == []


def test_a_disk_that_names_a_node_that_is_gone_does_not_stop_a_group_from_being_evacuated(
    world: World,
) -> None:
    script(world, [[], [], []])
    config = world.config.snapshot()
    node3 = config.nodes.named("node3.lab.example")
    assert node3 is not None
    gone = config.changed(
        [(NODE, node3.uuid, None)], serial_no=config.serial_no + 1, mtime=config.mtime
    )
    world.config._snapshot = gone
    assert world.run(op("OP_GROUP_EVACUATE", group_name=GROUP, iallocator="mine")) == {"jobs": []}


# --- scripts ------------------------------------------------------------------------------------


def told(world: World) -> dict[str, dict[str, str]]:
    """Return the environment of the scripts before the work, by node."""
    asked = [(node, arguments) for node, call, arguments in world.asked if call == "hooks_runner"]
    return {node: env for node, (_, phase, env) in asked if phase == "pre"}


def test_scripts_of_the_master_are_told_which_node_is_migrated(world: World) -> None:
    world.run(op("OP_NODE_MIGRATE", node_name="node2", allow_runtime_changes=False))
    ((node, env),) = told(world).items()
    assert node == "node1.lab.example"
    assert env["GANETI_NODE_NAME"] == "node2.lab.example"
    assert env["GANETI_ALLOW_RUNTIME_CHANGES"] == "False"
    assert env["GANETI_OBJECT_TYPE"] == "NODE"


def test_scripts_of_a_group_are_told_where_its_instances_may_go(world: World) -> None:
    script(world, [[], [], []])
    world.run(op("OP_GROUP_EVACUATE", group_name=GROUP, iallocator="mine"))
    far = world.config.snapshot().nodegroups.named("far")
    assert far is not None
    envs = told(world)
    assert set(envs) == {f"node{number}.lab.example" for number in (1, 2, 3)}
    for env in envs.values():
        assert (env["GANETI_GROUP_NAME"], env["GANETI_TARGET_GROUPS"]) == (GROUP, far.uuid)


def test_a_script_that_fails_keeps_a_node_s_instances_where_they_are(world: World) -> None:
    path = world.nodes["node1.lab.example"].root / HOOKS_DIR / "node-migrate-pre.d" / "fail-it"
    path.parent.mkdir(parents=True)
    path.write_text("no")
    path.chmod(0o755)
    with pytest.raises(HooksAbort, match="fail-it"):
        world.run(op("OP_NODE_MIGRATE", node_name="node2"))
    assert world.jobs.submitted == []
