"""Requests to allocators: what nodes are asked, what the script gets, what its answer may be."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from masterd.config import document
from masterd.errors import OpExecError, OpPrereqError, ResultValidationError
from masterd.iallocator.request import ChangeGroup, EvacuateNode, Relocate
from masterd.iallocator.result import Evacuation, read
from masterd.iallocator.run import Allocators
from masterd.testing.allocator_script import SEARCH_PATH, write_script
from tests.lu_support import World, make_world
from tests.sample_config import sample


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, config=document.split(sample(3, nodes=4, instances=20)))
    yield made
    made.close()


@pytest.fixture
def allocators(world: World) -> Allocators:
    return Allocators(world.rpc, lambda work: work())


REQUEST = EvacuateNode(instances=["inst1.example.com"], mode="primary-only")


def given(world: World, allocators: Allocators) -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = json.loads(
        allocators.input(world.config.snapshot(), REQUEST)
    )
    return loaded


def test_only_nodes_that_answer_are_measured(world: World, allocators: Allocators) -> None:
    told = given(world, allocators)
    config = world.config.snapshot()
    assert set(told["nodes"]) == {node.name for node in config.nodes.values()}
    for node in config.nodes.values():
        is_measured = "free_memory" in told["nodes"][node.name]
        assert is_measured == (node.vm_capable and not node.offline)


def test_planned_instances_without_a_name_are_not_told(
    world: World, allocators: Allocators
) -> None:
    told = given(world, allocators)
    names = {each.name for each in world.config.snapshot().instances.values()}
    assert set(told["instances"]) == names - {None}


def test_a_script_gets_the_input_and_the_options_and_its_answer_is_read(
    world: World, allocators: Allocators
) -> None:
    config = world.config.snapshot()
    folder = world.nodes[config.master.name].root / SEARCH_PATH[0]
    folder.mkdir(parents=True)
    script = folder / "mine"
    script.write_text('#!/bin/sh\nprintf \'{"success": false, "info": "%s",\' "$2"\n'
                      'printf \'"result": \'; cat "$1"; echo "}"\n')  # fmt: skip
    script.chmod(0o755)
    request = EvacuateNode(instances=["a"], mode="primary-only", ignore_soft_errors=True)
    answer = allocators.run(config, "mine", request)
    assert (answer.success, answer.info) == (False, "--ignore-soft-errors")
    assert answer.result == json.loads(allocators.input(config, request))


def test_a_script_that_is_not_there_fails_the_work(world: World, allocators: Allocators) -> None:
    with pytest.raises(OpExecError, match="'nobody' not found"):
        allocators.run(world.config.snapshot(), "nobody", REQUEST)


def test_a_result_without_an_instance_name_is_no_evacuation(
    world: World, allocators: Allocators
) -> None:
    config = world.config.snapshot()
    root = world.nodes[config.master.name].root
    write_script(root, "mine", json.dumps({"success": True, "info": "", "result": [[], [[]], []]}))
    with pytest.raises(ResultValidationError):
        allocators.run(config, "mine", REQUEST)


def test_an_evacuation_is_read_whole(world: World) -> None:
    move = {"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "x"}
    result = [[["i", "g", ["a", "b"]]], [["j", None]], [[move]]]
    text = json.dumps({"success": True, "info": "", "result": result})
    request = ChangeGroup(instances=["i"], target_groups=["g"])
    found = read(text, request, world.config.snapshot()).result
    assert isinstance(found, Evacuation)
    assert [(each.instance, each.group, each.nodes) for each in found.moved] == [
        ("i", "g", ("a", "b"))
    ]
    assert [(each.instance, each.reason) for each in found.failed] == [("j", None)]
    assert found.jobs == ((move,),)


def test_an_instance_whose_data_is_on_one_node_cannot_be_relocated(
    world: World, allocators: Allocators
) -> None:
    config = world.config.snapshot()
    plain = config.instances.named("inst0.example.com")
    assert plain is not None
    with pytest.raises(OpPrereqError, match="not mirrored"):
        allocators.input(config, Relocate(instance=plain.uuid, from_nodes=[]))
