"""Instances whose disks get another template: each pair, refusals, and what fails on the way."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.same_calls.guests import everywhere, stopped, with_disks
from tests.sample_config import Document

#: An instance of each template, its disks, and its primary node.
SOURCES: Final = {
    "plain": "inst18.example.com",
    "drbd": "inst1.example.com",
    "file": "inst11.example.com",
    "sharedfile": "inst12.example.com",
    "gluster": "inst4.example.com",
    "blockdev": "inst5.example.com",
    "rbd": "inst15.example.com",
    "ext": "inst7.example.com",
    "diskless": "inst8.example.com",
}
TARGETS: Final = ("plain", "drbd", "file", "sharedfile", "gluster", "rbd", "ext")
#: Where the other copy of mirrors goes.
MIRROR: Final = "node3.example.com"
OTHER: Final = "node4.example.com"

PROVIDER: Final = {"provider": "other", "colour": "red"}


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        everywhere(document)
        for each in changes:
            each(document)

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return lambda document: document["cluster"].update(fields)


def _node(name: str, **fields: object) -> Callable[[Document], None]:
    return lambda document: named(document, "nodes", name).update(fields)


def _provided(document: Document) -> None:
    """Have disks of a provider say so, and whose."""
    for disk in document["disks"].values():
        if disk.get("dev_type") == "ext":
            disk["params"] = {"provider": "pvdr", "colour": "blue"}
            disk["logical_id"][0] = "pvdr"


def _op(source: str, target: str, **parameters: Any) -> Document:
    more: dict[str, Any] = {}
    if target == "drbd":
        more["remote_node"] = MIRROR
    if target == "ext":
        more["ext_params"] = PROVIDER
    return op(
        "OP_INSTANCE_SET_PARAMS",
        **{
            "instance_name": SOURCES.get(source, source), "disk_template": target,
            **more, **parameters,
        },
    )  # fmt: skip


def _converted(
    source: str, target: str, special: str = "", *,
    failing: bool = False, answers: Mapping[str, object] = {}, disks: int = 1,
    config: Callable[[Document], None] | None = None, **parameters: Any,
) -> Any:  # fmt: skip
    """Return a case of an instance that is stopped, with the first of its disks."""
    name = SOURCES[source]
    changes = [stopped(name), with_disks(name, disks)] + ([] if config is None else [config])
    if "gluster" in (source, target):
        answers = {"file_storage_dir_create": ["/srv"], **answers}
    if source == "ext":
        changes.append(_provided)
    title = f"converted from {source} to {target}{special and ' '}{special}"
    return case(title, _op(source, target, **parameters), config=_all(*changes), answers=answers,
                failing=failing)  # fmt: skip


#: What is looked at more closely, with each of its calls failing once where no other has it so.
SPECIAL: Final = (
    _converted("plain", "drbd", failing=True, disks=2),
    _converted("drbd", "plain", failing=True, disks=2),
    _converted("file", "drbd", failing=True, disks=1),
    _converted("drbd", "file", failing=True, disks=2),
    _converted("file", "sharedfile", failing=True),
)
_DONE: Final = {("plain", "drbd"), ("drbd", "plain"), ("file", "drbd"), ("drbd", "file"),
                ("file", "sharedfile")}  # fmt: skip

PAIRS: Final = tuple(
    _converted(source, target)
    for source in SOURCES
    for target in TARGETS
    if source not in (target, "diskless") and (source, target) not in _DONE
)


def _found(*nodes: str, success: bool = True) -> dict[str, Any]:
    result = nodes[0] if nodes else ""
    return {"iallocator_runner": json.dumps({"success": success, "info": "so", "result": result}),
            "all_instances_info": {}}  # fmt: skip


def _allocated(special: str, source: str = "plain", **more: Any) -> Any:
    return _converted(source, "drbd", special, **{"remote_node": None, **more})


COPYING: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": 99.5,
    "estimated_time": 1, "is_degraded": True, "ldisk_status": 1,
}  # fmt: skip
BROKEN: Final = {**COPYING, "sync_percent": None, "estimated_time": None}


def _striped(document: Document) -> None:
    """Have mirrors lie on several devices, and their metadata in a group of its own."""
    own = {"data-stripes": 2, "meta-stripes": 3, "metavg": "meta", "resync-rate": 100}
    document["cluster"]["diskparams"]["drbd"].update(own)


def _whole_disks(document: Document) -> None:
    """Have nodes of the second group give whole disks away."""
    named(document, "nodegroups", "group1")["ndparams"]["exclusive_storage"] = True


def _userspace(document: Document) -> None:
    for disk in document["disks"].values():
        if disk.get("dev_type") == "rbd":
            disk["params"] = {"access": "userspace"}


def _elsewhere(document: Document) -> None:
    """Have volumes in another group."""
    for disk in document["disks"].values():
        if disk.get("dev_type") == "plain":
            disk["logical_id"][0] = "othervg"


VARIED: Final = (
    _allocated("where an allocator says", iallocator="other", answers=_found(MIRROR)),
    _allocated("where the cluster's allocator says", answers=_found(MIRROR)),
    _allocated("where no allocator knows", answers=_found(success=False)),
    _allocated("where an allocator names nobody", answers=_found("nobody")),
    _allocated("where an allocator says", source="file", answers=_found(MIRROR)),
    _allocated("without an allocator", config=_cluster(default_iallocator="")),
    _converted("plain", "drbd", "where both say", iallocator="hail"),
    _converted("plain", "drbd", "not waited for", wait_for_sync=False,
               answers={"blockdev_getmirrorstatus": [COPYING]}),
    _converted("plain", "drbd", "that breaks", answers={"blockdev_getmirrorstatus": [BROKEN]},
               wait_for_sync=False),
    _converted("file", "drbd", "that breaks", answers={"blockdev_getmirrorstatus": [BROKEN]},
               wait_for_sync=False),
    _converted("plain", "drbd", "with parameters", config=_striped),
    _converted("plain", "drbd", "in another group", config=_elsewhere),
    _converted("drbd", "plain", "with parameters", config=_striped),
    _converted("plain", "drbd", "with a node elsewhere", remote_node=OTHER),
    _converted("plain", "drbd", "with itself", remote_node="node2.example.com"),
    _converted("plain", "drbd", "with nobody", remote_node="nobody"),
    _converted("plain", "drbd", "with another uuid", remote_node_uuid="other"),
    _converted("plain", "drbd", "with a node that is offline",
               config=_node(MIRROR, offline=True, master_candidate=False)),
    _converted("plain", "drbd", "with a node that is drained", config=_node(MIRROR, drained=True)),
    _converted("plain", "drbd", "with a node without guests",
               config=_node(MIRROR, vm_capable=False)),
    _converted("plain", "drbd", "without room", answers={
        "node_info": ["boot", [{"type": "lvm-vg", "name": "xenvg", "storage_free": 1,
                                "storage_size": 9}], [{}]]}),
    _converted("drbd", "plain", "with a node offline",
               config=_node("node5.example.com", offline=True, drained=False)),
    _converted("file", "plain", "with a second node", remote_node=MIRROR),
    _converted("plain", "file", "in a directory", file_storage_dir="below",
               file_driver="blktap2", disks=3),
    _converted("plain", "file", "outside", file_storage_dir="../../up"),
    _converted("plain", "file", "without a directory", config=_cluster(file_storage_dir="")),
    _converted("plain", "gluster", "in a directory", file_storage_dir="below"),
    _converted("rbd", "gluster", "in user space", config=_userspace),
    _converted("plain", "ext", "without a provider", ext_params={}),
    _converted("plain", "ext", "of a known parameter", ext_params={**PROVIDER, "size": 7}),
    _converted("ext", "ext", "of the same provider", ext_params={"provider": "pvdr"}),
    _converted("ext", "rbd", "of a provider", ext_params=PROVIDER),
    _converted("ext", "rbd", "with parameters", ext_params={"colour": "red"}),
    _converted("plain", "plain"),
    _converted("plain", "blockdev"),
    _converted("plain", "diskless"),
    _converted("diskless", "plain"),
    _converted("plain", "rbd", "not enabled", config=_cluster(
        enabled_disk_templates=["blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain",
                                "sharedfile"])),
    _converted("file", "plain", "without a group", config=_cluster(volume_group_name=None)),
)  # fmt: skip


def _failing(source: str, target: str, call: str, **more: Any) -> Any:
    """Return a case in which a call fails, which another case made before, too."""
    told = call.replace("#", " ").replace("@", " at ")
    return _converted(source, target, f"while {told} fails", answers={call: FAILS}, **more)


FAILING: Final = tuple(
    _failing(source, target, call, disks=2)
    for source, target, calls in (
        ("plain", "drbd", ("blockdev_shutdown", "blockdev_create@node2.example.com",
                           "blockdev_create#2@node3.example.com",
                           "blockdev_create#5@node3.example.com",
                           "blockdev_create#4@node2.example.com", "blockdev_rename")),
        ("drbd", "plain", ("blockdev_shutdown@node4.example.com",
                           "blockdev_shutdown@node5.example.com", "blockdev_remove")),
        ("plain", "file", ("file_storage_dir_create", "blockdev_create", "blockdev_create#2",
                           "blockdev_convert", "blockdev_convert#2", "blockdev_remove")),
        ("file", "plain", ("node_info", "blockdev_convert", "blockdev_remove",
                           "file_storage_dir_remove")),
        ("ext", "drbd", ("blockdev_convert#2", "blockdev_create#2@node3.example.com",
                         "blockdev_create#6@node3.example.com", "blockdev_getmirrorstatus#1")),
        ("drbd", "rbd", ("blockdev_convert", "blockdev_remove@node5.example.com")),
    )
    for call in calls
)  # fmt: skip


def _other(name: str, source: str, target: str, *changes: Callable[[Document], None]) -> Any:
    return case(name, _op(source, target), config=_all(*changes))


OTHERWISE: Final = (
    _other("converted while it runs", "plain", "file"),
    _other("converted though set offline", "inst9.example.com", "file"),
    _other("converted on whole disks", "plain", "file", stopped(SOURCES["plain"]), _whole_disks),
    _other("converted to volumes on whole disks", "rbd", "plain", stopped(SOURCES["rbd"]),
           _whole_disks),
    _other("converted against the policy", "plain", "rbd", stopped(SOURCES["plain"]),
           lambda document: document["cluster"]["ipolicy"].update(
               {"disk-templates": ["plain", "drbd"]})),
    _other("converted that is planned", "planned10.example.com", "file"),
    case("converted with other disks", _op("plain", "file") | {"disks": [[0, {"mode": "ro"}]]},
         config=_all(stopped(SOURCES["plain"]))),
    case("converted in a dry run", _op("plain", "file", dry_run=True),
         config=_all(stopped(SOURCES["plain"]))),
    case("converted with other parameters", _op("plain", "file", beparams={"vcpus": 2}),
         config=_all(stopped(SOURCES["plain"]), with_disks(SOURCES["plain"], 1))),
)  # fmt: skip

CASES: Final = (*SPECIAL, *PAIRS, *VARIED, *FAILING, *OTHERWISE)
