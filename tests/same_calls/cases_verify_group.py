"""OP_CLUSTER_VERIFY_GROUP: what is found where nodes say that all is well, and where not.

The group has the nodes node2, node4 and node6; node5 of the other group has a disk of inst1.
"""

from collections.abc import Callable
from typing import Any

from masterd.testing.script import ABSENT
from tests.same_calls.case import Case, case, named, op
from tests.sample_config import Document

_OP = op("OP_CLUSTER_VERIFY_GROUP", group_name="group1", error_codes=True)


def _arranged(document: Document) -> None:
    """Let nothing be left to chance: which node is asked for its files, and who is a candidate."""
    for name, changes in (
        ("node3.example.com", {"master_candidate": False}),
        ("node4.example.com", {"vm_capable": True}),
        ("node5.example.com", {"vm_capable": False}),
    ):
        named(document, "nodes", name).update(changes)
    document["cluster"]["candidate_pool_size"] = 2


def _with(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        _arranged(document)
        for each in changes:
            each(document)

    return change


def _cluster(**values: object) -> Callable[[Document], None]:
    return lambda document: document["cluster"].update(values)


def _node(name: str, **values: object) -> Callable[[Document], None]:
    return lambda document: named(document, "nodes", f"{name}.example.com").update(values)


def _told(node: str = "node2", **findings: object) -> dict[str, Any]:
    """Return the answers in which a node finds something."""
    changes = {key.replace("_", "-"): value for key, value in findings.items()}
    return {f"node_verify+#1@{node}.example.com": changes}


def _group(
    name: str, *changes: Callable[[Document], None], op: Document = _OP, **settings: Any
) -> Case:
    return case(name, op, config=_with(*changes), mended=True, **settings)


def _exclusive(document: Document) -> None:
    for uuid in document["nodegroups"]:
        document["nodegroups"][uuid]["ndparams"] = {"exclusive_storage": True}


def _tagged(document: Document) -> None:
    document["cluster"]["tags"] = ["htools:iextags:service:"]
    for each in document["instances"].values():
        each["tags"] = ["other", "service:web"]


def _without_tags(document: Document) -> None:
    """Take the master's tags away, of which the reference tells in no order."""
    named(document, "nodes", "master")["tags"] = []


def _only_volumes(document: Document) -> None:
    templates = ["plain", "drbd"]
    document["cluster"]["enabled_disk_templates"] = templates
    document["cluster"]["ipolicy"]["disk-templates"] = templates


def _no_nodes(document: Document) -> None:
    document["instances"].clear()
    document["disks"].clear()
    (default,) = (u for u, each in document["nodegroups"].items() if each["name"] == "default")
    for node in document["nodes"].values():
        node["group"] = default


_DEGRADED = {
    "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": 41.5,
    "estimated_time": 60, "is_degraded": True, "ldisk_status": 1,
}  # fmt: skip  # fmt: skip
_FAULTY = {**_DEGRADED, "ldisk_status": 4}
_OSES = [
    ["noop", "/srv/os/noop", True, "", ["a"], [["key", "about"]], [20], True],
    ["noop", "/usr/os/noop", True, "", [], [], [15], False],
    ["broken", "/srv/os/broken", False, "no script", [], [], [], False],
]
_PVS = [
    {"name": f"/dev/sd{letter}", "vg_name": "xenvg", "size": size, "free": 1, "attributes": "a-",
     "lv_list": []}
    for letter, size in (("a:", 500_000), ("b", 600_000))
]  # fmt: skip  # fmt: skip

# fmt: off
CASES = (
    _group("nothing is wrong"),
    # What is found otherwise comes of one call; that others fail was shown above.
    _group("without codes", op={**_OP, "error_codes": False}, failing=False),
    _group(
        "verbose, with clutter, not all checks", _cluster(use_external_mip_script=True),
        op={**_OP, "verbose": True, "verify_clutter": True, "skip_checks": ["nplusone_mem"],
            "ignore_errors": ["EINSTANCEDOWN", "EINSTANCEMISSINGDISK", "ECLUSTERFILECHECK"]},
        failing=False,
    ),
    _group("the master's group", _node("node4", vm_capable=False), _node("node6", vm_capable=False),
           _without_tags, op={**_OP, "group_name": "default"}, failing=False),
    _group("no nodes", _no_nodes),
    _group("unknown group", op={**_OP, "group_name": "nothing"}),
    _group("an offline node", _node("node4", offline=True), failing=False),
    _group("no volume group", _cluster(volume_group_name=None), failing=False),
    _group("no files, no keys", _only_volumes,
           _cluster(modify_ssh_setup=False, modify_etc_hosts=False, candidate_certs={}),
           failing=False),
    _group("tags that exclude, reserved volumes", _tagged,
           _cluster(reserved_lvs=["xenvg/sw.*"]), failing=False),
    _group("exclusive storage", _exclusive, failing=False,
           answers=_told(pvlist=_PVS) | _told("node4", exclusive_pvs=[["/dev/sda", ["a", "b"]]])),
    _group("versions, and disks of all kinds", failing=False, answers={
        **_told(version=[3000000, "3.0.1"]), **_told("node4", version=[2000000, "2.16"]),
        **_told("node6", version=None),
        "blockdev_getmirrorstatus_multi@node2.example.com":
            [[True, _DEGRADED], [True, _FAULTY], [False, "not there"], [True, _DEGRADED]]}),
    _group("hypervisors, guests, clock and network", failing=False, answers={
        **_told(hypervisor={"kvm": "no kvm", "fake": None}, hvparms=[["cluster", "kvm", "bad"]],
                nodesetup=["/x is not writable", "and more"], hvinfo={"memory_free": 1},
                instancelist=["inst1.example.com", "inst18.example.com"]),
        **_told("node4", hvinfo="broken", instancelist="broken"),
        **_told("node6", time=[5, 0], nodelist={"node4.example.com": "refused"}, master_ip=False,
                node_net_test={"node4.example.com": "no", "node2.example.com": "no"})}),
    _group("little told, paths and volumes", failing=False, answers={
        **_told(time=ABSENT, nodelist=ABSENT, node_net_test=ABSENT, master_ip=ABSENT,
                user_scripts=ABSENT, vglist={}),
        **_told("node4", user_scripts=["/etc/b", "/etc/a"], file_storage_path="no directory",
                bridges=["br0"], shared_file_storage_path="no directory"),
        **_told("node6", vglist={"xenvg": 100}, lvlist="no lvs", pvlist=None)}),
    _group("DRBD and operating systems", failing=False, answers={
        **_told(drbd_helper=[False, "missing"], drbd_list=[77], drbd_version="8.3", oslist=_OSES),
        **_told("node4", drbd_helper=[True, "/bin/other"], drbd_list="unreadable", oslist="none"),
        **_told("node6", drbd_helper=None, oslist=[])}),
    _group("certificates, keys and hooks", failing=False, answers={
        **_told(client_cert=["ERROR", "expired"], ssh_setup=["a key is missing"],
                ssh_clutter=["old key"], filelist={}),
        "hooks_runner@node2.example.com": [["10-well", 2, ""], ["20-bad", 1, "two\nlines"]]}),
)
