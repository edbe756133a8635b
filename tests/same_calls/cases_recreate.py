"""Disks of instances made again, where they were or elsewhere."""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Instances that do not run, by what their disks are; `DRBD` has one disk, on two nodes.
LVM: Final = "inst9.example.com"
DRBD: Final = "inst19.example.com"
LARGE: Final = "inst1.example.com"
FILES: Final = "inst2.example.com"
SHARED: Final = "inst3.example.com"
GLUSTER: Final = "inst4.example.com"
BLOCK: Final = "inst5.example.com"
RBD: Final = "inst6.example.com"
EXT: Final = "inst7.example.com"
NONE: Final = "inst17.example.com"
UP: Final = "inst0.example.com"
PLANNED: Final = "planned10.example.com"

MADE: Final[dict[str, Any]] = {
    "blockdev_create": None,
    "blockdev_pause_resume_sync": [[True, None]],
    "blockdev_remove": None,
    "blockdev_wipe": None,
    "file_storage_dir_create": ["/srv"],
    "instance_info": {},
}


def _ready(document: Document) -> None:
    """Have all nodes carry instances, and three instances be down."""
    for node in document["nodes"].values():
        node.update(vm_capable=True, drained=False)
    for name in (GLUSTER, RBD, LARGE):
        named(document, "instances", name).update(admin_state="down", disks_active=False)


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in (_ready, *changes):
            each(document)

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return _all(lambda document: document["cluster"].update(fields))


