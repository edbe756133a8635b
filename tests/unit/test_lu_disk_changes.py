"""Disks that grow or get other storage: what scenarios and the comparison cannot show."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time

import gevent
import msgspec
import pytest

from masterd.config.disk import Disk
from masterd.config.kinds import NODE
from masterd.errors import OpExecError, OpPrereqError
from masterd.lock.levels import LockLevel, LockMode
from masterd.opcodes.base import OpCode
from masterd.opcodes.instance_disks import OpInstanceReplaceDisks
from masterd.testing.faults import Fault, FaultKind
from masterd.testing.node_devices import Devices, be_strict
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

NAME = "inst1.lab.example"
GROW = op("OP_INSTANCE_GROW_DISK", instance_name=NAME, disk=0, amount=1024, ignore_ipolicy=True)


def to_other(mode: str, **more: object) -> OpCode:
    return op("OP_INSTANCE_REPLACE_DISKS", instance_name=NAME, mode=f"replace_{mode}", **more)


AWAY = to_other("new_secondary", remote_node="node4", ignore_ipolicy=True)
AWAY_EARLY = to_other("new_secondary", remote_node="node4", ignore_ipolicy=True, early_release=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    ARRANGEMENTS["volumes"](made, "xenvg")
    ARRANGEMENTS["drbd"](made, f"{NAME} node2 node3")
    ARRANGEMENTS["active"](made, NAME)
    yield made
    made.close()


def disk_of(world: World) -> Disk:
    config = world.config.snapshot()
    instance = config.instances.named(NAME)
    assert instance is not None
    found = config.disks[instance.disks[0]]
    assert isinstance(found, Disk)
    return found


def while_copying(world: World, do: Callable[[], None]) -> None:
    """Have the mirror be copied for one look, and something happen meanwhile."""
    ARRANGEMENTS["mirror"](world, "node2.lab.example 50:7 whole")
    world.context = replace(world.context, sleep=lambda _: do())


@pytest.mark.parametrize(
    ("work", "instance", "resources"),
    [
        (GROW, LockMode.SHARED, 2),
        (to_other("on_secondary"), LockMode.EXCLUSIVE, 2),
        (to_other("on_secondary", early_release=True), LockMode.EXCLUSIVE, 0),
        (AWAY, LockMode.EXCLUSIVE, 3),
        (AWAY_EARLY, LockMode.EXCLUSIVE, 0),
    ],
)
def test_others_may_use_the_nodes_while_mirrors_are_copied(
    world: World, work: OpCode, instance: LockMode, resources: int
) -> None:
    seen: list[tuple[LockMode, int, int]] = []

    def count(level: LockLevel) -> int:
        uuids = world.config.snapshot().nodes
        return sum(1 for lock in world.locks.held(1) if lock.level is level and lock.name in uuids)

    def look() -> None:
        (mode,) = (mode for lock, mode in world.locks.held(1).items() if lock.name == NAME)
        seen.append((mode, count(LockLevel.NODE), count(LockLevel.NODE_RES)))

    while_copying(world, look)
    world.run(work)
    assert seen == [(instance, 0, resources)]


@pytest.mark.parametrize("work", [GROW, to_other("on_primary"), AWAY])
def test_a_kill_while_mirrors_are_copied_undoes_nothing(world: World, work: OpCode) -> None:
    def stop() -> None:
        world.asked.clear()
        raise gevent.GreenletExit

    while_copying(world, stop)
    with pytest.raises(gevent.GreenletExit):
        world.run(work)
    assert world.asked == []


def test_a_new_secondary_node_is_recorded_before_both_sides_meet(world: World) -> None:
    world.run(AWAY)
    disk, config = disk_of(world), world.config.snapshot()
    names = [config.nodes[uuid].name.partition(".")[0] for uuid in disk.nodes]
    assert names == ["node2", "node4"]
    assert disk.logical_id[:2] == disk.nodes
    assert all(part.nodes == disk.nodes for part in disk.children)
    told = [call[0]["logical_id"] for _, name, call in world.asked if name == "blockdev_create"]
    assert told[-1][2] is None, "the new side may not look for the old one"
    attached = [call[0][0]["logical_id"] for _, name, call in world.asked
                if name == "drbd_attach_net"]  # fmt: skip
    assert attached == [list(disk.logical_id)] * 2


def test_nothing_is_left_of_what_was_replaced(world: World) -> None:
    roots = [world.nodes[f"{name}.lab.example"].root for name in ("node2", "node3", "node4")]
    be_strict(roots[2])
    for work in (to_other("on_primary"), to_other("on_secondary"), AWAY):
        world.run(work)
    wanted = {tuple(part.logical_id) for part in disk_of(world).children}
    assert [set(Devices(root).volumes()) for root in roots] == [wanted, set(), wanted]


def test_scripts_are_told_of_the_node_that_was_named_whoever_comes_meanwhile(world: World) -> None:
    def come() -> None:
        node = world.config.snapshot().nodes.named("node4.lab.example")
        assert node is not None
        other = msgspec.structs.replace(
            node, uuid="other", name="node4.other.example", primary_ip="10.77.0.99",
            secondary_ip="10.77.0.99",
        )  # fmt: skip
        if world.config.snapshot().get(NODE, "other") is None:
            world.config.update(lambda draft: draft.put(other))

    while_copying(world, come)
    world.run(AWAY)
    told = [
        node
        for node, call, given in world.asked
        if call == "hooks_runner" and given[:2] == ["mirrors-replace", "post"]
    ]
    assert told == ["node1.lab.example", "node2.lab.example", "node4.lab.example"]


def test_many_numbers_of_disks_hold_nobody_up(world: World) -> None:
    work = op("OP_INSTANCE_RECREATE_DISKS", instance_name=NAME, disks=list(range(20_000)))
    begun_s = process_time()
    with pytest.raises(OpPrereqError):
        world.run(work)
    assert process_time() - begun_s < 3, "each number was compared with each"


def test_what_an_evacuation_submits_is_carried_out(world: World) -> None:
    world.run(op("OP_NODE_EVACUATE", node_name="node3", mode="secondary-only", remote_node="node4"))
    (((work,), _),) = world.jobs.submitted
    assert isinstance(work, OpInstanceReplaceDisks)
    world.run(replace(work, ignore_ipolicy=True))
    config = world.config.snapshot()
    assert [config.nodes[uuid].name for uuid in disk_of(world).nodes][1] == "node4.lab.example"


@pytest.mark.parametrize(
    ("work", "node", "call", "after", "told"),
    [
        (GROW, "node3", "blockdev_grow", 1, "plain (xenvg/inst1.lab.example.data) is 1024 MiB"),
        (to_other("on_primary"), "node2", "blockdev_rename", 1,
         "Left on node node2.lab.example: plain (xenvg/"),
        (AWAY, "node4", "blockdev_create", 2,
         "Left on node node4.lab.example: plain (xenvg/inst1.lab.example.data), plain"),
        (AWAY, "node4", "drbd_attach_net", 0,
         "Left on node node3.lab.example: plain (xenvg/inst1.lab.example.data), plain"),
    ],
)  # fmt: skip
def test_what_a_failure_leaves_on_nodes_is_told(
    world: World, work: OpCode, node: str, call: str, after: int, told: str
) -> None:
    world.faults.set(f"{node}.lab.example", Fault(FaultKind.FAIL, (call,), after=after))
    run = Run()
    with pytest.raises(OpExecError):
        world.run(work, run)
    assert any(told in str(message) for message in run.messages()), run.messages()


def test_what_failed_is_told_though_the_disks_cannot_be_taken_down_again(world: World) -> None:
    ARRANGEMENTS["down"](world, NAME)
    world.faults.set("node3.lab.example", Fault(FaultKind.FAIL, ("blockdev_create",)))
    world.faults.set("node2.lab.example", Fault(FaultKind.FAIL, ("instance_info",)))
    run = Run()
    with pytest.raises(OpExecError, match="Can't create block device"):
        world.run(to_other("on_secondary"), run)
    assert any("The disks stay up: " in str(message) for message in run.messages())
