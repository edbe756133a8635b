"""The modification of instances: what the comparison with the reference cannot show."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from masterd.config.instance import Instance
from masterd.errors import HooksAbort, HypervisorError, OpExecError, OpPrereqError
from masterd.testing.node_facts import HOOKS_DIR
from masterd.work.hook_runner import NodeHooks
from masterd.work.hooks import Hooked, Surrounded
from tests.lu_support import Run, World, make_world, op

NAME = "inst1.lab.example"
NODE = "node3.lab.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a cluster whose instance runs in a hypervisor that can change devices meanwhile."""
    world = make_world(tmp_path)
    guest = instance(world)
    world.config.update(lambda draft: draft.put(msgspec.structs.replace(guest, hypervisor="kvm")))
    world.run(op("OP_INSTANCE_STARTUP", instance_name=NAME))
    world.asked.clear()
    return world


def instance(world: World) -> Instance:
    found = world.config.snapshot().instances.named(NAME)
    assert isinstance(found, Instance)
    return found


def modify(world: World, **parameters: object) -> object:
    return world.run(op("OP_INSTANCE_SET_PARAMS", instance_name=NAME, **parameters))


def calls(world: World) -> list[str]:
    return [call for _, call, _ in world.asked]


def test_no_device_changes_where_a_script_forbids_it(world: World) -> None:
    # The reference has changed it by then.
    before = instance(world)
    script = world.nodes[NODE].root / HOOKS_DIR / "instance-modify-pre.d" / "fail1"
    script.parent.mkdir(parents=True)
    script.write_text("not today")
    script.chmod(0o755)
    with pytest.raises(HooksAbort):
        modify(world, nics=[("add", -1, {})], hotplug=True)
    assert "hooks_runner" in calls(world) and "hotplug_device" not in calls(world)
    assert instance(world) == before
    world.close()


def test_no_device_changes_in_a_dry_run(world: World) -> None:
    modify(world, nics=[("remove", -1, {})], hotplug=True, dry_run=True)
    assert "hotplug_supported" in calls(world) and "hotplug_device" not in calls(world)
    world.close()


def test_a_device_follows_each_change_of_the_list(world: World) -> None:
    (old,) = instance(world).nics
    result = modify(
        world, nics=[("add", 0, {"name": "web"}), ("remove", 1, {})], hotplug_if_possible=True
    )
    assert [arguments[1] for _, call, arguments in world.asked if call == "hotplug_device"] == [
        "hotadd",
        "hotremove",
    ]
    (new,) = instance(world).nics
    assert (new.name, new.uuid != old.uuid) == ("web", True)
    assert isinstance(result, list)
    assert [name for name, _ in result] == ["nic.0", "nic.0", "NIC/1", "NIC/1"]
    world.close()


def test_all_that_is_recorded_enters_the_configuration_at_once(world: World) -> None:
    world.run(op("OP_INSTANCE_SHUTDOWN", instance_name=NAME))
    before = world.config.snapshot().serial_no
    modify(
        world, beparams={"vcpus": 2}, osparams={"size": "big"}, os_name="noop", offline=True,
        nics=[("add", -1, {})], pnode="node2",
    )  # fmt: skip
    found = instance(world)
    assert (found.beparams.vcpus, found.os, found.admin_state) == (2, "noop", "offline")
    assert len(found.nics) == 2 and not found.disks_active
    assert world.config.snapshot().serial_no == before + 1
    world.close()


def test_changes_of_one_request_count_on_each_other(world: World) -> None:
    # The reference fails, as it looks at what is not there yet.
    modify(world, nics=[("add", -1, {"name": "web"}), ("modify", "web", {"link": "br7"})])
    assert instance(world).nics[-1].nicparams.link == "br7"
    world.close()


def test_processors_beyond_all_there_are_are_not_counted_one_by_one(world: World) -> None:
    with pytest.raises(OpPrereqError, match="but 10000000 are required"):
        modify(world, hvparams={"cpu_mask": "0-9999999"})
    with pytest.raises(HypervisorError, match="must list processors"):
        modify(world, hvparams={"cpu_mask": "9" * 5000})
    world.close()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"disks": [["add", -1, {"size": 64, "name": "größe"}]]}, r"disks.name: 'gr\xf6\xdfe'"),
        ({"disk_template": "file", "file_storage_dir": "büro"}, r"file_storage_dir: 'b\xfcro'"),
        ({"nics": [["add", -1, {"name": "büro"}]]}, r"nics.name: 'b\xfcro'"),
        ({"osparams": {"key": "ü"}}, r"osparams.key: '\xfc'"),
        ({"osparams_private": {"key": "ü"}}, "osparams_private.key"),
    ],
)
def test_what_no_configuration_takes_is_refused_before_nodes_are_asked(
    world: World, asked: dict[str, object], told: str
) -> None:
    world.asked.clear()
    with pytest.raises(OpPrereqError) as refused:
        modify(world, **asked)
    assert refused.value.message.startswith(f"{told} is not ASCII")
    assert calls(world) == []
    world.close()


class Told(Run):
    """Has something happen when people are told of something."""

    def __init__(self, text: str, do: Callable[[], object]) -> None:
        super().__init__()
        self._text, self._do = text, do

    def feedback(self, kind: str, message: object) -> None:
        super().feedback(kind, message)
        if self._text in str(message):
            self._do()


def test_an_address_that_is_given_away_meanwhile_is_not_chosen(world: World) -> None:
    world.run(op("OP_NETWORK_ADD", network_name="net1", network="192.0.2.0/28"))
    world.run(
        op(
            "OP_NETWORK_CONNECT", group_name="default", network_name="net1",
            network_mode="routed", network_link="x", network_vlan="",
        )
    )  # fmt: skip
    gone = op("OP_NETWORK_SET_PARAMS", network_name="net1", add_reserved_ips=["192.0.2.1"])
    nics = [("add", -1, {"mode": "openvswitch", "link": "x"}),
            ("add", -1, {"network": "net1", "ip": "pool"})]  # fmt: skip
    run = Told("OVS links", lambda: world.run(gone, Run(2)))
    world.run(op("OP_INSTANCE_SET_PARAMS", instance_name=NAME, nics=nics), run)
    assert instance(world).nics[-1].ip == "192.0.2.2"
    world.close()


class Overtaken(NodeHooks):
    """Has something happen once, between the checks of an opcode and its work."""

    def __init__(self, world: World, do: Callable[[], object]) -> None:
        super().__init__(world.config.snapshot, str(world.context.paths.data_dir))
        self._do = [do]

    def pre(self, run: Surrounded, told: Hooked) -> None:
        super().pre(run, told)
        if self._do:
            self._do.pop()()


def test_a_disk_that_another_job_has_attached_stays_where_it_is(world: World) -> None:
    uuid = instance(world).disks[-1]
    modify(world, disks=[["detach", -1, {}]])

    def attach(name: str) -> Any:
        return op("OP_INSTANCE_SET_PARAMS", instance_name=name,
                  disks=[["attach", -1, {"uuid": uuid}]])  # fmt: skip

    overtaken = Overtaken(world, lambda: world.run(attach("inst2"), Run(2)))
    world.context = replace(world.context, hooks=overtaken)
    with pytest.raises(OpExecError, match=r"attached to instance inst2\.lab\.example by now"):
        world.run(attach("inst3"))
    assert calls(world).count("blockdev_rename") == 2, "when it left, and by the faster job"
    disk = world.config.snapshot().disks[uuid]
    assert "/inst2.lab.example/" in str(disk.logical_id)
    world.close()
