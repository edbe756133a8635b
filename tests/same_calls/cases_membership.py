"""Which nodes there are, and what each is for: roles, parameters, coming and going."""

from collections.abc import Callable
from typing import Any, Final

from tests.same_calls.case import case, named, op
from tests.sample_config import Document

#: What a node answers that is asked for the digest of its certificate.
DIGEST: Final = [["ssl", "0f" * 20]]
#: What nodes answer to what comes with a change of roles.
ROLES: Final = {
    "node_crypto_tokens": DIGEST,
    "node_demote_from_mc": None,
    "node_ensure_daemon": True,
    "node_ssh_key_add": [],
    "node_ssh_key_remove": [],
}
#: The same, where some nodes do not take the keys.
UNTAKEN: Final = {
    **ROLES,
    "node_ssh_key_add": [["node5.example.com", "no route"]],
    "node_ssh_key_remove": [["node3.example.com", "no space"], ["node6.example.com", "no route"]],
}


def _all(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in changes:
            each(document)

    return change


def _pool(size: int) -> Callable[[Document], None]:
    """Wish for so many candidates."""

    def change(document: Document) -> None:
        document["cluster"]["candidate_pool_size"] = size

    return change


def _cluster(**fields: object) -> Callable[[Document], None]:
    return lambda document: document["cluster"].update(fields)


def _node(number: int, **fields: object) -> Callable[[Document], None]:
    return lambda document: list(document["nodes"].values())[number - 1].update(fields)


def _set(number: int, **params: Any) -> Document:
    return op("OP_NODE_SET_PARAMS", node_name=f"node{number}.example.com", **params)


def _two_homed(document: Document) -> None:
    """Give all nodes addresses in a network for replication."""
    for number, node in enumerate(document["nodes"].values(), 1):
        node["secondary_ip"] = f"NET.10{number}"


def _idle(document: Document) -> None:
    """Have the mirrored instance of the fourth and fifth node down."""
    named(document, "instances", "inst1.example.com")["admin_state"] = "down"


def _empty(*numbers: int) -> Callable[[Document], None]:
    """Have no instances on these nodes."""

    def change(document: Document) -> None:
        there = {list(document["nodes"])[number - 1] for number in numbers}
        for uuid, instance in list(document["instances"].items()):
            disks = [document["disks"][disk] for disk in instance["disks"]]
            nodes = {instance["primary_node"], *(node for disk in disks for node in disk["nodes"])}
            if there & nodes:
                for disk in instance["disks"]:
                    del document["disks"][disk]
                del document["instances"][uuid]

    return change


_OFFLINE: Final = {"offline": True, "drained": False}

SET_ROLES: Final = (
    case("offline too few", _set(2, offline=True)),
    case("offline with another promoted", _set(2, offline=True, auto_promote=True), answers=ROLES),
    case("demoted", _set(3, master_candidate=False), config=_pool(2), answers=ROLES),
    case(
        "drained, still more than wished for",
        _set(2, drained=True, auto_promote=True),
        config=_pool(1),
        answers=UNTAKEN,
        failing=False,
    ),
    case(
        "demoted, and others promoted",
        _set(2, master_candidate=False, auto_promote=True),
        config=_all(_node(5, drained=False), _pool(4)),
        answers={**UNTAKEN, "hooks_runner#2": [["10-script", 1, "output"], ["20", 2, ""]]},
        failing=False,
        at_once=("node_ssh_key_add",),
    ),
    case("drained", _set(4, drained=True), answers=ROLES),
    case("no longer drained", _set(5, drained=False), answers=ROLES, failing=False),
    case(
        "no longer drained, and a candidate",
        _set(5, drained=False),
        config=_all(_pool(5), _node(4, master_candidate=True)),
        answers=UNTAKEN,
    ),
    case("drained made offline", _set(5, offline=True), answers=ROLES, failing=False),
    case(
        "online again",
        _set(6, offline=False),
        config=_node(6, **_OFFLINE),
        answers=ROLES,
    ),
    case(
        "online again and drained",
        _set(6, drained=True),
        config=_node(6, **_OFFLINE),
        answers=ROLES,
        failing=False,
    ),
    case("a candidate", _set(4, master_candidate=True), answers=ROLES),
    case("a candidate that cannot be", _set(6, master_candidate=True)),
    case(
        "without keys",
        _set(4, master_candidate=True),
        config=_cluster(modify_ssh_setup=False),
        answers=ROLES,
        failing=False,
    ),
    case("not the master", _set(1, offline=False)),
    case("nothing", _set(2, powered=True)),
    case("two states", _set(2, offline=True, master_candidate=True)),
    case("as it is", _set(4, offline=False, drained=False), answers=ROLES, failing=False),
    case("unknown node", op("OP_NODE_SET_PARAMS", node_name="nobody", drained=True)),
    case("another uuid", _set(2, drained=True, node_uuid="3b5f3d86-268e-4c45-9c6b-f1e1a399f82a")),
    case(
        "dry run",
        _set(2, master_candidate=False, auto_promote=True, dry_run=True),
        answers=ROLES,
        failing=False,
    ),
    case(
        "no longer capable",
        _set(2, master_capable=False, auto_promote=True),
        answers=ROLES,
        failing=False,
    ),
    case("the master no longer capable", _set(1, master_capable=False, auto_promote=True)),
    case(
        "capable again",
        _set(6, master_capable=True),
        config=_all(_pool(5), _node(4, master_candidate=True)),
        answers=ROLES,
        failing=False,
    ),
    case("without instances", _set(2, vm_capable=False)),
    case(
        "for no instances",
        _set(5, vm_capable=False, ndparams={"ovs": False, "spindle_count": 4}),
        config=lambda document: document.update(instances={}, disks={}),
        answers=ROLES,
        failing=False,
    ),
    case(
        "for instances, with the daemon of KVM",
        _set(4, vm_capable=True),
        config=_cluster(enabled_user_shutdown=True),
        answers=ROLES,
    ),
    case(
        "where there is no KVM",
        _set(4, drained=True),
        config=_cluster(enabled_hypervisors=["fake", "xen-pvm"]),
        answers=ROLES,
        failing=False,
    ),
)

SET_PARAMS: Final = (
    case(
        "parameters",
        _set(3, ndparams={"ovs": "true", "cpu_speed": "default", "spindle_count": "4"},
             hv_state={"kvm": {"mem_total": "4096"}},
             disk_state={"plain": {"xenvg": {"disk_total": 100}}}),
        answers=ROLES,
        failing=False,
    ),
    case("no such parameter", _set(3, ndparams={"colour": "red"})),
    case("a parameter of groups", _set(3, ndparams={"exclusive_storage": True})),
    case("no such hypervisor", _set(3, hv_state={"vmware": {"mem_total": 1}})),
    case("no such storage", _set(3, disk_state={"tape": {"a": {"disk_total": 1}}})),
    case("power without a program", _set(2, powered=True, vm_capable=True)),
    case("power", _set(3, powered=False, vm_capable=True), answers=ROLES, failing=False),
    case(
        "online without power",
        _set(3, offline=False),
        config=_all(_node(3, master_candidate=False, offline=True, powered=False), _pool(2)),
    ),
    case(
        "online and with power",
        _set(3, offline=False, powered=True),
        config=_all(_node(3, master_candidate=False, offline=True, powered=False), _pool(2)),
        answers=ROLES,
        failing=False,
    ),
    case("no address", _set(2, secondary_ip="nowhere")),
    case("another network where there is none", _set(2, secondary_ip="NET.102")),
    case(
        "the master first in another network",
        _set(1, secondary_ip="NET.101", force=True),
        answers={**ROLES, "node_has_ip_address": True},
        failing=False,
    ),
    case("back to one network", _set(2, secondary_ip="NET.2"), config=_two_homed, failing=False),
    case(
        "the master back to one network",
        _set(1, secondary_ip="NET.1", force=True),
        config=_two_homed,
        answers={**ROLES, "node_has_ip_address": True},
        failing=False,
    ),
    case(
        "another address",
        _set(4, secondary_ip="NET.114"),
        config=_all(_two_homed, _idle),
        answers={**ROLES, "node_has_ip_address": True, "instance_info": {}},
    ),
    case(
        "another address that it has not",
        _set(4, secondary_ip="NET.114"),
        config=_all(_two_homed, _idle),
        answers={**ROLES, "node_has_ip_address": False, "instance_info": {}},
        failing=False,
    ),
    case("another address below instances", _set(4, secondary_ip="NET.114"), config=_two_homed),
    case(
        "another address below an instance that runs",
        _set(4, secondary_ip="NET.114"),
        config=_all(_two_homed, _idle),
        answers={"instance_info": {"memory": 1, "vcpus": 1, "state": 0, "time": 1}},
        failing=False,
    ),
    case(
        "another address of an offline node",
        _set(5, secondary_ip="NET.115"),
        config=_all(_two_homed, _idle, _node(5, **_OFFLINE)),
    ),
)  # fmt: skip

#: What nodes answer to what comes with the end of one.
LEAVING: Final = {
    **ROLES,
    "etc_hosts_modify": None,
    "node_leave_cluster": None,
    "upload_file": None,
}


def _only(document: Document) -> None:
    """Have a single instance."""
    there = named(document, "instances", "inst18.example.com")
    document["instances"] = {there["uuid"]: there}
    document["disks"] = {uuid: document["disks"][uuid] for uuid in there["disks"]}


def _remove(number: int, **params: Any) -> Document:
    return op("OP_NODE_REMOVE", node_name=f"node{number}", **params)


#: A cluster whose nodes' files of hosts are somebody else's.
NO_HOSTS: Final = _cluster(modify_etc_hosts=False)

REMOVE: Final = (
    case(
        "a regular node",
        _remove(6),
        config=_empty(6),
        answers=LEAVING,
        at_once=("upload_file",),
    ),
    case("a candidate", _remove(2), config=_all(_empty(2), NO_HOSTS), answers=LEAVING),
    case(
        "whose scripts fail",
        _remove(6),
        config=_all(_empty(6), NO_HOSTS),
        answers={
            **LEAVING,
            "hooks_runner@node6.example.com": [["10-script", 1, "output"]],
            "node_ssh_key_remove": UNTAKEN["node_ssh_key_remove"],
        },
        failing=False,
    ),
    case(
        "offline",
        _remove(6),
        config=_all(_empty(6), _node(6, **_OFFLINE), NO_HOSTS),
        answers=LEAVING,
        failing=False,
    ),
    case(
        "without keys",
        _remove(2),
        config=_all(_empty(2), _cluster(modify_ssh_setup=False), NO_HOSTS),
        answers=LEAVING,
        failing=False,
    ),
    case("the master", _remove(1)),
    case("with an instance", _remove(2), config=_only),
    case("unknown", op("OP_NODE_REMOVE", node_name="nobody")),
    case("another uuid", _remove(2, node_uuid="3b5f3d86-268e-4c45-9c6b-f1e1a399f82a")),
    case("dry run", _remove(6, dry_run=True), config=_empty(6), failing=False),
)

#: What nodes answer to what comes with a new one.
JOINING: Final[Document] = {
    **LEAVING,
    "node_configure_ovs": None,
    "node_has_ip_address": True,
    "node_verify": {"nodelist": {}},
    "node_verify_light": {"pvlist": [{"name": "/dev/sda3", "vg_name": "xenvg", "size": 1000.0}]},
}


def _gone(document: Document) -> None:
    """Be without the last node, and what is on it."""
    _empty(6)(document)
    document["nodes"].popitem()


def _add(number: int, **params: Any) -> Document:
    return op("OP_NODE_ADD", node_name=f"node{number}.example.com", **params)


NEW: Final = {"group": "group1", "node_setup": True}

ADD: Final = (
    case(
        "a node",
        _add(6, **NEW),
        config=_gone,
        answers=JOINING,
        at_once=("upload_file",),
    ),
    case(
        "a candidate with all that can be said",
        _add(6, group="group1", node_setup=True, vm_capable=False,
             ndparams={"ovs": True, "ovs_name": "switch2", "spindle_count": "4"},
             hv_state={"kvm": {"mem_total": "4096"}},
             disk_state={"plain": {"xenvg": {"disk_total": 100}}}),
        config=_all(_gone, _pool(10), NO_HOSTS),
        answers=JOINING,
        at_once=("upload_file",),
        failing=False,
    ),
    case(
        "in another network",
        _add(6, group="group1", secondary_ip="NET.106", master_capable=False),
        config=_all(_two_homed, _gone, NO_HOSTS, _cluster(volume_group_name=None)),
        answers=JOINING,
        at_once=("upload_file",),
    ),
    case(
        "that has not its address",
        _add(6, group="group1", secondary_ip="NET.106"),
        config=_all(_two_homed, _gone, NO_HOSTS),
        answers={**JOINING, "node_has_ip_address": False},
        failing=False,
    ),
    case(
        "again",
        _add(6, readd=True, node_setup=True),
        config=NO_HOSTS,
        answers=JOINING,
        at_once=("upload_file",),
    ),
    case(
        "again, from offline to candidate",
        _add(6, readd=True, master_capable=True, ndparams={"ovs": True, "ovs_link": "eth7"}),
        config=_all(_node(6, **_OFFLINE), _node(4, master_candidate=True), _pool(5), NO_HOSTS),
        answers=JOINING,
        at_once=("upload_file",),
        failing=False,
    ),
    case(
        "whose name is not the one that is found",
        _add(6, **NEW),
        config=_all(_gone, NO_HOSTS),
        answers={**JOINING, "node_verify": {"nodelist": {"node6.example.com": "another name"}}},
        failing=False,
    ),
    case(
        "of another version",
        _add(6, **NEW),
        config=_gone,
        answers={**JOINING, "version": 20},
        failing=False,
    ),
    case(
        "with volumes of a bad name",
        _add(6, **NEW),
        config=_gone,
        answers={
            **JOINING,
            "node_verify_light": {"pvlist": [{"name": "/dev/a:b", "vg_name": "xenvg", "size": 9}]},
        },
        failing=False,
    ),
    case(
        "without volumes",
        _add(6, **NEW),
        config=_gone,
        answers={**JOINING, "node_verify_light": {}},
        failing=False,
    ),
    case("that is there", _add(6, group="group1")),
    case("again, never seen", _add(6, readd=True), config=_gone),
    case("again, the master", _add(1, readd=True)),
    case("again, in a group", _add(6, readd=True, group="group1")),
    case("again, for no instances", _add(6, readd=True, vm_capable=False)),
    case("again, with another address", _add(6, readd=True, secondary_ip="NET.106")),
    case("no group", _add(6), config=_gone),
    case("unknown group", _add(6, group="nothing"), config=_gone),
    case("an address that is taken", _add(6, group="group1", secondary_ip="NET.3"), config=_gone),
    case("two addresses", _add(6, group="group1", secondary_ip="NET.106"), config=_gone),
    case("one address", _add(6, group="group1"), config=_all(_two_homed, _gone)),
    case("no address", _add(6, group="group1", secondary_ip="nowhere"), config=_gone),
    case("no such parameter", _add(6, ndparams={"colour": "red"}, **NEW), config=_gone),
    case("of groups", _add(6, ndparams={"exclusive_storage": True}, **NEW), config=_gone),
    case("unknown name", op("OP_NODE_ADD", node_name="nobody.example.com", group="group1")),
    case(
        "dry run",
        _add(6, dry_run=True, **NEW),
        config=_gone,
        answers=JOINING,
        failing=False,
    ),
)  # fmt: skip

CASES: Final = (*SET_ROLES, *SET_PARAMS, *REMOVE, *ADD)
