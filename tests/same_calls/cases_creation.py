"""New instances: on named nodes and on those an allocator finds, of all disk templates."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Nodes that run instances; both are in group1, but for the second.
NODE: Final = "node2.example.com"
OTHER: Final = "node3.example.com"
MIRROR: Final = "node4.example.com"
NEW: Final = "new.example.com"
DISK: Final = {"size": 1024}

#: What nodes answer while an instance is made.
OS: Final = [
    ["noop", "/srv/os/noop", True, "", [], [["size", "big"]], [20], True],
    ["shady", "/srv/os/shady", True, "", ["small"], [], [20], False],
]
MADE: Final[dict[str, Any]] = {
    "blockdev_create": None,
    "blockdev_getmirrorstatus": [],
    "blockdev_remove": None,
    "bridges_exist": None,
    "file_storage_dir_create": ["/srv"],
    "file_storage_dir_remove": None,
    "hypervisor_validate_params": None,
    "instance_metadata_modify": None,
    "instance_os_add": None,
    "instance_start": None,
    "node_info": [
        "boot",
        [{"type": "lvm-vg", "name": "xenvg", "storage_free": 10_000, "storage_size": 20_000}],
        [{"memory_free": 4096}],
    ],
    "os_diagnose": OS,
    "os_validate": True,
}


def everywhere(document: Document) -> None:
    """Have all nodes run instances, of all templates."""
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for node in document["nodes"].values():
        node["vm_capable"] = True


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in (everywhere, *changes):
            each(document)

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return _all(lambda document: document["cluster"].update(fields))


def _node(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: named(document, "nodes", name).update(fields))


def _whole_disks(document: Document) -> None:
    """Have nodes of the second group give whole disks away."""
    everywhere(document)
    named(document, "nodegroups", "group1")["ndparams"]["exclusive_storage"] = True


def added(**parameters: Any) -> Document:
    """Return the opcode for an instance without disks, but for these parameters."""
    return op(
        "OP_INSTANCE_CREATE",
        **{
            "disk_template": "diskless", "disks": [], "hypervisor": "fake", "instance_name": NEW,
            "ip_check": False, "mode": "create", "name_check": False, "nics": [],
            "os_type": "noop", "pnode": NODE, **parameters,
        },
    )  # fmt: skip


def _made(
    name: str, *, failing: bool = False, answers: Any = (), config: Any = None, **parameters: Any
) -> Any:
    """Return a case of an instance that nodes are asked for.

    Args:
        answers: what nodes answer otherwise; `...` is for an answer of their own.
    """
    answered = {call: told for call, told in {**MADE, **dict(answers)}.items() if told is not ...}
    return case(name, added(**parameters), config=config or everywhere, answers=answered,
                failing=failing)  # fmt: skip


def _refused(name: str, *, config: Any = None, **parameters: Any) -> Any:
    """Return a case of an instance that is refused before any node is asked."""
    return case(name, added(**parameters), config=config or everywhere)


WITHOUT_DISKS: Final = (
    _made("without disks", failing=True),
    _made("without disks, stopped", start=False, tags=["b", "a:b"]),
    _made("without disks for KVM", hypervisor="kvm"),
    _made("without disks for the first hypervisor", hypervisor=None),
    _made("without an operating system", os_type=None, osparams={"os-image": "/srv/image"},
          disks=[DISK], disk_template="file", answers={"blockdev_pause_resume_sync": [[True, None]],
          "blockdev_image": None}),
    _made("not installed", no_install=True),
    _made("of its own parameters",
          beparams={"memory": "1g", "vcpus": 2, "auto_balance": "false"},
          osparams={"size": "small", "colour": "red"}, osparams_private={"key": "hush"},
          osparams_secret={"word": "hush, hush"}),
    _made("as the cluster has it", identify_defaults=True, hypervisor="kvm",
          hvparams={"acpi": True, "kernel_args": "ro quiet"}, beparams={"vcpus": 1, "maxmem": 256},
          osparams={"size": "big", "colour": "red"}, nics=[{"mode": "bridged", "link": "br9"}]),
    _made("dry run", dry_run=True),
    _made("forbidden", answers={"hooks_runner": [["10-no", 1, "not today"]]}),
    _made("without memory", beparams={"memory": 8192}),
    _made("with memory that is not told", answers={"node_info": ["boot", None, [{}]]}),
    _made("of a system that the node has not", os_type="gone"),
    _made("against the policy", beparams={"memory": 16, "vcpus": 20}),
    _made("against the policy that is ignored", beparams={"memory": 16, "vcpus": 20},
          ignore_ipolicy=True),
    _refused("that is there", instance_name="inst0.example.com"),
    _refused("on nobody", pnode="nobody"),
    _refused("on another uuid", pnode_uuid="elsewhere"),
    _refused("on an offline node", config=_node(NODE, offline=True, master_candidate=False)),
    _refused("on a drained node", pnode="node5.example.com"),
    _refused("on a node without guests", config=_node(NODE, vm_capable=False)),
    _refused("of a hypervisor that is not enabled", hypervisor="lxc"),
    _refused("of a template that is not enabled", disk_template="rbd",
             config=_cluster(enabled_disk_templates=["diskless", "file"])),
    _refused("of no system", os_type=None),
    _refused("of a forbidden system", config=_cluster(blacklisted_os=["noop"])),
    _refused("of an image that is nowhere", osparams={"os-image": "image"}),
    _refused("with an address and without a name", ip_check=True),
    _made("of a name that is looked up", instance_name="free.example.com", name_check=True,
          ip_check=True, nics=[{"mode": "routed", "ip": "auto"}]),
    _refused("of a name that nobody knows", name_check=True, instance_name="no.such.example.com"),
    _refused("put aside and real", forthcoming=True, commit=True),
    _refused("with a wrong tag", tags=["a b"]),
    _refused("with unknown parameters of the hypervisor", hvparams={"colour": "red"}),
    _refused("with wrong parameters of the hypervisor", hypervisor="kvm",
             hvparams={"kernel_path": "no"}),
    _refused("with parameters of all", hypervisor="kvm", hvparams={"migration_port": 9}),
    _refused("with an unknown size", beparams={"colour": 1}),
    _refused("with a size of no meaning", beparams={"vcpus": "many"}),
    _refused("with a parameter of two kinds", osparams={"key": "a"}, osparams_secret={"key": "b"}),
    _refused("with luck and a node", opportunistic_locking=True),
    _refused("with a node and an allocator", iallocator="hail"),
    _refused("with neither node nor allocator", pnode=None,
             config=_cluster(default_iallocator="")),
    _refused("with unknown compression", compress="squeeze"),
)  # fmt: skip


def disks(template: str, *disks: Mapping[str, object], **parameters: Any) -> dict[str, Any]:
    """Return the parameters of an instance with disks of a template."""
    return {"disk_template": template, "disks": list(disks or (DISK,)), **parameters}


def _striped(document: Document) -> None:
    """Have mirrors lie on several devices, and their metadata in a group of its own."""
    own = {"data-stripes": 2, "meta-stripes": 3, "metavg": "meta", "resync-rate": 100}
    document["cluster"]["diskparams"]["drbd"].update(own)


def mirrored(**parameters: Any) -> dict[str, Any]:
    return disks("drbd", snode=MIRROR, **parameters)


#: What a node tells of a mirror: whole, being copied, broken.
WHOLE: Final = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
    "estimated_time": None, "is_degraded": False, "ldisk_status": 1,
}  # fmt: skip
COPYING: Final = {**WHOLE, "sync_percent": 99.5, "estimated_time": 1, "is_degraded": True}
BROKEN: Final = {**WHOLE, "is_degraded": True}
SYNCED: Final = {"blockdev_getmirrorstatus": [WHOLE]}
PAUSED: Final = {"blockdev_pause_resume_sync": [[True, None]]}
WIPED: Final = {**PAUSED, "blockdev_wipe": None}

IN_FILES: Final = (
    _made("of files", failing=True, **disks("file")),
    _made("of files in a directory", **disks("file", {"size": "1g", "mode": "ro", "name": "one"},
          {"size": 70, "name": "none"}, file_storage_dir="below", file_driver="blktap2")),
    _made("of shared files", **disks("sharedfile")),
    _made("of a template by default", config=_cluster(enabled_disk_templates=["file"]),
          **disks("file", disk_template=None)),
    _made("of which the second disk fails", answers={"blockdev_create#2": 5},
          **disks("file", DISK, DISK)),
    _made("overwritten", failing=True, answers=WIPED, config=_cluster(prealloc_wipe_disks=True),
          **disks("file", {"size": 64})),
    _made("filled with an image", failing=True, answers={**PAUSED, "blockdev_image": None},
          **disks("file", osparams={"os-image": "http://example.com/image"})),
    _made("of files, not installed", no_install=True, **disks("file")),
    _made("of files of a system that is not trusted", os_type="shady+small", **disks("file")),
    _refused("of files without a directory", config=_cluster(file_storage_dir=""),
             **disks("file")),
    _refused("of a disk without a size", **disks("file", {"mode": "rw"})),
    _refused("of a disk with an unknown parameter", **disks("file", {"size": 64, "colour": 1})),
    _refused("of disks of one name", **disks("file", {"size": 64, "name": "a"},
             {"size": 64, "name": "a"})),
    _refused("of a disk that is called by a number", **disks("file", {"size": 64, "name": "7"})),
    _refused("of a disk of a provider", **disks("file", {"size": 64, "provider": "p"})),
    _made("of a disk with spindles", **disks("file", {"size": 64, "spindles": 2})),
    _made("of a disk that is too small", **disks("file", {"size": 4})),
)  # fmt: skip

ON_VOLUMES: Final = (
    _made("of volumes", **disks("plain")),
    _made("of volumes in two groups", **disks("plain", DISK, {"size": 64, "vg": "other"})),
    _made("of volumes without room", **disks("plain", {"size": 20_000})),
    _made("of volumes with room that is not told", answers={"node_info": ["boot", [], [{}]]},
          **disks("plain")),
    _refused("of volumes without a group", config=_cluster(volume_group_name=None),
             **disks("plain")),
    _made("of volumes with spindles", config=_whole_disks,
          **disks("plain", {"size": 64, "spindles": 2})),
    _refused("of volumes without spindles", **disks("plain"),
             config=_whole_disks),
    _refused("of files on whole disks", **disks("file"),
             config=_whole_disks),
    _made("of mirrors", failing=True, answers=SYNCED, **mirrored()),
    _made("of mirrors with parameters", answers={"blockdev_getmirrorstatus": [WHOLE, WHOLE]},
          config=_all(_striped),
          **disks("drbd", {"size": 64, "vg": "data"}, {"size": 64, "metavg": "metas"},
                   snode=MIRROR)),
    _made("of mirrors not waited for", wait_for_sync=False,
          answers={**PAUSED, "blockdev_getmirrorstatus": [COPYING]}, **mirrored()),
    _made("of mirrors that are copied", **mirrored(),
          answers={**SYNCED, "blockdev_getmirrorstatus#1": [COPYING]}),
    _made("of mirrors that break", wait_for_sync=False,
          answers={"blockdev_getmirrorstatus": [BROKEN]}, **mirrored()),
    _made("of mirrors with a node elsewhere", answers=SYNCED, **{**mirrored(), "snode": OTHER}),
    _refused("of mirrors on one node", **disks("drbd")),
    _refused("of mirrors with itself", **{**mirrored(), "snode": NODE}),
    _refused("of mirrors on an offline node", **mirrored(),
             config=_node(MIRROR, offline=True, master_candidate=False)),
    _refused("of mirrors on a drained node", **mirrored(), config=_node(MIRROR, drained=True)),
    _refused("of mirrors on a node without guests", **mirrored(),
             config=_node(MIRROR, vm_capable=False)),
    _made("of volumes with a second node", **disks("plain", snode=MIRROR)),
)  # fmt: skip

ELSEWHERE: Final = (
    _made("on RBD", **disks("rbd")),
    _made("on RBD by KVM", hypervisor="kvm", **disks("rbd", {"size": 64, "access": "userspace"})),
    _made("on RBD from where it cannot", **disks("rbd", {"size": 64, "access": "userspace"})),
    _made("on Gluster", **disks("gluster")),
    _made("on a provider", failing=True,
          **disks("ext", {"size": 64, "provider": "pvdr", "colour": "red"})),
    _refused("on no provider", **disks("ext", {"size": 64})),
    _made("with a device", failing=True, answers={"bdev_sizes": {"/dev/disk/by-id/x": 777}},
          **disks("blockdev", {"size": 64, "adopt": "/dev/disk/by-id/x"})),
    _made("with a device that is not there", answers={"bdev_sizes": {}},
          **disks("blockdev", {"size": 64, "adopt": "/dev/disk/by-id/x"})),
    _refused("with a device that is none", **disks("blockdev", {"size": 64, "adopt": "/etc/x"})),
    _refused("with one device twice", **disks("blockdev", {"size": 64, "adopt": "/dev/disk/x"},
             {"size": 64, "adopt": "/dev/disk/../disk/x"})),
    _refused("with no device", **disks("blockdev")),
    _made("with a volume", failing=True,
          answers={"vg_list": {"xenvg": 9000}, "lv_list": {"xenvg/old": ["99.00", False, False]},
                   "blockdev_rename": None},
          **disks("plain", {"size": 64, "adopt": "old"})),
    _made("with a volume that is not there", answers={"vg_list": {"xenvg": 9000}, "lv_list": {}},
          **disks("plain", {"size": 64, "adopt": "old"})),
    _made("with a volume in use", **disks("plain", {"size": 64, "adopt": "old"}),
          answers={"vg_list": {"xenvg": 9}, "lv_list": {"xenvg/old": ["99.00", False, True]}}),
    _refused("with one volume twice", **disks("plain", {"size": 64, "adopt": "old"},
             {"size": 64, "adopt": "old"})),
    _refused("with some volumes", **disks("plain", {"size": 64, "adopt": "old"}, DISK)),
    _refused("with files", **disks("file", {"size": 64, "adopt": "old"})),
    _refused("with a volume and an allocator", pnode=None, iallocator="hail",
             **disks("plain", {"size": 64, "adopt": "old"})),
)  # fmt: skip


def _found(*nodes: str, success: bool = True) -> dict[str, Any]:
    """Return an allocator's answer; it is told all that nodes have."""
    return {"iallocator_runner": json.dumps({"success": success, "info": "so", "result": nodes}),
            "all_instances_info": {}, "node_info": ...}  # fmt: skip


