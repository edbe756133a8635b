"""Parameters of the cluster."""

from typing import Any, Final

from tests.same_calls.case import Case, case, named, op, rejecting
from tests.sample_config import Document

#: What nodes have, and what they find well.
WELL: Final[Document] = {
    "os_validate": True,
    "hypervisor_validate_params": None,
    "vg_list": {"xenvg": 204800, "other": 30000.0, "small": 100.0},
    "drbd_helper": "/bin/true",
    "node_ensure_daemon": True,
    "node_change_master_netmask": None,
    "node_crypto_tokens": [["ssl", "aa:bb"]],
    "node_ssh_key_add": [],
}

SPEC: Final = {
    "cpu-count": 1, "disk-count": 1, "disk-size": 1024, "memory-size": 128, "nic-count": 1,
    "spindle-use": 1,
}  # fmt: skip


def _set(
    name: str,
    config: Any = None,
    answers: Document | None = None,
    mended: bool = False,
    **parameters: Any,
) -> Case:
    return case(
        name,
        op("OP_CLUSTER_SET_PARAMS", **parameters),
        config=config,
        answers={**WELL, **(answers or {})},
        mended=mended,
    )


def _capable(document: Document) -> None:
    """Have a master that can have instances, and so operating systems."""
    document["nodes"][document["cluster"]["master_node"]]["vm_capable"] = True


def _quiet(document: Document) -> None:
    """Have no parameters of operating systems, which would be checked each time."""
    document["cluster"]["osparams"] = {}


def _lvm_less(document: Document) -> None:
    """Have neither a volume group nor a disk in one, nor a helper."""
    _quiet(document)
    cluster = document["cluster"]
    del cluster["volume_group_name"], cluster["drbd_usermode_helper"]
    cluster["enabled_disk_templates"] = ["file", "diskless", "sharedfile", "gluster"]
    cluster["ipolicy"]["disk-templates"] = ["file", "diskless"]
    for group in document["nodegroups"].values():
        group["ipolicy"].pop("disk-templates", None)
    _without_disks(document, "file", "sharedfile", "gluster")


def _fileless(document: Document) -> None:
    _lvm_less(document)
    _without_disks(document, "sharedfile", "gluster")


def _without_helper(document: Document) -> None:
    _lvm_less(document)
    document["cluster"]["volume_group_name"] = "xenvg"


def _with_helper(document: Document) -> None:
    """Have all that DRBD needs, but DRBD."""
    _without_helper(document)
    document["cluster"]["drbd_usermode_helper"] = "/bin/true"


def _without_disks(document: Document, *kept: str) -> None:
    """Leave instances only whose disks are of these templates, and one without any."""
    disks = document["disks"]
    document["instances"] = {
        uuid: each
        for uuid, each in document["instances"].items()
        if all(disks[disk]["dev_type"] in kept for disk in each["disks"])
    }
    used = {disk for each in document["instances"].values() for disk in each["disks"]}
    document["disks"] = {uuid: disk for uuid, disk in disks.items() if uuid in used}


def _offline(document: Document) -> None:
    """Have a node that is offline and one that can have no instances."""
    named(document, "nodes", "node6.example.com").update(offline=True, drained=False)
    for node in document["nodes"].values():
        node["vm_capable"] = node["name"] != "node5.example.com"
    document["cluster"]["enabled_user_shutdown"] = False


def _pool(document: Document) -> None:
    """Have one node that could be a candidate and is none."""
    _quiet(document)
    for number, node in enumerate(document["nodes"].values()):
        node.update(drained=number > 3, offline=False, master_capable=True)


def _keyless(document: Document) -> None:
    _pool(document)
    document["cluster"]["modify_ssh_setup"] = False


def _routed(document: Document) -> None:
    """Leave no NIC without an address."""
    _quiet(document)
    for instance in document["instances"].values():
        instance["nics"] = [nic for nic in instance["nics"] if nic.get("ip")]


def _talking(document: Document) -> None:
    """Let instances be talked to by a network that all groups have."""
    _quiet(document)
    document["cluster"]["instance_communication_network"] = "net1"
    network = named(document, "networks", "net1")
    for group in document["nodegroups"].values():
        group["networks"][network["uuid"]] = {"mode": "bridged", "link": "br1", "vlan": ""}
    rejecting("OP_NETWORK_ADD", "OP_NETWORK_CONNECT")(document)


