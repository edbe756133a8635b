"""What a configuration object uses, read off its row: the index `CONFIG_USES`.

A *use* is text: the relation, a slash, and what is used. Of some things there can be one user only:

| relation | used by | what |
|---|---|---|
| `disk` | one instance | uuid of the disk |
| `mac` | one instance | address in lower case |
| `minor` | one disk | node's uuid, slash, DRBD minor |
| `port` | one instance, disk or the cluster's pool | TCP port, five digits |
| `group` | nodes | uuid of the group |
| `network` | instances and groups | uuid of the network |
| `node` | instances, disks, the cluster | uuid of the node |

The index answers in one look-up who would be hurt if an object went away, and who has an address
already, whatever the size of the cluster.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

DISK: Final = "disk"
GROUP: Final = "group"
MAC: Final = "mac"
MINOR: Final = "minor"
NETWORK: Final = "network"
NODE: Final = "node"
PORT: Final = "port"

#: Relations whose things have one user at most.
EXCLUSIVE: Final = frozenset({DISK, MAC, MINOR, PORT})

#: Relation to kind of object, where what is used is the uuid of one.
KIND_USED: Final[Mapping[str, str]] = {
    DISK: "disk",
    GROUP: "nodegroup",
    NETWORK: "network",
    NODE: "node",
}


def use(relation: str, what: object) -> str:
    """Return the text of a use."""
    if relation == PORT:
        return f"{PORT}/{what:05d}"
    text = str(what)
    return f"{relation}/{text.lower() if relation == MAC else text}"


def user(kind: str, uuid: str) -> str:
    """Return the text of a user: its kind and uuid."""
    return f"{kind}/{uuid}"


def uses(kind: str, document: object) -> frozenset[str]:
    """Return what an object of some kind uses; the row of another form uses what can be read."""
    read = _READERS.get(kind)
    if read is None or not isinstance(document, dict):
        return frozenset()
    return frozenset(
        use(relation, what)
        for relation, what in read(document)
        if (type(what) is int if relation == PORT else isinstance(what, str) and what)
    )


def repeated(kind: str, document: object) -> list[str]:
    """Return the exclusive uses that one object has more than once, sorted."""
    read = _READERS.get(kind)
    seen: set[str] = set()
    twice: set[str] = set()
    if read is not None and isinstance(document, dict):
        for relation, what in read(document):
            if relation in EXCLUSIVE and isinstance(what, int if relation == PORT else str):
                text = use(relation, what)
                (twice if text in seen else seen).add(text)
    return sorted(twice)


_Pairs = Iterator[tuple[str, Any]]


def _cluster(document: dict[str, Any]) -> _Pairs:
    yield NODE, document.get("master_node")
    for port in _items(document, "tcpudp_port_pool"):
        yield PORT, port


def _node(document: dict[str, Any]) -> _Pairs:
    yield GROUP, document.get("group")


def _group(document: dict[str, Any]) -> _Pairs:
    networks = document.get("networks")
    for uuid in networks if isinstance(networks, dict) else ():
        yield NETWORK, uuid


def _instance(document: dict[str, Any]) -> _Pairs:
    yield NODE, document.get("primary_node")
    yield PORT, document.get("network_port")
    for uuid in _items(document, "disks"):
        yield DISK, uuid
    for nic in _items(document, "nics"):
        if isinstance(nic, dict):
            yield MAC, nic.get("mac")
            yield NETWORK, nic.get("network")


def _disk(document: dict[str, Any]) -> _Pairs:
    logical_id = _items(document, "logical_id")
    if document.get("dev_type") == "drbd" and len(logical_id) == 6:
        first, second, port, first_minor, second_minor, _ = logical_id
        yield NODE, first
        yield NODE, second
        yield PORT, port
        yield MINOR, f"{first}/{first_minor}"
        yield MINOR, f"{second}/{second_minor}"
    for uuid in _items(document, "nodes"):
        yield NODE, uuid
    for child in _items(document, "children"):
        if isinstance(child, dict):
            yield from _disk(child)


def _items(document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    return list(found) if isinstance(found, list | tuple) else []


_READERS: Final = {
    "cluster": _cluster,
    "node": _node,
    "nodegroup": _group,
    "instance": _instance,
    "disk": _disk,
}
