"""Ways to break a sound configuration, one rule each, as changes of its document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.sample_config import Document, sample

#: A configuration that breaks no rule that refuses a change; it has what the breakages need.
SEED: Final = 3

#: Lies below the highest used port, and nobody has it.
_FREE_PORT: Final = 11_000


def sound() -> Document:
    """Return a document that keeps all rules."""
    document = sample(SEED, nodes=6, groups=2, instances=20)
    cluster = document["cluster"]
    cluster["master_ip"] = "127.0.0.100"
    cluster["candidate_pool_size"] = 1
    cluster["enabled_disk_templates"] = sorted(cluster["diskparams"])
    for instance in document["instances"].values():
        for nic in instance["nics"]:
            nic.pop("ip", None)
    return document


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way to break it.

    Attributes:
        change: Breaks a document in place.
        told: What our verification says, a part of the text.
        refuses: No change may bring this about; otherwise it is only told of.
        by_reference: The reference tells of it too.
    """

    change: Callable[[Document], None]
    told: str
    refuses: bool = True
    by_reference: bool = True


# --- parts of a document ------------------------------------------------------------------------


def instances(document: Document) -> list[Document]:
    return [each for each in document["instances"].values() if "forthcoming" not in each]


def with_disk(document: Document, template: str, place: int = 0) -> tuple[Document, Document]:
    """Return an instance that has disks of a template, and its first disk."""
    found = [
        (each, disk)
        for each in instances(document)
        for disk in [document["disks"].get(uid) for uid in each["disks"][:1]]
        if disk is not None and disk["dev_type"] == template
    ]
    return found[place]


def with_nics(document: Document) -> list[Document]:
    return [each for each in instances(document) if each["nics"]]


def regular(document: Document) -> Document:
    """Return a node that is not the master."""
    master = document["cluster"]["master_node"]
    found: Document = next(each for uid, each in document["nodes"].items() if uid != master)
    return found


def master(document: Document) -> Document:
    found: Document = document["nodes"][document["cluster"]["master_node"]]
    return found


def group(document: Document) -> Document:
    found: Document = next(iter(document["nodegroups"].values()))
    return found


# --- breakages ----------------------------------------------------------------------------------


def _two_roles(document: Document) -> None:
    regular(document).update(offline=True, drained=True, master_candidate=False)


def _mac_twice(document: Document) -> None:
    first, second = with_nics(document)[:2]
    second["nics"][0]["mac"] = first["nics"][0]["mac"].upper()


def _same_mac(document: Document) -> None:
    first, second = with_nics(document)[:2]
    second["nics"][0]["mac"] = first["nics"][0]["mac"]


def _same_port(document: Document) -> None:
    first, second = instances(document)[:2]
    first["network_port"] = second["network_port"] = _FREE_PORT


def _port_marked_free(document: Document) -> None:
    instances(document)[0]["network_port"] = _FREE_PORT
    document["cluster"]["tcpudp_port_pool"] = [_FREE_PORT]


def _drbd_port_of_instance(document: Document) -> None:
    _, disk = with_disk(document, "drbd")
    instances(document)[0]["network_port"] = disk["logical_id"][2]


def _high_port(document: Document) -> None:
    instances(document)[0]["network_port"] = 14_900


def _same_minor(document: Document) -> None:
    _, one = with_disk(document, "drbd", 0)
    _, two = with_disk(document, "drbd", 1)
    two["logical_id"] = [*one["logical_id"][:2], two["logical_id"][2], *one["logical_id"][3:]]
    two["nodes"] = one["nodes"]


def _disk_of_two(document: Document) -> None:
    _, disk = with_disk(document, "plain")
    other, _ = with_disk(document, "rbd")
    other["disks"][0] = disk["uuid"]


def _no_disk(document: Document) -> None:
    instance, disk = with_disk(document, "gluster")
    del document["disks"][disk["uuid"]]
    assert disk["uuid"] in instance["disks"]


def _misnamed_disk(document: Document) -> None:
    with_disk(document, "plain")[1]["iv_name"] = "disk/7"


def _no_node(document: Document) -> None:
    instances(document)[0]["primary_node"] = "nowhere"


def _no_secondary(document: Document) -> None:
    _, disk = with_disk(document, "drbd")
    disk["logical_id"][1] = "nowhere"


