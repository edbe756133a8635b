"""The wait for the mirrors of an instance's disks: what scenarios cannot show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.errors import RpcError
from masterd.limits import LU_SYNC_SILENCES_MAX, LU_SYNC_SILENT_S
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

INSTANCE = "inst1.lab.example"
PRIMARY = "node2.lab.example"
STATUS = ("blockdev_getmirrorstatus",)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    ARRANGEMENTS["drbd"](made, f"{INSTANCE} node2 node3")
    yield made
    made.close()


def activate(world: World) -> object:
    return world.run(
        op("OP_INSTANCE_ACTIVATE_DISKS", instance_name=INSTANCE, wait_for_sync=True), Run()
    )


def test_a_node_that_is_silent_for_a_while_is_asked_again(world: World) -> None:
    silences = LU_SYNC_SILENCES_MAX - 1
    world.faults.set(PRIMARY, Fault(FaultKind.FAIL, STATUS, times=silences))
    assert activate(world)
    assert world.slept == [("", LU_SYNC_SILENT_S)] * silences


def test_a_node_that_stays_silent_ends_the_wait(world: World) -> None:
    world.faults.set(PRIMARY, Fault(FaultKind.FAIL, STATUS))
    with pytest.raises(RpcError, match=f"Can't contact node {PRIMARY} for mirror data"):
        activate(world)
    assert len(world.slept) == LU_SYNC_SILENCES_MAX - 1
