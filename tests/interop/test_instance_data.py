"""OP_INSTANCE_QUERY_DATA and the disks told to nodes, compared with what Ganeti's library makes.

Ganeti's logical unit runs in its own process on the same configuration, its node calls answered
from here; both get the same answers.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from masterd.config.kinds import AnyDisk
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import documents
from masterd.opcodes.instance_life import OpInstanceQueryData
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import Request
from tests.interop import debian
from tests.interop.library import Library, library
from tests.lu_support import World, make_world
from tests.sample_config import sample

pytestmark = debian.needs_ganeti

SEEDS: Final = (1, 2, 3)

PROGRAM: Final = """
from ganeti import config, constants, objects, opcodes
from ganeti.cmdlib import instance_query
from ganeti.rpc import node as rpc

class Result:
    offline = False
    def __init__(self, payload):
        self.payload = payload
    def Raise(self, text):
        pass

class Nodes:
    def __init__(self, answers):
        self.answers = answers
    def call_instance_info(self, node, name, hypervisor, hvparams):
        return Result(self.answers["instances"].get(name, {}))
    def call_blockdev_find(self, node, disk):
        found = self.answers["devices"].get(node + "/" + disk[0].uuid)
        return Result(found and objects.BlockDevStatus.FromDict(found))

class Unit(instance_query.LUInstanceQueryData):
    def __init__(self, cfg, nodes, static):
        self.cfg, self.rpc = cfg, nodes
        self.op = opcodes.OpInstanceQueryData(instances=[], static=static)
        everything = cfg.GetAllInstancesInfo().values()
        self.wanted_instances = [each for each in everything if not each.forthcoming]
    def LogWarning(self, *args):
        pass

def answer(question):
    cfg = config.ConfigWriter(cfg_file=question["path"], offline=True, accept_foreign=True)
    if question["what"] == "instances":
        unit = Unit(cfg, Nodes(question["answers"]), question["answers"] is None)
        return unit.Exec(print)
    runner = rpc.RpcRunner(cfg, None)
    instance = cfg.GetInstanceInfo(question["instance"])
    disk = cfg.GetDiskInfo(question["disk"])
    return runner._SingleDiskDictDP(question["node"], (disk, instance))
"""


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module", params=SEEDS)
def config(request: pytest.FixtureRequest) -> ConfigSnapshot:
    return document.split(sample(request.param, nodes=5, groups=2, instances=22))


@pytest.fixture
def path(config: ConfigSnapshot, tmp_path: Path) -> Path:
    path = tmp_path / "config.data"
    path.write_bytes(render(config))
    return path


@pytest.fixture
def world(config: ConfigSnapshot, tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, config=config)
    yield made
    made.close()


def own(data: Any) -> dict[str, Any]:
    """Return an answer without what the two put into another order, or only one knows of."""
    found: dict[str, Any] = json.loads(json.dumps(data))
    for each in found.values():
        # A set in the reference.
        each["snodes"] = sorted(each["snodes"])
        for key in ("snodes_group_names", "snodes_group_uuids"):
            each[key] = sorted(each[key])
        for nic in each["nics"]:
            if nic[-1] is not None:
                nic[-1]["tags"] = sorted(nic[-1].get("tags", []))
    return found


def test_what_is_told_without_asking_nodes(
    reference: Library, world: World, path: Path, config: ConfigSnapshot
) -> None:
    theirs = reference.ask({"what": "instances", "path": str(path), "answers": None})
    ours = world.run(OpInstanceQueryData(static=True))
    real = {each.name for each in config.instances.values() if each.disks_active is not None}
    assert isinstance(ours, dict)
    assert own(theirs).keys() == real
    for name, told in own(theirs).items():
        assert own({name: ours[name]})[name] == told
    assert len(real) >= 20


class Nodes:
    """Obeys `masterd.node.target.Nodes`; nodes that answer what they were given to answer."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self.answers = answers
        self.asked = 0

    def call(self, call_name: str, nodes: object, args: object, **_: object) -> Any:
        raise AssertionError(f"{call_name} is not asked of many nodes")

    def call_each(self, requests: Sequence[Request]) -> list[RpcResult]:
        self.asked += len(requests)
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> RpcResult:
        node, args = request.node, request.args
        if request.call_name == "instance_info":
            payload = self.answers["instances"].get(str(args[0]), {})
        else:
            (disk,) = args
            assert isinstance(disk, dict)
            payload = self.answers["devices"].get(f"{node.uuid}/{disk['uuid']}")
        return RpcResult(request.call_name, node.name, node.uuid, ok=True, payload=payload)


def answers_of_nodes(config: ConfigSnapshot, chance: random.Random) -> dict[str, dict[str, Any]]:
    """Return states of instances by name, and of devices by node and disk; some are missing."""
    states = {
        str(each.name): {"memory": 128, "state": chance.choice([0, 0, 1]), "vcpus": 1, "time": 0}
        for each in config.instances.sorted()
        if chance.random() < 0.7
    }
    devices: dict[str, Any] = {}
    for disk in config.disks.sorted():
        for part in (disk, *disk.children):
            for node in config.nodes:
                if chance.random() < 0.7:
                    devices[f"{node}/{part.uuid}"] = {
                        "dev_path": f"/dev/{part.uuid}", "major": 147, "minor": 3,
                        "sync_percent": chance.choice([None, 50.5]), "estimated_time": 9,
                        "is_degraded": chance.random() < 0.5, "ldisk_status": 1,
                    }  # fmt: skip
    return {"instances": states, "devices": devices}


def test_what_is_told_with_what_nodes_say(
    reference: Library, world: World, path: Path, config: ConfigSnapshot
) -> None:
    answers = answers_of_nodes(config, random.Random(config.serial_no))
    nodes = Nodes(answers)
    unit = replace(world, context=replace(world.context, rpc=nodes))
    ours = unit.run(OpInstanceQueryData())
    theirs = own(reference.ask({"what": "instances", "path": str(path), "answers": answers}))
    assert isinstance(ours, dict)
    offline = {node.name for node in config.nodes.values() if node.offline}
    for name, told in theirs.items():
        if told["pnode"] not in offline and not offline & set(told["snodes"]):
            assert own({name: ours[name]})[name] == told
    assert nodes.asked > 50


def test_each_disk_is_told_to_each_node_in_the_same_form(
    reference: Library, path: Path, config: ConfigSnapshot
) -> None:
    compared = 0
    for instance in config.instances.sorted():
        for uuid in instance.disks:
            for node in config.nodes.sorted():
                disk: AnyDisk = config.disks[uuid]
                assert instance.primary_node is not None
                ours = documents.disk(config, disk, instance.primary_node, node.uuid)
                theirs = reference.ask(
                    {"what": "disk", "path": str(path), "instance": instance.uuid, "disk": uuid,
                     "node": node.uuid}
                )  # fmt: skip
                assert json.loads(json.dumps(ours)) == theirs
                compared += 1
    assert compared > 50
