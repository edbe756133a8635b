"""What allocators are given and how their answers are judged, compared with Ganeti's library.

Ganeti's own classes run in a process of their own on the same configuration; their node calls are
answered from here, with what ours are answered too.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GanetiError
from masterd.iallocator.request import (
    Allocate,
    AllocateMany,
    AllocateSecondary,
    ChangeGroup,
    EvacuateNode,
    Relocate,
    Request,
)
from masterd.iallocator.run import Allocators
from masterd.instance.view import InstanceView
from masterd.rpc.result import RpcResult, failed, offline
from masterd.rpc.runner import NodeTarget
from tests.interop import debian
from tests.interop.library import Library, library
from tests.nodes_in_memory import OneByOne
from tests.sample_config import sample

pytestmark = debian.needs_ganeti

SEEDS: Final = (1, 2, 3, 4)
TEMPLATES: Final = ("plain", "drbd", "file", "sharedfile", "gluster", "blockdev", "rbd", "ext",
                    "diskless")  # fmt: skip

PROGRAM: Final = """
from ganeti import config, errors
from ganeti.masterd import iallocator

class Result:
    def __init__(self, told):
        self.fail_msg, self.payload = told
    def Raise(self, text):
        if self.fail_msg:
            raise errors.OpExecError(text)

class Nodes:
    def __init__(self, answers):
        self.answers, self.asked = answers, []
    def ask(self, call, nodes, *args):
        self.asked.append([call, sorted(nodes), args])
        return {node: Result(self.answers[call][node]) for node in nodes}
    def call_node_info(self, nodes, units, hypervisors):
        return self.ask("node_info", nodes, units, hypervisors)
    def call_all_instances_info(self, nodes, names, params):
        return self.ask("all_instances_info", nodes, names, params)
    def call_iallocator_runner(self, master, name, text, params):
        self.asked.append(["iallocator_runner", [master], [name, params]])
        return Result([None, self.answers["script"]])

def request(kind, arguments):
    if kind == "IAReqMultiInstanceAlloc":
        one = iallocator.IAReqInstanceAlloc
        arguments = {"instances": [one(**each) for each in arguments["instances"]]}
    return getattr(iallocator, kind)(**arguments)

opened = {}

def configuration(path):
    if path not in opened:
        cfg = opened[path] = config.ConfigWriter(cfg_file=path, offline=True, accept_foreign=True)
        options = dict(cfg.GetDefaultIAllocatorParameters())
        cfg.GetMasterNode = lambda: "master"
        # Options of one request are left in what this returns; each job has its own process.
        cfg.GetDefaultIAllocatorParameters = lambda: dict(options)
    return opened[path]

def answer(question):
    cfg, nodes = configuration(question["path"]), Nodes(question["answers"])
    try:
        asked = iallocator.IAllocator(cfg, nodes, request(question["kind"], question["arguments"]))
    except errors.GenericError as error:
        return {"error": [type(error).__name__, error.args[1:]]}
    if "scripts" in question:
        return [judged(asked, nodes, text) for text in question["scripts"]]
    return {"input": asked.in_data, "asked": nodes.asked}

def judged(asked, nodes, text):
    nodes.answers["script"] = text
    nodes.asked.clear()
    try:
        asked.Run("hail")
    except errors.GenericError as error:
        return {"error": [type(error).__name__, error.args[1:]]}
    except (AttributeError, TypeError) as error:
        return {"fault": str(error)}
    return {"answer": [bool(asked.success), asked.info], "asked": list(nodes.asked)}
