"""Steps for the objects of a configuration: cluster, nodes, groups, networks, instances, filters.

Source: Ganeti 3.0.2 cfgupgrade; lib/objects.py, UpgradeConfig and FromDict; lib/config,
_UpgradeConfig.
"""

from typing import Any, Final

from migrations.legacy import config_defaults as defaults
from migrations.legacy.config_work import (
    Document,
    Step,
    Work,
    changed,
    filled,
    with_children,
    with_cluster,
    with_disks,
    without,
)

_DEFAULT_GROUP: Final = "default"


def cluster_keys(since: int) -> Step:
    """Return the step that gives a cluster the keys it has since a version."""

    def step(document: Document, _work: Work) -> Document:
        return with_cluster(document, **filled(document["cluster"], defaults.CLUSTER[since]))

    return step


def master_netmask(document: Document, _work: Work) -> Document:
    """Let the master IP be one address where no mask is set."""
    family = document["cluster"].get("primary_ip_family")
    mask = {"master_netmask": defaults.ADDRESS_BITS.get(family or 2)}
    return with_cluster(document, **filled(document["cluster"], mask))


def first_hypervisor(document: Document, _work: Work) -> Document:
    """Put the default hypervisor of 2.0 first among those enabled."""
    cluster = document["cluster"]
    first = cluster.get("default_hypervisor")
    if first is None:
        return {**document, "cluster": without(cluster, "default_hypervisor")}
    others = [name for name in cluster.get("enabled_hypervisors") or () if name != first]
    cluster = without(cluster, "default_hypervisor")
    return {**document, "cluster": {**cluster, "enabled_hypervisors": [first, *others]}}


def collectors(document: Document, _work: Work) -> Document:
    """Switch the monitoring agent's collectors on, where nothing is said of them."""
    given = document["cluster"].get("data_collectors") or {}
    return with_cluster(document, data_collectors=filled(given, defaults.COLLECTORS))


def sections(document: Document, _work: Work) -> Document:
    """Add the sections that came later, empty: networks and filter rules."""
    return {
        **document,
        "networks": document.get("networks") or {},
        "filters": document.get("filters") or {},
    }


def networks(document: Document, work: Work) -> Document:
    """Drop two fields of networks that never meant anything; name NICs' networks by uuid."""
    document = changed(
        {**document, "networks": document.get("networks") or {}},
        "networks",
        lambda _key, network: without(network, "network_type", "family"),
    )
    by_name = {
        network["name"]: network["uuid"]
        for network in document["networks"].values()
        if network.get("name") and network.get("uuid")
    }

    def nic(value: Document) -> Document:
        named = value.get("network")
        if named in by_name:
            value = {**value, "network": by_name[named]}
        return value if value.get("uuid") else {**value, "uuid": work.new_uuid()}

    def instance(_key: str, value: Document) -> Document:
        return {**value, "nics": [nic(each) for each in value.get("nics") or ()]}

    return changed(document, "instances", instance)


def instance_states(document: Document, _work: Work) -> Document:
    """Say of every instance what state is wanted, by whom, and whether its disks are active."""

    def instance(_key: str, value: Document) -> Document:
        wanted = "up" if value.get("admin_up") else "down"
        value = filled(without(value, "admin_up"), {"admin_state": wanted})
        active = value["admin_state"] == "up"
        return filled(value, {"admin_state_source": "admin", "disks_active": active})

    return changed(document, "instances", instance)


def forget_templates(document: Document, _work: Work) -> Document:
    """Drop the disk template of instances: every disk has its own."""
    return changed(document, "instances", lambda _key, instance: without(instance, "disk_template"))


def by_uuid(document: Document, work: Work) -> Document:
    """Let nodes and instances be found, and nodes be named, by uuid in the place of names."""
    nodes = _keyed(document, "nodes", work)
    uuids = {node["name"]: uuid for uuid, node in nodes.items() if node.get("name")}

    def resolved(node: Any, path: str) -> Any:
        if node is None or node in nodes:
            return node
        if node not in uuids:
            work.reasons.append(f"{path}: there is no node {node}")
        return uuids.get(node, node)

    def disk(path: str, value: Document) -> Document:
        logical_id = value.get("logical_id")
        if value.get("dev_type") in ("drbd", "drbd8") and logical_id:
            pair = [resolved(node, f"{path}.logical_id") for node in logical_id[:2]]
            value = {**value, "logical_id": [*pair, *logical_id[2:]]}
        return with_children(value, lambda child: disk(path, child))

    def instance(key: str, value: Document) -> Document:
        if "primary_node" not in value:
            return value
        primary = resolved(value["primary_node"], f"instances.{key}.primary_node")
        return {**value, "primary_node": primary}

    document = changed(with_disks(document, disk), "instances", instance)
    document = {**document, "nodes": nodes, "instances": _keyed(document, "instances", work)}
    master = document["cluster"].get("master_node")
    return with_cluster(document, master_node=resolved(master, "cluster.master_node"))


def complete_nodes(document: Document, work: Work) -> Document:
    """Give nodes what they lack; one without a group goes into the only one there is."""
    groups = document["nodegroups"]
    if not groups:
        uuid = work.new_uuid()
        groups = {uuid: {"name": _DEFAULT_GROUP, "uuid": uuid}}
        work.notes.append(f"nodegroups.{uuid}: made, since there was no group")

    def node(key: str, value: Document) -> Document:
        value = filled(value, defaults.NODE_OBJECT)
        if value.get("group"):
            return value
        if len(groups) != 1:
            work.reasons.append(f"nodes.{key}.group: missing, and there are {len(groups)} groups")
            return value
        return {**value, "group": next(iter(groups))}

    return changed({**document, "nodegroups": groups}, "nodes", node)


def complete_instances(document: Document, _work: Work) -> Document:
    """Give instances the parameter sets they lack."""
    empty: Document = {"osparams": {}, "osparams_private": {}, "disks": [], "nics": []}
    return changed(document, "instances", lambda _key, instance: filled(instance, empty))


def _keyed(document: Document, section: str, work: Work) -> Document:
    """Return the objects of a section by uuid; two with one name or uuid are a reason against."""
    keyed: Document = {}
    names: dict[str, str] = {}
    for key, value in document[section].items():
        path = f"{section}.{key}"
        uuid = value.get("uuid") or work.new_uuid()
        name = value.get("name")
        if uuid in keyed:
            work.reasons.append(f"{path}: another has the uuid {uuid} too")
        if name and names.setdefault(name, uuid) != uuid:
            work.reasons.append(f"{path}: another has the name {name} too")
        keyed[uuid] = {**value, "uuid": uuid}
    return keyed
