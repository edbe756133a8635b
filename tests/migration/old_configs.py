"""Generated configurations in the forms of older releases.

The present form is taken apart the way it was put together: each release lacks what came after it.
What no older form can hold (planned instances, filter rules, times of disks) is taken out of the
present one first, so that both can be compared.
"""

import copy
from typing import Any

from tests.sample_config import Document, sample

_OLD_TYPES = {"plain": "lvm", "drbd": "drbd8"}


def present(seed: int) -> Document:
    """Return a configuration of the present form without anything that is too new for 2.7."""
    document = copy.deepcopy(sample(seed, nodes=5, groups=2, instances=20))
    cluster = document["cluster"]
    cluster.update(ssh_key_type="dsa", ssh_key_bits=1024, enabled_user_shutdown=False)
    cluster.update(candidate_certs={}, drbd_usermode_helper="/bin/true", gluster_storage_dir="")
    cluster["enabled_disk_templates"] = sorted(cluster["diskparams"])
    document["filters"] = {}
    document["instances"] = {
        uid: each for uid, each in document["instances"].items() if "forthcoming" not in each
    }
    for instance in document["instances"].values():
        instance["admin_state_source"] = "admin"
        instance["disks_active"] = instance["admin_state"] == "up"
        for uid in instance["disks"]:
            disk = document["disks"][uid]
            _pairs(disk, serial_no=1, ctime=instance["ctime"], mtime=instance["ctime"])
            for child in disk["children"]:
                for key in ("ctime", "mtime"):
                    child.pop(key)
                child["serial_no"] = 1
            _everywhere(document, instance, disk)
    for group in document["nodegroups"].values():
        group["ipolicy"].pop("std", None)
        for params in group["networks"].values():
            params.setdefault("vlan", "")
    return document


def as_of(document: Document, minor: int) -> Document:
    """Return a configuration in the form of Ganeti 2.`minor`."""
    old = copy.deepcopy(document)
    old["version"] = 2_000_000 + minor * 10_000
    cluster = old["cluster"]
    if minor == 17:
        _as_of_2_17(old)
    if minor < 16:
        del cluster["ssh_key_type"], cluster["ssh_key_bits"]
    if minor < 14:
        del cluster["osparams_private_cluster"], cluster["gluster_storage_dir"]
        for instance in old["instances"].values():
            del instance["osparams_private"], instance["disks_active"]
    if minor < 13:
        del old["filters"], cluster["data_collectors"]
        for disk in old["disks"].values():
            for part in (disk, *disk["children"]):
                del part["nodes"]
    if minor < 12:
        _with_names(old)
        for key in ("install_image", "zeroing_image", "compression_tools",
                    "instance_communication_network"):  # fmt: skip
            del cluster[key]
    if minor < 11:
        for key in ("candidate_certs", "default_iallocator_params", "enabled_user_shutdown"):
            del cluster[key]
        for instance in old["instances"].values():
            del instance["admin_state_source"]
    if minor < 10:
        for policy in (cluster["ipolicy"], *(g["ipolicy"] for g in old["nodegroups"].values())):
            for sizes in policy.pop("minmax", []):
                policy.update(sizes)
    if minor < 9:
        for disk in _old_disks(old):
            disk["dev_type"] = _OLD_TYPES.get(disk["dev_type"], disk["dev_type"])
            disk["physical_id"] = ["anything"]
    if minor < 8:
        _without_uuids(old)
    return old


def as_of_3_1(document: Document) -> Document:
    """Return a configuration in the form of Ganeti 3.1."""
    new = copy.deepcopy(document)
    new["version"] = 3_010_000
    for name in ("xen-pvm", "xen-hvm"):
        del new["cluster"]["hvparams"][name]["xen_cmd"]
    return new


# --- parts --------------------------------------------------------------------------------------


def _pairs(value: Document, **pairs: Any) -> None:
    value.update(pairs)


def _everywhere(document: Document, instance: Document, disk: Document) -> None:
    """Let a disk have all nodes of its instance, as they are told when they are not kept."""
    ends = [
        uid
        for each in (document["disks"][uid] for uid in instance["disks"])
        if each["dev_type"] == "drbd"
        for uid in each["logical_id"][:2]
    ]
    nodes = list(dict.fromkeys([instance["primary_node"], *ends]))
    disk["nodes"] = nodes if disk["dev_type"] in ("plain", "file", "drbd") else []
    for child in disk["children"]:
        child["nodes"] = nodes


def _as_of_2_17(old: Document) -> None:
    old["maintenance"] = {"roundDelay": 300, "balance": True, "jobs": [], "serial_no": 1}
    old["cluster"]["diagnose_data_collector_filename"] = "run-me"
    old["cluster"]["data_collectors"]["diagnose"] = {"active": True, "interval": 5_000_000}
    old["cluster"]["ipolicy"]["memory-ratio"] = 2.0


def _with_names(old: Document) -> None:
    """Put disks into their instances, and names in the place of uuids of nodes."""
    names = {uid: node["name"] for uid, node in old["nodes"].items()}
    for instance in old["instances"].values():
        disks = []
        for uid in instance["disks"]:
            disk = old["disks"][uid]
            for key in ("serial_no", "ctime", "mtime"):
                del disk[key]
            for child in disk["children"]:
                del child["serial_no"]
            if disk["dev_type"] == "drbd":
                disk["logical_id"][:2] = [names[node] for node in disk["logical_id"][:2]]
            disks.append(disk)
        instance["disk_template"] = disks[0]["dev_type"] if disks else "diskless"
        instance["disks"] = disks
        instance["primary_node"] = names[instance["primary_node"]]
    del old["disks"]
    old["cluster"]["master_node"] = names[old["cluster"]["master_node"]]
    for section in ("nodes", "instances"):
        old[section] = {each["name"]: each for each in old[section].values()}


def _old_disks(old: Document) -> list[Document]:
    return [
        part
        for instance in old["instances"].values()
        for disk in instance["disks"]
        for part in (disk, *disk["children"])
    ]


def _without_uuids(old: Document) -> None:
    """Take uuids from disks and NICs; NICs name their networks."""
    names = {uid: network["name"] for uid, network in old["networks"].items()}
    for disk in _old_disks(old):
        del disk["uuid"]
    for instance in old["instances"].values():
        for nic in instance["nics"]:
            del nic["uuid"]
            if "network" in nic:
                nic["network"] = names[nic["network"]]
    del old["cluster"]["enabled_disk_templates"]