"""


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module", params=SEEDS)
def config(request: pytest.FixtureRequest) -> ConfigSnapshot:
    """A cluster without instances that lack name or node, which the reference fails on."""
    whole = sample(request.param, nodes=5, groups=2, instances=24)
    whole["instances"] = {
        uuid: {"name": f"{uuid}.example.com", **each} for uuid, each in whole["instances"].items()
    }
    chance = random.Random(request.param)
    whole["cluster"]["ndparams"]["exclusive_storage"] = request.param == 2
    whole["cluster"]["default_iallocator_params"] = {"max-cpu": "4"}
    # All of them: the reference forgets templates in policies that are not enabled.
    whole["cluster"]["enabled_disk_templates"] = chance.sample(TEMPLATES, len(TEMPLATES))
    return document.split(whole)


@pytest.fixture(scope="module")
def path(config: ConfigSnapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "config.data"
    path.write_bytes(render(config))
    return path


class Nodes(OneByOne):
    """Obeys `masterd.node.target.Nodes`; nodes that answer what they were given to answer."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[list[object]] = []

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[Any],
        *,
        timeout_s: float | None = None,
    ) -> dict[str, RpcResult]:
        if call_name == "iallocator_runner":
            name, _, options = args
            self.asked.append([call_name, ["master"], [name, options]])
            return {n.uuid: _told(call_name, n, [None, self.answers["script"]]) for n in nodes}
        self.asked.append([call_name, sorted(node.uuid for node in nodes), list(args)])
        return {n.uuid: _told(call_name, n, self.answers[call_name][n.uuid]) for n in nodes}


def _told(call: str, node: NodeTarget, told: list[Any]) -> RpcResult:
    error, payload = told
    if node.offline:
        return offline(call, node.name, node.uuid)
    if error is not None:
        return failed(call, node.name, node.uuid, error)
    return RpcResult(call, node.name, node.uuid, ok=True, payload=payload)


def answers_of_nodes(config: ConfigSnapshot, template: str, chance: random.Random) -> Any:
    """Return what each node has, for any hypervisor, and which instances use which memory."""
    measured = {"plain": "lvm-vg", "drbd": "lvm-vg", "file": "file"}
    kinds = [measured[template]] if template in measured else []
    if kinds == ["lvm-vg"] and config.cluster.ndparams.exclusive_storage:
        kinds.append("lvm-pv")
    return {
        "node_info": {
            uuid: [None, ["boot", [
                {"type": kind, "name": "xenvg", "storage_size": chance.randint(1000, 9999),
                 "storage_free": chance.randint(0, 999)} for kind in kinds
            ], [{"memory_total": chance.randint(1000, 99_999), "memory_dom0": 512,
                 "memory_free": chance.randint(0, 9999), "cpu_total": 8, "cpu_dom0": 1}]]]
            for uuid in config.nodes
        },
        "all_instances_info": {
            uuid: [None, {
                str(each.name): {"memory": chance.choice([0, 100, 128, 4096]), "state": 0}
                for each in config.instances.sorted() if chance.random() < 0.5
            }]
            for uuid in config.nodes
        },
    }  # fmt: skip


def one_instance(chance: random.Random, template: str) -> tuple[Allocate, dict[str, Any]]:
    """Return a request for a place in our words and in those of the reference."""
    common: dict[str, Any] = {
        "name": f"new{chance.randint(1, 99)}.example.com",
        "disk_template": template,
        "group_name": chance.choice([None, "default"]),
        "tags": chance.choice([[], ["a", "b"]]),
        "os": "noop",
        "vcpus": 2,
        "memory": 512,
        "spindle_use": 3,
        "disks": [{"size": chance.randint(1, 999), "mode": "rw", "vg": "xenvg"} for _ in range(2)],
        "nics": [{"mac": "auto", "ip": None, "network": None}],
        "hypervisor": chance.choice(["kvm", "fake"]),
    }
    allowed = chance.choice([None, ["master", "node2.example.com"]])
    return Allocate(**common, allowed_nodes=allowed), {**common, "node_whitelist": allowed}


Case = tuple[Request, str, dict[str, Any], str]