def _uids(document: Document) -> None:
    _quiet(document)
    document["cluster"]["uid_pool"] = [[1000, 1010], [2000, 2000]]


PLAIN: Final = (
    _set("nothing", config=_capable),
    _set(
        "plain values",
        config=_quiet,
        max_running_jobs=15,
        max_tracked_jobs=30,
        maintain_node_health=True,
        modify_etc_hosts=False,
        prealloc_wipe_disks=True,
        mac_prefix="AA:00:05",
        default_iallocator="",
        default_iallocator_params={"a": "b"},
        reserved_lvs=["xenvg/root", "xenvg/.*-swap"],
        use_external_mip_script=True,
        install_image="/srv/image",
        zeroing_image="http://example.com/zero",
        compression_tools=["gzip", "lzop"],
        hidden_os=[["add", "first"], ["add", "first"], ["remove", "other"]],
        blacklisted_os=[["add", "first"], ["add", "second"], ["remove", "first"]],
        enabled_data_collectors={"lv": False},
        data_collector_interval={"drbd": 7000000},
        uid_pool=[[2000, 2010], [1000, 1000]],
    ),
    _set("unknown collector", config=_quiet, enabled_data_collectors={"no": True}),
    _set("relative zeroing image", config=_quiet, zeroing_image="srv/image"),
    _set("tool of no name", config=_quiet, compression_tools=["gzip", "a b"]),
    _set("change of no meaning", config=_quiet, hidden_os=[["attach", "first"]]),
    _set("unknown allocator", config=_quiet, default_iallocator="nothing"),
    _set("user ids upside down", config=_quiet, uid_pool=[[10, 5]]),
    _set("user ids", config=_uids, add_uids=[[5, 6], [2000, 2000]], remove_uids=[[1000, 1010]]),
    _set("user ids that are not there", config=_uids, remove_uids=[[1000, 1009]]),
)

LAYERS: Final = (
    _set("hypervisor", config=_offline, hvparams={"kvm": {"kernel_args": "rw", "acpi": "false"}}),
    _set("hypervisor's unknown", config=_quiet, hvparams={"kvm": {"nothing": 1}}),
    _set("hypervisor's of another", config=_quiet, hvparams={"kvm": {"init_script": "/x"}}),
    _set("hypervisor's of no meaning", config=_quiet, hvparams={"kvm": {"kernel_path": "x"}}),
    _set("unknown hypervisor", config=_quiet, hvparams={"nothing": {}}),
    _set("hypervisors", config=_quiet, enabled_hypervisors=["fake", "lxc"]),
    _set("user shutdown", config=_offline, enabled_user_shutdown=True),
    _set("user shutdown off", config=_quiet, enabled_user_shutdown=False),
    _set(
        "of an operating system",
        config=_quiet,
        os_hvp={"noop": {"kvm": {"acpi": True}, "fake": None}, "new": {"lxc": {"num_ttys": "4"}}},
    ),
    _set(
        "operating systems",
        config=_capable,
        osparams={"noop": {"size": None, "where": "default", "new": "1"}},
        osparams_private_cluster={"noop": {"secret": "x"}},
    ),
    _set("an unknown operating system", config=_capable, answers={"os_validate": False}),
    _set("of two kinds", osparams_private_cluster={"noop": {"size": "x"}}),
    _set("backend", config=_quiet, beparams={"memory": "1g", "vcpus": "2", "auto_balance": "true"}),
    _set("backend's of a wrong type", config=_quiet, beparams={"maxmem": "much"}),
    _set("nodes", config=_quiet, ndparams={"oob_program": "", "spindle_count": "3"}),
    _set("interfaces", config=_routed, nicparams={"mode": "routed", "link": "main"}),
    _set("interfaces without addresses", config=_quiet, nicparams={"mode": "routed"}),
    _set(
        "disks",
        config=_quiet,
        diskparams={"drbd": {"resync-rate": "2048"}, "plain": {"stripes": 2}},
    ),
    _set("disks' of another template", config=_quiet, diskparams={"plain": {"resync-rate": 2}}),
    _set("disks' way", config=_quiet, diskparams={"rbd": {"access": "userspace"}}),
    _set("state of hypervisors", config=_quiet, hv_state={"kvm": {"mem_total": "100"}}),
    _set("state of disks", config=_quiet, disk_state={"plain": {"xenvg": {"disk_total": 5}}}),
)

