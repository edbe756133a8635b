"""New instances from exports, and from another cluster."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from masterd.lu.backup import handover
from masterd.testing.script import FAILS
from tests.same_calls.case import case, named, op
from tests.same_calls.cases_backup import DONE, FAILED, LISTENING, PEM, SALT, SECRET, SIGNED
from tests.same_calls.cases_creation import MADE
from tests.sample_config import Document

NODE: Final = "node2.example.com"
SOURCE: Final = "node3.example.com"
NEW: Final = "new.example.com"
OLD: Final = "old.example.com"

#: What the export of an instance says; `exported` changes it.
SAYS: Final[dict[str, dict[str, str]]] = {
    "export": {"version": "0", "timestamp": "1795000000", "source": "uuid", "os": "noop",
               "compression": "none"},
    "instance": {
        "name": OLD, "maxmem": "512", "minmem": "256", "memory": "512", "vcpus": "2",
        "disk_template": "file", "hypervisor": "fake", "tags": "b a:b",
        "nic0_mac": "aa:00:00:ff:ff:01", "nic0_ip": "None", "nic0_network": "None",
        "nic0_name": "None", "nic0_link": "br7", "nic0_mode": "bridged", "nic0_vlan": "",
        "nic_count": "1", "disk0_ivname": "disk/0", "disk0_dump": "dump0", "disk0_size": "64",
        "disk0_name": "None", "disk_count": "1",
    },
    "hypervisor": {},
    "backend": {"always_failover": "False", "auto_balance": "True", "maxmem": "512",
                "minmem": "256", "spindle_use": "1", "vcpus": "2"},
    "os": {},
    "os_private": {},
}  # fmt: skip


def exported(**changes: Mapping[str, str | None] | None) -> str:
    """Return the description of an export; None takes a section or an option away."""
    lines: list[str] = []
    for section, content in SAYS.items():
        changed = changes.get(section, {})
        if changed is None:
            continue
        lines.append(f"[{section}]")
        options = {**content, **changed}
        lines += [f"{key} = {value}" for key, value in options.items() if value is not None]
        lines.append("")
    return "\n".join(lines)


#: What nodes answer to an import of one disk.
CALM: Final[dict[str, Any]] = {
    **MADE,
    "export_info": exported(),
    "export_list": [],
    "export_start": "export-disk0-1",
    "impexp_abort": None,
    "impexp_cleanup": None,
    f"impexp_status#1@{NODE}": [LISTENING],
    f"impexp_status@{NODE}": [DONE],
    f"impexp_status@{SOURCE}": [DONE],
    "import_start": "import-disk0-1",
    "instance_run_rename": None,
    "x509_cert_create": ["x509-2", PEM],
    "x509_cert_remove": None,
}


def _everywhere(document: Document) -> None:
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for node in document["nodes"].values():
        node["vm_capable"] = True


def _cluster(**fields: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        _everywhere(document)
        document["cluster"].update(fields)

    return change


def _import(
    name: str,
    *,
    failing: bool = False,
    answers: Mapping[str, Any] = {},
    config: Callable[[Document], None] = _everywhere,
    says: Mapping[str, Mapping[str, str | None] | None] | None = None,
    at_once: tuple[str, ...] = (),
    **more: Any,
) -> Any:
    """Return a case of an import; `says` is what the export says otherwise."""
    told = {} if says is None else {"export_info": exported(**says)}
    asked = {
        "disk_template": "file", "disks": [], "nics": [], "instance_name": NEW, "mode": "import",
        "ip_check": False, "name_check": False, "pnode": NODE, "src_node": SOURCE,
        "osparams_private": {}, **more,
    }  # fmt: skip
    return case(name, op("OP_INSTANCE_CREATE", **asked), config=config,
                answers={**CALM, **told, **answers}, failing=failing, at_once=at_once)  # fmt: skip


def _none(document: Document) -> None:
    _everywhere(document)
    named(document, "nodes", SOURCE).update(offline=True, master_candidate=False)


FROM_EXPORTS: Final = (
    _import("from an export", failing=True),
    _import("from an export that is looked for", failing=True, src_node=None, src_path=OLD,
            answers={f"export_list@{SOURCE}": [OLD], "export_list@node4.example.com": FAILS}),
    _import("from an export of its name that is looked for", src_node=None, instance_name=OLD,
            answers={f"export_list@{SOURCE}": [OLD]}),
    _import("from an export that nobody has", src_node=None),
    _import("from a path", src_path="/var/lib/ganeti/export/of/old"),
    _import("from a path of nobody", src_node=None, src_path="/var/lib/ganeti/export/old"),
    _import("from nobody", src_node="nobody"),
    _import("from an offline node", config=_none),
    _import("from an export under its own name", instance_name=OLD, nics=[{}]),
    _import("from an export, stopped", start=False, no_install=True,
            osparams={"os-image": "/srv/image"},
            answers={"blockdev_pause_resume_sync": [[True, None]], "blockdev_image": None}),
    _import("from an export, of parameters of its own", hypervisor="kvm",
            says={"hypervisor": {"acpi": "False", "kernel_args": "ro single"},
                  "os": {"size": "small", "colour": "red"}, "os_private": {"key": "hush"}},
            hvparams={"kernel_args": "ro"}, beparams={"vcpus": 3}, osparams={"size": "big"},
            tags=["own"], disks=[{"size": 128}],
            nics=[{"mode": "routed", "ip": "192.0.2.9"}]),
    _import("from an export, as the cluster has it", identify_defaults=True,
            says={"instance": {"nic0_link": "br0", "hypervisor": "kvm"},
                  "hypervisor": {"acpi": "False", "kernel_args": "ro quiet"},
                  "backend": {"maxmem": "128", "minmem": "128", "vcpus": "1"},
                  "os": {"size": "big", "colour": "red"}}),
    _import("from an export of NICs in networks",
            says={"instance": {"nic0_network": "net1", "nic0_ip": "203.0.113.3",
                               "nic0_name": "eth", "nic1_mac": "aa:00:00:ff:ff:02",
                               "nic1_link": "br1", "nic1_mode": "bridged"}}),
    _import("from an old export", says={
        "backend": None, "hypervisor": None, "os": None, "os_private": None,
        "instance": {"nic0_vlan": None, "nic0_network": None, "nic0_name": None,
                     "disk0_name": None, "tags": None, "hypervisor": None}}),
    _import("from an export of one kind of memory", says={
        "backend": {"memory": "300", "maxmem": None, "minmem": None}}),
    _import("from an export of two disks, one without data", answers={},
            says={"instance": {"disk1_size": "70", "disk1_name": "two"}}),
    _import("from an export without disks", says={"instance": {"disk0_size": None}}),
    _import("from an export without disks, diskless", disk_template="diskless",
            says={"instance": {"disk0_size": None}}),
    _import("from an export with disks, diskless", disk_template="diskless"),
    _import("from an export of another version", says={"export": {"version": "1"}}),
    _import("from an export that says nothing", answers={"export_info": "[instance]\n"}),
    _import("from an export without a name", says={"instance": {"name": None}}),
    _import("from an export without a link", says={"instance": {"nic0_link": None}}),
    _import("from an export whose address others have",
            says={"instance": {"nic0_mac": "aa:00:00:00:01:00"}}),
    _import("from an export of a hypervisor that is not enabled",
            says={"instance": {"hypervisor": "lxc"}}),
    _import("from an export without a system", says={"export": {"os": ""}}),
    _import("from an export of a system that is not trusted", says={"export": {"os": "shady"}}),
    _import("from an export of mirrors", disk_template="drbd", snode="node4.example.com",
            answers={"blockdev_getmirrorstatus": [{
                "dev_path": "/dev/drbd0", "major": 147, "minor": 0, "sync_percent": None,
                "estimated_time": None, "is_degraded": False, "ldisk_status": 1}]}),
    _import("from an export that does not arrive",
            answers={f"impexp_status@{NODE}": [FAILED], "instance_run_rename": FAILS}),
    _import("from an export where an allocator says", pnode=None, iallocator="hail",
            answers={"iallocator_runner": '{"success": true, "info": "", "result": ["' + NODE
                     + '"]}', "all_instances_info": {}}),
    _import("from an export, forbidden", answers={
        "hooks_runner": [["10-no", 1, "not today"]]}),
    _import("from an export of adopted disks", disk_template="plain",
            disks=[{"size": 64, "adopt": "old"}]),
    _import("from an export, by a tool that is allowed", compress="gzip"),
    _import("from an export, put aside", forthcoming=True),
)  # fmt: skip


def _sent(name: str, *, answers: Mapping[str, Any] = {}, **more: Any) -> Any:
    """Return a case of an instance that another cluster sends."""
    asked = {
        "mode": "remote-import", "src_node": None, "disks": [{"size": 64}], "os_type": "noop",
        "hypervisor": "fake",
        "source_handshake": handover.handshake(SECRET, SALT), "source_x509_ca": SIGNED,
        "source_instance_name": "free.example.com", "source_shutdown_timeout": 20, **more,
    }  # fmt: skip
    return _import(name, answers=answers, **asked)


FROM_ANOTHER: Final = (
    _sent("from another cluster", failing=True),
    _sent("of two disks from another cluster", disks=[{"size": 64}, {"size": 70}], answers={
        "import_start#2": "import-disk1-2",
        f"impexp_status#1@{NODE}": [None, LISTENING],
        f"impexp_status#2@{NODE}": [LISTENING, LISTENING],
        f"impexp_status@{NODE}": [DONE, FAILED]}),
    _sent("from another cluster, of which one is not awaited",
          disks=[{"size": 64}, {"size": 70}], answers={"import_start#2": FAILS}),
    _sent("without disks from another cluster", disk_template="diskless", disks=[]),
    _sent("without a system from another cluster", os_type=None,
          osparams={"os-image": "/srv/image"},
          answers={"blockdev_pause_resume_sync": [[True, None]], "blockdev_image": None}),
    _sent("from another cluster without a handshake", source_handshake=None),
    _sent("from another cluster with half a handshake", source_handshake=[0, "a"]),
    _sent("from another cluster with a handshake of somebody else",
          source_handshake=handover.handshake("other", SALT)),
    _sent("from another cluster of another version", source_handshake=[
        1, handover.signature(SECRET, "1:Hi, I'm Ganeti", SALT), SALT]),
    _sent("from another cluster without its certificate", source_x509_ca=None),
    _sent("from another cluster with no certificate",
          source_x509_ca=SIGNED.replace("CERTIFICATE", "THING")),
    _sent("from another cluster with a certificate of somebody else",
          source_x509_ca=handover.signed_certificate("other", PEM, SALT)),
    _sent("from another cluster without a name", source_instance_name=None),
    _sent("from another cluster of a name that nobody knows",
          source_instance_name="no.such.example.com"),
)  # fmt: skip

CASES: Final = (*FROM_EXPORTS, *FROM_ANOTHER)