def _anywhere(**parameters: Any) -> dict[str, Any]:
    return {"pnode": None, "iallocator": "hail", **parameters}


BY_ALLOCATOR: Final = (
    _made("where an allocator says", failing=True, answers=_found(NODE), **_anywhere()),
    _made("where the cluster's allocator says", answers=_found(NODE), pnode=None,
          config=_cluster(default_iallocator="other")),
    _made("of mirrors where an allocator says", answers={**_found(NODE, MIRROR), **SYNCED},
          **_anywhere(**disks("drbd", {"size": 64, "metavg": "metas", "name": "a"}),
                      nics=[{"ip": "192.0.2.9", "name": "eth"}], tags=["a"])),
    _made("in a group", answers=_found(OTHER), group_name="default", **_anywhere()),
    _made("where no allocator knows", answers=_found(success=False), **_anywhere()),
    _made("where an allocator names too many", answers=_found(NODE, MIRROR), **_anywhere()),
    _made("where an allocator names nobody", answers=_found("nobody"), **_anywhere()),
    _made("of an image where an allocator says", os_type=None, disk_template="file", disks=[DISK],
          osparams={"os-image": "/srv/image"}, **_anywhere()),
    _made("with luck", answers=_found(NODE), opportunistic_locking=True, **_anywhere()),
    _made("with luck of mirrors", answers={**_found(NODE, MIRROR), **SYNCED},
          opportunistic_locking=True, **_anywhere(**disks("drbd"))),
    _made("without luck", opportunistic_locking=True, **_anywhere(),
          answers={**_found(NODE), "iallocator_runner#1": _found(success=False)[
              "iallocator_runner"]}),
)  # fmt: skip


