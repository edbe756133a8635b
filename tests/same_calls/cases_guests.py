"""Instances: stopped, started, rebooted, looked at, removed; and their disks, up and down."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Of which template the disks of an instance are that is up.
LVM: Final = "inst0.example.com"
DRBD: Final = "inst1.example.com"
#: One with a single DRBD disk, which is offline; the master is its primary node.
SMALL: Final = "inst19.example.com"
GLUSTER: Final = "inst4.example.com"
RBD: Final = "inst6.example.com"
NONE: Final = "inst8.example.com"
XEN: Final = "inst13.example.com"
FILES: Final = "inst2.example.com"
SHARED: Final = "inst3.example.com"
EXT: Final = "inst7.example.com"
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


def _down(name: str) -> Callable[[Document], None]:
    """Return a change that makes an offline instance one that is down."""

    def change(document: Document) -> None:
        named(document, "instances", name).update(admin_state="down")

    return change


def _user_may_stop(document: Document) -> None:
    """Have the hypervisor notice when an instance is shut down from inside."""
    document["cluster"]["hvparams"]["kvm"]["user_shutdown"] = True


def _shut(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_SHUTDOWN", instance_name=name, **more)


SHUTDOWN: Final = (
    case("of logical volumes", _shut(LVM), answers=STOPPED, failing=False),
    case("of DRBD disks", _shut("inst1", timeout=7), answers=STOPPED, failing=False),
    case("of a DRBD disk", _shut(SMALL), config=_down(SMALL), answers=STOPPED),
    case("without disks", _shut(NONE), answers=STOPPED, failing=False),
    case("of one that is down", _shut(DOWN), answers=STOPPED, failing=False),
    case("of one that is offline", _shut(OFFLINE)),
    case("of one that is offline by force", _shut(OFFLINE, force=True), answers=STOPPED,
         failing=False),
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
    case("with an offline secondary node", _shut(DRBD), answers=STOPPED, failing=False,
         config=_offline("node5.example.com")),
    case("forbidden", _shut(LVM), answers=FORBIDDEN, failing=False),
    case("dry run", {**_shut(LVM), "dry_run": True}, failing=False),
)  # fmt: skip

#: What it takes to start one: disks that come up, and memory.
STARTED: Final = {
    **ABSENT,
    "blockdev_assemble": ["/dev/disk", "/run/link", None],
    "bridges_exist": None,
    "hypervisor_validate_params": None,
    "instance_start": None,
    "node_info": ["boot", None, [{"memory_free": 4096}]],
    **STOPPED,
}


def _start(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_STARTUP", instance_name=name, **more)


def _with(**answers: object) -> dict[str, object]:
    """Return the answers for one that starts, but for these."""
    return {**STARTED, **answers}


STARTUP: Final = (
    case("of logical volumes", _start(LVM), answers=STARTED, failing=False),
    case("of DRBD disks", _start("inst1", startup_paused=True), answers=STARTED, failing=False),
    case("of a DRBD disk", _start(SMALL), config=_down(SMALL), answers=STARTED),
    case("of a DRBD disk by force", _start(SMALL, force=True), config=_down(SMALL),
         answers=STARTED),
    case("of files", _start(FILES), config=_down(FILES), answers=STARTED, failing=False),
    case("of shared files", _start(SHARED), config=_down(SHARED), answers=STARTED, failing=False),
    case("on Gluster", _start(GLUSTER), answers=STARTED, failing=False),
    case("on RBD", _start(RBD), answers=STARTED, failing=False),
    case("on block devices", _start(DOWN), answers=STARTED, failing=False),
    case("on a provider", _start(EXT), answers=STARTED, failing=False),
    case("without disks", _start(NONE), answers=STARTED, failing=False),
    case("of one that runs", _start(LVM), answers={**STARTED, **RUNNING}, failing=False),
    case("of one that its user stopped", _start(NONE, shutdown_timeout=3), config=_user_may_stop,
         answers={**STARTED, **USER_DOWN}),
    case("of one that is offline", _start(OFFLINE)),
    case("of a planned one", _start(PLANNED)),
    case("of nobody", _start("nobody")),
    case("not remembered", _start(DOWN, no_remember=True), answers=STARTED, failing=False),
    case("with parameters",
         _start(DRBD, hvparams={"acpi": "false", "kernel_args": "single"},
                beparams={"memory": "1g", "vcpus": "2"}),
         answers=STARTED, failing=False),
    case("with wrong parameters of the hypervisor", _start(DRBD, hvparams={"kernel_path": "no"})),
    case("with unknown parameters of the hypervisor", _start(DRBD, hvparams={"colour": "red"})),
    case("with a size of no meaning", _start(DRBD, beparams={"minmem": "much"})),
    case("with an unknown parameter", _start(DRBD, beparams={"colour": "red"})),
    case("without memory", _start(LVM), failing=False,
         answers=_with(node_info=["boot", None, [{"memory_free": 100}]])),
    case("with memory that is not told", _start(LVM), failing=False,
         answers=_with(node_info=["boot", None, [{}]])),
    case("on an offline node", _start(DRBD), config=_offline("node4.example.com")),
    case("on an offline node that is ignored",
         _start(DRBD, ignore_offline_nodes=True, beparams={"vcpus": 2}),
         config=_offline("node4.example.com")),
    case("with an offline secondary node", _start(DRBD), answers=STARTED, failing=False,
         config=_offline("node5.example.com")),
    case("forbidden", _start(LVM), answers=_with(**FORBIDDEN), failing=False),
    case("dry run", {**_start(LVM), "dry_run": True}, answers=STARTED, failing=False),
)  # fmt: skip


def _boot(name: str, kind: str, **more: Any) -> Document:
    return op("OP_INSTANCE_REBOOT", instance_name=name, reboot_type=kind, **more)


REBOOTED: Final = {**STARTED, **RUNNING, "instance_reboot": None}

REBOOT: Final = (
    case("from inside", _boot(RBD, "soft", shutdown_timeout=5), answers=REBOOTED),
    case("the hard way", _boot(DRBD, "hard"), answers=REBOOTED, failing=False),
    case("whole", _boot(SMALL, "full"), config=_down(SMALL), answers=REBOOTED),
    case("of one that does not run", _boot(DOWN, "soft"), answers={**REBOOTED, **ABSENT},
         failing=False),
    case("with an offline secondary node", _boot(DRBD, "full", ignore_secondaries=True),
         config=_offline("node5.example.com"), answers=REBOOTED, failing=False),
    case("of one that is offline", _boot(OFFLINE, "soft")),
    case("of a planned one", _boot(PLANNED, "soft")),
    case("of nobody", _boot("nobody", "soft")),
    case("on an offline node", _boot(DRBD, "hard"), config=_offline("node4.example.com")),
    case("forbidden", _boot(LVM, "hard"), answers={**REBOOTED, **FORBIDDEN}, failing=False),
    case("dry run", {**_boot(LVM, "hard"), "dry_run": True}, answers=REBOOTED, failing=False),
)  # fmt: skip


def _console(name: str) -> Document:
    return op("OP_INSTANCE_CONSOLE", instance_name=name)


def _hv(name: str, **params: Any) -> Callable[[Document], None]:
    """Return a change of an instance's hypervisor parameters, on nodes with a port for SSH."""

    def change(document: Document) -> None:
        instance = named(document, "instances", name)
        instance["hvparams"].update(params)
        instance["network_port"] = 5907
        for group in document["nodegroups"].values():
            group["ndparams"]["ssh_port"] = 2222

    return change