POLICY: Final = (
    _set(
        "policy",
        config=_quiet,
        ipolicy={"std": {"cpu-count": "2"}, "vcpu-ratio": "3", "disk-templates": ["plain"]},
    ),
    _set(
        "policy that none fits",
        config=_quiet,
        ipolicy={"minmax": [{"min": SPEC, "max": SPEC}], "std": SPEC},
    ),
    _set("policy without a part", config=_quiet, ipolicy={"vcpu-ratio": "default"}),
    _set("policy's standard outside", config=_quiet, ipolicy={"std": {"cpu-count": 1 << 20}}),
)

STORAGE: Final = (
    _set("a template in use", config=_lvm_less,
         enabled_disk_templates=["diskless", "sharedfile", "gluster"]),
    _set("no more diskless", config=_lvm_less,
         enabled_disk_templates=["file", "sharedfile", "gluster"]),
    _set("another template", config=_lvm_less,
         enabled_disk_templates=["sharedfile", "gluster", "ext", "file", "diskless"]),
    _set("policy's template", config=_fileless,
         enabled_disk_templates=["sharedfile", "gluster", "diskless"]),
    _set("volumes", config=_lvm_less, vg_name="xenvg",
         enabled_disk_templates=["file", "diskless", "sharedfile", "gluster", "plain"]),
    _set("another volume group", config=_offline, vg_name="other"),
    _set("the same volume group", config=_quiet, vg_name="xenvg"),
    _set("a small volume group", config=_quiet, vg_name="small"),
    _set("no volume group", config=_without_helper, vg_name=""),
    _set("helper", config=_offline, drbd_helper="/bin/true"),
    _set("another helper", config=_quiet, drbd_helper="/bin/false"),
    _set("helper without mirrors", config=_with_helper, drbd_helper="/bin/new"),
    _set("no helper", config=_with_helper, drbd_helper=""),
    _set("mirrors", config=_with_helper, vg_name="xenvg",
         enabled_disk_templates=["file", "diskless", "sharedfile", "gluster", "drbd"]),
    _set("mirrors without a helper", config=_without_helper, vg_name="xenvg",
         enabled_disk_templates=["file", "diskless", "sharedfile", "gluster", "drbd"]),
    _set("directories", config=_quiet, file_storage_dir="/srv/new", gluster_storage_dir="/srv/g",
         shared_file_storage_dir="/srv/ganeti/shared-file-storage"),
    _set("directory for nothing", config=_lvm_less,
         file_storage_dir="/srv/ganeti/file-storage", shared_file_storage_dir="/srv/new",
         enabled_disk_templates=["gluster", "diskless", "file", "sharedfile"]),
)  # fmt: skip

ADDRESS: Final = (
    _set("device", config=_quiet, master_netdev="eth7"),
    _set("device by force", config=_quiet, master_netdev="eth7", force=True),
    _set("netmask", config=_quiet, master_netmask=24),
    _set("netmask of no meaning", config=_quiet, master_netmask=33),
    _set("device and netmask", config=_quiet, master_netmask=24, master_netdev="eth7"),
)

NODES: Final = (
    _set("more candidates", config=_pool, mended=True, candidate_pool_size=4),
    _set("more candidates without keys", config=_keyless, mended=True, candidate_pool_size=10),
    _set("less candidates", config=_pool, mended=True, candidate_pool_size=2),
    _set("more candidates as it is", config=_pool, candidate_pool_size=4),
)

TALK: Final = (
    _set("a network for talking", config=_talking, instance_communication_network="net9"),
    _set("another network for talking", config=_talking, instance_communication_network="net0"),
    _set("the same network for talking", config=_talking, instance_communication_network="net1"),
    _set("no talking", config=_talking, instance_communication_network=""),
    case("forbidden", op("OP_CLUSTER_SET_PARAMS", vg_name="xenvg"), config=_quiet,
         answers={**WELL, "hooks_runner": [["00-no", 1, "not today"]]}),
)  # fmt: skip

CASES: Final = (*PLAIN, *LAYERS, *POLICY, *STORAGE, *ADDRESS, *NODES, *TALK)