def _nic(name: str, *nics: dict[str, str | None], **more: Any) -> Any:
    return _made(name, nics=list(nics), **more)


def _none(name: str, *nics: Mapping[str, str | None], **more: Any) -> Any:
    return _refused(name, nics=list(nics), **more)


def _full(document: Document) -> None:
    """Have no address left in the second network."""
    named(document, "networks", "net1").update(reservations="1" * 32)


def _prefix(document: Document) -> None:
    """Have NICs in the first network be told by their addresses."""
    named(document, "networks", "net0")["mac_prefix"] = "aa:00:07"


WITH_NICS: Final = (
    _nic("bridged", {}, {"mode": "bridged", "link": "br7"}),
    _nic("routed", {"mode": "routed", "ip": "192.0.2.9"}),
    _nic("switched", {"mode": "openvswitch", "link": "ovs", "vlan": "5"},
         {"mode": "openvswitch", "vlan": ".5:6:7"}, {"mode": "auto", "vlan": ":8:9"}),
    _nic("with a MAC address", {"mac": "AA:00:00:FF:ff:01", "name": "eth"},
         {"mac": "generate", "name": "none", "ip": "none"}),
    _nic("from a pool", {"ip": "pool", "network": "net1"}, {"network": "net1"}, failing=True),
    _nic("with an address of a network", {"ip": "203.0.113.3", "network": "net1"}),
    _nic("with an address that others have", {"ip": "203.0.113.26", "network": "net1"}),
    _made("with an address that others have, nevertheless", conflicts_check=False,
          nics=[{"ip": "203.0.113.13", "network": "net1"}]),
    _nic("with a prefix", {"network": "net0"}, pnode=OTHER, config=_all(_prefix)),
    _none("in a network and a mode", {"network": "net1", "mode": "bridged"}),
    _none("in an unknown network", {"network": "nothing"}),
    _none("in a network that does not reach it", {"network": "net0"}),
    _none("with an address that a NIC has", {"ip": "203.0.113.2", "network": "net1"}),
    _none("with an address outside", {"ip": "192.0.2.9", "network": "net1"}),
    _none("with an address of another network", {"ip": "203.0.113.9"}),
    _made("with an address of another network, nevertheless", conflicts_check=False,
          nics=[{"ip": "203.0.113.9"}]),
    _none("from a full pool", {"ip": "pool", "network": "net1"}, config=_all(_full)),
    _none("from no pool", {"ip": "pool"}),
    _none("with its own address and no name", {"ip": "auto"}),
    _none("with no address", {"ip": "nowhere"}),
    _none("routed without an address", {"mode": "routed"}),
    _none("in no mode", {"mode": "airborne"}),
    _none("with a MAC address of another", {"mac": "aa:00:00:00:01:00"}),
    _none("with a MAC address twice", {"mac": "aa:00:00:FF:ff:01"}, {"mac": "AA:00:00:ff:ff:01"}),
    _none("with an address of a network twice", *2 * ({"ip": "203.0.113.3", "network": "net1"},)),
    _none("with no MAC address", {"mac": "aa:00"}),
    _none("with one MAC address twice", {"mac": "aa:00:00:ff:ff:01"}, {"mac": "aa:00:00:FF:ff:01"}),
    _none("with no VLAN", {"vlan": "five"}),
    _none("with no trunk", {"vlan": "5:6"}),
    _none("with names of one kind", {"name": "eth"}, {"name": "eth"}),
    _none("with the name of a number", {"name": "7"}),
    _made("with a NIC for talks", instance_communication=True,
          config=_cluster(instance_communication_network="net1")),
)  # fmt: skip