def _contained(hypervisor: str) -> Callable[[Document], None]:
    """Return a change that has an instance run as a container."""

    def change(document: Document) -> None:
        document["cluster"]["enabled_hypervisors"].append(hypervisor)
        named(document, "instances", NONE).update(hypervisor=hypervisor, hvparams={})

    return change


def _list(*names: str) -> dict[str, object]:
    return {"instance_list": list(names)}


CONSOLE: Final = (
    case("without", _console(LVM), answers=_list(LVM)),
    case("of KVM", _console("inst1"), answers=_list(DRBD), config=_hv(DRBD, serial_console=True)),
    case("of KVM by VNC", _console(DRBD), answers=_list(DRBD), failing=False,
         config=_hv(DRBD, serial_console=False, vnc_bind_address="127.0.0.1")),
    case("of KVM by SPICE", _console(NONE), answers=_list(NONE), failing=False,
         config=_hv(NONE, serial_console=False, vnc_bind_address="", spice_bind="127.0.0.1")),
    case("of KVM without", _console(NONE), answers=_list(NONE), failing=False,
         config=_hv(NONE, serial_console=False, vnc_bind_address="", spice_bind="")),
    case("of Xen", _console(XEN), answers=_list(XEN), failing=False),
    case("of Xen on another port", _console(XEN), answers=_list(XEN), failing=False,
         config=_hv(XEN)),
    case("of a container", _console(NONE), answers=_list(NONE), failing=False,
         config=_contained("lxc")),
    case("of a chroot", _console(NONE), answers=_list(NONE), failing=False,
         config=_contained("chroot")),
    case("of one that does not run", _console(LVM), answers=_list(DRBD), failing=False),
    case("of one that is down", _console(DOWN), answers=_list(), failing=False),
    case("of one that is offline", _console(OFFLINE), answers=_list(), failing=False),
    case("on an offline node", _console(DRBD), config=_offline("node4.example.com")),
    case("of a planned one", _console(PLANNED)),
    case("of nobody", _console("nobody")),
)  # fmt: skip

