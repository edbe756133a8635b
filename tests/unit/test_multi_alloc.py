"""Instances that are placed together where others hold the nodes."""

import json
from pathlib import Path

import gevent

from masterd.lock.levels import ALL, LockLevel, LockRequest
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.testing.allocator_script import write_script
from tests.lu_support import PATIENCE_S, Run, World, make_world, op

_OTHER = 2


def _world(base: Path) -> World:
    world = make_world(base)
    answer = {"success": True, "info": "", "result": [[["one", ["node2.lab.example"]]], []]}
    root = world.nodes[world.config.snapshot().master.name].root
    for place in (root, world.context.paths.root):
        write_script(place, "hail", json.dumps(answer))
    return world


def _one(**parameters: object) -> dict[str, object]:
    return {
        "OP_ID": "OP_INSTANCE_CREATE", "instance_name": "one", "mode": "create", "disks": [],
        "disk_template": "diskless", "nics": [], "os_type": "noop", "hypervisor": "fake",
        **parameters,
    }  # fmt: skip


def test_with_luck_the_free_nodes_are_enough(tmp_path: Path) -> None:
    world, run = _world(tmp_path), Run()
    busy = world.config.snapshot().nodes.named("node3.lab.example")
    assert busy is not None
    for level in (LockLevel.NODE, LockLevel.NODE_RES):
        world.locks.take_free(_OTHER, level, LockRequest(frozenset({busy.uuid}), at_least=1))
    held: list[str] = []
    run.at_locks_held = lambda: held.extend(
        lock.name for lock in world.locks.held(1) if lock.level is LockLevel.NODE
    )
    world.run(
        op("OP_INSTANCE_MULTI_ALLOC", instances=[_one()], iallocator="hail",
           opportunistic_locking=True), run,
    )  # fmt: skip
    world.locks.release(_OTHER)
    assert set(held) == world.config.snapshot().nodes.keys() - {busy.uuid}
    world.close()


def test_without_luck_it_waits_for_all_nodes(tmp_path: Path) -> None:
    world, run = _world(tmp_path), Run()
    world.locks.acquire(_OTHER, LockLevel.NODE, LockRequest(ALL), 0)
    wanted = op("OP_INSTANCE_MULTI_ALLOC", instances=[_one()], iallocator="hail",
                opportunistic_locking=True)  # fmt: skip
    job = gevent.spawn(world.run, wanted, run)
    with gevent.Timeout(PATIENCE_S):
        while "* falling back to full lock allocation" not in run.messages():
            gevent.sleep(0)
    assert not job.dead
    world.locks.release(_OTHER)
    assert job.get(timeout=PATIENCE_S)["allocatable"] == ["one"]
    world.close()


def test_secrets_reach_the_jobs_that_make_instances(tmp_path: Path) -> None:
    world = _world(tmp_path)
    one = _one(osparams_secret={"word": "hush"})
    world.run(op("OP_INSTANCE_MULTI_ALLOC", instances=[one], iallocator="hail"))
    (((made,), _),) = world.jobs.submitted
    assert isinstance(made, OpInstanceCreate)
    assert made.osparams_secret is not None
    assert made.osparams_secret["word"].reveal() == "hush"
    world.close()
