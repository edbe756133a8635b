"""The verification of a group, where nodes answer badly and the configuration changes meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from masterd.config.kinds import CLUSTER
from masterd.lu.cluster.verify_group import LUClusterVerifyGroup
from masterd.opcodes.base import load
from masterd.verify import nodes, problems, shared, storage
from masterd.verify.group import GroupView, NodeImage
from masterd.verify.problems import Problem, guarded
from tests.lu_support import Run, World, make_world

GROUP = {
    "OP_ID": "OP_CLUSTER_VERIFY_GROUP",
    "group_name": "default",
    "error_codes": True,
    "reason": [],
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    cluster = msgspec.structs.replace(
        made.config.snapshot().cluster,
        volume_group_name="xenvg",
        drbd_usermode_helper="/bin/true",
    )
    made.config.update(lambda draft: draft.put(cluster))
    yield made
    made.close()


def view_of(world: World) -> GroupView:
    config = world.config.snapshot()
    group = config.nodegroups.named("default")
    assert group is not None
    return GroupView(config, group)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (storage.volume_group, {"vglist": {"xenvg": "much"}, "pvlist": []}),
        (storage.volume_group, {"vglist": {"xenvg": 100_000}, "pvlist": [{"size": 5}]}),
        (storage.drbd, {"drbd-helper": True}),
        (storage.drbd, {"drbd-helper": [True, "/bin/true"], "drbd-list": 7}),
        (nodes.guests, {"instancelist": None, "hvinfo": {"memory_free": "none"}}),
    ],
)
def test_an_answer_in_no_known_form_is_a_problem_of_the_node(
    world: World, check: Callable[..., Iterator[Problem]], answer: dict[str, Any]
) -> None:
    view = view_of(world)
    image = NodeImage(view.nodes[0], found=answer)
    found = list(guarded(image.node.name, lambda: check(view, image, answer)))
    assert found
    assert {each.name for each in found} == {view.nodes[0].name}


def test_a_reserved_volume_is_no_orphan(world: World) -> None:
    cluster = world.config.snapshot().cluster
    kept = msgspec.structs.replace(cluster, volume_group_name="xenvg", reserved_lvs=("xenvg/sw.*",))
    world.config.update(lambda draft: draft.put(kept))
    view = view_of(world)
    listed: dict[str, object] = {
        "xenvg/swap": [],
        "xenvg/swap.old/x": [],
        "other/thing": [],
        "xenvg/a": [],
    }
    image = NodeImage(view.nodes[0], found={}, volumes=listed)
    told = [text for each in storage.orphans(view, [image]) for text in each.texts]
    assert told == ["has the unknown volume xenvg/a"]


def test_a_file_that_differs_names_who_has_which(world: World) -> None:
    view = view_of(world)
    path = Path("/etc/hosts")
    images = [
        NodeImage(node, found={"filelist": {str(path): digest}})
        for node, digest in zip(view.nodes, ("b", "a", "b", "b"), strict=True)
    ]
    comparison = shared.FileComparison(images, Path)
    (found,) = comparison.file(path, lambda _node: True, optional=False)
    first, second, *_ = (node.name for node in view.nodes)
    assert f"variant 1 on {second}; variant 2 on {first}, " in found.texts[0]
    (missing,) = comparison.file(Path("/etc/other"), lambda _node: True, optional=False)
    assert "is missing on" in missing.texts[0]
    assert list(comparison.file(Path("/etc/other"), lambda _node: True, optional=True)) == []


def test_false_alarms_are_raised_of_every_kind(world: World) -> None:
    run = Run()
    assert world.run(load({**GROUP, "debug_simulate_errors": True}), run) is False
    told = "\n".join(str(text) for _, text in run.log)
    for code in problems.OF_GROUPS:
        assert f"ERROR:{code.code}:{code.subject}:" in told


def test_files_are_asked_for_again_when_the_configuration_changes_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    uuid = world.config.snapshot().cluster.uuid
    call = LUClusterVerifyGroup._ask

    def ask(self: LUClusterVerifyGroup, there: Any, checks: Any, config: Any) -> Any:
        asked.append(sorted(checks))
        if len(asked) == 1:
            world.config.update(lambda draft: draft.touch(CLUSTER, uuid))
        return call(self, there, checks, config)

    monkeypatch.setattr(LUClusterVerifyGroup, "_ask", ask)
    world.run(load(GROUP))
    assert len(asked) == 2
    assert asked[1] == ["filelist"]
    assert len(asked[0]) > 10
