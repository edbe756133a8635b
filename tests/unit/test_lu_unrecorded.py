"""Work of which the configuration takes no record: what nodes did for it is taken back, or told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ConfigurationError
from masterd.testing.node_devices import Devices
from masterd.wconf.repository import Record
from tests.lu_support import MemoryConfig, Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

R = TypeVar("R")

NEW = "new.lab.example"


class FullConfig:
    """Obeys `masterd.work.context.Config`; refuses one change, as a store without room does."""

    def __init__(self, config: MemoryConfig, before: int) -> None:
        """Prepare; so many changes are taken before that one."""
        self._config = config
        self._before = before

    def snapshot(self) -> ConfigSnapshot:
        return self._config.snapshot()

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        self._before -= 1
        if self._before == -1:
            raise ConfigurationError("The store did not keep the configuration: no room")
        return self._config.update(change, record)

    def settle(self) -> None:
        self._config.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    templates = ["diskless", "drbd", "file", "plain", "sharedfile"]
    ARRANGEMENTS["volumes"](made, "xenvg")
    ARRANGEMENTS["templates"](made, " ".join(templates))
    made.run(op("OP_GROUP_SET_PARAMS", group_name="default", ipolicy={"disk-templates": templates}))
    yield made
    made.close()


def create(world: World, template: str) -> None:
    world.run(
        op(
            "OP_INSTANCE_CREATE", instance_name=NEW, mode="create", disk_template=template,
            disks=[{"size": 64}], nics=[], pnode="node3", os_type="noop", name_check=False,
            ip_check=False, no_install=True, start=False,
        )
    )  # fmt: skip


def instance(world: World, name: str = NEW) -> Instance:
    found = world.config.snapshot().instances.named(name)
    assert isinstance(found, Instance)
    return found


def disk_of(world: World, index: int = 0, name: str = NEW) -> Disk:
    found = world.config.snapshot().disks[instance(world, name).disks[index]]
    assert isinstance(found, Disk)
    return found


def fail(world: World, op_id: str, *, before: int = 0, name: str = NEW, **more: object) -> str:
    """Run an opcode of which one change is refused; return what was told to people."""
    context = world.context
    world.context = replace(context, config=FullConfig(world.config, before))
    run = Run()
    with pytest.raises(ConfigurationError, match="no room"):
        world.run(op(op_id, instance_name=name, **more), run)
    world.context = context
    return "\n".join(map(str, run.messages()))


def volumes(world: World, node: str) -> set[Any]:
    return set(Devices(world.nodes[f"{node}.lab.example"].root).volumes())


def calls(world: World) -> list[tuple[str, Any]]:
    return [(call, arguments) for _, call, arguments in world.asked if call.startswith("blockdev")]


def test_a_disk_that_cannot_be_given_to_its_instance_goes_again(world: World) -> None:
    create(world, "plain")
    before = volumes(world, "node3")
    fail(world, "OP_INSTANCE_SET_PARAMS", disks=[["add", -1, {"size": 64}]])
    assert volumes(world, "node3") == before
    assert len(instance(world).disks) == 1


def test_the_file_of_a_disk_that_cannot_be_attached_lies_where_it_lay(world: World) -> None:
    create(world, "sharedfile")
    uuid = disk_of(world).uuid
    world.run(op("OP_INSTANCE_SET_PARAMS", instance_name=NEW, disks=[["detach", 0, {}]]))
    world.asked.clear()
    fail(world, "OP_INSTANCE_SET_PARAMS", disks=[["attach", -1, {"uuid": uuid}]])
    there, back = (pairs for call, (pairs,) in calls(world) if call == "blockdev_rename")
    ((moved, target),) = there
    ((again, origin),) = back
    assert (again["logical_id"], origin) == (target, moved["logical_id"])


def test_copies_that_an_instance_cannot_get_go_again(world: World) -> None:
    create(world, "file")
    fail(world, "OP_INSTANCE_SET_PARAMS", before=1, disk_template="plain")
    assert volumes(world, "node3") == set()
    assert disk_of(world).dev_type == "file"


def test_volumes_that_cannot_become_mirrors_have_their_names_again(world: World) -> None:
    create(world, "plain")
    told = fail(
        world, "OP_INSTANCE_SET_PARAMS", before=1, disk_template="drbd", remote_node="node2"
    )
    assert tuple(disk_of(world).logical_id) in volumes(world, "node3")
    assert "These new devices remain on nodes" in told


def test_copies_of_an_instance_that_cannot_go_are_removed(world: World) -> None:
    create(world, "plain")
    fail(world, "OP_INSTANCE_MOVE", target_node="node2", ignore_ipolicy=True)
    assert (volumes(world, "node2"), len(volumes(world, "node3"))) == (set(), 1)


def test_what_has_grown_unrecorded_is_told(world: World) -> None:
    create(world, "plain")
    told = fail(world, "OP_INSTANCE_GROW_DISK", before=0, disk=0, amount=64)
    assert "64 MiB larger than recorded on node node3.lab.example now" in told


def test_what_was_made_for_another_node_that_is_not_recorded_is_told(world: World) -> None:
    ARRANGEMENTS["drbd"](world, "inst1.lab.example node2 node3")
    ARRANGEMENTS["active"](world, "inst1.lab.example")
    told = fail(
        world, "OP_INSTANCE_REPLACE_DISKS", name="inst1.lab.example", mode="replace_new_secondary",
        remote_node="node4",
    )  # fmt: skip
    assert "Left on node node4.lab.example: " in told


def test_a_migrated_guest_whose_place_is_not_recorded_is_told_of(world: World) -> None:
    ARRANGEMENTS["drbd"](world, "inst1.lab.example node2 node3")
    world.run(op("OP_INSTANCE_STARTUP", instance_name="inst1.lab.example"))
    told = fail(world, "OP_INSTANCE_MIGRATE", name="inst1.lab.example")
    assert "a migration with 'cleanup' puts that in order" in told
