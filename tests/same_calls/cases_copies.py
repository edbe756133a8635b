"""Instances moved with copies of their disks, and instances brought to other groups."""

import json
from typing import Any, Final

from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op, rejecting
from tests.same_calls.cases_moves import (
    DRBD,
    FILES,
    FORBIDDEN,
    KVM_LVM,
    NODE2,
    NODE3,
    NONE,
    PLANNED,
    RBD,
    SHARED,
    STARTED,
    Change,
    after,
    everywhere,
    having,
    node,
    offline,
    up,
)
from tests.sample_config import Document

#: What a node tells of a daemon: it listens, it has done its work, it has not.
LISTENING: Final = {"listen_port": 40_001, "recent_output": []}
DONE: Final = {"listen_port": 40_001, "connected": True, "exit_status": 0, "recent_output": []}
FAILED: Final = {
    "listen_port": 40_001, "connected": True, "exit_status": 1, "error_message": "no space",
    "recent_output": ["one", "two"],
}  # fmt: skip


def _told(node: str, *states: object) -> dict[str, Any]:
    """Return what a node tells of one daemon, look by look; the last state stays."""
    told = {f"impexp_status#{turn}@{node}": [each] for turn, each in enumerate(states, 1)}
    return {**told, f"impexp_status@{node}": [states[-1]]}


#: What nodes answer where one disk is copied from node2 to node3.
COPIED: Final[dict[str, Any]] = {
    **STARTED,
    "blockdev_create": None,
    "blockdev_remove": None,
    "export_start": "export-disk0-1",
    "file_storage_dir_create": ["/srv"],
    "file_storage_dir_remove": None,
    "impexp_abort": None,
    "impexp_cleanup": None,
    "import_start": "import-disk0-1",
    **_told(NODE3, LISTENING, DONE),
    **_told(NODE2, DONE),
}


def _one_disk(document: Document) -> None:
    """Have the instance that is moved have one disk only."""
    for name in (KVM_LVM, FILES):
        instance = named(document, "instances", name)
        for uuid in instance["disks"][1:]:
            del document["disks"][uuid]
        instance["disks"] = instance["disks"][:1]


def _files_here(document: Document) -> None:
    """Have the instance of a file on node2."""
    instance, node = named(document, "instances", FILES), named(document, "nodes", NODE2)
    instance["primary_node"] = node["uuid"]
    for uuid in instance["disks"]:
        document["disks"][uuid]["nodes"] = [node["uuid"]]


def _mixed(document: Document) -> None:
    """Have an instance with a volume and a file."""
    document["disks"][named(document, "instances", KVM_LVM)["disks"][1]].update(
        dev_type="file", logical_id=["loop", "/srv/ganeti/file-storage/one"]
    )


def _only_files(document: Document) -> None:
    templates = document["cluster"]["enabled_disk_templates"]
    document["cluster"]["enabled_disk_templates"] = [each for each in templates if each != "plain"]


def _move(name: str, target: str = NODE3, **more: Any) -> Document:
    return op("OP_INSTANCE_MOVE", instance_name=name, target_node=target, **more)


def _moved(
    name: str,
    opcode: Document,
    *,
    config: Change | None = None,
    failing: bool = False,
    also: dict[str, Any] | None = None,
) -> Any:
    """Return a case of an instance with one disk that is moved from node2, unless it says else."""
    config = config or after(up(KVM_LVM), _one_disk)
    return case(name, opcode, config=config, answers={**COPIED, **(also or {})}, failing=failing)


