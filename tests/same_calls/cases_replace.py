"""Mirrored disks put on other storage, or on another node."""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: `SMALL` has one DRBD disk, on the master and `SECOND`; `LARGE` has three, on node4 and node5.
SMALL: Final = "inst19.example.com"
LARGE: Final = "inst1.example.com"
LVM: Final = "inst0.example.com"
PLANNED: Final = "planned10.example.com"
SECOND: Final = "node2.example.com"
NEW: Final = "node3.example.com"
OTHER: Final = "node6.example.com"

WHOLE: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
COPYING: Final = {**WHOLE, "sync_percent": 99.5, "estimated_time": 1, "is_degraded": True}
BROKEN: Final = {**WHOLE, "is_degraded": True}
FAULTY: Final = {**WHOLE, "is_degraded": True, "ldisk_status": 4}
REPLACED: Final[dict[str, Any]] = {
    "blockdev_addchildren": None,
    "blockdev_assemble": ["/dev/disk", "/run/link", None],
    "blockdev_create": None,
    "blockdev_find": WHOLE,
    "blockdev_getmirrorstatus": [WHOLE],
    "blockdev_remove": None,
    "blockdev_removechildren": None,
    "blockdev_rename": None,
    "blockdev_shutdown": None,
    "drbd_attach_net": None,
    "drbd_disconnect_net": None,
    "instance_info": {},
    "vg_list": {"xenvg": 9000},
}
#: The same of an instance with three disks.
THREE: Final = {"blockdev_getmirrorstatus": [WHOLE] * 3}


def _set(document: Document, kind: str, name: str, **fields: object) -> None:
    named(document, kind, name).update(fields)


def _up(document: Document) -> None:
    """Have all nodes carry instances, whatever the policy says, and both instances run."""
    cluster = document["cluster"]
    cluster["ipolicy"]["disk-templates"] = cluster["enabled_disk_templates"]
    for node in document["nodes"].values():
        node.update(vm_capable=True, drained=False)
    for name in (SMALL, LARGE):
        _set(document, "instances", name, admin_state="up", disks_active=True)


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in (_up, *changes):
            each(document)

    return change


def _instance(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: _set(document, "instances", name, **fields))


def _node(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: _set(document, "nodes", name, **fields))


def _offline(name: str) -> Callable[[Document], None]:
    """Return a change that takes a node offline, and one candidate less is wished for."""

    def change(document: Document) -> None:
        document["cluster"]["candidate_pool_size"] -= named(document, "nodes", name)[
            "master_candidate"
        ]
        _set(document, "nodes", name, offline=True, master_candidate=False)

    return _all(change)


def _cluster(**fields: object) -> Callable[[Document], None]:
    return _all(lambda document: document["cluster"].update(fields))


def _exclusive(document: Document) -> None:
    """Have storage that is measured in spindles."""
    document["cluster"]["ndparams"]["exclusive_storage"] = True


def _striped(document: Document) -> None:
    """Have mirrors lie on several devices."""
    own = {"data-stripes": 2, "meta-stripes": 3, "resync-rate": 100}
    document["cluster"]["diskparams"]["drbd"].update(own)


def _tight(document: Document) -> None:
    """Have the first group admit no instance of the second."""
    limits = document["cluster"]["ipolicy"]["minmax"]
    low = {**limits[0], "max": {**limits[0]["max"], "disk-size": 100}}
    _set(document, "nodegroups", "default", ipolicy={"minmax": [low]})


def _other_side(document: Document) -> None:
    """Have the primary node of an instance be the second side of its disks."""
    instance = named(document, "instances", SMALL)
    instance["primary_node"] = document["disks"][instance["disks"][0]]["logical_id"][1]


def _planned_mirror(document: Document) -> None:
    """Have a planned instance with one DRBD disk."""
    _planned_mirrors(document)
    del document["disks"][named(document, "instances", PLANNED)["disks"].pop()]


def _planned_mirrors(document: Document) -> None:
    """Have a planned instance with two DRBD disks."""
    planned = named(document, "instances", PLANNED)
    planned["disks"] = []
    nodes = [planned["primary_node"], named(document, "nodes", SECOND)["uuid"]]
    for index in range(2):
        uuid = f"5bb3b1b5-1c3c-4a1c-8bd3-6f9d0ff1d1a{index}"
        common = {
            "serial_no": 1, "mode": "rw", "forthcoming": True, "params": {}, "ctime": 1.0,
            "mtime": 1.0, "nodes": nodes,
        }  # fmt: skip
        parts = [
            {
                **common, "uuid": f"5bb3b1b5-1c3c-4a1c-8bd3-6f9d0ff1d{part}{index}",
                "dev_type": "plain", "logical_id": ["xenvg", f"planned.{part}{index}"],
                "children": [], "iv_name": "", "size": 128,
            }
            for part in ("2a", "2b")
        ]  # fmt: skip
        document["disks"][uuid] = {
            **common, "uuid": uuid, "iv_name": f"disk/{index}", "size": 128, "dev_type": "drbd",
            "logical_id": [*nodes, 11000 - index, 7 + index, 8 + index, "secret"],
            "children": parts,
        }  # fmt: skip
        planned["disks"].append(uuid)


