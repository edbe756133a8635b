"""Waiting for mirrors: pauses, and what ends it. More in the comparison with the reference."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.errors import OpExecError
from masterd.limits_beside import DISK_SYNC_SILENT_TRIES_MAX
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

NAME = "inst1.lab.example"
ACTIVATE = op("OP_INSTANCE_ACTIVATE_DISKS", instance_name=NAME, wait_for_sync=True)
CALL = "blockdev_getmirrorstatus"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    ARRANGEMENTS["drbd"](made, f"{NAME} node2 node3")
    yield made
    made.close()


def is_active(world: World) -> bool | None:
    instance = world.config.snapshot().instances.named(NAME)
    assert instance is not None
    return instance.disks_active


def waits(world: World) -> list[float]:
    return [seconds for _, seconds in world.slept]


def test_a_node_that_is_silent_again_and_again_ends_the_opcode(world: World) -> None:
    world.faults.set("node2.lab.example", Fault(FaultKind.FAIL, (CALL,)))
    with pytest.raises(OpExecError, match="Can't contact node node2"):
        world.run(ACTIVATE)
    assert waits(world) == [6.0] * (DISK_SYNC_SILENT_TRIES_MAX - 1)


def test_a_node_that_was_silent_for_a_while_is_asked_again(world: World) -> None:
    world.faults.set("node2.lab.example", Fault(FaultKind.FAIL, (CALL,), times=2))
    assert world.run(ACTIVATE)
    assert waits(world) == [6.0, 6.0]


def test_the_pause_is_what_the_node_estimates_within_bounds(world: World) -> None:
    ARRANGEMENTS["mirror"](world, "node2.lab.example 50:3000 50:7 50 99.9:0 whole")
    run = Run()
    world.run(ACTIVATE, run)
    assert waits(world) == [60.0, 7, 5.0, 1.0]
    assert " - INFO: - device disk/0: 50.00% done, 50m 0s remaining (estimated)" in run.messages()
    assert " - INFO: - device disk/0: 50.00% done, no time estimate" in run.messages()


def test_a_mirror_that_stays_broken_fails_and_its_disks_count_as_down(world: World) -> None:
    ARRANGEMENTS["mirror"](world, "node2.lab.example degraded")
    with pytest.raises(OpExecError, match="degraded"):
        world.run(ACTIVATE)
    assert waits(world) == [1.0] * 10
    assert is_active(world) is False


def test_a_mirror_that_was_broken_for_a_moment_is_whole(world: World) -> None:
    ARRANGEMENTS["mirror"](world, "node2.lab.example degraded degraded whole")
    assert world.run(ACTIVATE)
    assert waits(world) == [1.0, 1.0]
