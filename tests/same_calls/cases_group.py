"""Node groups."""

from typing import Any, Final

from tests.same_calls.case import Case, case, named, op
from tests.sample_config import Document

NODES: Final = ["node2.example.com", "node4.example.com"]


def _empty_group(document: Document) -> None:
    """Have a third group, without nodes."""
    group = named(document, "nodegroups", "group1")
    new = {**group, "uuid": "3d5d5a0e-24d5-4f3c-a3cf-4d07b4bbd2a1", "name": "group2"}
    document["nodegroups"][new["uuid"]] = {**new, "networks": {}, "members": [], "tags": []}


def _one(document: Document) -> None:
    """Leave one group only, with all nodes."""
    first = next(iter(document["nodegroups"]))
    for node in document["nodes"].values():
        node["group"] = first
    document["nodegroups"] = {first: document["nodegroups"][first]}


def _talking(document: Document) -> None:
    """Let instances be talked to by a network."""
    document["cluster"]["instance_communication_network"] = "net1"


SMALL: Final = dict.fromkeys(
    ("cpu-count", "disk-count", "disk-size", "memory-size", "nic-count", "spindle-use"), 1
)
LARGE: Final = dict.fromkeys(SMALL, 1 << 20)


def _add(name: str, **parameters: Any) -> Case:
    return case(name, op("OP_GROUP_ADD", group_name="new", **parameters))


def _set(name: str, **parameters: Any) -> Case:
    return case(name, op("OP_GROUP_SET_PARAMS", group_name="group1", **parameters))


#: What a node answers whose script fails.
FAILED: Final = [["group-add-pre.d/00-no", 1, "not today"]]

CASES: Final = (
    case("forbidden", op("OP_GROUP_ADD", group_name="new"), answers={"hooks_runner": FAILED}),
    case("regretted", op("OP_GROUP_ADD", group_name="new"), answers={"hooks_runner#2": FAILED}),
    _add("parameters as text", ndparams={"spindle_count": "4", "exclusive_storage": "true"}),
    _add("disk parameter of another template", diskparams={"plain": {"resync-rate": 1}}),
    _add("state of hypervisors", hv_state={"kvm": {"mem_total": "100"}}),
    _add("state of an unknown hypervisor", hv_state={"no": {}}),
    _add("state of disks", disk_state={"plain": {"xenvg": {"disk_total": 5}}}),
    _add("state of other disks", disk_state={"drbd": {}}),
    _add("sizes", ipolicy={"minmax": [{"min": SMALL, "max": LARGE}]}),
    _add("sizes upside down", ipolicy={"minmax": [{"min": LARGE, "max": SMALL}]}),
    _add("dry run", dry_run=True),
    case("network for instances", op("OP_GROUP_ADD", group_name="new"), config=_talking),
    case("only one", op("OP_GROUP_REMOVE", group_name="default"), config=_one),
    _set("access of no meaning", diskparams={"rbd": {"access": "no"}}),
    _set("state of hypervisors", hv_state={"kvm": {"mem_total": 100}}),
    _set("state of disks", disk_state={"plain": {"xenvg": {"disk_total": 5}}}),
    _set("sizes that none fits", ipolicy={"minmax": [{"min": SMALL, "max": SMALL}]}),
    _set("standard size", ipolicy={"std": SMALL}),
    case("plain", op("OP_GROUP_ADD", group_name="new")),
    case(
        "with parameters",
        op(
            "OP_GROUP_ADD",
            group_name="new",
            alloc_policy="unallocable",
            ndparams={"spindle_count": 5, "exclusive_storage": False},
            diskparams={"drbd": {"metavg": "other"}, "plain": {"stripes": 2}},
            ipolicy={"vcpu-ratio": 3.0, "disk-templates": ["plain", "drbd"]},
        ),
    ),
    case("name in use", op("OP_GROUP_ADD", group_name="group1")),
    case("unknown node parameter", op("OP_GROUP_ADD", group_name="new", ndparams={"foo": 1})),
    case(
        "node parameter of a wrong type",
        op("OP_GROUP_ADD", group_name="new", ndparams={"spindle_count": "many"}),
    ),
    case(
        "unknown disk parameter",
        op("OP_GROUP_ADD", group_name="new", diskparams={"drbd": {"foo": 1}}),
    ),
    case("bad policy", op("OP_GROUP_ADD", group_name="new", ipolicy={"vcpu-ratio": "x"})),
    case(
        "policy with an unknown template",
        op("OP_GROUP_ADD", group_name="new", ipolicy={"disk-templates": ["nothing"]}),
    ),
    case("empty", op("OP_GROUP_REMOVE", group_name="group2"), config=_empty_group),
    case("with nodes", op("OP_GROUP_REMOVE", group_name="group1")),
    case("unknown", op("OP_GROUP_REMOVE", group_name="nothing")),
    case("renamed", op("OP_GROUP_RENAME", group_name="group1", new_name="other")),
    case("to its own name", op("OP_GROUP_RENAME", group_name="group1", new_name="group1")),
    case("to a name in use", op("OP_GROUP_RENAME", group_name="group1", new_name="default")),
    case("unknown", op("OP_GROUP_RENAME", group_name="nothing", new_name="other")),
    case(
        "splitting no instance",
        op("OP_GROUP_ASSIGN_NODES", group_name="group2", nodes=["node5.example.com"]),
        config=_empty_group,
    ),
    case(
        "splitting instances",
        op("OP_GROUP_ASSIGN_NODES", group_name="default", nodes=NODES),
    ),
    case(
        "splitting instances by force",
        op("OP_GROUP_ASSIGN_NODES", group_name="default", nodes=NODES, force=True),
    ),
    case("nodes that are there", op("OP_GROUP_ASSIGN_NODES", group_name="group1", nodes=NODES)),
    case("unknown node", op("OP_GROUP_ASSIGN_NODES", group_name="group1", nodes=["nobody"])),
    case("unknown group", op("OP_GROUP_ASSIGN_NODES", group_name="nothing", nodes=NODES)),
    case(
        "allocation policy",
        op("OP_GROUP_SET_PARAMS", group_name="group1", alloc_policy="preferred"),
    ),
    case(
        "everything",
        op(
            "OP_GROUP_SET_PARAMS",
            group_name="default",
            alloc_policy="last_resort",
            ndparams={"spindle_count": 4, "cpu_speed": "default"},
            diskparams={"drbd": {"resync-rate": 2048}},
            ipolicy={"vcpu-ratio": 8.0, "spindle-ratio": 16.0},
        ),
    ),
    case(
        "policy that instances violate",
        op("OP_GROUP_SET_PARAMS", group_name="group1", ipolicy={"disk-templates": ["rbd"]}),
    ),
    case(
        "policy as the cluster's",
        op("OP_GROUP_SET_PARAMS", group_name="group1", ipolicy={"vcpu-ratio": "default"}),
    ),
    case("nothing", op("OP_GROUP_SET_PARAMS", group_name="group1")),
    case(
        "unknown parameter",
        op("OP_GROUP_SET_PARAMS", group_name="group1", ndparams={"foo": 1}),
    ),
    case(
        "unknown group",
        op("OP_GROUP_SET_PARAMS", group_name="nothing", alloc_policy="preferred"),
    ),
    case(
        "global node parameter",
        op("OP_GROUP_SET_PARAMS", group_name="group1", ndparams={"ssh_port": 22}),
    ),
)
