"""Migrations: what is told while they go on, and what is left when the job's greenlet is killed.

More in the scenarios and in the comparison with the reference.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from masterd.errors import OpPrereqError
from masterd.lock.levels import LockLevel
from masterd.testing.allocator_script import write_script
from masterd.testing.clock import ManualClock
from masterd.testing.node_migration import write_migration
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

NAME = "inst1.lab.example"
MIGRATE = op("OP_INSTANCE_MIGRATE", instance_name=NAME)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """Make a cluster where time passes while somebody sleeps, with a guest on node2."""
    made = make_world(tmp_path, clock=clock)
    made.context = replace(made.context, sleep=clock.advance)
    ARRANGEMENTS["drbd"](made, f"{NAME} node2 node3")
    made.run(op("OP_INSTANCE_STARTUP", instance_name=NAME))
    yield made
    made.close()


def state(done: int, **more: object) -> dict[str, object]:
    return {"status": "active", "transferred_ram": done, "total_ram": 200, **more}


def primary(world: World, name: str = NAME) -> str:
    instance = world.config.snapshot().instances.named(name)
    assert instance is not None
    return world.config.snapshot().nodes[instance.primary_node or ""].name


def test_progress_is_told_every_ten_seconds(world: World) -> None:
    write_migration(world.nodes["node2.lab.example"].root, [state(n) for n in range(25)])
    run = Run()
    world.run(MIGRATE, run)
    told = [text for text in run.messages() if "progress" in str(text)]
    assert told == ["* memory transfer progress: 5.00 %", "* memory transfer progress: 10.00 %"]


def test_a_guest_that_runs_at_the_target_already_is_told_of(world: World) -> None:
    over = {"status": "postcopy-active", "postcopy_status": "postcopy-active"}
    write_migration(world.nodes["node2.lab.example"].root, [state(1), over])
    run = Run()
    world.run(MIGRATE, run)
    assert run.messages().count("* memory transfer has switched to postcopy") == 1
    assert primary(world) == "node3.lab.example"


def test_a_killed_migration_undoes_nothing_and_can_be_cleaned_up(world: World) -> None:
    write_migration(world.nodes["node2.lab.example"].root, [state(1)])

    def killed(_seconds: float) -> None:
        raise gevent.GreenletExit

    context, world.context = world.context, replace(world.context, sleep=killed)
    with pytest.raises(gevent.GreenletExit):
        world.run(MIGRATE)
    calls = [call for _, call, _ in world.asked]
    assert calls[-1] == "instance_get_migration_status"
    assert primary(world) == "node2.lab.example"
    world.context = context
    world.run(op("OP_INSTANCE_MIGRATE", instance_name=NAME, cleanup=True))
    assert primary(world) == "node2.lab.example"
    write_migration(world.nodes["node2.lab.example"].root, [])
    world.run(MIGRATE)
    assert primary(world) == "node3.lab.example"


def test_other_nodes_are_free_as_soon_as_the_target_is_known(world: World) -> None:
    name = "inst2.lab.example"
    world.run(op("OP_INSTANCE_STARTUP", instance_name=name))
    master = world.nodes[world.config.snapshot().master.name]
    answer = '{"success": true, "info": "", "result": ["node3.lab.example"]}'
    write_script(master.root, "mine", answer)
    write_migration(world.nodes["node4.lab.example"].root, [state(1)])
    held: list[set[str]] = []

    def look(_seconds: float) -> None:
        names = {
            level: {lock.name for lock in world.locks.held(1) if lock.level is level}
            for level in (LockLevel.NODE, LockLevel.NODE_RES)
        }
        held.extend(names.values())

    world.context = replace(world.context, sleep=look)
    world.run(op("OP_INSTANCE_MIGRATE", instance_name=name, iallocator="mine"))
    nodes = world.config.snapshot().nodes
    both = {uuid for uuid in nodes if nodes[uuid].name[:5] in ("node3", "node4")}
    assert held == [both, both]


def test_what_can_be_migrated_off_a_node_is(world: World) -> None:
    """The jobs that OP_NODE_MIGRATE submits run; of a file there is one copy only."""
    world.run(op("OP_INSTANCE_FAILOVER", instance_name="inst3", target_node="node2"))
    master = world.nodes[world.config.snapshot().master.name]
    answer = '{"success": true, "info": "", "result": ["node4.lab.example"]}'
    write_script(master.root, "hail", answer)
    world.run(op("OP_NODE_MIGRATE", node_name="node2"))
    ends = {}
    for ops, _ in world.jobs.submitted:
        (migration,) = ops
        name = str(migration.to_input()["instance_name"])
        try:
            world.run(migration)
        except OpPrereqError:
            ends[name] = "stays"
        else:
            ends[name] = primary(world, name)
    assert ends == {
        "inst1.lab.example": "node3.lab.example",
        "inst3.lab.example": "node4.lab.example",
        "inst20.lab.example": "stays",
    }