# --- the end of an instance -----------------------------------------------------------------------

REMOVED: Final = {
    "instance_shutdown": None, "blockdev_remove": None, "file_storage_dir_remove": None,
}  # fmt: skip


def _remove(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_REMOVE", instance_name=name, **more)


def _planned_with_disks(document: Document) -> None:
    """Have a planned instance with a disk whose place is planned, too."""
    planned = named(document, "instances", PLANNED)
    disk = {
        "uuid": "5bb3b1b5-1c3c-4a1c-8bd3-6f9d0ff1d1a5", "serial_no": 1, "mode": "rw",
        "iv_name": "disk/0", "size": 1024, "dev_type": "plain", "forthcoming": True,
        "logical_id": ["xenvg", "planned.disk0"], "params": {}, "ctime": 1.0, "mtime": 1.0,
        "children": [], "nodes": [],
    }  # fmt: skip
    document["disks"][disk["uuid"]] = disk
    planned["disks"] = [disk["uuid"]]


def _not_enabled(document: Document) -> None:
    document["cluster"]["enabled_disk_templates"] = ["plain", "drbd"]


REMOVE: Final = (
    case("of logical volumes", _remove(LVM), answers=REMOVED),
    case("of DRBD disks", _remove("inst1", shutdown_timeout=7), answers=REMOVED),
    case("of DRBD disks whatever fails", _remove(DRBD, ignore_failures=True), answers=REMOVED),
    case("of files", _remove(FILES), answers=REMOVED),
    case("of files whatever fails", _remove(FILES, ignore_failures=True), answers=REMOVED),
    case("of shared files", _remove(SHARED), answers=REMOVED, failing=False),
    case("of gluster", _remove(GLUSTER), answers=REMOVED, failing=False),
    case("of devices", _remove(DOWN), answers=REMOVED, failing=False),
    case("of RBD", _remove(RBD), answers=REMOVED, failing=False),
    case("of other storage", _remove(EXT), answers=REMOVED, failing=False),
    case("without disks", _remove(NONE), answers=REMOVED, failing=False),
    case("of a planned one", _remove(PLANNED), answers=REMOVED, failing=False),
    case("of a planned one with disks", _remove(PLANNED), answers=REMOVED,
         config=_planned_with_disks, failing=False),
    case("of nobody", _remove("nobody")),
    case("on an offline node", _remove(DRBD), config=_offline("node4.example.com")),
    case("on an offline node whatever fails", _remove(DRBD, ignore_failures=True),
         answers=REMOVED, config=_offline("node4.example.com"), failing=False),
    case("with an offline secondary node", _remove(DRBD), answers=REMOVED,
         config=_offline("node5.example.com"), failing=False),
    case("of disks that are not enabled", _remove(FILES), answers=REMOVED, config=_not_enabled,
         failing=False),
    case("forbidden", _remove(LVM), answers=FORBIDDEN, failing=False),
    case("dry run", {**_remove(DRBD), "dry_run": True}, failing=False),
)  # fmt: skip

# --- its disks ------------------------------------------------------------------------------------

UP: Final = {"blockdev_assemble": ["/dev/disk", "/run/link", None], "blockdev_shutdown": None}
_SAME: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
_COPIES: Final = {**_SAME, "is_degraded": True, "sync_percent": 12.5, "estimated_time": 1}


def _activate(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_ACTIVATE_DISKS", instance_name=name, **more)


def _deactivate(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_DEACTIVATE_DISKS", instance_name=name, **more)


DISKS: Final = (
    case("of logical volumes", _activate(LVM), answers=UP),
    case("of a DRBD disk", _activate(SMALL), answers=UP),
    case("of any size", _activate(SMALL, ignore_size=True), answers=UP, failing=False),
    case("of files", _activate(FILES), answers=UP, failing=False),
    case("of devices", _activate(DOWN), answers=UP, failing=False),
    case("without disks", _activate(NONE, wait_for_sync=True), answers=UP, failing=False),
    case("and mirrored", _activate(SMALL, wait_for_sync=True), failing=False,
         answers={**UP, "blockdev_getmirrorstatus": [_SAME],
                  "blockdev_getmirrorstatus#1": [_COPIES]}),
    case("and not to be mirrored", _activate(LVM, wait_for_sync=True), failing=False,
         answers={**UP, "blockdev_getmirrorstatus": []}),
    case("of a planned one", _activate(PLANNED)),
    case("of nobody", _activate("nobody")),
    case("on an offline node", _activate(DRBD), config=_offline("node4.example.com")),
    case("with an offline secondary node", _activate(DRBD), answers=UP, failing=False,
         config=_offline("node5.example.com")),
    case("dry run", {**_activate(SMALL, wait_for_sync=True), "dry_run": True}, failing=False),
    case("of one that is down", _deactivate(DOWN), answers={**ABSENT, **STOPPED}),
    case("of a DRBD disk", _deactivate(SMALL), config=_down(SMALL),
         answers={**ABSENT, **STOPPED}),
    case("of one that its user stopped", _deactivate(DOWN), answers={**USER_DOWN, **STOPPED},
         failing=False),
    case("of one that is up", _deactivate(LVM)),
    case("of one that is offline", _deactivate(OFFLINE)),
    case("of one that is up by force", _deactivate(LVM, force=True), answers=STOPPED),
    case("of one that runs", _deactivate(DOWN), answers=RUNNING, failing=False),
    case("of a planned one", _deactivate(PLANNED)),
    case("of nobody", _deactivate("nobody")),
    case("on an offline node", _deactivate(DOWN), config=_offline("node4.example.com")),
    case("dry run", {**_deactivate(LVM, force=True), "dry_run": True}, failing=False),
)  # fmt: skip

CASES: Final = (*SHUTDOWN, *STARTUP, *REBOOT, *CONSOLE, *REMOVE, *DISKS)
