"""New instances: what is in their way, and what is left of one that cannot be made.

More in `lu_creation.txt` and in the comparison with the reference.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from masterd.config.instance import ForthcomingInstance
from masterd.errors import ConfigurationError, OpPrereqError, TagError
from masterd.limits import CONFIG_TAGS_MAX
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import registry
from masterd.lu.creation.exported import Description
from masterd.testing.allocator_script import write_script
from masterd.testing.node_devices import write_volume
from masterd.work.processor import Processor
from tests.lu_support import Run, World, make_world, op
from tests.scenario.arrange import ARRANGEMENTS

NAME = "new.lab.example"
NODE = "node3.lab.example"
MAC = "aa:00:00:12:34:56"
_OTHER = 2


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    ARRANGEMENTS["templates"](made, "file plain diskless")
    cluster = msgspec.structs.replace(made.config.snapshot().cluster, volume_group_name="xenvg")
    made.config.update(lambda draft: draft.put(cluster))
    yield made
    made.close()


def creation(**changes: object) -> Any:
    wanted: dict[str, object] = {
        "instance_name": NAME, "mode": "create", "disk_template": "file", "disks": [{"size": 64}],
        "nics": [], "pnode": NODE, "os_type": "noop", "name_check": False, "ip_check": False,
        "start": False, "wait_for_sync": False, "ignore_ipolicy": True,
    }  # fmt: skip
    return op("OP_INSTANCE_CREATE", **{**wanted, **changes})


def calls(world: World) -> list[str]:
    return [call for _, call, _ in world.asked]


def run_late(world: World, wanted: Any, meanwhile: Callable[[], None]) -> None:
    """Carry an opcode out; something happens between its check and its work."""
    unit = registry.find(wanted.OP_ID)
    assert unit is not None

    class Late(unit):  # type: ignore[misc,valid-type]
        def execute(self, plan: object) -> object:
            meanwhile()
            return super().execute(plan)

    Processor(world.context, find=lambda _op_id: Late).run(wanted, Run())


def give_mac_away(world: World) -> None:
    """Give the address to another instance, as a program beside the daemon may."""
    other = world.config.snapshot().instances.named("inst1.lab.example")
    assert other is not None
    nics = (msgspec.structs.replace(other.nics[0], mac=MAC), *other.nics[1:])
    changed = msgspec.structs.replace(other, nics=nics)
    world.config.update(lambda draft: draft.put(changed))


# --- what cannot be recorded ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"disks": [{"size": 64, "name": "Daten für alle"}]},
        {"nics": [{"name": "außen"}]},
        {"nics": [{"vlan": "１２"}]},
        {"osparams": {"ort": "Köln"}},
    ],
)
def test_what_cannot_be_recorded_is_refused_before_a_disk_is_made(
    world: World, changes: dict[str, object]
) -> None:
    with pytest.raises(OpPrereqError, match="not ASCII"):
        world.run(creation(**changes))
    assert "blockdev_create" not in calls(world)


def test_a_new_instance_has_no_more_tags_than_others_may_get(world: World) -> None:
    many = [f"tag{number}" for number in range(CONFIG_TAGS_MAX + 1)]
    with pytest.raises(TagError, match="Too many tags"):
        world.run(creation(tags=many))


def test_disks_of_an_instance_that_is_not_recorded_go(world: World) -> None:
    wanted = creation(nics=[{"mac": MAC}])
    with pytest.raises(ConfigurationError, match=MAC):
        run_late(world, wanted, lambda: give_mac_away(world))
    assert calls(world)[-3:] == ["blockdev_create", "blockdev_remove", "file_storage_dir_remove"]


def test_volumes_of_an_instance_that_is_not_recorded_get_their_old_names(world: World) -> None:
    write_volume(world.nodes[NODE].root, "xenvg", "old", 64)
    disk = {"size": 64, "adopt": "old", "vg": "xenvg"}
    wanted = creation(disk_template="plain", disks=[disk], nics=[{"mac": MAC}])
    with pytest.raises(ConfigurationError, match=MAC):
        run_late(world, wanted, lambda: give_mac_away(world))
    renamed = [args[0] for _, call, args in world.asked if call == "blockdev_rename"]
    ((there, name),), ((back, old),) = renamed
    assert there["logical_id"] == old == ["xenvg", "old"]
    assert back["logical_id"] == name


# --- what there is not ----------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["diskless", "file"])
def test_an_image_needs_a_disk(world: World, template: str) -> None:
    wanted = creation(disk_template=template, disks=[], osparams={"os-image": "/srv/image"})
    with pytest.raises(OpPrereqError, match="no disk for the OS image"):
        world.run(wanted)


def test_what_was_put_aside_nowhere_does_not_become_real(world: World) -> None:
    planned = ForthcomingInstance(name=NAME, uuid="planned", serial_no=1, forthcoming=True)
    world.config.update(lambda draft: draft.put(planned))
    with pytest.raises(OpPrereqError, match="it has 0 nodes"):
        world.run(creation(commit=True))


def test_as_many_disks_are_adopted_as_were_put_aside(world: World) -> None:
    world.run(creation(disk_template="plain", disks=[{"size": 64}] * 2, forthcoming=True))
    write_volume(world.nodes[NODE].root, "xenvg", "old", 64)
    disk = {"size": 64, "adopt": "old", "vg": "xenvg"}
    with pytest.raises(OpPrereqError, match="1 disks are to be adopted, but 2 were put aside"):
        world.run(creation(disk_template="plain", disks=[disk], commit=True))


@pytest.mark.parametrize("size", ["²", "9" * 20, "9" * 5000, "-4", "1.5"])
def test_an_export_whose_sizes_are_no_numbers_is_refused(size: str) -> None:
    text = f"[export]\nversion = 0\nos = noop\n[instance]\ndisk0_size = {size}\n"
    with pytest.raises(OpPrereqError, match="disk0_size"):
        Description(text).disks()


@pytest.mark.parametrize("name", ["/etc/passwd", "../other/disk0.dump", "a/../../disk0.dump"])
def test_an_export_whose_files_are_elsewhere_is_refused(name: str) -> None:
    text = f"[export]\nversion = 0\nos = noop\n[instance]\ndisk0_dump = {name}\n"
    with pytest.raises(OpPrereqError, match="the file of disk 0 is not in its directory"):
        Description(text).image(0)


# --- with luck ------------------------------------------------------------------------------------


def lucky(**changes: object) -> Any:
    return creation(pnode=None, iallocator="hail", opportunistic_locking=True, **changes)


def hold(world: World, name: str, *levels: LockLevel) -> None:
    node = world.config.snapshot().nodes.named(name)
    assert node is not None
    for level in levels:
        world.locks.take_free(_OTHER, level, LockRequest(frozenset({node.uuid}), at_least=1))


def let_go_when_told(world: World, run: Run) -> None:
    """Let go of what is held as soon as the job is about to wait for it."""
    feedback = run.feedback

    def heard(kind: str, message: object) -> None:
        feedback(kind, message)
        if message == "* falling back to full lock allocation":
            world.locks.release(_OTHER)

    run.feedback = heard  # type: ignore[method-assign]


def answer(world: World, node: str) -> None:
    text = json.dumps({"success": True, "info": "", "result": [node]})
    for root in (world.nodes[world.config.snapshot().master.name].root, world.context.paths.root):
        write_script(root, "hail", text)


def test_an_allocator_that_names_a_node_of_others_is_asked_again(world: World) -> None:
    run = Run()
    answer(world, NODE)
    hold(world, NODE, LockLevel.NODE, LockLevel.NODE_RES)
    let_go_when_told(world, run)
    assert world.run(lucky(), run) == [NODE]
    assert "* falling back to full lock allocation" in run.messages()


@pytest.mark.parametrize("levels", [[LockLevel.NODE, LockLevel.NODE_RES], [LockLevel.NODE_RES]])
def test_a_node_with_an_export_that_others_have_is_waited_for(
    world: World, levels: list[LockLevel]
) -> None:
    run, source = Run(), "node2.lab.example"
    world.run(creation(instance_name="old.lab.example"))
    world.run(op("OP_BACKUP_EXPORT", instance_name="old.lab.example", target_node=source))
    answer(world, NODE)
    hold(world, source, *levels)
    let_go_when_told(world, run)
    wanted = lucky(mode="import", src_node=source, src_path="old.lab.example", disks=[])
    assert world.run(wanted, run) == [NODE]
    world.locks.release(_OTHER)
    assert ("* falling back to full lock allocation" in run.messages()) is (len(levels) == 2)
