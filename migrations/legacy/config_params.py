"""Steps for parameter sets: backend, node, NIC, hypervisor and disk parameters, and policies.

Source: Ganeti 3.0.2 cfgupgrade; lib/objects.py, UpgradeConfig of each object.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

from migrations.legacy import config_defaults as defaults
from migrations.legacy import config_hypervisors as hypervisors
from migrations.legacy.config_work import (
    TEMPLATES,
    Document,
    Work,
    all_disks,
    changed,
    filled,
    with_cluster,
    without,
)

_SIDES: Final = ("min", "max")
#: Node parameters that only groups and the cluster set.
_NOT_OF_NODES: Final = ("exclusive_storage",)


def split_memory(document: Document, _work: Work) -> Document:
    """Give smallest and largest memory the value of the one `memory` there was until 2.5."""

    def instance(_key: str, value: Document) -> Document:
        beparams = value.get("beparams")
        return value if beparams is None else {**value, "beparams": _split(beparams)}

    document = changed(document, "instances", instance)
    sets = document["cluster"].get("beparams")
    if sets is None:
        return document
    return with_cluster(document, beparams={name: _split(each) for name, each in sets.items()})


def size_ranges(document: Document, work: Work) -> Document:
    """Put the smallest and largest size of every policy into a list of ranges.

    A range that leaves something out gets it from the cluster's, the cluster's from the defaults.
    """
    cluster_policy = document["cluster"].get("ipolicy")
    if cluster_policy:
        cluster_policy = _with_range(cluster_policy, defaults.SIZES)
        document = with_cluster(document, ipolicy=cluster_policy)
    ranges = (cluster_policy or {}).get("minmax") or [defaults.SIZES]

    def group(key: str, value: Document) -> Document:
        policy = value.get("ipolicy")
        if not policy:
            return value
        if policy.get("std"):
            work.notes.append(
                f"nodegroups.{key}.ipolicy.std: left out; groups have none of their own"
            )
        return {**value, "ipolicy": _with_range(without(policy, "std"), ranges[0])}

    return changed(document, "nodegroups", group)


def fill_cluster_params(document: Document, _work: Work) -> Document:
    """Fill the cluster's parameter sets: all of Ganeti 3.0's parameters, set values kept."""
    cluster = document["cluster"]
    hvparams = cluster.get("hvparams") or {}
    sets = cluster.get("beparams") or {"default": {}}
    params = {
        "hvparams": {
            **hvparams,
            **{
                name: {**params, **(hvparams.get(name) or {})}
                for name, params in hypervisors.HYPERVISORS.items()
            },
        },
        "beparams": {name: {**defaults.BACKEND, **each} for name, each in sets.items()},
        "ndparams": filled(cluster.get("ndparams") or {}, defaults.NODE),
        "nicparams": _nicparams(cluster),
        "diskparams": _diskparams(cluster.get("diskparams") or {}),
        "ipolicy": _policy(cluster.get("ipolicy") or {}),
    }
    return with_cluster({**document, "cluster": without(cluster, "default_bridge")}, **params)


def fill_group_params(document: Document, _work: Work) -> Document:
    """Fill how groups connect to networks; what else they leave out is the cluster's."""

    def group(_key: str, value: Document) -> Document:
        networks = value.get("networks") or {}
        return {
            **filled(value, defaults.GROUP_OBJECT),
            "networks": {uuid: {**defaults.NIC, **each} for uuid, each in networks.items()},
        }

    return changed(document, "nodegroups", group)


def drop_global_params(document: Document, work: Work) -> Document:
    """Drop parameters of nodes and instances that only groups or the cluster may set."""

    def kept(path: str, value: Document, field: str, names: tuple[str, ...]) -> Document:
        params = value.get(field) or {}
        gone = [name for name in names if name in params]
        if not gone:
            return value
        work.notes += [f"{path}.{field}.{name}: left out, the cluster's counts" for name in gone]
        return {**value, field: without(params, *gone)}

    document = changed(
        document, "nodes", lambda key, node: kept(f"nodes.{key}", node, "ndparams", _NOT_OF_NODES)
    )
    names = hypervisors.GLOBAL_HYPERVISOR_PARAMETERS
    return changed(
        document,
        "instances",
        lambda key, value: kept(f"instances.{key}", value, "hvparams", names),
    )


def enable_templates(document: Document, work: Work) -> Document:
    """Enable the disk templates in use where none are, and admit only enabled ones in policies."""
    cluster = document["cluster"]
    enabled = list(cluster.get("enabled_disk_templates") or _templates_in_use(document))
    helper = cluster.get("drbd_usermode_helper")
    if helper is None and "drbd" in enabled:
        document = with_cluster(document, drbd_usermode_helper=defaults.DRBD_HELPER)
    policy = _admitting(cluster.get("ipolicy") or {}, enabled, "cluster.ipolicy", work)
    document = with_cluster(document, enabled_disk_templates=enabled, ipolicy=policy)

    def group(key: str, value: Document) -> Document:
        path = f"nodegroups.{key}.ipolicy"
        return {**value, "ipolicy": _admitting(value.get("ipolicy") or {}, enabled, path, work)}

    return changed(document, "nodegroups", group)


def _split(beparams: Document) -> Document:
    if "memory" not in beparams:
        return beparams
    memory = beparams["memory"]
    return {**without(beparams, "memory"), "minmem": memory, "maxmem": memory}


def _with_range(policy: Document, base: Mapping[str, Mapping[str, Any]]) -> Document:
    sides = {side: policy[side] for side in _SIDES if policy.get(side)}
    ranges = [sides] if sides else policy.get("minmax")
    policy = without(policy, *_SIDES)
    if not ranges:
        return policy
    first, *others = ranges
    whole = {side: filled(first.get(side) or {}, base.get(side, {})) for side in _SIDES}
    return {**policy, "minmax": [{**first, **whole}, *others]}


def _nicparams(cluster: Document) -> Document:
    sets = cluster.get("nicparams")
    if not sets:
        # Until 2.0 there was only the name of a bridge.
        bridge = cluster.get("default_bridge")
        sets = {"default": {} if bridge is None else {"link": bridge}}
    return {name: {**defaults.NIC, **each} for name, each in sets.items()}


def _diskparams(given: Document) -> Document:
    return {
        **given,
        **{name: {**params, **(given.get(name) or {})} for name, params in defaults.DISK.items()},
    }


def _policy(given: Document) -> Document:
    standard = {**defaults.POLICY["std"], **(given.get("std") or {})}
    return {**filled(given, copy.deepcopy(dict(defaults.POLICY))), "std": standard}


def _templates_in_use(document: Document) -> list[str]:
    used = {str(disk["dev_type"]) for disk in all_disks(document) if disk.get("dev_type")}
    if any(not instance.get("disks") for instance in document["instances"].values()):
        used.add("diskless")
    if document["cluster"].get("volume_group_name"):
        used |= {"drbd", "plain"}
    preference = defaults.TEMPLATE_PREFERENCE
    return [name for name in preference if name in used] + sorted(used - {*TEMPLATES})


def _admitting(policy: Document, enabled: list[str], path: str, work: Work) -> Document:
    admitted = policy.get("disk-templates")
    if admitted is None or set(admitted) <= set(enabled):
        return policy
    gone = ", ".join(name for name in admitted if name not in enabled)
    work.notes.append(f"{path}.disk-templates: not enabled and left out: {gone}")
    kept = [name for name in admitted if name in enabled]
    return {**policy, "disk-templates": kept}
