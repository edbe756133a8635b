"""Scripts before and after an opcode: who runs them, what they are told, and what they may do."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from greenlet import GreenletExit

from masterd.config.kinds import CLUSTER
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import HooksAbort, OpExecError
from masterd.opcodes.test import OpTestDummy
from masterd.testing.faults import Fault, FaultKind
from masterd.testing.node_facts import HOOKS_DIR
from masterd.work.base import LogicalUnit
from masterd.work.hooks import Answers, Hooked, HookPath
from masterd.work.processor import Processor
from tests.lu_support import Run, World, make_world


def by_name(config: ConfigSnapshot) -> list[Node]:
    return sorted(config.nodes.values(), key=lambda node: node.name)


class Tagging(LogicalUnit[OpTestDummy, str]):
    """Tags the cluster between the scripts of `group-add`, which run on all nodes."""

    HOOKS: ClassVar[HookPath | None] = HookPath("group-add", "GROUP")
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True
    fails: ClassVar[type[BaseException] | None] = None
    changes: ClassVar[bool] = True

    def check(self, config: ConfigSnapshot) -> str:
        return config.cluster.uuid

    def hooks(self, plan: str, config: ConfigSnapshot) -> Hooked:
        nodes = [node.uuid for node in by_name(config)]
        env = {"GROUP_NAME": "new", "TAGS": " ".join(config.cluster.tags), "NOTHING": None}
        return Hooked(env, nodes, nodes[:1])

    def execute(self, plan: str) -> None:
        if self.changes:
            self.work.config.update(lambda draft: draft.add_tags(CLUSTER, plan, ("tagged",)))
        if self.fails is not None:
            raise self.fails("no")

    def heard(self, plan: str, answers: Answers, result: object) -> object:
        self.work.say(f"{len(answers)} answered")
        return result


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def carry_out(world: World, *, dry_run: bool = False, **how: object) -> Run:
    kind = type("Told", (Tagging,), how)
    run = Run()
    Processor(world.context, find=lambda _op_id: kind).run(OpTestDummy(dry_run=dry_run), run)
    return run


def script(world: World, node: str, directory: str, name: str, text: str = "") -> None:
    path = world.nodes[node].root / HOOKS_DIR / directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def asked(world: World) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return node, path, phase and environment of what was asked of nodes, in order."""
    return [(node, *arguments) for node, call, arguments in world.asked if call == "hooks_runner"]


def test_scripts_run_on_their_nodes_and_are_told_what_is_so_before_and_after(world: World) -> None:
    config = world.config.snapshot()
    run = carry_out(world)
    names = [node.name for node in by_name(config)]
    calls = asked(world)
    assert [(node, path, phase) for node, path, phase, _ in calls] == [
        *((name, "group-add", "pre") for name in names),
        (names[0], "group-add", "post"),
        (config.master.name, "config-update", "post"),
    ]
    pre, post, update = calls[0][3], calls[-2][3], calls[-1][3]
    told = {
        "GANETI_CLUSTER": config.cluster.cluster_name,
        "GANETI_DATA_DIR": str(world.context.paths.data_dir),
        "GANETI_GROUP_NAME": "new",
        "GANETI_HOOKS_PATH": "group-add",
        "GANETI_HOOKS_PHASE": "pre",
        "GANETI_HOOKS_VERSION": "2",
        "GANETI_MASTER": config.master.name,
        "GANETI_NOTHING": "None",
        "GANETI_OBJECT_TYPE": "GROUP",
        "GANETI_OP_CODE": "OP_TEST_DUMMY",
        "GANETI_TAGS": " ".join(config.cluster.tags),
        "PATH": "/sbin:/bin:/usr/sbin:/usr/bin",
    }
    assert pre == told
    tags = " ".join(sorted({*config.cluster.tags, "tagged"}))
    assert post == {
        **told,
        "GANETI_HOOKS_PHASE": "post",
        "GANETI_POST_GROUP_NAME": "new",
        "GANETI_POST_NOTHING": "None",
        "GANETI_POST_TAGS": tags,
    }
    assert update == {
        **told,
        "GANETI_HOOKS_PATH": "config-update",
        "GANETI_HOOKS_PHASE": "post",
    }
    assert run.messages() == ["1 answered"]
    world.close()


def test_a_script_that_fails_before_the_work_forbids_it_and_is_named(world: World) -> None:
    serial_no = world.config.snapshot().serial_no
    name = by_name(world.config.snapshot())[1].name
    script(world, name, "group-add-pre.d", "ok")
    script(world, name, "group-add-pre.d", "fail1", "no room")
    with pytest.raises(HooksAbort) as caught:
        carry_out(world)
    assert caught.value.to_wire() == [
        "HooksAbort", [[[name, "group-add-pre.d/fail1", "no room"]]]
    ]  # fmt: skip
    assert world.config.snapshot().serial_no == serial_no
    assert {phase for _, _, phase, _ in asked(world)} == {"pre"}
    world.close()


def test_a_script_that_fails_after_the_work_is_told_of_and_changes_nothing(world: World) -> None:
    name = by_name(world.config.snapshot())[0].name
    script(world, name, "group-add-post.d", "fail1", "late")
    script(world, name, "group-add-post.d", "fail2")
    run = carry_out(world)
    assert run.messages() == [
        f" - WARNING: On {name} script group-add-post.d/fail1 failed, output: late",
        f" - WARNING: On {name} script group-add-post.d/fail2 failed, output: (no output)",
        "1 answered",
    ]
    world.close()


def test_a_node_that_does_not_answer_is_told_of_and_stops_nothing(world: World) -> None:
    name = by_name(world.config.snapshot())[1].name
    world.faults.set(name, Fault(FaultKind.FAIL))
    told = carry_out(world).messages()
    assert str(told[0]).startswith(f" - WARNING: Communication failure to node {name}: ")
    assert told[1:] == ["1 answered"]
    world.close()


def test_a_dry_run_asks_the_scripts_before_the_work_only(world: World) -> None:
    carry_out(world, dry_run=True)
    assert {phase for _, _, phase, _ in asked(world)} == {"pre"}
    world.close()


@pytest.mark.parametrize(
    ("changes", "counts", "runs"), [(True, True, 1), (False, True, 0), (True, False, 0)]
)
def test_the_scripts_for_changes_follow_a_change_that_counts(
    world: World, changes: bool, counts: bool, runs: int
) -> None:
    carry_out(world, changes=changes, CONFIG_UPDATE_HOOK=counts)
    assert [path for _, path, _, _ in asked(world)].count("config-update") == runs
    world.close()


def test_the_scripts_for_changes_follow_a_change_of_an_opcode_that_failed(world: World) -> None:
    with pytest.raises(OpExecError):
        carry_out(world, fails=OpExecError)
    assert [(path, phase) for _, path, phase, _ in asked(world)][-1] == ("config-update", "post")
    world.close()


def test_who_is_killed_after_a_change_asks_no_node_before_its_locks_are_free(world: World) -> None:
    with pytest.raises(GreenletExit):
        carry_out(world, fails=GreenletExit)
    assert {phase for _, _, phase, _ in asked(world)} == {"pre"}
    world.close()
