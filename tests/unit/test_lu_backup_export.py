"""What becomes of the daemons of an export that is killed, or fails by a fault of ours."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from gevent import GreenletExit

from tests.lu_support import World, make_world, op

NAME = "a.lab.example"
CREATE = op(
    "OP_INSTANCE_CREATE", instance_name=NAME, mode="create", disk_template="file",
    disks=[{"size": 1024}], nics=[], pnode="node3", os_type="noop", name_check=False,
    ip_check=False, start=False,
)  # fmt: skip
EXPORT = op("OP_BACKUP_EXPORT", instance_name=NAME, target_node="node2")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.run(CREATE)
    made.asked.clear()
    yield made
    made.close()


def export(world: World, end: BaseException) -> list[str]:
    """Have an export end when it waits the first time; return the calls that come after that."""
    before = 0

    def sleep(seconds: float) -> NoReturn:
        nonlocal before
        before = len(world.asked)
        raise end

    world.context = replace(world.context, sleep=sleep)
    with pytest.raises(type(end)):
        world.run(EXPORT)
    return [call for _, call, _ in world.asked[before:]]


def test_a_kill_asks_nothing_more_of_nodes(world: World) -> None:
    assert export(world, GreenletExit()) == []


def test_after_a_fault_daemons_and_disks_are_taken_down(world: World) -> None:
    assert export(world, ZeroDivisionError()) == ["impexp_cleanup", "blockdev_shutdown"]