def every_request(config: ConfigSnapshot, chance: random.Random) -> Iterator[Case]:
    """Return requests of all modes: ours, the reference's with its arguments, what is measured."""
    first = config.cluster.enabled_disk_templates[0]
    for template in TEMPLATES:
        ours, theirs = one_instance(chance, template)
        yield (ours, "IAReqInstanceAlloc", theirs, template)
    several = [one_instance(chance, template) for template in TEMPLATES]
    yield (AllocateMany(instances=[each for each, _ in several]), "IAReqMultiInstanceAlloc",
           {"instances": [each for _, each in several]}, first)  # fmt: skip
    names = sorted(str(each.name) for each in config.instances.values())
    yield (AllocateSecondary(name=names[0]), "IAReqInstanceAllocateSecondary",
           {"name": names[0]}, first)  # fmt: skip
    for mode in ("primary-only", "secondary-only", "all"):
        soft = chance.choice([False, True])
        yield (EvacuateNode(instances=names[:3], mode=mode, ignore_soft_errors=soft),
               "IAReqNodeEvac", {"instances": names[:3], "evac_mode": mode,
                                 "ignore_soft_errors": soft}, first)  # fmt: skip
    groups = sorted(config.nodegroups)
    yield (ChangeGroup(instances=names[:2], target_groups=groups), "IAReqGroupChange",
           {"instances": names[:2], "target_groups": groups}, first)  # fmt: skip
    for instance in config.instances.sorted():
        row = InstanceView(config, instance)
        if instance.hypervisor is None:
            continue  # The reference fails on it.
        nodes = [node.uuid for node in row.secondaries]
        yield (Relocate(instance=instance.uuid, from_nodes=nodes), "IAReqRelocate",
               {"inst_uuid": instance.uuid, "relocate_from_node_uuids": nodes},
               row.disk_template)  # fmt: skip


def unordered(data: Any) -> Any:
    """Return a document whose sets are in order; the reference has them in any."""
    made = json.loads(json.dumps(data))
    for each in (made, *(made[kind][key] for kind in ("nodegroups", "nodes", "instances")
                         for key in made[kind])):  # fmt: skip
        for key in ("tags", "cluster_tags", "networks"):
            if isinstance(each.get(key), list):
                each[key].sort()
    return made


def ours(config: ConfigSnapshot, nodes: Nodes, request: Request) -> dict[str, Any]:
    """Return what a script is given and nodes are asked, as the reference's process tells it."""
    try:
        text = Allocators(nodes, lambda work: work()).input(config, request)
    except GanetiError as error:
        return {"error": [error.wire_name, list(error.args[1:])]}
    return {"input": json.loads(text), "asked": json.loads(json.dumps(nodes.asked))}


def judged(
    config: ConfigSnapshot, answers: Mapping[str, Any], request: Request, text: str
) -> dict[str, Any]:
    """Return what becomes of a script's answer, as the reference's process tells it."""
    nodes = Nodes({**answers, "script": text})
    try:
        answer = Allocators(nodes, lambda work: work()).run(config, "hail", request)
    except GanetiError as error:
        return {"error": [error.wire_name, list(error.args[1:])]}
    return {"answer": [answer.success, answer.info], "asked": nodes.asked[-1:]}


def test_each_mode_gives_the_script_the_same_document_and_asks_nodes_the_same(
    reference: Library, config: ConfigSnapshot, path: Path
) -> None:
    chance = random.Random(config.nodes.sorted()[0].uuid)
    compared = refused = 0
    for request, kind, arguments, template in every_request(config, chance):
        answers = answers_of_nodes(config, template, chance)
        theirs = reference.ask(
            {"path": str(path), "kind": kind, "arguments": arguments, "answers": answers}
        )
        found = ours(config, Nodes(answers), request)
        if "error" in theirs:
            assert found == theirs, (kind, arguments)
            refused += 1
            continue
        assert "error" not in found, (kind, arguments, found)
        assert unordered(found["input"]) == unordered(theirs["input"])
        assert found["asked"] == theirs["asked"]
        compared += 1
    assert compared >= 25
    assert refused, "no instance was found whose disks are not mirrored"


def _broken(answers: Any, change: Callable[[Any], None]) -> Any:
    made = json.loads(json.dumps(answers))
    for told in made["node_info"].values():
        change(told)
    return made


def _forget(told: Any) -> None:
    del told[1][2][0]["memory_free"]


def _say_words(told: Any) -> None:
    told[1][2][0]["cpu_total"] = "eight"


def _measure_nothing(told: Any) -> None:
    told[1][1] = []


def _fail(told: Any) -> None:
    told[:] = ["No such hypervisor", None]


