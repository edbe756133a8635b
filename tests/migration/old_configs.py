"""Configurations as older versions of Ganeti wrote them, made from generated ones of 3.0.

`expressible` gives a configuration of 3.0 that holds nothing an older version had no place for,
and `old` the same as that version wrote it. Bringing the second to 3.0 must give the first.
"""

import copy
from typing import Any, Final

from tests.sample_config import sample

Document = dict[str, Any]

#: Minor versions of 2 that are taken over.
MINORS: Final = tuple(range(7, 18))

_TEMPLATES: Final = ["blockdev", "diskless", "drbd", "ext", "file", "plain", "rbd", "sharedfile"]
_OLD_TYPES: Final = {"plain": "lvm", "drbd": "drbd8", "sharedfile": "file"}

#: Keys of the cluster by the first minor version that has them, with what they become.
_CLUSTER: Final[dict[int, Document]] = {
    8: {"enabled_disk_templates": _TEMPLATES},
    11: {
        "candidate_certs": {},
        "default_iallocator_params": {},
        "enabled_user_shutdown": False,
        "gluster_storage_dir": "",
        "max_running_jobs": 20,
    },
    12: {
        "compression_tools": ["gzip", "gzip-fast", "gzip-slow"],
        "install_image": "",
        "instance_communication_network": "",
        "max_tracked_jobs": 25,
        "osparams_private_cluster": {},
        "zeroing_image": "",
    },
    13: {
        "data_collectors": {
            name: {"active": True, "interval": 5_000_000}
            for name in ("cpu-avg-load", "diskstats", "drbd", "inst-status-xen", "lv",
                         "xen-cpu-avg-load")
        },
    },
    16: {"ssh_key_type": "dsa", "ssh_key_bits": 1024},
}  # fmt: skip

#: Some parameters that came after 2.7; the samples have their defaults.
_NEW_HYPERVISOR_PARAMS: Final = {
    "kvm": ("disk_aio", "disk_discard", "kvm_pci_reservations", "migration_caps",
            "scsi_controller_type", "user_shutdown", "virtio_net_queues", "vnet_hdr"),
    "lxc": ("devices", "drop_capabilities", "extra_cgroups", "extra_config", "num_ttys",
            "startup_timeout"),
    "xen-hvm": ("cpuid", "soundhw", "vif_script", "vif_type", "viridian", "xen_cmd"),
    "xen-pvm": ("cpuid", "soundhw", "vif_script", "xen_cmd"),
}  # fmt: skip


def expressible(seed: int, minor: int, *, instances: int = 20) -> Document:
    """Return a configuration of 3.0 as it becomes of one that 2.`minor` could hold."""
    config = sample(seed, instances=instances)
    cluster = config["cluster"]
    cluster["enabled_disk_templates"] = [*_TEMPLATES, "gluster"]
    cluster["ipolicy"]["disk-templates"] = ["plain", "diskless", "drbd", "ext"]
    cluster["drbd_usermode_helper"] = "/bin/true"
    for instance in config["instances"].values():
        if "forthcoming" in instance:
            instance |= {"admin_state": "down", "admin_state_source": "admin",
                         "disks_active": False}  # fmt: skip
    for since, keys in _CLUSTER.items():
        if minor < since:
            cluster |= copy.deepcopy(keys)
    for group in config["nodegroups"].values():
        group["ipolicy"].pop("std", None)
        group.pop("members")
    if minor < 14:
        _forget(config, lambda instance: "forthcoming" in instance)
    if minor < 13:
        config["filters"] = {}
    if minor < 12:
        for instance in config["instances"].values():
            instance["osparams_private"] = {}
            for uuid in instance["disks"]:
                config["disks"][uuid] |= {
                    "serial_no": 1, "ctime": instance["ctime"], "mtime": instance["ctime"],
                }  # fmt: skip
    if minor < 11:
        _forget(config, lambda instance: _template(config, instance) == "gluster")
        cluster["enabled_disk_templates"] = list(_TEMPLATES)
        for instance in config["instances"].values():
            if "forthcoming" not in instance:
                instance["admin_state_source"] = "admin"
    if minor < 8:
        for disk in config["disks"].values():
            disk.pop("name", None)
        for instance in config["instances"].values():
            for nic in instance["nics"]:
                nic.pop("name", None)
    return config


def old(config: Document, minor: int) -> Document:
    """Return an expressible configuration as 2.`minor` wrote it."""
    config = {**copy.deepcopy(config), "version": 2_000_000 + minor * 10_000}
    for since, keys in _CLUSTER.items():
        if minor < since:
            for key in keys:
                config["cluster"].pop(key, None)
    if minor < 14:
        _with_templates(config)
    if minor < 13:
        config.pop("filters")
    if minor < 12:
        _embed_disks(config)
        _leave_out_new_parameters(config)
    if minor < 11:
        for instance in config["instances"].values():
            instance.pop("admin_state_source", None)
    if minor < 9:
        _by_name(config)
    if minor < 8:
        _in_the_form_of_2_7(config)
    if minor == 17:
        _add_what_only_2_17_has(config)
    return config


def of_3_1(config: Document) -> Document:
    """Return a configuration of 3.0 as 3.1 writes it."""
    config = {**copy.deepcopy(config), "version": 3_010_000}
    for name in ("xen-pvm", "xen-hvm"):
        config["cluster"]["hvparams"][name].pop("xen_cmd")
    return config


