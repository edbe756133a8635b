"""Instances that get another name."""

from typing import Any, Final

from tests.same_calls.case import Case, case, named, op
from tests.same_calls.cases_guests import (
    DRBD,
    EXT,
    FILES,
    GLUSTER,
    LVM,
    NONE,
    OFFLINE,
    PLANNED,
    RBD,
    SHARED,
)  # fmt: skip
from tests.same_calls.cases_reinstall import down
from tests.same_calls.sides import FREE
from tests.sample_config import Document

NEW: Final = "other.example.com"
#: What nodes answer while an instance is renamed.
RENAMED: Final[dict[str, Any]] = {
    "blockdev_assemble": ["/dev/x", "/link", None],
    "blockdev_setinfo": None,
    "blockdev_shutdown": None,
    "file_storage_dir_rename": None,
    "instance_info": {},
    "instance_run_rename": None,
}


def _renamed(
    name: str,
    which: str = LVM,
    *,
    config: Any = None,
    answers: Any = (),
    failing: bool = False,
    **parameters: Any,
) -> Case:
    wanted = {"instance_name": which, "new_name": NEW, "name_check": False, "ip_check": False,
              **parameters}  # fmt: skip
    return case(name, op("OP_INSTANCE_RENAME", **wanted), config=config or down(which),
                answers={**RENAMED, **dict(answers)}, failing=failing)  # fmt: skip


def _off(document: Document) -> None:
    down(LVM)(document)
    node = named(document, "instances", LVM)["primary_node"]
    document["nodes"][node].update(offline=True, drained=False, master_candidate=False)


def _no_files(document: Document) -> None:
    """Have disks in files, though no new ones may be made."""
    down(FILES)(document)
    enabled = document["cluster"]["enabled_disk_templates"]
    document["cluster"]["enabled_disk_templates"] = [each for each in enabled if each != "file"]


_WANTED: Final[dict[str, Any]] = {"name_check": True, "ip_check": True}

CASES: Final = (
    _renamed("on volumes", failing=True),
    _renamed("on mirrors", DRBD),
    _renamed("on files", FILES, failing=True),
    _renamed("on shared files", SHARED),
    _renamed("on Gluster", GLUSTER),
    _renamed("on RBD", RBD),
    _renamed("on a provider's disks", EXT, debug_level=1),
    _renamed("without disks", NONE),
    _renamed("that is offline", OFFLINE, config=down(OFFLINE, admin_state="offline")),
    _renamed("to its own name", new_name=LVM),
    _renamed("on files to its own name", FILES, new_name=FILES),
    _renamed("to a name that is looked up", new_name=FREE, **_WANTED),
    _renamed("to a short name", new_name=FREE.partition(".")[0], name_check=True),
    _renamed("to a name at which somebody answers", new_name="node1.example.com", **_WANTED),
    _renamed("to a name that somebody has, not asked", new_name="node1.example.com",
             name_check=True),
    _renamed("to a name that nobody knows", new_name="no.such.example.com", **_WANTED),
    _renamed("to the name of another", new_name=DRBD),
    _renamed("with an address and without a name", ip_check=True),
    _renamed("that is up", config=down(LVM, admin_state="up")),
    _renamed("that runs", answers={"instance_info": {"state": 0}}),
    _renamed("on an offline node", config=_off),
    _renamed("on files that are not enabled", FILES, config=_no_files),
    _renamed("of a planned one", PLANNED),
    _renamed("of nobody", "nobody", config=down(LVM)),
    _renamed("of another uuid", instance_uuid="elsewhere"),
    _renamed("without a system", config=down(LVM, os=""),
             answers={"instance_run_rename": "(fails)"}),
    _renamed("forbidden", answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _renamed("dry run", dry_run=True),
)  # fmt: skip
