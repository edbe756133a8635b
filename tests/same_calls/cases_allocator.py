"""Allocators, and the jobs that move instances where they say, or where an administrator says."""

import json
from typing import Any, Final

from tests.same_calls.case import Case, case, named, op
from tests.sample_config import Document

#: What the jobs submitted here consist of.
MOVES: Final = ("OP_INSTANCE_FAILOVER", "OP_INSTANCE_MIGRATE", "OP_INSTANCE_REPLACE_DISKS")

NEW: Final[Document] = {
    "mode": "allocate",
    "name": "new.example.com",
    "disk_template": "drbd",
    "disks": [{"size": 512, "mode": "rw"}, {"size": 64, "mode": "ro"}],
    "nics": [{"mac": "auto", "ip": "203.0.113.9"}],
    "os": "noop",
    "memory": 256,
    "vcpus": 1,
    "tags": ["a", "b"],
    "hypervisor": "kvm",
}
OUT: Final[Document] = {"direction": "out", "iallocator": "any", "name": "any"}


def _moves_rejected(document: Document) -> None:
    """Have the jobs that come of it canceled before they begin, so that only this one is seen."""
    uuid = "6d5d5a0e-24d5-4f3c-a3cf-4d07b4bbd2a1"
    document["filters"][uuid] = {
        "uuid": uuid,
        "watermark": 0,
        "priority": 0,
        "predicates": [["opcode", ["|", *(["==", "OP_ID", move] for move in MOVES)]]],
        "action": "REJECT",
        "reason_trail": [],
    }


def _no_allocator(document: Document) -> None:
    document["cluster"]["default_iallocator"] = ""


def _exclusive_storage(document: Document) -> None:
    named(document, "nodegroups", "default")["ndparams"]["exclusive_storage"] = True


def _answer(result: Any, *, success: bool = True) -> Document:
    return {"iallocator_runner": json.dumps({"success": success, "info": "so", "result": result})}


def _move(op_id: str, instance: str, **parameters: Any) -> Document:
    return {"OP_ID": op_id, "instance_name": f"{instance}.example.com", **parameters}


MOVED: Final[list[Any]] = [
    [["inst1.example.com", "group1", ["node2.example.com"]]],
    [],
    [
        [_move("OP_INSTANCE_REPLACE_DISKS", "inst1", mode="replace_new_secondary",
               remote_node="node3.example.com", disks=[])],
        [_move("OP_INSTANCE_MIGRATE", "inst1", allow_failover=True),
         _move("OP_INSTANCE_FAILOVER", "inst1", target_node="node3.example.com")],
    ],
]  # fmt: skip
SETTINGS: Final = ("answers", "config", "failing", "mended")
UNMOVED: Final[list[Any]] = [
    [],
    [["inst1.example.com", "no room"], ["inst19.example.com", None]],
    [],
]


def _case(about: str, op_id: str, parameters: Document) -> Case:
    """Return a case; some of the parameters are settings of it. Few need each call to fail."""
    settings = {key: parameters.pop(key) for key in SETTINGS if key in parameters}
    return case(about, op(op_id, **parameters), **{"failing": False, **settings})


def _test(about: str, /, **parameters: Any) -> Case:
    answers = {"iallocator_runner": "what it likes"}
    return _case(about, "OP_TEST_ALLOCATOR", {**OUT, "answers": answers, **parameters})


def _evacuate(about: str, node: str = "node5", **parameters: Any) -> Case:
    about_node = {"mode": "secondary-only", "node_name": f"{node}.example.com"}
    return _case(about, "OP_NODE_EVACUATE", {**about_node, "config": _moves_rejected, **parameters})


def _migrate(about: str, node: str, **parameters: Any) -> Case:
    parameters = {"node_name": node, "config": _moves_rejected, **parameters}
    return _case(about, "OP_NODE_MIGRATE", parameters)


def _leave(about: str, **parameters: Any) -> Case:
    parameters = {
        "group_name": "group1",
        "config": _moves_rejected,
        "mended": True,
        **parameters,
    }
    return _case(about, "OP_GROUP_EVACUATE", parameters)


