"""Networks, and what connects them to groups."""

from typing import Final

from tests.same_calls.case import Case, case, named, op
from tests.sample_config import Document

BRIDGED: Final = {"network_mode": "bridged", "network_link": "br7"}


def _unused(document: Document) -> None:
    """Have a network that no group and no NIC knows."""
    new = {
        **named(document, "networks", "net1"),
        "uuid": "5d0c0d38-7a37-4d7b-8f0e-8f1d1df3c0aa",
        "name": "net9",
        "network": "10.77.0.0/28",
        "reservations": "1000000000000001",
        "ext_reservations": "1000000000000001",
        "tags": [],
    }
    document["networks"][new["uuid"]] = new


def _occupied(document: Document) -> None:
    """Let an instance in group1 have an address of that network, without saying so."""
    _unused(document)
    nic = named(document, "instances", "inst2.example.com")["nics"][0]
    nic.pop("network", None)
    nic["ip"] = "10.77.0.5"


def _no_nics(document: Document) -> None:
    for instance in document["instances"].values():
        instance["nics"] = []


def _once(name: str, op_id: str, **parameters: object) -> Case:
    """Return a case of one of the standard networks; failing calls are for the other cases."""
    return case(name, op(f"OP_NETWORK_{op_id}", **parameters), failing=False)


def _edges() -> list[Case]:
    """Return cases of what is just right, or just wrong."""
    new = {"network_name": "new", "network": "10.1.0.0/28"}
    connected = {"group_name": "group1", "network_name": "net2", "network_link": "br7"}
    return [
        _once("the largest", "ADD", **new | {"network": "10.1.0.0/16"}),
        _once("the smallest", "ADD", **new | {"network": "10.1.0.0/30"}),
        _once("gateway at the end", "ADD", **new, gateway="10.1.0.15"),
        _once(
            "gateway of version 6 on the link", "ADD",
            **new, network6="2001:db8:1::/64", gateway6="fe80::1",
        ),
        _once(
            "gateway of version 6 outside", "ADD",
            **new, network6="2001:db8:1::/64", gateway6="2001:db8:2::1",
        ),
        _once("nothing", "SET_PARAMS", network_name="net2"),
        _once("no prefix", "SET_PARAMS", network_name="net0", mac_prefix="none"),
        _once("another gateway", "SET_PARAMS", network_name="net0", gateway="203.0.113.6"),
        _once("the same gateway", "SET_PARAMS", network_name="net0", gateway="203.0.113.1"),
        _once("gateway of a NIC", "SET_PARAMS", network_name="net2", gateway="10.9.0.4"),
        _once("gateway outside", "SET_PARAMS", network_name="net2", gateway="10.8.0.4"),
        _once(
            "gateway of version 6 outside", "SET_PARAMS",
            network_name="net2", gateway6="2001:db8:5::1",
        ),
        _once(
            "gateway given back", "SET_PARAMS",
            network_name="net0", remove_reserved_ips=["203.0.113.1"],
        ),
        _once(
            "gateway and reserved", "SET_PARAMS",
            network_name="net2", gateway="10.9.0.13", add_reserved_ips=["10.9.0.2"],
        ),
        _once("any mode", "CONNECT", **connected, network_mode="pool"),
        _once(
            "routed, unchecked", "CONNECT",
            **connected, network_mode="routed", conflicts_check=False,
        ),
    ]  # fmt: skip


