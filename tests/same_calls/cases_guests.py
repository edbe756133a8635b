"""Instances: stopped, started, rebooted, looked at, removed; and their disks, up and down."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Of which template the disks of an instance are that is up.
LVM: Final = "inst0.example.com"
DRBD: Final = "inst1.example.com"
GLUSTER: Final = "inst4.example.com"
RBD: Final = "inst6.example.com"
NONE: Final = "inst8.example.com"
XEN: Final = "inst13.example.com"
#: An instance that is down, one that is offline, one that is planned.
DOWN: Final = "inst5.example.com"
OFFLINE: Final = "inst9.example.com"
PLANNED: Final = "planned10.example.com"

#: What a hypervisor tells of an instance that runs, that its user has stopped, that is not there.
RUNNING: Final = {"instance_info": {"memory": 512, "state": 0, "vcpus": 1, "time": 1.0}}
USER_DOWN: Final = {"instance_info": {"memory": 0, "state": 1, "vcpus": 0, "time": 0}}
ABSENT: Final[dict[str, Any]] = {"instance_info": {}}

STOPPED: Final = {"instance_shutdown": None, "blockdev_shutdown": None}
FORBIDDEN: Final = {"hooks_runner": [["10-no", 1, "not today"]]}


def _offline(name: str) -> Callable[[Document], None]:
    """Return a change that takes a node offline."""

    def change(document: Document) -> None:
        named(document, "nodes", name).update(offline=True, drained=False, master_candidate=False)

    return change


def _shut(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_SHUTDOWN", instance_name=name, **more)


SHUTDOWN: Final = (
    case("of logical volumes", _shut(LVM), answers=STOPPED),
    case("of DRBD disks", _shut("inst1", timeout=7), answers=STOPPED),
    case("without disks", _shut(NONE), answers=STOPPED, failing=False),
    case("of one that is down", _shut(DOWN), answers=STOPPED, failing=False),
    case("of one that is offline", _shut(OFFLINE)),
    case("of one that is offline by force", _shut(OFFLINE, force=True), answers=STOPPED),
    case("of a planned one", _shut(PLANNED)),
    case("of nobody", _shut("nobody")),
    case("of another uuid", _shut(LVM, instance_uuid="elsewhere")),
    case("not remembered", _shut(LVM, no_remember=True, admin_state_source="user"),
         answers={**STOPPED, **USER_DOWN}),
    case("by the user", _shut(LVM, admin_state_source="user"), answers={**STOPPED, **USER_DOWN}),
    case("by the user of KVM", _shut(DRBD, admin_state_source="user"),
         answers={**STOPPED, **USER_DOWN}, failing=False),
    case("by the user of one that runs", _shut(LVM, admin_state_source="user"), answers=RUNNING),
    case("on an offline node", _shut(DRBD), config=_offline("node4.example.com")),
    case("on an offline node that is ignored", _shut(DRBD, ignore_offline_nodes=True),
         config=_offline("node4.example.com")),
    case("with an offline secondary node", _shut(DRBD), answers=STOPPED,
         config=_offline("node5.example.com")),
    case("forbidden", _shut(LVM), answers=FORBIDDEN, failing=False),
    case("dry run", {**_shut(LVM), "dry_run": True}, failing=False),
)  # fmt: skip

CASES: Final = (*SHUTDOWN,)
