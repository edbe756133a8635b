"""OP_INSTANCE_QUERY_DATA: what is locked, who is asked, and what is told when a node is away.

What it tells in detail is compared with Ganeti's own logical unit in
`tests/interop/test_instance_data.py`.
"""

from pathlib import Path

import msgspec
import pytest

from masterd.config import document
from masterd.errors import OpPrereqError, RpcError
from masterd.lock.levels import LockLevel
from masterd.opcodes.instance_life import OpInstanceQueryData
from masterd.testing.faults import Fault, FaultKind
from tests.dangling_configs import DANGLING, NOWHERE, dangling
from tests.lu_support import Run, World, make_world

INST1 = "inst1.lab.example"
INST2 = "inst2.lab.example"


def held(world: World, op: OpInstanceQueryData) -> dict[str, set[str]]:
    """Return the locks that a job holds while it works, by level."""
    found: dict[str, set[str]] = {}
    run = Run()

    def look() -> None:
        for lock in world.locks.held(run.job_id):
            found.setdefault(lock.level.label, set()).add(lock.name)

    run.at_locks_held = look
    world.run(op, run)
    return found


def test_what_is_configured_needs_neither_locks_nor_nodes(world: World) -> None:
    assert held(world, OpInstanceQueryData(static=True)) == {"cluster": {"BGL"}}
    told = world.run(OpInstanceQueryData(static=True, instances=("inst1",)))
    assert isinstance(told, dict)
    assert list(told) == [INST1]
    assert told[INST1]["run_state"] is None
    assert told[INST1]["disks"][0]["pstatus"] is None


def test_locks_are_on_the_instances_and_where_they_live(world: World) -> None:
    config = world.config.snapshot()
    instance = config.instances.named(INST1)
    assert instance is not None
    assert instance.primary_node is not None
    found = held(world, OpInstanceQueryData(static=True, use_locking=True, instances=("inst1",)))
    assert found[LockLevel.INSTANCE.label] == {INST1}
    assert found[LockLevel.NODE.label] == {instance.primary_node}
    group = config.nodes[instance.primary_node].group
    assert found[LockLevel.NODEGROUP.label] == {group}


def test_without_names_all_instances_are_told_and_locked(world: World) -> None:
    op = OpInstanceQueryData(static=True, use_locking=True)
    assert held(world, op)[LockLevel.INSTANCE.label] == {"[lockset]"}
    told = world.run(op)
    assert isinstance(told, dict)
    assert sorted(told) == sorted(str(i.name) for i in world.config.snapshot().instances.values())


def test_an_instance_named_twice_is_told_once(world: World) -> None:
    told = world.run(OpInstanceQueryData(static=True, instances=("inst2", INST1, INST2)))
    assert isinstance(told, dict)
    assert list(told) == [INST2, INST1]


def test_an_unknown_instance_is_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match="Instance 'nobody' not known"):
        world.run(OpInstanceQueryData(instances=("nobody",)))


def test_of_an_offline_node_only_the_configuration_is_told(world: World) -> None:
    config = world.config.snapshot()
    instance = config.instances.named(INST1)
    assert instance is not None
    node = config.nodes[str(instance.primary_node)]
    away = msgspec.structs.replace(node, offline=True, master_candidate=False)
    world.config.update(lambda draft: draft.put(away))
    run = Run()
    told = world.run(OpInstanceQueryData(instances=(INST1,)), run)
    assert isinstance(told, dict)
    assert told[INST1]["run_state"] is None
    assert any(f"{node.name} is marked offline" in str(line) for line in run.messages())


def test_a_node_that_does_not_answer_ends_the_opcode(world: World) -> None:
    config = world.config.snapshot()
    instance = config.instances.named(INST1)
    assert instance is not None
    node = config.nodes[str(instance.primary_node)]
    world.faults.set(node.name, Fault(FaultKind.REFUSE))
    with pytest.raises(RpcError, match=f"{node.name} does not tell the state of {INST1}"):
        world.run(OpInstanceQueryData(instances=(INST1,)))


def test_a_secret_of_a_disk_is_not_told(world: World) -> None:
    instance = world.config.snapshot().instances.named(INST1)
    assert instance is not None
    disk = world.config.snapshot().disks[instance.disks[0]]
    nodes = [each.uuid for each in world.config.snapshot().nodes.values()][:2]
    drbd = msgspec.structs.replace(
        disk, dev_type="drbd", nodes=tuple(nodes), logical_id=(*nodes, 11000, 0, 0, "hush")
    )
    cluster = msgspec.structs.replace(world.config.snapshot().cluster, highest_used_port=11000)
    world.config.update(lambda draft: draft.put(cluster))
    world.config.update(lambda draft: draft.put(drbd))
    told = world.run(OpInstanceQueryData(static=True, instances=(INST1,)))
    assert "hush" not in str(told)
    assert isinstance(told, dict)
    assert told[INST1]["disks"][0]["logical_id"] == [*nodes, 11000, 0, 0, None]
    assert told[INST1]["disks"][0]["drbd_info"]["port"] == 11000


@pytest.mark.parametrize("kind", DANGLING)
@pytest.mark.parametrize("locking", [False, True])
def test_a_reference_that_points_nowhere_leaves_the_others_told(
    tmp_path: Path, kind: str, locking: bool
) -> None:
    config = document.split(dangling(kind))
    world = make_world(tmp_path, config=config)
    told = world.run(OpInstanceQueryData(static=True, use_locking=locking))
    world.close()
    assert isinstance(told, dict)
    assert told.keys() == {each.name or each.uuid for each in config.instances.values()}


def test_an_instance_whose_node_is_not_there_is_not_asked_about(tmp_path: Path) -> None:
    config = document.split(dangling("primary node"))
    instance = next(each for each in config.instances.values() if each.primary_node == NOWHERE)
    world, run = make_world(tmp_path, config=config), Run()
    told = world.run(OpInstanceQueryData(instances=(str(instance.name),)), run)
    world.close()
    assert isinstance(told, dict)
    assert told[instance.name]["run_state"] is None
    assert any(f"Primary node {NOWHERE}" in str(line) for line in run.messages())


def test_a_disk_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = document.split(dangling("first disk"))
    instance = next(each for each in config.instances.values() if NOWHERE in each.disks)
    world, run = make_world(tmp_path, config=config), Run()
    told = world.run(OpInstanceQueryData(static=True, instances=(str(instance.name),)), run)
    world.close()
    assert isinstance(told, dict)
    assert [disk["iv_name"] for disk in told[instance.name]["disks"]] == ["disk/1", "disk/2"]
    assert any(f"Disk {NOWHERE}" in str(line) for line in run.messages())