def _op(name: str, mode: str, **more: Any) -> Document:
    return op("OP_INSTANCE_REPLACE_DISKS", instance_name=name, mode=f"replace_{mode}", **more)


def _done(
    name: str, of: Document, *, failing: bool = False, answers: Any = (), config: Any = None
) -> Any:
    """Return a case of disks that nodes are asked about."""
    return case(name, of, config=config or _up, answers={**REPLACED, **dict(answers)},
                failing=failing)  # fmt: skip


def _refused(name: str, of: Document, *, config: Any = None) -> Any:
    """Return a case that is refused before any node is asked."""
    return case(name, of, config=config or _up)


def _to(node: str = NEW, name: str = SMALL, **more: Any) -> Document:
    return _op(name, "new_secondary", remote_node=node, **more)


IN_PLACE: Final = (
    _done("on the primary node", _op(SMALL, "on_primary"), failing=True),
    _done("on the secondary node", _op("inst19", "on_secondary"), failing=False),
    _done("on the secondary node, released early", _op(SMALL, "on_secondary", early_release=True),
          failing=True),
    _done("on the primary node of some disks", _op(LARGE, "on_primary", disks=[2, 0]),
          answers=THREE),
    _done("on the secondary node of all disks", _op(LARGE, "on_secondary"), answers=THREE,
          config=_all(_striped)),
    _done("on the primary node of one that is down", _op(SMALL, "on_primary"), failing=True,
          config=_instance(SMALL, admin_state="down", disks_active=False)),
    _done("on the primary node of one that is offline", _op(SMALL, "on_primary"),
          config=_instance(SMALL, admin_state="offline", disks_active=False)),
    _done("on the primary node of one that is to run", _op(SMALL, "on_primary"),
          config=_instance(SMALL, admin_state="up", disks_active=False)),
    _done("on the primary node of one that runs after all", _op(SMALL, "on_primary"),
          config=_instance(SMALL, admin_state="down", disks_active=False),
          answers={"instance_info": {"state": 0}}),
    _done("on the primary node that is the other side", _op(SMALL, "on_primary"),
          config=_all(_other_side)),
    _done("on whole disks", _op(SMALL, "on_primary"), config=_all(_exclusive)),
    _done("until they are the same", _op(SMALL, "on_secondary"),
          answers={"blockdev_getmirrorstatus#1": [COPYING]}),
    _done("of a mirror that is broken afterwards", _op(SMALL, "on_secondary"),
          answers={"blockdev_find#9": BROKEN, "blockdev_getmirrorstatus": [BROKEN]}),
    _done("of a mirror that is gone afterwards", _op(SMALL, "on_secondary"),
          answers={"blockdev_find#9": None}),
    _done("of a disk that is not found", _op(SMALL, "on_primary"), answers={"blockdev_find": None}),
    _done("of a disk that is found in the end", _op(SMALL, "on_primary"),
          answers={"blockdev_find#1": None}),
    _done("of a broken other side", _op(SMALL, "on_primary"),
          answers={"blockdev_find@node2.example.com": BROKEN}),
    _done("of which old volumes are gone", _op(SMALL, "on_primary"),
          answers={"blockdev_find#6": None, "blockdev_find#7": None}),
    _done("without a volume group", _op(SMALL, "on_primary"), answers={"vg_list": {"other": 1}}),
    _done("of a planned one in place", _op(PLANNED, "on_primary"), config=_all(_planned_mirror)),
    _done("forbidden", _op(SMALL, "on_primary"),
          answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _done("dry run", {**_op(SMALL, "on_primary"), "dry_run": True}),
    _refused("on the primary node with a secondary offline", _op(SMALL, "on_primary"),
             config=_offline(SECOND)),
    _refused("on the secondary node that is offline", _op(LARGE, "on_secondary"),
             config=_offline("node5.example.com")),
    _refused("of a disk that is not there", _op(LARGE, "on_primary", disks=[1, 3])),
    _refused("of volumes", _op(LVM, "on_primary")),
    _refused("of a planned one without disks", _op(PLANNED, "on_primary")),
    _refused("of nobody", _op("nobody", "on_primary")),
    _refused("of another uuid", _op(SMALL, "on_primary", instance_uuid="elsewhere")),
    _refused("on the primary node with a new one", _op(SMALL, "on_primary", remote_node=NEW)),
    _refused("on the primary node with an allocator", _op(SMALL, "auto", iallocator="hail")),
)  # fmt: skip

ELSEWHERE: Final = (
    _done("to a node", _to(), failing=True),
    _done("to a node, released early", _to("node3", early_release=True), failing=True),
    _done("to a node of three disks", _to(OTHER, "inst1"), config=_all(_striped), answers=THREE),
    _done("to a node from the other side", _to(), config=_all(_other_side)),
    _done("to a node of one that is down", _to(),
          config=_instance(SMALL, admin_state="down", disks_active=False)),
    _done("to a node from an offline one", _to(), config=_offline(SECOND)),
    _done("to a node from an offline one of one that is down", _to(),
          config=_all(_offline(SECOND),
                      lambda document: _set(document, "instances", SMALL, admin_state="down",
                                            disks_active=False))),
    _done("to a node on whole disks", _to(), config=_all(_exclusive)),
    _done("to a node with a broken primary", _to(), answers={"blockdev_find": FAULTY}),
    _done("to a node with a mirror that is degraded only", _to(),
          answers={"blockdev_find#1": BROKEN, "blockdev_find#2": BROKEN}),
    _done("to a node that is broken afterwards", _to(), answers={"blockdev_find#5": BROKEN}),
    _done("to a node in a group that does not admit it", _to(NEW, LARGE), config=_all(_tight)),
    _done("to a node in a group that is ignored", _to(NEW, LARGE, ignore_ipolicy=True),
          config=_all(_tight), answers=THREE),
    _done("to a node of a planned one", _to(NEW, PLANNED), config=_all(_planned_mirror)),
    _done("to a node of a planned one with two disks", _to(NEW, PLANNED),
          config=_all(_planned_mirrors)),
    _refused("to the primary node", _to("master")),
    _refused("to the secondary node", _to(SECOND)),
    _refused("to nobody", _to("nobody")),
    _refused("to another uuid", _to(remote_node_uuid="elsewhere")),
    _refused("to a drained node", _to(), config=_node(NEW, drained=True, master_candidate=False)),
    _refused("to a node without guests", _to(), config=_node(NEW, vm_capable=False)),
    _refused("to an offline node", _to(), config=_offline(NEW)),
    _refused("to a node of some disks", _to(disks=[0])),
    _refused("to a node and an allocator", _to(iallocator="hail")),
    _refused("to nowhere", _op(SMALL, "new_secondary")),
    _refused("to where the cluster has no allocator for",
             _op(SMALL, "new_secondary", iallocator="."), config=_cluster(default_iallocator="")),
    _refused("to a node of volumes", _to(NEW, LVM)),
)  # fmt: skip


def _found(*nodes: str, success: bool = True) -> dict[str, Any]:
    """Return an allocator's answer."""
    return {"iallocator_runner": json.dumps({"success": success, "info": "so", "result": nodes})}


def _said(allocator: str = "hail", name: str = SMALL, **more: Any) -> Document:
    return _op(name, "new_secondary", iallocator=allocator, **more)


BY_ALLOCATOR: Final = (
    _done("where an allocator says", _said(), answers=_found(NEW), failing=True),
    _done("where the cluster's allocator says", _said("."), answers=_found(OTHER),
          config=_cluster(default_iallocator="other")),
    _done("where no allocator knows", _said(), answers=_found(success=False)),
    _done("where an allocator names the primary", _said(), answers=_found("node1.example.com")),
    _done("where an allocator names the secondary", _said(), answers=_found(SECOND)),
    _done("where an allocator names nobody", _said(), answers=_found("nobody")),
    _done("where an allocator names none", _said(), answers=_found()),
    _done("where an allocator says of some disks", _said(disks=[0]), answers=_found(NEW)),
    _done("where an allocator says of volumes", _said(name=LVM), answers=_found(NEW)),
)  # fmt: skip


def _auto(name: str, *, primary: Any = WHOLE, secondary: Any = WHOLE, **more: Any) -> Any:
    answers = {
        "blockdev_getmirrorstatus#1": [WHOLE, primary, WHOLE],
        "blockdev_getmirrorstatus#2": [WHOLE, secondary, WHOLE],
        **THREE,
    }
    return _done(name, _op(LARGE, "auto", disks=more.pop("disks", [])),
                 answers={**answers, **more.pop("answers", {})}, **more)  # fmt: skip


BY_ITSELF: Final = (
    _auto("by itself, nothing", failing=True),
    _auto("by itself, on the primary node", primary=FAULTY),
    _auto("by itself, on the secondary node", secondary=FAULTY),
    _auto("by itself, on both", primary=FAULTY, secondary=FAULTY),
    _auto("by itself, not told", primary=None, secondary=FAULTY),
    _auto("by itself, not active", answers={"blockdev_find#3": None}),
    _auto("by itself, some disks", disks=[1]),
    _auto("by itself, with a secondary offline", primary=FAULTY,
          config=_offline("node5.example.com")),
)  # fmt: skip

CASES: Final = (*IN_PLACE, *ELSEWHERE, *BY_ALLOCATOR, *BY_ITSELF)
