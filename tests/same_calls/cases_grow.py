"""Disks of instances made larger."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Instances by what their disks are; `DRBD` is up on two nodes, `SMALL` offline with one disk.
LVM: Final = "inst0.example.com"
DRBD: Final = "inst1.example.com"
SMALL: Final = "inst19.example.com"
FILES: Final = "inst2.example.com"
SHARED: Final = "inst3.example.com"
GLUSTER: Final = "inst4.example.com"
BLOCK: Final = "inst5.example.com"
RBD: Final = "inst6.example.com"
EXT: Final = "inst7.example.com"
PLANNED: Final = "planned10.example.com"

MIB: Final = 1024 * 1024
MIRROR: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
COPYING: Final = {**MIRROR, "sync_percent": 99.5, "estimated_time": 1, "is_degraded": True}
BROKEN: Final = {**MIRROR, "is_degraded": True}
ROOM: Final = [
    "boot",
    [{"type": "lvm-vg", "name": "xenvg", "storage_free": 10_000, "storage_size": 20_000}],
    [{"memory_free": 4096}],
]

#: What nodes answer while a disk grows, is overwritten, and taken down again.
GROWN: Final[dict[str, Any]] = {
    "blockdev_assemble": ["/dev/disk", "/run/link", None],
    "blockdev_grow": None,
    "blockdev_getmirrorstatus": [MIRROR],
    "blockdev_shutdown": None,
    "instance_info": {},
    "node_info": ROOM,
}
#: Likewise, from a disk that is a bit larger than is recorded.
WIPED: Final[dict[str, Any]] = {
    **GROWN,
    "blockdev_getdimensions": [[10_240 * MIB + 5, None]],
    "blockdev_pause_resume_sync": [[True, None]],
    "blockdev_wipe": None,
}


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    """Return these changes, after the policy admits all templates and nothing is offline."""

    def change(document: Document) -> None:
        for name in (SMALL, FILES, SHARED):
            named(document, "instances", name)["admin_state"] = "down"
        document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"][
            "enabled_disk_templates"
        ]
        for each in changes:
            each(document)

    return change


def _overwritten(document: Document) -> None:
    """Have new room on disks be overwritten."""
    document["cluster"]["prealloc_wipe_disks"] = True


def _exclusive(document: Document) -> None:
    """Have storage that is measured in spindles."""
    document["cluster"]["ndparams"]["exclusive_storage"] = True


def _tight(document: Document) -> None:
    """Have the policy admit no large disks."""
    document["cluster"]["ipolicy"]["minmax"][0]["max"]["disk-size"] = 12_000


def _offline(name: str) -> Callable[[Document], None]:
    """Return a change that takes a node offline."""

    def change(document: Document) -> None:
        named(document, "nodes", name).update(offline=True, drained=False, master_candidate=False)

    return change


def _marked_up(document: Document) -> None:
    """Have an instance that is to run, with disks that are not active."""
    named(document, "instances", SMALL).update(admin_state="up", disks_active=False)


def _marked_offline(document: Document) -> None:
    """Have an instance that nobody can start."""
    named(document, "instances", SMALL).update(admin_state="offline")


def _op(name: str, amount: int, disk: int = 0, **more: Any) -> Document:
    return op(
        "OP_INSTANCE_GROW_DISK",
        instance_name=name, amount=amount, disk=disk, **more,
    )  # fmt: skip


def _grow(
    name: str, of: Document, *, failing: bool = False, answers: Any = (), config: Any = None
) -> Any:
    """Return a case of a disk that nodes are asked about."""
    return case(name, of, config=config or _all(), answers={**GROWN, **dict(answers)},
                failing=failing)  # fmt: skip


def _refused(name: str, of: Document, *, config: Any = None) -> Any:
    """Return a case that is refused before any node is asked."""
    return case(name, of, config=config or _all())


CASES: Final = (
    _grow("of a DRBD disk", _op(SMALL, 1000), failing=True),
    _grow("of DRBD disks that are up", _op("inst1", 64, 1), failing=False),
    _grow("to a size", _op(SMALL, 11_264, absolute=True)),
    _grow("to the size it has", _op(SMALL, 10_240, absolute=True)),
    _grow("by nothing", _op(SMALL, 0)),
    _grow("not waited for", _op(SMALL, 64, wait_for_sync=False)),
    _grow("not waited for of one that is up", _op(DRBD, 64, wait_for_sync=False)),
    _grow("until they are the same", _op(SMALL, 64),
          answers={"blockdev_getmirrorstatus#1": [COPYING]}),
    _grow("of a mirror that breaks", _op(SMALL, 64),
          answers={"blockdev_getmirrorstatus": [BROKEN]}),
    _grow("of one that runs after all", _op(SMALL, 64), answers={"instance_info": {"state": 0}}),
    _grow("of one that is offline", _op(SMALL, 64), config=_all(_marked_offline)),
    _grow("of one that is marked to be up", _op(SMALL, 64), config=_all(_marked_up)),
    _grow("overwritten", _op(SMALL, 1000), failing=True, answers=WIPED,
          config=_all(_overwritten)),
    _grow("overwritten of one that is up", _op(LVM, 3000), failing=False, config=_all(_overwritten),
          answers={**WIPED, "blockdev_getdimensions": [[10_240 * MIB, None]],
                   "blockdev_getmirrorstatus": []}),
    _grow("overwritten of one that is not there", _op(SMALL, 1000), config=_all(_overwritten),
          answers={**WIPED, "blockdev_getdimensions": [None]}),
    _grow("overwritten of one that is too small", _op(SMALL, 1000), config=_all(_overwritten),
          answers={**WIPED, "blockdev_getdimensions": [[10_000 * MIB, None]]}),
    _grow("of a volume", _op(LVM, 512, 1), answers={"blockdev_getmirrorstatus": []}),
    _grow("of a volume on whole disks", _op(LVM, 512), config=_all(_exclusive),
          answers={"blockdev_getmirrorstatus": []}),
    _grow("of a file", _op(FILES, 512), failing=True, answers={"blockdev_getmirrorstatus": []}),
    _grow("of a shared file", _op(SHARED, 512, 2), answers={"blockdev_getmirrorstatus": []}),
    _grow("on Gluster", _op(GLUSTER, 512), answers={"blockdev_getmirrorstatus": []}),
    _grow("on RBD", _op(RBD, 512), answers={"blockdev_getmirrorstatus": []}),
    _grow("on a provider", _op(EXT, 512), answers={"blockdev_getmirrorstatus": []}),
    _grow("without room", _op(LVM, 10_001)),
    _grow("with room that is not told", _op(LVM, 512),
          answers={"node_info": ["boot", [], [{}]]}),
    _grow("against the policy", _op(SMALL, 4000), config=_all(_tight)),
    _grow("against the policy that is ignored", _op(SMALL, 4000, ignore_ipolicy=True),
          config=_all(_tight)),
    _grow("of a template that the policy does not admit", _op(SMALL, 64),
          config=lambda document: None),
    _grow("forbidden", _op(SMALL, 64), answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _grow("dry run", {**_op(SMALL, 64), "dry_run": True}),
    _refused("of a block device", _op(BLOCK, 512)),
    _refused("of a disk that is not there", _op(SMALL, 64, 1)),
    _refused("to less", _op(SMALL, 1000, absolute=True)),
    _refused("with an offline secondary node", _op(DRBD, 64),
             config=_all(_offline("node5.example.com"))),
    _refused("on an offline node", _op(DRBD, 64), config=_all(_offline("node4.example.com"))),
    _refused("of a planned one", _op(PLANNED, 64)),
    _refused("of nobody", _op("nobody", 64)),
    _refused("of another uuid", _op(LVM, 64, instance_uuid="elsewhere")),
)  # fmt: skip