CASES: Final = (
    _test("a place on two nodes", **NEW, failing=True),
    _test("what the script would get", **NEW, direction="in"),
    _test("a place on one node", **{**NEW, "disk_template": "file", "hypervisor": None}),
    _test("exclusive storage", **{**NEW, "disk_template": "plain"}, config=_exclusive_storage),
    _test("several places", **{**NEW, "mode": "multi-allocate", "count": 3}),
    _test("no place", **{**NEW, "mode": "multi-allocate", "count": 0}),
    _test("a name in use", **{**NEW, "name": "inst1.example.com"}),
    _test("a disk without size", **{**NEW, "disks": [{"mode": "rw"}]}),
    _test("no memory", **{**NEW, "memory": None}),
    _test("no NICs", **{**NEW, "nics": None}),
    _test("no disks", **{**NEW, "disks": None}),
    _test("another secondary node", mode="relocate", name="inst1"),
    _test("no mirrored disks", mode="relocate", name="inst0.example.com"),
    _test("an unknown instance", mode="relocate", name="nobody"),
    _test("a first secondary node", mode="allocate-secondary", name="inst0.example.com"),
    _test("off a node", mode="node-evacuate", instances=["inst1", "inst19"],
          evac_mode="primary-only"),
    _test("off a node, nobody", mode="node-evacuate", instances=[], evac_mode="primary-only"),
    _test("to other groups", mode="change-group", instances=["inst1"], target_groups=["group1"]),
    _test("without a script", **NEW, iallocator=None),
    _test("an unknown script", **NEW, iallocator="nothing", answers={}),
    _test("what hail finds", **NEW, iallocator="hail", answers={}),
    _evacuate("secondaries", answers=_answer(MOVED), iallocator="hail"),
    _evacuate("the cluster's allocator", answers=_answer(MOVED), early_release=True, failing=True),
    _evacuate("soft errors", answers=_answer(MOVED), ignore_soft_errors=True),
    _evacuate("primaries", "node4", answers=_answer(MOVED), mode="primary-only"),
    _evacuate("both", mode="all"),
    _evacuate("no instances", "node3"),
    _evacuate("some find no place", answers=_answer(UNMOVED)),
    _evacuate("no solution", answers=_answer([], success=False)),
    _evacuate("another form", answers=_answer([[], []])),
    _evacuate("an unknown script", iallocator="nothing"),
    _evacuate("to a node", remote_node="node3.example.com", early_release=True),
    _evacuate("to itself", remote_node="node5.example.com"),
    _evacuate("primaries to a node", remote_node="node3.example.com", mode="primary-only"),
    _evacuate("to the primary node", remote_node="node4.example.com"),
    _evacuate("both named", remote_node="node3.example.com", iallocator="hail"),
    _evacuate("no allocator", config=_no_allocator),
    _evacuate("an unknown node", "nobody"),
    _evacuate("another node by now", node_uuid="00000000-0000-4000-8000-000000000000"),
    _migrate("all", "node4.example.com", failing=True),
    _migrate("with settings", "node3.example.com", mode="non-live", iallocator="hail",
             allow_runtime_changes=False, ignore_ipolicy=True),
    _migrate("to a node", "node2", target_node="node3.example.com", live=True),
    _migrate("an unknown node", "nobody"),
    _leave("as it is", answers=_answer(MOVED), mended=False),
    _leave("to any group", answers=_answer(MOVED), iallocator="hail", failing=True),
    _leave("some find no place", answers=_answer(UNMOVED)),
    _leave("no solution", answers=_answer([], success=False)),
    _leave("to a group", answers=_answer(MOVED), target_groups=["default"], sequential=True),
    _leave("by failover", answers=_answer([*MOVED[:2], MOVED[2][1:]]), force_failover=True),
    _leave("to itself", target_groups=["group1"]),
    _leave("to an unknown group", target_groups=["nothing"]),
    _leave("no allocator", config=_no_allocator),
    _leave("an unknown group", group_name="nothing"),
)  # fmt: skip