MOVE: Final = (
    _moved("of a volume", _move(KVM_LVM, shutdown_timeout=9), failing=True),
    _moved("of a volume whatever the source does",
           _move(KVM_LVM, ignore_consistency=True, compress="gzip"), failing=True),
    _moved("of a volume of one that is down", _move(KVM_LVM),
           config=after(having(KVM_LVM, admin_state="down", disks_active=False), _one_disk)),
    _moved("of a file", _move(FILES), config=after(up(FILES), _one_disk, _files_here),
           failing=True),
    _moved("of several volumes", _move(KVM_LVM), config=up(KVM_LVM), also={
        "import_start#1": "import-disk0-1", "import_start#2": "import-disk1-1",
        "import_start#3": "import-disk2-1",
        "export_start#1": "export-disk0-1", "export_start#2": "export-disk1-1",
        "export_start#3": "export-disk2-1",
        f"impexp_status#1@{NODE3}": [LISTENING, LISTENING, LISTENING],
        f"impexp_status#2@{NODE3}": [DONE, DONE, DONE],
        f"impexp_status@{NODE2}": [DONE, DONE, DONE], f"impexp_status#1@{NODE2}": [DONE] * 3}),
    _moved("of several volumes of which one cannot be made", _move(KVM_LVM), config=up(KVM_LVM),
           also={"blockdev_create#2": FAILS}),
    _moved("that is not received", _move(KVM_LVM), also=_told(NODE3, LISTENING, FAILED)),
    _moved("that is not sent", _move(KVM_LVM),
           also={**_told(NODE2, FAILED), **_told(NODE3, LISTENING, FAILED)}),
    _moved("that is not sent, and what arrived stays", _move(KVM_LVM),
           also={**_told(NODE2, FAILED), **_told(NODE3, LISTENING, FAILED),
                 "blockdev_remove": FAILS}),
    _moved("that does not start there", _move(KVM_LVM), also={"instance_start": FAILS}),
    _moved("without disks", _move(NONE), config=up(NONE)),
    _moved("of which the old disks stay", _move(KVM_LVM), also={"blockdev_remove": FAILS}),
    _moved("off a dead node", _move(KVM_LVM, ignore_consistency=True),
           config=after(up(KVM_LVM), _one_disk, offline(NODE2))),
    _moved("onto a dead node", _move(KVM_LVM),
           config=after(up(KVM_LVM), _one_disk, offline(NODE3))),
    _moved("onto a drained node", _move(KVM_LVM),
           config=after(up(KVM_LVM), _one_disk, node(NODE3, drained=True))),
    _moved("onto a node without guests", _move(KVM_LVM),
           config=after(up(KVM_LVM), _one_disk, node(NODE3, vm_capable=False))),
    _moved("to where it is", _move(KVM_LVM, NODE2)),
    _moved("to nobody", _move(KVM_LVM, "nobody")),
    _moved("of a DRBD disk", _move(DRBD), config=up(DRBD)),
    _moved("of RBD", _move(RBD), config=up(RBD)),
    _moved("of disks of several templates", _move(KVM_LVM), config=after(up(KVM_LVM), _mixed)),
    _moved("of a template that is not enabled", _move(KVM_LVM, ignore_ipolicy=True),
           config=after(up(KVM_LVM), _one_disk, _only_files)),
    _moved("without memory", _move(KVM_LVM),
           also={"node_info": ["boot", None, [{"memory_free": 100}]]}),
    case("against the policy", _move(KVM_LVM), answers=COPIED, config=_one_disk),
    case("against the policy that is ignored", _move(KVM_LVM, ignore_ipolicy=True),
         answers=COPIED, config=_one_disk, failing=False),
    _moved("of a planned one", _move(PLANNED), config=everywhere),
    _moved("of nobody", _move("nobody")),
    _moved("forbidden", _move(KVM_LVM), also=FORBIDDEN),
    _moved("dry run", {**_move(KVM_LVM), "dry_run": True}),
)  # fmt: skip


def _found(*jobs: list[Document], moved: Any = (), failed: Any = ()) -> dict[str, Any]:
    """Return the answers where an allocator finds something."""
    result = [list(moved), list(failed), list(jobs)]
    text = json.dumps({"success": True, "info": "found", "result": result})
    return {"iallocator_runner": text, "all_instances_info": {}, "node_info": NODES}


NODES: Final = ["boot", [], [{
    "memory_total": 4096, "memory_free": 2048, "memory_dom0": 512, "cpu_total": 4, "cpu_nodes": 1,
    "cpu_sockets": 1, "cpu_dom0": 1,
}]]  # fmt: skip
NO_PLACE: Final = {
    "iallocator_runner": '{"success": false, "info": "no room", "result": []}',
    "all_instances_info": {}, "node_info": NODES,
}  # fmt: skip
GONE: Final = rejecting("OP_INSTANCE_MIGRATE", "OP_INSTANCE_FAILOVER", "OP_INSTANCE_REPLACE_DISKS")
AWAY: Final = _found(
    [{"OP_ID": "OP_INSTANCE_REPLACE_DISKS", "instance_name": SHARED, "disks": [],
      "mode": "replace_new_secondary", "remote_node": NODE2}],
    [{"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": SHARED, "target_node": NODE2}],
    moved=[[SHARED, "group1", [NODE2]]],
)  # fmt: skip


def _leave(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_CHANGE_GROUP", instance_name=name, **more)


def _change(name: str, opcode: Document, **settings: Any) -> Any:
    return case(name, opcode, **{"config": GONE, "answers": AWAY, "failing": False, **settings})


CHANGE_GROUP: Final = (
    _change("wherever", _leave(SHARED, iallocator="hail"), failing=True),
    _change("to one group", _leave(SHARED, target_groups=["group1"], iallocator="hail",
                                   early_release=True)),
    _change("where the cluster's allocator says", _leave(SHARED)),
    _change("without an allocator", _leave(SHARED), config=lambda document:
            document["cluster"].update(default_iallocator="")),
    _change("to its own group", _leave(SHARED, target_groups=["default", "group1"],
                                       iallocator="hail")),
    _change("off all groups", _leave(DRBD, iallocator="hail")),
    _change("to nowhere", _leave(SHARED, target_groups=["nobody"], iallocator="hail")),
    _change("to where there is no place", _leave(SHARED, iallocator="hail"),
            answers=_found(failed=[[SHARED, "no room"]])),
    _change("of which the allocator knows nothing", _leave(SHARED, iallocator="hail"),
            answers=NO_PLACE),
    _change("without anything to do", _leave(SHARED, iallocator="hail"), answers=_found()),
    _change("of a planned one", _leave(PLANNED, iallocator="hail")),
    _change("of nobody", _leave("nobody", iallocator="hail")),
    _change("forbidden", _leave(SHARED, iallocator="hail"), answers={**AWAY, **FORBIDDEN}),
    _change("dry run", {**_leave(SHARED, iallocator="hail"), "dry_run": True}),
)  # fmt: skip

CASES: Final = (*MOVE, *CHANGE_GROUP)