def comparable(config: Document) -> Document:
    """Return a configuration with generated uuids replaced by what they stand for.

    Times of disks' children are left out: until 2.11 they had none.
    """
    config = copy.deepcopy(config)
    disks = {}
    for instance in config["instances"].values():
        named = []
        for index, uuid in enumerate(instance["disks"]):
            own = f"{instance['uuid']}/{index}"
            disks[own] = _renamed(config["disks"][uuid], own)
            named.append(own)
        instance["disks"] = named
        for index, nic in enumerate(instance["nics"]):
            nic["uuid"] = f"{instance['uuid']}/nic{index}"
    config["disks"] = disks
    return config


def differences(found: object, wanted: object, path: str = "") -> list[str]:
    """Return the paths at which two documents differ, with both values."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [*found, *(key for key in wanted if key not in found)]
        return [
            each
            for key in keys
            for each in differences(
                found.get(key, "nothing"), wanted.get(key, "nothing"), f"{path}.{key}".strip(".")
            )
        ]
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [
            each
            for index, pair in enumerate(zip(found, wanted, strict=True))
            for each in differences(*pair, f"{path}.{index}")
        ]
    return [] if found == wanted else [f"{path}: {found!r} != {wanted!r}"]


def _renamed(disk: Document, own: str) -> Document:
    children = []
    for number, child in enumerate(disk.get("children", ())):
        renamed = _renamed(child, f"{own}.{number}")
        for key in ("ctime", "mtime"):
            renamed.pop(key, None)
        # What a reader takes a missing one for.
        children.append({"iv_name": "", "mode": "rw", **renamed})
    return {**disk, "children": children, "uuid": own}


def _template(config: Document, instance: Document) -> str:
    if not instance["disks"]:
        return "diskless"
    return str(config["disks"][instance["disks"][0]]["dev_type"])


def _forget(config: Document, unwanted: Any) -> None:
    for uuid, instance in list(config["instances"].items()):
        if unwanted(instance):
            for disk in instance["disks"]:
                del config["disks"][disk]
            del config["instances"][uuid]


def _with_templates(config: Document) -> None:
    for instance in config["instances"].values():
        instance["disk_template"] = _template(config, instance)
    for disk in config["disks"].values():
        for each in (disk, *disk["children"]):
            each.pop("nodes")


def _embed_disks(config: Document) -> None:
    disks = config.pop("disks")
    for instance in config["instances"].values():
        instance.pop("osparams_private")
        instance["disks"] = [disks[uuid] for uuid in instance["disks"]]
        for disk in instance["disks"]:
            for each in (disk, *disk["children"]):
                for key in ("serial_no", "ctime", "mtime"):
                    each.pop(key)


def _leave_out_new_parameters(config: Document) -> None:
    cluster = config["cluster"]
    for name, parameters in _NEW_HYPERVISOR_PARAMS.items():
        for parameter in parameters:
            cluster["hvparams"][name].pop(parameter)
    for name in ("ssh_port", "ovs", "ovs_name", "ovs_link", "cpu_speed"):
        cluster["ndparams"].pop(name)
    cluster["nicparams"]["default"].pop("vlan")
    for group in config["nodegroups"].values():
        for network in group["networks"].values():
            network.pop("vlan")
    for name in ("gluster", "ext"):
        cluster["diskparams"].pop(name)
    cluster["diskparams"]["rbd"].pop("access")


def _by_name(config: Document) -> None:
    names = {uuid: node["name"] for uuid, node in config["nodes"].items()}
    config["cluster"]["master_node"] = names[config["cluster"]["master_node"]]
    for section in ("nodes", "instances"):
        config[section] = {each["name"]: each for each in config[section].values()}
    for instance in config["instances"].values():
        instance["primary_node"] = names[instance["primary_node"]]
        for disk in instance["disks"]:
            if disk["dev_type"] == "drbd":
                disk["logical_id"][:2] = [names[node] for node in disk["logical_id"][:2]]
            for each in (disk, *disk["children"]):
                each["dev_type"] = _OLD_TYPES.get(each["dev_type"], each["dev_type"])
                each["physical_id"] = list(each["logical_id"])


def _in_the_form_of_2_7(config: Document) -> None:
    networks = {uuid: network["name"] for uuid, network in config["networks"].items()}
    for network in config["networks"].values():
        network |= {"network_type": "private", "family": 4}
    for instance in config["instances"].values():
        instance.pop("disks_active")
        for nic in instance["nics"]:
            nic.pop("uuid")
            if "network" in nic:
                nic["network"] = networks[nic["network"]]
        for disk in instance["disks"]:
            for each in (disk, *disk["children"]):
                each.pop("uuid")
    for owner in (config["cluster"], *config["nodegroups"].values()):
        for sizes in owner["ipolicy"].pop("minmax", ()):
            owner["ipolicy"] |= sizes
    for group in config["nodegroups"].values():
        if "min" in group["ipolicy"]:
            group["ipolicy"]["std"] = {}


def _add_what_only_2_17_has(config: Document) -> None:
    cluster = config["cluster"]
    config["maintenance"] = {"serial_no": 1, "roundDelay": 300, "jobs": [], "evacuated": [],
                             "balance": False, "balanceThreshold": 0.1, "incidents": [],
                             "ctime": 0.0, "mtime": 0.0}  # fmt: skip
    cluster["diagnose_data_collector_filename"] = ""
    cluster["ipolicy"]["memory-ratio"] = 1.0
    for name in ("diagnose", "kvm-inst-rss"):
        cluster["data_collectors"][name] = {"active": True, "interval": 5_000_000}