CASES: Final = (
    *_edges(),
    case("plain", op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/28")),
    case(
        "with everything",
        op(
            "OP_NETWORK_ADD",
            network_name="new",
            network="10.1.0.0/28",
            gateway="10.1.0.1",
            network6="2001:db8:1::/64",
            gateway6="2001:db8:1::1",
            mac_prefix="aa:bb:cc",
            add_reserved_ips=["10.1.0.5", "10.1.0.6"],
            tags=["a", "b"],
        ),
    ),
    case(
        "with the addresses of nodes",
        op("OP_NETWORK_ADD", network_name="new", network="NET.0/24"),
    ),
    case(
        "with the addresses of nodes, unchecked",
        op("OP_NETWORK_ADD", network_name="new", network="NET.0/24", conflicts_check=False),
    ),
    case("name in use", op("OP_NETWORK_ADD", network_name="net1", network="10.1.0.0/28")),
    case(
        "gateway outside",
        op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/28", gateway="10.2.0.1"),
    ),
    case(
        "reserved outside",
        op(
            "OP_NETWORK_ADD",
            network_name="new",
            network="10.1.0.0/28",
            add_reserved_ips=["10.2.0.1"],
        ),
    ),
    case(
        "reserved twice",
        op(
            "OP_NETWORK_ADD",
            network_name="new",
            network="10.1.0.0/28",
            gateway="10.1.0.1",
            add_reserved_ips=["10.1.0.1"],
        ),
    ),
    case("too small", op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/31")),
    case("too large", op("OP_NETWORK_ADD", network_name="new", network="10.0.0.0/8")),
    case("host bits", op("OP_NETWORK_ADD", network_name="new", network="10.1.0.3/28")),
    case(
        "bad MAC prefix",
        op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/28", mac_prefix="zz"),
    ),
    case(
        "gateway of version 6 alone",
        op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/28", gateway6="2001:db8:1::1"),
    ),
    case("bad tag", op("OP_NETWORK_ADD", network_name="new", network="10.1.0.0/28", tags=["!"])),
    case("unused", op("OP_NETWORK_REMOVE", network_name="net9"), config=_unused),
    case("connected", op("OP_NETWORK_REMOVE", network_name="net1")),
    case("unknown", op("OP_NETWORK_REMOVE", network_name="nothing")),
    case(
        "gateway and prefix",
        op(
            "OP_NETWORK_SET_PARAMS",
            network_name="net9",
            gateway="10.77.0.1",
            mac_prefix="aa:00:11",
            network6="2001:db8:7::/64",
            gateway6="2001:db8:7::1",
        ),
        config=_unused,
    ),
    case(
        "things taken away",
        op(
            "OP_NETWORK_SET_PARAMS",
            network_name="net0",
            gateway="none",
            gateway6="none",
            network6="none",
            mac_prefix="none",
        ),
    ),
    case(
        "addresses reserved",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", add_reserved_ips=["10.77.0.3"]),
        config=_unused,
    ),
    case(
        "address reserved twice",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", add_reserved_ips=["10.77.0.0"]),
        config=_unused,
    ),
    case(
        "address outside",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", add_reserved_ips=["10.78.0.3"]),
        config=_unused,
    ),
    case(
        "addresses given back",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", remove_reserved_ips=["10.77.0.15"]),
        config=_unused,
    ),
    case(
        "address that is not reserved given back",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", remove_reserved_ips=["10.77.0.9"]),
        config=_unused,
    ),
    case(
        "gateway that is reserved",
        op("OP_NETWORK_SET_PARAMS", network_name="net9", gateway="10.77.0.15"),
        config=_unused,
    ),
    case("bad prefix", op("OP_NETWORK_SET_PARAMS", network_name="net1", mac_prefix="zz")),
    case("unknown", op("OP_NETWORK_SET_PARAMS", network_name="nothing", mac_prefix="aa:00:11")),
    case(
        "bridged",
        op("OP_NETWORK_CONNECT", group_name="group1", network_name="net9", **BRIDGED),
        config=_unused,
    ),
    case(
        "openvswitch",
        op(
            "OP_NETWORK_CONNECT",
            group_name="group1",
            network_name="net9",
            network_mode="openvswitch",
            network_link="switch1",
            network_vlan="100",
        ),
        config=_unused,
    ),
    case(
        "connected already",
        op("OP_NETWORK_CONNECT", group_name="group1", network_name="net1", **BRIDGED),
    ),
    case(
        "in conflict",
        op("OP_NETWORK_CONNECT", group_name="group1", network_name="net9", **BRIDGED),
        config=_occupied,
    ),
    case(
        "in conflict, unchecked",
        op(
            "OP_NETWORK_CONNECT",
            group_name="group1",
            network_name="net9",
            conflicts_check=False,
            **BRIDGED,
        ),
        config=_occupied,
    ),
    case(
        "unknown network",
        op("OP_NETWORK_CONNECT", group_name="group1", network_name="nothing", **BRIDGED),
    ),
    case(
        "unknown group",
        op("OP_NETWORK_CONNECT", group_name="nothing", network_name="net1", **BRIDGED),
    ),
    case("in use", op("OP_NETWORK_DISCONNECT", group_name="group1", network_name="net1")),
    case(
        "not in use",
        op("OP_NETWORK_DISCONNECT", group_name="group1", network_name="net1"),
        config=_no_nics,
    ),
    case("not connected", op("OP_NETWORK_DISCONNECT", group_name="group1", network_name="net0")),
    case("unknown", op("OP_NETWORK_DISCONNECT", group_name="group1", network_name="nothing")),
)