def _no_group(document: Document) -> None:
    regular(document)["group"] = "nowhere"


def _no_network(document: Document) -> None:
    with_nics(document)[0]["nics"][0]["network"] = "nowhere"


def _master_no_candidate(document: Document) -> None:
    master(document)["master_candidate"] = False
    regular(document).update(
        master_candidate=True, master_capable=True, offline=False, drained=False
    )


def _few_candidates(document: Document) -> None:
    document["cluster"]["candidate_pool_size"] = 6
    for node in document["nodes"].values():
        node.update(master_capable=True, offline=False, drained=False, master_candidate=False)
    master(document)["master_candidate"] = True


def _global_parameter(document: Document) -> None:
    regular(document)["ndparams"]["exclusive_storage"] = True


def _uuid_for_a_name(document: Document) -> None:
    group(document)["name"] = "6064C52D-cc53-4059-9c58-c5bc6c199fcf"


def _policy_upside_down(document: Document) -> None:
    sizes = document["cluster"]["ipolicy"]["minmax"][0]
    group(document)["ipolicy"] = {"minmax": [{"min": sizes["max"], "max": sizes["min"]}]}


def _policy_without_templates(document: Document) -> None:
    group(document)["ipolicy"] = {"disk-templates": []}


def _policy_of_disabled_templates(document: Document) -> None:
    group(document)["ipolicy"] = {"disk-templates": ["rbd"]}
    document["cluster"]["enabled_disk_templates"] = ["plain", "drbd"]


def _standard_too_large(document: Document) -> None:
    document["cluster"]["ipolicy"]["std"]["memory-size"] = 2**30


def _no_hypervisor(document: Document) -> None:
    document["cluster"]["enabled_hypervisors"] = []


def _no_template(document: Document) -> None:
    document["cluster"]["enabled_disk_templates"] = []


def _no_hypervisor_parameters(document: Document) -> None:
    del document["cluster"]["hvparams"]["fake"]


def _bridge_without_name(document: Document) -> None:
    document["cluster"]["nicparams"]["default"]["link"] = ""


def _nic_without_link(document: Document) -> None:
    with_nics(document)[0]["nics"][0]["nicparams"] = {"mode": "bridged", "link": ""}


def _access(document: Document) -> None:
    document["cluster"]["diskparams"]["rbd"]["access"] = "sideways"


def _same_address(document: Document) -> None:
    document["cluster"]["master_ip"] = regular(document)["primary_ip"]


def _same_nic_address(document: Document) -> None:
    for each in with_nics(document)[:2]:
        each["nics"][0].update(ip="203.0.113.9", nicparams={})
        each["nics"][0].pop("network", None)


def _pool_too_short(document: Document) -> None:
    next(iter(document["networks"].values()))["reservations"] = "01"


def _gateway_elsewhere(document: Document) -> None:
    next(iter(document["networks"].values()))["gateway"] = "192.0.2.1"


def _beyond_ascii(section: str, key: str, value: object) -> Callable[[Document], None]:
    """Give an object of each section a text that Ganeti's own daemons cannot carry."""

    def change(document: Document) -> None:
        found = document[section]
        each = found if section == "cluster" else next(iter(found.values()))
        if isinstance(value, list):
            each[key] = [*each[key], *value]
        else:
            each[key] = value

    return change


