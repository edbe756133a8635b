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


def _drop(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_REMOVE", instance_name=name, **more)


def _planned_with_disks(document: Document) -> None:
    """Have a planned instance with a volume and a file."""
    planned = named(document, "instances", PLANNED)
    ids = {"plain": ["xenvg", "planned.disk0"], "file": ["loop", "/srv/ganeti/file/planned/disk1"]}
    for index, (template, logical_id) in enumerate(ids.items()):
        uuid = f"5bb3b1b5-1c3c-4a1c-8bd3-6f9d0ff1d1a{index}"
        document["disks"][uuid] = {
            "uuid": uuid, "serial_no": 1, "mode": "rw", "iv_name": f"disk/{index}", "size": 1024,
            "dev_type": template, "forthcoming": True, "logical_id": logical_id, "params": {},
            "ctime": 1.0, "mtime": 1.0, "children": [], "nodes": [],
        }  # fmt: skip
        planned["disks"].append(uuid)


def _no_files(document: Document) -> None:
    """Have disks in files that are no longer enabled."""
    templates = document["cluster"]["enabled_disk_templates"]
    document["cluster"]["enabled_disk_templates"] = [each for each in templates if each != "file"]


GONE: Final = {
    **STOPPED,
    "blockdev_remove": None,
    "file_storage_dir_remove": None,
}

REMOVE: Final = (
    case("of logical volumes", _drop(LVM, shutdown_timeout=9), answers=GONE, failing=False),
    case("of DRBD disks", _drop("inst1"), answers=GONE, failing=False),
    case("of a DRBD disk", _drop(SMALL), answers=GONE),
    case("of a DRBD disk whatever fails", _drop(SMALL, ignore_failures=True), answers=GONE),
    case("of files", _drop(FILES), answers=GONE),
    case("of files whatever fails", _drop(FILES, ignore_failures=True), answers=GONE),
    case("of shared files", _drop(SHARED), answers=GONE, failing=False),
    case("on Gluster", _drop(GLUSTER), answers=GONE, failing=False),
    case("on RBD", _drop(RBD), answers=GONE, failing=False),
    case("on block devices", _drop(DOWN), answers=GONE, failing=False),
    case("on a provider", _drop(EXT), answers=GONE, failing=False),
    case("without disks", _drop(NONE), answers=GONE, failing=False),
    case("of a planned one", _drop(PLANNED), answers=GONE, failing=False),
    case("of a planned one with disks", _drop(PLANNED), answers=GONE, config=_planned_with_disks,
         failing=False),
    case("of nobody", _drop("nobody")),
    case("of another uuid", _drop(LVM, instance_uuid="elsewhere")),
    case("of files that are not enabled", _drop(FILES), config=_no_files, answers=GONE,
         failing=False),
    case("on an offline node", _drop(DRBD), config=_offline("node4.example.com"), answers=GONE,
         failing=False),
    case("on an offline node that is ignored", _drop(DRBD, ignore_failures=True),
         config=_offline("node4.example.com"), answers=GONE, failing=False),
    case("with an offline secondary node", _drop(DRBD), answers=GONE, failing=False,
         config=_offline("node5.example.com")),
    case("forbidden", _drop(LVM), answers={**GONE, **FORBIDDEN}, failing=False),
    case("dry run", {**_drop(LVM), "dry_run": True}, failing=False),
)  # fmt: skip


def _up(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_ACTIVATE_DISKS", instance_name=name, **more)


def _take_down(name: str, **more: Any) -> Document:
    return op("OP_INSTANCE_DEACTIVATE_DISKS", instance_name=name, **more)


MIRROR: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
COPYING: Final = {**MIRROR, "sync_percent": 99.5, "estimated_time": 1, "is_degraded": True}


def _mirrors(**answers: object) -> dict[str, object]:
    return {**STARTED, "blockdev_getmirrorstatus": [MIRROR], **answers}


DISKS: Final = (
    case("of logical volumes", _up(LVM), answers=STARTED, failing=False),
    case("of a DRBD disk", _up(SMALL), answers=STARTED),
    case("of a DRBD disk of another size", _up(SMALL, ignore_size=True), answers=STARTED,
         failing=False),
    case("until they are the same", _up(SMALL, wait_for_sync=True), failing=False,
         answers=_mirrors(**{"blockdev_getmirrorstatus#1": [COPYING]})),
    case("of which one is not told", _up(SMALL, wait_for_sync=True), failing=False,
         answers=_mirrors(blockdev_getmirrorstatus=[None])),
    case("of volumes that nothing is copied to", _up(LVM, wait_for_sync=True), failing=False,
         answers=_mirrors(blockdev_getmirrorstatus=[])),
    case("without disks", _up(NONE, wait_for_sync=True)),
    case("with an offline secondary node", _up(DRBD), answers=STARTED, failing=False,
         config=_offline("node5.example.com")),
    case("on an offline node", _up(DRBD), config=_offline("node4.example.com")),
    case("of a planned one", _up(PLANNED)),
    case("of nobody", _up("nobody")),
    case("of block devices", _take_down(DOWN), answers={**STOPPED, **ABSENT}, failing=False),
    case("of a DRBD disk", _take_down(SMALL), config=_down(SMALL),
         answers={**STOPPED, **ABSENT}),
    case("of one that is offline", _take_down(SMALL)),
    case("of one that runs", _take_down(DOWN), answers={**STOPPED, **RUNNING}, failing=False),
    case("of one that is to run", _take_down(LVM)),
    case("by force", _take_down(LVM, force=True), answers=STOPPED, failing=False),
    case("on an offline node", _take_down(DOWN), config=_offline("node4.example.com"),
         answers=STOPPED),
    case("of a planned one", _take_down(PLANNED)),
    case("of nobody", _take_down("nobody")),
)  # fmt: skip

CASES: Final = (*SHUTDOWN, *STARTUP, *REBOOT, *CONSOLE, *REMOVE, *DISKS)
