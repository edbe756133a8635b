"""The cluster as a whole: its address, its files, the jobs that verify it."""

from typing import Final

from tests.same_calls.case import case, op, rejecting
from tests.sample_config import Document


def _only_ext(document: Document) -> None:
    """Leave no disks but those of external storage."""
    document["instances"] = {
        uuid: each
        for uuid, each in document["instances"].items()
        if each.get("name") in ("inst7.example.com", "inst16.example.com")
    }
    kept = {disk for each in document["instances"].values() for disk in each["disks"]}
    document["disks"] = {uuid: disk for uuid, disk in document["disks"].items() if uuid in kept}


#: Keeps the jobs of groups from running, which are another opcode's affair.
ALONE: Final = rejecting("OP_CLUSTER_VERIFY_GROUP", "OP_GROUP_VERIFY_DISKS")

URGENT: Final[Document] = {"priority": -10, "comment": "mine", "debug_level": 2}
SETTINGS: Final[Document] = {
    "error_codes": True,
    "verbose": True,
    "ignore_errors": ["ENODERPC", "ENODESSH"],
    "skip_checks": ["nplusone_mem"],
    "verify_clutter": True,
    "debug_simulate_errors": True,
}

CASES: Final = (
    case("brought up", op("OP_CLUSTER_ACTIVATE_MASTER_IP")),
    case("taken down", op("OP_CLUSTER_DEACTIVATE_MASTER_IP")),
    # Which file is the one that fails is left to chance by the reference.
    case(
        "files",
        op("OP_CLUSTER_REDIST_CONF"),
        answers={"upload_file": None},
        failing=False,
        at_once=("upload_file",),
    ),
    case("all groups", op("OP_CLUSTER_VERIFY"), config=ALONE),
    case("one group", op("OP_CLUSTER_VERIFY", group_name="group1"), config=ALONE),
    case("unknown group", op("OP_CLUSTER_VERIFY", group_name="nothing"), config=ALONE),
    case("with settings", op("OP_CLUSTER_VERIFY", **SETTINGS), config=ALONE),
    case("urgent", op("OP_CLUSTER_VERIFY", **URGENT), config=ALONE),
    case("all groups", op("OP_CLUSTER_VERIFY_DISKS"), config=ALONE),
    case("one group", op("OP_CLUSTER_VERIFY_DISKS", group_name="group1"), config=ALONE),
    case("unknown group", op("OP_CLUSTER_VERIFY_DISKS", group_name="nothing")),
    case("external storage only", op("OP_CLUSTER_VERIFY_DISKS"), config=_only_ext),
)
