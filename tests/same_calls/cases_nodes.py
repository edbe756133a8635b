"""Nodes and what they keep: power, storage units, volumes, commands, exports."""

from typing import Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

FIELDS: Final = ["node", "phys", "vg", "name", "size", "instance"]

#: What nodes tell of their volumes.
VOLUMES: Final = {
    "node_volumes": [
        {"name": "root", "size": "1024.50", "dev": "/dev/sda1(0)", "vg": "xenvg"},
        {"name": "other", "size": "10", "dev": "/dev/sda10(3)", "vg": "xenvg"},
        {"name": "swap", "size": "2048.00", "dev": "/dev/sda2(0)", "vg": "other"},
    ]
}

#: How a mirror is: 1 is fine, 4 broken.
FINE: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
FAULTY: Final = {**FINE, "is_degraded": True, "ldisk_status": 4}

HEALTH: Final = [["disk0", "OK"], ["psu1", "WARNING"], ["fan2", "CRITICAL"], ["cpu", "UNKNOWN"]]
PV: Final = {"storage_type": "lvm-pv", "name": "/dev/sda3"}
VG: Final = {"storage_type": "lvm-vg", "name": "xenvg"}
REBOOT: Final = {"node_powercycle": "Reboot scheduled in 5 seconds"}


def _out_of_band(document: Document) -> None:
    """Give all nodes but the second a program that reaches their hardware."""
    document["cluster"]["ndparams"]["oob_program"] = "/usr/bin/oob"
    for number, node in enumerate(document["nodes"].values()):
        node["ndparams"] = {"oob_program": ""} if number == 1 else {}
    named(document, "nodes", "node3.example.com")["powered"] = False


def _one_offline(document: Document) -> None:
    """Have a node offline, and all but the second with a program that reaches their hardware."""
    _out_of_band(document)
    named(document, "nodes", "node6.example.com").update(offline=True, drained=False)


def _all_off(document: Document) -> None:
    _out_of_band(document)
    for node in document["nodes"].values():
        node["powered"] = False


def _active(document: Document) -> None:
    """Have the disks of all instances active."""
    for instance in document["instances"].values():
        if "forthcoming" not in instance:
            instance["disks_active"] = True


def _only_files(document: Document) -> None:
    document["cluster"]["enabled_disk_templates"] = ["file"]


POWER: Final = (
    case("a node", op("OP_NODE_POWERCYCLE", node_name="node2.example.com"), answers=REBOOT),
    case(
        "an offline node",
        op("OP_NODE_POWERCYCLE", node_name="node6"),
        config=_one_offline,
        answers=REBOOT,
    ),
    case("the master", op("OP_NODE_POWERCYCLE", node_name="node1.example.com")),
    case(
        "the master by force",
        op("OP_NODE_POWERCYCLE", node_name="node1.example.com", force=True),
        answers=REBOOT,
    ),
    case("unknown node", op("OP_NODE_POWERCYCLE", node_name="nobody")),
    case(
        "on for some",
        op("OP_OOB_COMMAND", command="power-on", power_delay=0.01,
           node_names=["node3", "node2", "node1.example.com"]),
        config=_out_of_band,
        answers={"run_oob": None},
    ),
    case(
        "on for all",
        op("OP_OOB_COMMAND", command="power-on", power_delay=0.01),
        config=_all_off,
        answers={"run_oob": None},
        failing=False,
    ),
    case(
        "off for one that is online",
        op("OP_OOB_COMMAND", command="power-off", node_names=["node3"]),
        config=_out_of_band,
    ),
    case(
        "off for one that is offline",
        op("OP_OOB_COMMAND", command="power-off", node_names=["node6"]),
        config=_one_offline,
        answers={"run_oob": None},
    ),
    case(
        "off whatever the status",
        op("OP_OOB_COMMAND", command="power-off", ignore_status=True, node_names=["node3"]),
        config=_out_of_band,
        answers={"run_oob": None},
    ),
    case(
        "off for all",
        op("OP_OOB_COMMAND", command="power-off", ignore_status=True),
        config=_out_of_band,
        answers={"run_oob": None},
        failing=False,
    ),
    case(
        "off for the master",
        op("OP_OOB_COMMAND", command="power-off", node_names=["node1.example.com"]),
        config=_out_of_band,
    ),
    case(
        "cycle for a master without program",
        op("OP_OOB_COMMAND", command="power-cycle", node_names=["node1.example.com", "node2"]),
    ),
    case(
        "cycle for one",
        op("OP_OOB_COMMAND", command="power-cycle", node_names=["node3"], timeout=7),
        config=_out_of_band,
        answers={"run_oob": None},
    ),
    case(
        "status",
        op("OP_OOB_COMMAND", command="power-status", node_names=["node3", "node4"]),
        config=_out_of_band,
        answers={"run_oob": {"powered": True}},
    ),
    case(
        "status that is none",
        op("OP_OOB_COMMAND", command="power-status", node_names=["node3"]),
        config=_out_of_band,
        answers={"run_oob": ["powered"]},
        failing=False,
    ),
    case(
        "health",
        op("OP_OOB_COMMAND", command="health", node_names=["node3"]),
        config=_out_of_band,
        answers={"run_oob": HEALTH},
    ),
    case(
        "health that is none",
        op("OP_OOB_COMMAND", command="health", node_names=["node3"]),
        config=_out_of_band,
        answers={"run_oob": [["disk0", "FINE"]]},
        failing=False,
    ),
    case(
        "an answer where none is due",
        op("OP_OOB_COMMAND", command="power-on", node_names=["node3"]),
        config=_out_of_band,
        answers={"run_oob": "done"},
        failing=False,
    ),
    case("unknown node", op("OP_OOB_COMMAND", command="health", node_names=["nobody"])),
)  # fmt: skip