def _planned(document: Document) -> None:
    """Put the new instance aside, with a disk."""
    node = named(document, "nodes", NODE)["uuid"]
    uuid, disk = "6d5d5a0e-24d5-4f3c-a3cf-000000000001", "6d5d5a0e-24d5-4f3c-a3cf-000000000002"
    common = {"serial_no": 1, "ctime": 1.0, "mtime": 1.0, "forthcoming": True}
    document["disks"][disk] = {
        **common, "uuid": disk, "iv_name": "disk/0", "size": 64, "mode": "rw", "params": {},
        "dev_type": "file", "logical_id": ["loop", f"/srv/ganeti/{disk}"], "children": [],
        "nodes": [node],
    }  # fmt: skip
    document["instances"][uuid] = {
        **common, "uuid": uuid, "name": NEW, "primary_node": node, "os": "noop",
        "hypervisor": "fake", "hvparams": {}, "beparams": {}, "osparams": {},
        "osparams_private": {}, "admin_state": "down", "admin_state_source": "admin", "nics": [],
        "disks": [disk], "disks_active": False, "tags": [],
    }  # fmt: skip


BEFOREHAND: Final = (
    _made("put aside", forthcoming=True, **disks("file")),
    _made("put aside for KVM", forthcoming=True, hypervisor="kvm"),
    _made("put aside with mirrors", forthcoming=True, **mirrored()),
    _made("put aside before", commit=True, config=_all(_planned), **disks("file", **_anywhere())),
    _refused("put aside by nobody", commit=True),
    _refused("that is real", commit=True, instance_name="inst0.example.com"),
)  # fmt: skip

CASES: Final = (
    *WITHOUT_DISKS, *IN_FILES, *ON_VOLUMES, *ELSEWHERE, *BY_ALLOCATOR, *WITH_NICS, *BEFOREHAND,
)  # fmt: skip