def _offline(*names: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for name in names:
            node = named(document, "nodes", name)
            document["cluster"]["candidate_pool_size"] -= node["master_candidate"]
            node.update(offline=True, master_candidate=False)

    return _all(change)


def _exclusive(document: Document) -> None:
    """Have storage that is measured in spindles."""
    document["cluster"]["ndparams"]["exclusive_storage"] = True


def _striped(document: Document) -> None:
    """Have mirrors lie on several devices."""
    own = {"data-stripes": 2, "meta-stripes": 3, "resync-rate": 100}
    document["cluster"]["diskparams"]["drbd"].update(own)


def _mixed(document: Document) -> None:
    """Have an instance with disks of two templates."""
    instance = named(document, "instances", LVM)
    disk = document["disks"][instance["disks"][1]]
    disk.update(dev_type="rbd", logical_id=["rbd", "mixed"], nodes=[])


def _marked_up(document: Document) -> None:
    """Have an instance that is to run."""
    named(document, "instances", DRBD).update(admin_state="up")


def _op(name: str, *disks: Any, **more: Any) -> Document:
    return op("OP_INSTANCE_RECREATE_DISKS", instance_name=name, disks=list(disks), **more)


def _made(
    name: str, of: Document, *, failing: bool = False, answers: Any = (), config: Any = None
) -> Any:
    """Return a case of disks that nodes make."""
    return case(name, of, config=config or _ready, answers={**MADE, **dict(answers)},
                failing=failing)  # fmt: skip


def _refused(name: str, of: Document, *, config: Any = None, answers: Any = ()) -> Any:
    """Return a case that is refused before anything is made."""
    return case(name, of, config=config or _ready, answers=dict(answers))


def _found(*nodes: str, success: bool = True) -> dict[str, Any]:
    """Return an allocator's answer."""
    return {"iallocator_runner": json.dumps({"success": success, "info": "so", "result": nodes})}


WIPED: Final = _cluster(prealloc_wipe_disks=True)

IN_PLACE: Final = (
    _made("of a DRBD disk", _op(DRBD), failing=True),
    _made("of DRBD disks on several devices", _op("inst1"), config=_all(_striped)),
    _made("of some DRBD disks", _op(LARGE, 2, 0, 2)),
    _made("of DRBD disks of other sizes",
          _op(LARGE, [1, {"size": "2g", "mode": "ro"}], [0, {}])),
    _made("of volumes", _op(LVM), failing=True),
    _made("of a volume on whole disks", _op(LVM, [1, {"spindles": 3}]), config=_all(_exclusive)),
    _made("of files", _op(FILES), failing=True),
    _made("of shared files", _op(SHARED, 1)),
    _made("on Gluster", _op(GLUSTER)),
    _made("of block devices", _op(BLOCK)),
    _made("on RBD", _op(RBD)),
    _made("on a provider", _op(EXT)),
    _made("overwritten", _op(DRBD), failing=True, config=WIPED),
    _made("overwritten, some", _op(LVM, 1), config=WIPED),
    _made("of which the second fails", _op(LVM), answers={"blockdev_create#2": 5}),
    _made("of one that runs after all", _op(DRBD), answers={"instance_info": {"state": 0}}),
    _made("with the secondary node offline", _op(DRBD), config=_offline("node2.example.com")),
    _made("forbidden", _op(DRBD), answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _made("dry run", {**_op(DRBD), "dry_run": True}),
    _refused("of one that is to run", _op(UP)),
    _refused("of one that is marked to be up", _op(DRBD), config=_all(_marked_up)),
    _refused("without disks", _op(NONE)),
    _refused("on an offline node", _op(LARGE), config=_offline("node4.example.com")),
    _made("of a disk that is not there", _op(DRBD, 1)),
    _refused("of a disk twice", _op(LARGE, [1, {}], [1, {"size": 64}])),
    _refused("with another group", _op(LVM, [0, {"vg": "other"}])),
    _refused("with an unknown parameter", _op(LVM, [0, {"colour": "red"}])),
    _made("with spindles", _op(LVM, [0, {"spindles": 3}])),
    _made("of a template that is not enabled", _op(FILES),
          config=_cluster(enabled_disk_templates=["plain", "drbd"])),
    _made("of several templates", _op(LVM), config=_all(_mixed)),
    _refused("of a planned one", _op(PLANNED)),
    _refused("of nobody", _op("nobody")),
    _refused("of another uuid", _op(LVM, instance_uuid="elsewhere")),
)  # fmt: skip

ELSEWHERE: Final = (
    _made("of a DRBD disk elsewhere", _op(DRBD, nodes=["node3", "node4"]), failing=True),
    _made("of DRBD disks elsewhere", _op(LARGE, nodes=["node4", "node2"])),
    _made("of DRBD disks of other sizes elsewhere",
          _op(LARGE, [0, {"size": 64}], [1, {}], [2, {}], nodes=["node2", "node3"])),
    _made("of a volume elsewhere", _op(LVM, nodes=["node3"])),
    _made("of files elsewhere, overwritten", _op(FILES, nodes=["node3"]), config=WIPED),
    _made("of shared files elsewhere", _op(SHARED, nodes=["node2"])),
    _made("on RBD elsewhere", _op(RBD, nodes=["node2"])),
    _made("from an offline node", _op(DRBD, nodes=["node3", "node4"]),
          config=_offline("node2.example.com")),
    _made("from an offline primary node", _op(LARGE, nodes=["node3", "node2"]),
          config=_offline("node4.example.com")),
    _made("from an offline primary node to itself", _op(LARGE, nodes=["node4", "node2"]),
          config=_offline("node4.example.com")),
    _refused("on too few nodes", _op(DRBD, nodes=["node3"])),
    _refused("on too many nodes", _op(LVM, nodes=["node3", "node2"])),
    _refused("on nobody", _op(LVM, nodes=["nobody"])),
    _made("of some elsewhere", _op(LARGE, 0, nodes=["node2", "node3"])),
    _refused("elsewhere by an allocator", _op(LVM, nodes=["node3"], iallocator="hail")),
)  # fmt: skip

BY_ALLOCATOR: Final = (
    _made("where an allocator says", _op(DRBD, iallocator="hail"), failing=True,
          answers=_found("node3.example.com", "node5.example.com")),
    _made("where the cluster's allocator says", _op(LVM, iallocator="."),
          answers=_found("node2.example.com"), config=_cluster(default_iallocator="other")),
    _made("where an allocator says, from an offline node", _op(LARGE, iallocator="hail"),
          answers=_found("node2.example.com", "node6.example.com"),
          config=_offline("node4.example.com")),
    _made("where no allocator knows", _op(LVM, iallocator="hail"), answers=_found(success=False)),
    _made("where an allocator names nobody", _op(LVM, iallocator="hail"), answers=_found("nobody")),
    _refused("where the cluster has no allocator for", _op(LVM, iallocator="."),
             config=_cluster(default_iallocator="")),
    _made("of some where an allocator says", _op(LARGE, 0, iallocator="hail"),
          answers=_found("node2.example.com", "node6.example.com")),
)  # fmt: skip

CASES: Final = (*IN_PLACE, *ELSEWHERE, *BY_ALLOCATOR)
