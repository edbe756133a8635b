"""Disks as nodes have them: which are not active, which have another size than recorded."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.same_calls.case import case, named, op, standard
from tests.sample_config import Document


def _active(document: Document) -> None:
    """Have the disks of all instances active."""
    for instance in document["instances"].values():
        if "forthcoming" not in instance:
            instance["disks_active"] = True


def _active_and_lame(document: Document) -> None:
    """Have a node that carries no instances, though its volumes are needed."""
    _active(document)
    named(document, "nodes", "node2.example.com")["vm_capable"] = False


def _exclusive(document: Document) -> None:
    """Have storage that is measured in spindles."""
    document["cluster"]["ndparams"]["exclusive_storage"] = True


def _small_children(document: Document) -> None:
    """Have DRBD disks whose data volumes are recorded smaller than they are."""
    for disk in document["disks"].values():
        if disk.get("dev_type") == "drbd":
            disk["children"][0]["size"] = disk["size"] - 1


def _logical_volumes(disk: Any) -> Iterator[str]:
    if disk.get("dev_type") == "plain":
        yield "/".join(disk["logical_id"])
    for child in disk.get("children", ()):
        yield from _logical_volumes(child)


_NAMES: Final = sorted(
    name for disk in standard()["disks"].values() for name in _logical_volumes(disk)
)
#: All volumes of all instances, online; every third one is not, every fifth one missing.
ALL: Final = {name: ["1024.00", False, True] for name in _NAMES}
SOME: Final = {
    name: ["1024.00", False, number % 3 != 0]
    for number, name in enumerate(_NAMES)
    if number % 5 != 0
}
_DRBD: Final = [
    disk["uuid"] for disk in standard()["disks"].values() if disk.get("dev_type") == "drbd"
]

SIZES: Final = op("OP_CLUSTER_REPAIR_DISK_SIZES")
MIB: Final = 1024 * 1024


def _only(name: str, more: Callable[[Document], None] | None = None) -> Any:
    """Return a change that leaves one instance its disks, and the others none."""

    def change(document: Document) -> None:
        if more is not None:
            more(document)
        for instance in document["instances"].values():
            if instance.get("name") != name:
                for uuid in instance["disks"]:
                    del document["disks"][uuid]
                instance["disks"] = []

    return change


CASES: Final = (
    case("nothing active", op("OP_GROUP_VERIFY_DISKS", group_name="group1")),
    case(
        "all well",
        op("OP_GROUP_VERIFY_DISKS", group_name="group1"),
        config=_active,
        answers={"lv_list": ALL, "drbd_needs_activation": []},
    ),
    case(
        "some offline, some missing",
        op("OP_GROUP_VERIFY_DISKS", group_name="group1"),
        config=_active,
        answers={"lv_list": SOME, "drbd_needs_activation": _DRBD[:2]},
    ),
    case(
        "the other group",
        op("OP_GROUP_VERIFY_DISKS", group_name="default"),
        config=_active,
        answers={"lv_list": SOME, "drbd_needs_activation": _DRBD},
    ),
    case(
        "a node without instances",
        op("OP_GROUP_VERIFY_DISKS", group_name="group1"),
        config=_active_and_lame,
        answers={"lv_list": SOME, "drbd_needs_activation": []},
    ),
    case("unknown group", op("OP_GROUP_VERIFY_DISKS", group_name="nothing")),
    case(
        "as recorded",
        SIZES,
        config=_only("inst1.example.com"),
        answers={
            "blockdev_getdimensions": [[1024 * MIB, None], [10240 * MIB, None], [1024 * MIB, None]]
        },
    ),
    case(
        "other sizes, and none",
        SIZES,
        config=_only("inst1.example.com"),
        answers={"blockdev_getdimensions": [[2048 * MIB + 5, 3], None, [512 * MIB, None]]},
    ),
    case(
        "children that are too small",
        SIZES,
        config=_only("inst19.example.com", _small_children),
        answers={"blockdev_getdimensions": [[10240 * MIB, None]]},
    ),
    case(
        "what is no size",
        SIZES,
        config=_only("inst1.example.com"),
        answers={"blockdev_getdimensions": [["large", None], "large", [1024 * MIB, None]]},
        failing=False,
    ),
    case(
        "too few answers",
        SIZES,
        config=_only("inst1.example.com"),
        answers={"blockdev_getdimensions": [[1024 * MIB, None]]},
        failing=False,
    ),
    case(
        "spindles",
        SIZES,
        config=_only("inst18.example.com", _exclusive),
        answers={"blockdev_getdimensions": [[1024 * MIB, 4], [128 * MIB, None], [9 * MIB, 0]]},
    ),
    case(
        "no disks",
        SIZES,
        config=_only("inst8.example.com"),
    ),
    case(
        "of one that is named",
        op("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["inst1"]),
        answers={"blockdev_getdimensions": [[1025 * MIB, None], None, None]},
        mended=True,
    ),
    case(
        "as it is",
        op("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["inst1"]),
        answers={"blockdev_getdimensions": [[1024 * MIB, None], None, None]},
        failing=False,
    ),
    case("unknown instance", op("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["nobody"])),
)
