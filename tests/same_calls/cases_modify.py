"""Instances changed: parameters of all kinds, memory, network interfaces, states."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: Without disks, of KVM, up, with three NICs of which two are in net1; in group1.
NONE: Final = "inst8.example.com"
#: Without disks and offline, of Xen; one NIC, in net0 of its group.
OFFLINE: Final = "inst17.example.com"
#: With DRBD disks, of KVM, up; one routed NIC of its own name.
DRBD: Final = "inst1.example.com"
#: Its NICs are in the default group: by default, by a network, routed; the last two have names.
SMALL: Final = "inst19.example.com"
PLANNED: Final = "planned10.example.com"
NET0: Final = "9b08923d-10c6-4fd9-94b2-b8fda02f34a6"

RUNNING: Final = {"instance_info": {"memory": 512, "state": 0, "vcpus": 1, "time": 1.0}}
ABSENT: Final[dict[str, Any]] = {"instance_info": {}}
#: What nodes answer while an instance is changed.
CHANGED: Final[dict[str, Any]] = {
    "bridges_exist": None,
    "hotplug_device": None,
    "hotplug_supported": None,
    "hypervisor_validate_params": None,
    "instance_balloon_memory": None,
    "instance_metadata_modify": None,
    "node_info": ["boot", [], [{"memory_free": 4096, "cpu_total": 8}]],
    "os_validate": True,
    **ABSENT,
}
FORBIDDEN: Final = {"hooks_runner": [["10-no", 1, "not today"]]}


def _everywhere(document: Document) -> None:
    """Have all nodes run instances, of all templates."""
    document["cluster"]["ipolicy"]["disk-templates"] = document["cluster"]["enabled_disk_templates"]
    for node in document["nodes"].values():
        node["vm_capable"] = True
    # The one that it has makes no whole addresses.
    named(document, "networks", "net0")["mac_prefix"] = "aa:00:02"


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in (_everywhere, *changes):
            each(document)

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return _all(lambda document: document["cluster"].update(fields))


def _node(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: named(document, "nodes", name).update(fields))


def _instance(name: str, **fields: object) -> Callable[[Document], None]:
    return _all(lambda document: named(document, "instances", name).update(fields))


def _set(name: str = NONE, **parameters: Any) -> Document:
    return op("OP_INSTANCE_SET_PARAMS", instance_name=name, **parameters)


def _done(
    name: str,
    of: str = NONE,
    *,
    failing: bool = False,
    answers: Mapping[str, Any] | None = None,
    config: Any = None,
    **parameters: Any,
) -> Any:
    """Return a case in which nodes are asked."""
    return case(name, _set(of, **parameters), config=config or _everywhere,
                answers={**CHANGED, **(answers or {})}, failing=failing)  # fmt: skip


REQUESTS: Final = (
    case("without a change", _set()),
    case("of nobody", _set("nobody", beparams={"vcpus": 2})),
    case("of another uuid", _set(beparams={"vcpus": 2}, instance_uuid="elsewhere")),
    case("of a planned one", _set(PLANNED, beparams={"vcpus": 2})),
    case("forbidden", _set(beparams={"vcpus": 2}), answers=FORBIDDEN, failing=False),
    _done("of all at once", OFFLINE, failing=True, hvparams={"kernel_args": "ro"},
          beparams={"maxmem": 512}, osparams={"size": "small"}, osparams_private={"key": "hush"},
          os_name="debootstrap+default", offline=False, pnode="node2",
          nics=[("add", -1, {"name": "more"})]),
    case("dry run", _set(beparams={"vcpus": 2}, dry_run=True), config=_everywhere),
)  # fmt: skip

PARAMETERS: Final = (
    _done("hypervisor",
          hvparams={"kernel_args": "single", "acpi": "false", "kernel_path": "default",
                    "vnc_bind_address": "default"}),
    _done("hypervisor on two nodes", DRBD, hvparams={"kernel_args": "default"}),
    _done("hypervisor wrongly", hvparams={"boot_order": "moon"}),
    _done("hypervisor with a wrong type", hvparams={"acpi": "perhaps"}),
    _done("hypervisor unknown", hvparams={"warp": 9}),
    _done("hypervisor of nodes", hvparams={"migration_port": 8102, "acpi": True}),
    _done("processors pinned", hvparams={"cpu_mask": "0-1,3:all"}, beparams={"vcpus": 2}),
    _done("processors pinned, too many", hvparams={"cpu_mask": "0-8"}),
    _done("processors pinned, not told", hvparams={"cpu_mask": "1"},
          answers={"node_info": ["boot", [], [{"memory_free": 4096}]]}),
    _done("processors pinned for another number", hvparams={"cpu_mask": "0:1:2"}),
    _done("processors that are pinned", beparams={"vcpus": 3},
          config=_instance(NONE, hvparams={"cpu_mask": "0:1"})),
    _done("backend", beparams={"memory": "1g", "vcpus": "2", "auto_balance": "false",
                               "always_failover": True, "spindle_use": None}),
    _done("backend as the cluster has it", DRBD, beparams={"maxmem": "default",
                                                           "auto_balance": None}),
    _done("backend unknown", beparams={"warp": 9}),
    _done("backend of wrong type", beparams={"vcpus": "many"}),
    _done("of an operating system", osparams={"size": "small", "extra": "default"},
          osparams_private={"key": "hush"}),
    _done("of an operating system, private", osparams_private={"key": "hush"}),
    _done("of an operating system, both", osparams={"key": "a"}, osparams_private={"key": "hush"}),
    _done("of an operating system not there", answers={"os_validate": False},
          osparams={"size": "small"}, force_variant=True),
    _done("of another operating system", os_name="debootstrap+default",
          osparams={"size": "small"}),
    _done("of another operating system by force", os_name="debootstrap+default", force=True,
          osparams={"size": "small"}),
    _done("another operating system", os_name="debootstrap+default"),
)  # fmt: skip

MEMORY: Final = (
    _done("more memory", DRBD, beparams={"maxmem": 4096, "auto_balance": True}, failing=True,
          answers={"instance_info": {"memory": 2048, "state": 0, "vcpus": 1, "time": 1.0}}),
    _done("more memory than free", DRBD, beparams={"maxmem": 4097}),
    _done("more memory than free by force", DRBD, beparams={"maxmem": 9000}, force=True),
    _done("more memory than free elsewhere", DRBD, answers=RUNNING,
          beparams={"maxmem": 4100, "auto_balance": True}),
    _done("more memory in short", DRBD, beparams={"memory": 9000}),
    _done("more memory, not told", DRBD, beparams={"maxmem": 4096},
          answers={"node_info": ["boot", [], [{}]]}),
    _done("more memory, not told elsewhere", DRBD, beparams={"maxmem": 4096, "auto_balance": True},
          answers={"node_info@node5.example.com": ["boot", [], [{}]],
                   "node_info@node6.example.com": ["boot", [], [{}]],
                   "node_info@node3.example.com": ["boot", [], [{}]],
                   "node_info@node2.example.com": ["boot", [], [{}]]}),
    _done("less memory than admitted", beparams={"minmem": 8}),
    _done("less memory than admitted, ignored", beparams={"minmem": 8}, ignore_ipolicy=True),
    _done("more processors than admitted", beparams={"vcpus": 20}),
    _done("ballooned", runtime_mem=1024, answers=RUNNING, failing=True),
    _done("ballooned to less", runtime_mem=256, answers=RUNNING),
    _done("ballooned to more than there is", runtime_mem=1024,
          answers={**RUNNING, "node_info": ["boot", [], [{"memory_free": 511}]]}),
    _done("ballooned to more than it may have", runtime_mem=4000, answers=RUNNING),
    _done("ballooned to more than it may have by force", runtime_mem=4000, answers=RUNNING,
          force=True),
    _done("ballooned while it does not run", runtime_mem=1024),
    _done("ballooned to a new bound", runtime_mem=3000, beparams={"maxmem": 3000},
          answers=RUNNING),
)  # fmt: skip

STATES: Final = (
    _done("to offline", offline=True,
          config=_instance(NONE, admin_state="down", disks_active=True)),
    _done("to offline of one that is up", offline=True),
    _done("to offline of one that runs", offline=True, answers=RUNNING,
          config=_instance(NONE, admin_state="down")),
    _done("to offline on an offline node", offline=True,
          config=_all(_instance(NONE, admin_state="down"), _node("node6.example.com",
                      offline=True, drained=False))),
    _done("to offline again", OFFLINE, offline=True),
    _done("to online", OFFLINE, offline=False),
    _done("to online of one that is up", offline=False),
    _done("to another primary node", pnode="node2", failing=True),
    _done("to another primary node of one that runs", pnode="node2", answers=RUNNING),
    _done("to another primary node of one that runs by force", pnode="node2", answers=RUNNING,
          force=True),
    _done("to another primary node with memory", pnode="node2", answers=RUNNING, force=True,
          runtime_mem=1000),
    _done("to its own primary node", pnode="node6"),
    _done("to a node not there", pnode="nowhere"),
    _done("to a node of another uuid", pnode="node2", pnode_uuid="elsewhere"),
)  # fmt: skip


def _nics(*changes: Any, **more: Any) -> dict[str, Any]:
    return {"nics": list(changes), **more}


NICS: Final = (
    _done("NIC added", **_nics(("add", -1, {}))),
    _done("NIC added before others", **_nics(("add", 0, {"mac": "aa:bb:cc:dd:ee:01",
          "ip": "192.0.2.7", "mode": "routed", "link": "100", "name": "first"}))),
    _done("NIC added in short", **_nics(("add", {"link": "br9", "vlan": ".3", "ip": "none"}))),
    _done("NIC added to a network", **_nics(("add", -1, {"network": "net1", "ip": "pool"}))),
    _done("NIC added to a network with an address",
          **_nics(("add", "1", {"network": NET0, "ip": "203.0.113.9"})), of=OFFLINE),
    _done("NIC added to a network with a taken address",
          **_nics(("add", -1, {"network": "net0", "ip": "203.0.113.7"})), of=OFFLINE),
    _done("NIC added to a network with a taken address outside",
          **_nics(("add", -1, {"network": "net0", "ip": "203.0.113.5"})), of=OFFLINE),
    _done("NIC added to a network with an address outside unchecked", conflicts_check=False,
          **_nics(("add", -1, {"network": "net0", "ip": "203.0.113.5"})), of=OFFLINE),
    _done("NIC added to a network with an address not in it",
          **_nics(("add", -1, {"network": "net0", "ip": "192.0.2.1"})), of=OFFLINE),
    _done("NIC added to a network elsewhere", **_nics(("add", -1, {"network": "net2"}))),
    _done("NIC added to a network not there", **_nics(("add", -1, {"network": "net9"}))),
    _done("NIC added to a network and a link",
          **_nics(("add", -1, {"network": "net1", "link": "br9"}))),
    _done("NIC added from no pool", **_nics(("add", -1, {"ip": "pool"}))),
    _done("NIC added with an address of a network", **_nics(("add", -1, {"ip": "203.0.113.9"}))),
    _done("NIC added with an address of a network unchecked", conflicts_check=False,
          **_nics(("add", -1, {"ip": "203.0.113.9"}))),
    _done("NIC added with a taken MAC", **_nics(("add", -1, {"mac": "aa:00:00:00:01:00"}))),
    _done("NIC added with a MAC in capitals", **_nics(("add", -1, {"mac": "AA:BB:CC:DD:EE:0F"}))),
    _done("NIC added with a wrong MAC", **_nics(("add", -1, {"mac": "aa:00"}))),
    _done("NIC added with a wrong address", **_nics(("add", -1, {"ip": "here"}))),
    _done("NIC added routed without an address", **_nics(("add", -1, {"mode": "routed"}))),
    _done("NIC added to a switch",
          **_nics(("add", -1, {"mode": "openvswitch", "mac": "generate"}))),
    _done("NIC added in a mode not there", **_nics(("add", -1, {"mode": "warped"}))),
    _done("NIC added by force", **_nics(("add", -1, {})), force=True, failing=True),
    _done("NIC added with a number as name", **_nics(("add", -1, {"name": "7"}))),
    _done("NIC added with a name twice", **_nics(("add", -1, {"name": "nic-1-0"})), of=DRBD),
    _done("NIC added to a name", **_nics(("add", "nic-1-0", {})), of=DRBD),
    _done("NIC added behind the end", **_nics(("add", 5, {}))),
    _done("NIC added before the beginning", **_nics(("add", -2, {}))),
    _done("NICs added, too many", **_nics(*[("add", -1, {})] * 6)),
    _done("NICs added, more than admitted", **_nics(("add", -1, {})), config=_all(
          lambda document: document["cluster"]["ipolicy"]["minmax"][0]["max"].update(
              {"nic-count": 3}))),
    _done("NICs added in short, two", **_nics(("add", {}), ("remove", {}))),
    _done("NIC attached", **_nics(("attach", -1, {}))),
    _done("NIC detached", **_nics(("detach", -1, {}))),
    _done("NIC removed", **_nics(("remove", -1, {}))),
    _done("NIC removed in short", **_nics(("remove", {}))),
    _done("NIC removed by name", **_nics(("remove", "nic-1-0", {})), of=DRBD),
    _done("NIC removed by another name", **_nics(("remove", "nic-9", {})), of=DRBD),
    _done("NIC removed with parameters", **_nics(("remove", 0, {"ip": "none"}))),
    _done("NIC removed of none", **_nics(("remove", -1, {})), config=_instance(NONE, nics=[])),
    _done("NIC removed behind the end", **_nics(("remove", 3, {}))),
    _done("NICs removed one after the other",
          **_nics(("remove", 0, {}), ("remove", 0, {}), ("remove", 0, {}))),
    _done("NIC modified", **_nics(("modify", 0, {"mac": "aa:bb:cc:dd:ee:01", "ip": "pool",
          "name": "first"}))),
    _done("NIC modified in short", **_nics((1, {"ip": "203.0.113.20", "mac": "generate"}))),
    _done("NIC modified by uuid", of=DRBD,
          **_nics(("modify", "686e80a9-f8af-4c79-b287-d050f2ead0a8",
                   {"mode": "bridged", "link": "default", "name": "none"}))),
    _done("NIC modified to another network", **_nics(("modify", -1, {"network": "net2"})),
          of=SMALL),
    _done("NIC modified to another network of its own MACs",
          **_nics(("modify", 0, {"network": "net0", "ip": "pool"})), of=SMALL),
    _done("NIC modified to no network", **_nics(("modify", 1, {"network": "none"})), of=SMALL),
    _done("NIC modified in its link while in a network",
          **_nics(("modify", 0, {"link": "br7"}))),
    _done("NIC modified in its address while in a network",
          **_nics(("modify", 0, {"link": "br7", "ip": "203.0.113.21"}))),
    _done("NIC modified to any MAC", **_nics(("modify", 0, {"mac": "auto"}))),
    _done("NIC modified to its own MAC", **_nics(("modify", 0, {"mac": "aa:00:00:00:08:00"}))),
    _done("NIC modified to no address while routed", **_nics(("modify", 0, {"ip": "none"})),
          of=DRBD),
    _done("NIC modified to a pool without a network", **_nics(("modify", 0, {"ip": "pool"})),
          of=DRBD),
    _done("NIC modified without a value", **_nics(("modify", 0, {"mac": None}))),
    _done("NIC modified once it is added",
          **_nics(("add", -1, {}), ("modify", -1, {"name": "new"}))),
    _done("NIC modified twice", **_nics(("modify", 0, {"ip": "203.0.113.22"}),
          ("modify", 0, {"network": "none"}))),
    _done("NIC modified not there", **_nics(("modify", 7, {"ip": "none"}))),
)  # fmt: skip

PLUGGED: Final = (
    _done("NIC plugged", hotplug=True, failing=True,
          **_nics(("add", -1, {"network": "net1"}))),
    _done("NIC plugged if possible", hotplug_if_possible=True, failing=True,
          **_nics(("remove", 0, {}))),
    _done("NIC plugged otherwise", hotplug=True,
          **_nics(("modify", 0, {"name": "second", "mac": "aa:bb:cc:dd:ee:02"}))),
    _done("NIC plugged in a dry run", hotplug=True, dry_run=True, **_nics(("remove", -1, {}))),
    _done("nothing plugged", hotplug=True, beparams={"vcpus": 2}),
)  # fmt: skip

COMMUNICATION: Final = (
    _done("talked to", OFFLINE, instance_communication=True,
          config=_cluster(instance_communication_network="net0")),
    _done("talked to without a network", OFFLINE, instance_communication=True),
    _done("talked to again", OFFLINE, instance_communication=True, config=_instance(OFFLINE, nics=[
          {"mac": "aa:00:00:00:11:00", "nicparams": {}, "name": f"ganeti:communication:{OFFLINE}",
           "uuid": "490201be-49d4-4325-9a4a-26a3f4df39bc"}])),
    _done("not talked to", OFFLINE, instance_communication=False, config=_instance(OFFLINE, nics=[
          {"mac": "aa:00:00:00:11:00", "nicparams": {}, "name": f"ganeti:communication:{OFFLINE}",
           "uuid": "490201be-49d4-4325-9a4a-26a3f4df39bc"}])),
    _done("not talked to by the first NIC", OFFLINE, instance_communication=False,
          config=_instance(OFFLINE, nics=[
              {"mac": "aa:00:00:00:11:00", "nicparams": {},
               "name": f"ganeti:communication:{OFFLINE}",
               "uuid": "490201be-49d4-4325-9a4a-26a3f4df39bc"},
              {"mac": "aa:00:00:00:11:01", "nicparams": {},
               "uuid": "490201be-49d4-4325-9a4a-26a3f4df39bd"}])),
)  # fmt: skip

CASES: Final = (*REQUESTS, *PARAMETERS, *MEMORY, *STATES, *NICS, *PLUGGED, *COMMUNICATION)