STORAGE: Final = (
    case("all nodes", op("OP_NODE_QUERYVOLS", output_fields=FIELDS), answers=VOLUMES),
    case(
        "some nodes",
        op("OP_NODE_QUERYVOLS", output_fields=["size", "node"], nodes=["node2", "node6"]),
        answers=VOLUMES,
    ),
    case("unknown field", op("OP_NODE_QUERYVOLS", output_fields=["node", "colour"])),
    case("unknown node", op("OP_NODE_QUERYVOLS", output_fields=["node"], nodes=["nobody"])),
    case(
        "allocatable",
        op("OP_NODE_MODIFY_STORAGE", node_name="node2", changes={"allocatable": False}, **PV),
        answers={"storage_modify": None},
    ),
    case(
        "a volume group",
        op("OP_NODE_MODIFY_STORAGE", node_name="node2", changes={"allocatable": False}, **VG),
    ),
    case(
        "a field that stays",
        op("OP_NODE_MODIFY_STORAGE", node_name="node2", changes={"size": 1}, **PV),
    ),
    case(
        "no enabled template",
        op("OP_NODE_MODIFY_STORAGE", node_name="node2", changes={"allocatable": True}, **PV),
        config=_only_files,
    ),
    case(
        "unknown node and wrong type",
        op("OP_NODE_MODIFY_STORAGE", node_name="nobody", changes={"allocatable": True}, **VG),
    ),
    case(
        "a volume group",
        op("OP_REPAIR_NODE_STORAGE", node_name="node2", **VG),
        answers={"storage_execute": None},
    ),
    case(
        "under active disks",
        op("OP_REPAIR_NODE_STORAGE", node_name="node2", **VG),
        config=_active,
        answers={"storage_execute": None, "blockdev_getmirrorstatus": [FINE]},
    ),
    case(
        "under faulty disks",
        op("OP_REPAIR_NODE_STORAGE", node_name="node2", **VG),
        config=_active,
        answers={"storage_execute": None, "blockdev_getmirrorstatus": [FAULTY]},
        failing=False,
    ),
    case(
        "under faulty disks, all the same",
        op("OP_REPAIR_NODE_STORAGE", node_name="node2", ignore_consistency=True, **VG),
        config=_active,
        answers={"storage_execute": None, "blockdev_getmirrorstatus": [FAULTY]},
    ),
    case("a physical volume", op("OP_REPAIR_NODE_STORAGE", node_name="node2", **PV)),
    case(
        "no enabled template",
        op("OP_REPAIR_NODE_STORAGE", node_name="node2", **VG),
        config=_only_files,
    ),
)

SCRIPTS: Final = (
    case(
        "two nodes",
        op("OP_RESTRICTED_COMMAND", command="uptime", nodes=["node3", "node1.example.com"]),
        answers={"restricted_command": "up 3 days"},
    ),
    case(
        "with locks",
        op("OP_RESTRICTED_COMMAND", command="uptime", nodes=["node3"], use_locking=True),
        answers={"restricted_command": "up 3 days"},
    ),
    case(
        "an offline node",
        op("OP_RESTRICTED_COMMAND", command="uptime", nodes=["node6", "node2"]),
        config=_one_offline,
        answers={"restricted_command": "up 3 days"},
    ),
    case("unknown node", op("OP_RESTRICTED_COMMAND", command="uptime", nodes=["nobody"])),
    case("no node", op("OP_RESTRICTED_COMMAND", command="uptime", nodes=[])),
    case(
        "of an instance",
        op("OP_BACKUP_REMOVE", instance_name="inst1"),
        answers={
            "export_list": ["inst1.example.com", "inst2.example.com"],
            "export_list@node2.example.com": ["inst2.example.com"],
            "export_remove": None,
        },
    ),
    case(
        "of an instance that is gone",
        op("OP_BACKUP_REMOVE", instance_name="gone.example.com"),
        answers={"export_list": ["gone.example.com"], "export_remove": None},
        failing=False,
    ),
    case(
        "that is nowhere",
        op("OP_BACKUP_REMOVE", instance_name="gone"),
        answers={"export_list": ["gone.example.com"]},
    ),
)

CASES: Final = (*POWER, *STORAGE, *SCRIPTS)