@pytest.mark.parametrize("change", [_forget, _say_words, _measure_nothing, _fail])
def test_what_nodes_do_not_tell_is_an_error_of_the_same_class(
    reference: Library, config: ConfigSnapshot, path: Path, change: Callable[[Any], None]
) -> None:
    chance = random.Random(5)
    request, arguments = one_instance(chance, "plain")
    answers = _broken(answers_of_nodes(config, "plain", chance), change)
    theirs = reference.ask(
        {"path": str(path), "kind": "IAReqInstanceAlloc", "arguments": arguments,
         "answers": answers}
    )  # fmt: skip
    assert ours(config, Nodes(answers), request) == theirs
    assert theirs == {"error": ["OpExecError", []]}


MOVE: Final = {"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "x"}
#: Answers of scripts, good and bad, but for the result.
ENVELOPES: Final = (
    "", "no", "[]", "{}", '"text"', "null", '{"success": true}',
    '{"success": true, "info": "i"}', '{"info": "i", "result": []}',
    '{"success": true, "result": []}', '{"success": true, "info": "i", "nodes": []}',
    '{"success": false, "info": "i", "nodes": ["a"], "result": ["b"]}',
    '{"success": false, "info": null, "result": {"any": "thing"}}',
    '{"success": 0, "info": 7, "result": null}',
)  # fmt: skip
#: Results of all modes, good and bad ones.
RESULTS: Final[Sequence[Any]] = (
    [], ["master"], ["master", "node2.example.com"], ["a", "b", "c"], "master", "", None, 7, {},
    [1], [[]], [[], []], [[], [], []], [[["i", ["a"]]], []], [[["i", ["a"]]], ["j"]],
    [[["i", []]], ["j"]], [[["", ["a"]]], []], [[["i", [""]]], []], [[["i"]], []],
    [[["i", ["a"], 1]], []], [[], [""]], [[], [None]], [[], ["j"], []],
    [[["i", "g", ["a"]]], [], [[MOVE]]], [[["i", "g", []]], [], []], [[["i", "", []]], [], []],
    [[["i", "g"]], [], []], [[["i", "g", ["a"], 1]], [], []], [[["i", "g", "a"]], [], []],
    [[], [["i", "why"]], []], [[], [["i", None]], []], [[], [["i", 3]], []], [[], [["i"]], []],
    [[], [["", "why"]], []], [[], [], [[]]], [[], [], [MOVE]], [[], [], [[{}]]],
    [[], [], [["x"]]], [[], [], [[MOVE, {**MOVE, "OP_ID": "OP_INSTANCE_FAILOVER"}]]],
    [[], [], [[{**MOVE, "OP_ID": "OP_INSTANCE_REPLACE_DISKS", "more": [1]}]]],
    [[], [], [[{**MOVE, "OP_ID": "OP_TEST_DELAY"}]]], [[], [], [[{**MOVE, "OP_ID": None}]]],
    [[], [], [], []],
)  # fmt: skip


def test_answers_of_scripts_are_taken_and_refused_alike(
    reference: Library, config: ConfigSnapshot, path: Path
) -> None:
    chance = random.Random(9)
    wrapped = [json.dumps({"success": True, "info": "done", "result": each}) for each in RESULTS]
    kinds: dict[str, Case] = {}
    for case in every_request(config, chance):
        if case[1] in ("IAReqInstanceAlloc", "IAReqRelocate"):
            if case[3] in ("drbd", "sharedfile"):
                kinds[f"{case[1]} {case[3]}"] = case
        else:
            kinds.setdefault(case[1], case)
    taken = refused = 0
    texts = [*ENVELOPES, *wrapped]
    for request, kind, arguments, template in kinds.values():
        answers = answers_of_nodes(config, template, chance)
        all_theirs = reference.ask(
            {"path": str(path), "kind": kind, "arguments": arguments, "answers": answers,
             "scripts": texts}
        )  # fmt: skip
        for text, theirs in zip(texts, all_theirs, strict=True):
            found = judged(config, answers, request, text)
            if "fault" in theirs:
                # It trips over what it should refuse, or over a result that nobody needs.
                is_refused = "error" in found or found["answer"][0] is False
                assert is_refused, (kind, text, theirs)
                continue
            assert found == theirs, (kind, text)
            taken += "answer" in theirs
            refused += "error" in theirs
    assert taken > 50
    assert refused > 200