BREAKAGES: Final = {
    "a tag beyond ASCII": Breakage(
        _beyond_ascii("cluster", "tags", ["b\u00fcro"]),
        r"cluster: tags: 'b\xfcro' is not ASCII",
        by_reference=False,
    ),
    "a node's tag beyond ASCII": Breakage(
        _beyond_ascii("nodes", "tags", ["\u2022"]), r"tags: '\u2022'", by_reference=False
    ),
    "a group's tag beyond ASCII": Breakage(
        _beyond_ascii("nodegroups", "tags", ["\u2022"]), r"tags: '\u2022'", by_reference=False
    ),
    "a network's tag beyond ASCII": Breakage(
        _beyond_ascii("networks", "tags", ["\u2022"]), r"tags: '\u2022'", by_reference=False
    ),
    "an OS parameter beyond ASCII": Breakage(
        _beyond_ascii("instances", "osparams", {"note": "\U0001f600"}),
        r"osparams.note: '\U0001f600' is not ASCII",
        by_reference=False,
    ),
    "a name of an OS parameter beyond ASCII": Breakage(
        _beyond_ascii("instances", "osparams", {"n\u00f6te": "x"}),
        r"osparams: the key 'n\xf6te' is not ASCII",
        by_reference=False,
    ),
    # Never repeated anywhere, not even in an error.
    "a secret beyond ASCII": Breakage(
        _beyond_ascii("cluster", "osparams_private_cluster", {"debian": {"pw": "gehe\u00efm"}}),
        "cluster: osparams_private_cluster.debian.pw is not ASCII",
        by_reference=False,
    ),
    "a disk's name beyond ASCII": Breakage(
        _beyond_ascii("disks", "name", "\u00fcber"), r"name: '\xfcber'", by_reference=False
    ),
    "a filter beyond ASCII": Breakage(
        _beyond_ascii("filters", "reason_trail", [["gnt", "\u00fc", 1]]),
        r"reason_trail: '\xfc'",
        by_reference=False,
    ),
    "a node in two roles": Breakage(_two_roles, "drained and offline at the same time"),
    "a MAC address twice": Breakage(_same_mac, "MAC address aa:00:00"),
    "a MAC address in capitals": Breakage(_mac_twice, "MAC address aa:00", by_reference=False),
    "a port twice": Breakage(_same_port, f"TCP port {_FREE_PORT}"),
    "a used port that is free": Breakage(_port_marked_free, f"TCP port {_FREE_PORT}"),
    "an instance on a disk's port": Breakage(_drbd_port_of_instance, "TCP port 110"),
    "a port above the highest": Breakage(_high_port, "14900"),
    "a minor twice": Breakage(_same_minor, "DRBD minor", by_reference=False),
    "a disk of two instances": Breakage(_disk_of_two, "disk", by_reference=False),
    "a disk that is not there": Breakage(_no_disk, "disk "),
    "a misnamed disk": Breakage(_misnamed_disk, "is named 'disk/7' instead of 'disk/0'"),
    "an instance on no node": Breakage(_no_node, "there is no node nowhere"),
    "a disk's secondary on no node": Breakage(_no_secondary, "there is no node nowhere"),
    "a node in no group": Breakage(_no_group, "there is no nodegroup nowhere"),
    "a NIC in no network": Breakage(_no_network, "there is no network", by_reference=False),
    "a master that is no candidate": Breakage(_master_no_candidate, "no master candidate"),
    "too few candidates": Breakage(_few_candidates, "1 master candidates where", refuses=False),
    # The reference drops it while it reads the file, and then finds nothing.
    "a node with a group's parameter": Breakage(
        _global_parameter, "exclusive_storage", by_reference=False
    ),
    "a group called like a uuid": Breakage(_uuid_for_a_name, "reads like a uuid"),
    "a policy upside down": Breakage(_policy_upside_down, "at least and"),
    "a policy without templates": Breakage(_policy_without_templates, "admits no disk template"),
    "a policy of disabled templates": Breakage(
        _policy_of_disabled_templates, "no disk template that is enabled", refuses=False
    ),
    "a standard size beyond": Breakage(_standard_too_large, "lies in no range"),
    "no hypervisor": Breakage(_no_hypervisor, "no hypervisor is enabled", by_reference=False),
    "no disk template": Breakage(_no_template, "no disk template", by_reference=False),
    "a hypervisor without parameters": Breakage(
        _no_hypervisor_parameters, "has no parameters", by_reference=False
    ),
    "a bridge without a name": Breakage(_bridge_without_name, "needs a link"),
    "a NIC without a link": Breakage(_nic_without_link, "NIC 0: mode 'bridged' needs a link"),
    "another way of access": Breakage(_access, "access is 'sideways'"),
    "the master's address at a node": Breakage(_same_address, "is used by", refuses=False),
    "a NIC's address twice": Breakage(_same_nic_address, "is used by", refuses=False),
    "a pool for fewer addresses": Breakage(_pool_too_short, "is for 2", by_reference=False),
    "a gateway elsewhere": Breakage(_gateway_elsewhere, "does not lie in", by_reference=False),
}
