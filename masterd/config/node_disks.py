"""A disk as a node daemon must be told of it. Pure.

A node gets the disk's object with two things filled in: the *logical parameters* of each part, made
from the parameters of its template (a DRBD disk has one part for itself, one for its data and one
for its metadata), and, for DRBD, the addresses and minors of both sides as seen from that node.

Source: Ganeti 3.0.2 lib/objects.py (ComputeLDParams, UpdateDynamicDiskParams), lib/rpc/node.py
(AnnotateDiskParams); constants DISK_LD_DEFAULTS.
"""

from collections.abc import Mapping
from typing import Any, Final

from masterd.config.kinds import AnyDisk
from masterd.config.objects import FreeParams, write
from masterd.config.params import DiskTemplate, fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError

#: Logical parameters by template: name, and the template's parameter it comes from.
_OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "drbd": {
        "c-delay-target": "c-delay-target",
        "c-fill-target": "c-fill-target",
        "c-max-rate": "c-max-rate",
        "c-min-rate": "c-min-rate",
        "c-plan-ahead": "c-plan-ahead",
        "default-metavg": "metavg",
        "disable-meta-flush": "meta-barriers",
        "disabled-barriers": "disk-barriers",
        "disk-custom": "disk-custom",
        "dynamic-resync": "dynamic-resync",
        "net-custom": "net-custom",
        "protocol": "protocol",
        "resync-rate": "resync-rate",
    },
    "plain": {"stripes": "stripes"},
    "rbd": {"access": "access", "pool": "pool"},
    "ext": {"access": "access"},
    "gluster": {"access": "access", "host": "host", "port": "port", "volume": "volume"},
}

#: The same of a DRBD disk's children: its data, its metadata.
_OF_CHILDREN: Final[tuple[Mapping[str, str], ...]] = (
    {"stripes": "data-stripes"},
    {"stripes": "meta-stripes"},
)


def group_disk_params(
    config: ConfigSnapshot, group_uuid: str, template: DiskTemplate
) -> FreeParams:
    """Return the parameters of a template's disks in a group, filled from the cluster's."""
    group = config.nodegroups.get(group_uuid)
    whole = config.cluster.diskparams.get(template, {})
    return fill_free(whole, {} if group is None else group.diskparams.get(template, {}))


def for_node(
    config: ConfigSnapshot, disk: AnyDisk, primary_node: str, node_uuid: str
) -> dict[str, object]:
    """Return the document of a disk of an instance for one node.

    Args:
        primary_node: Uuid of the instance's primary node, whose group's parameters count.
        node_uuid: The node to be told.

    Raises:
        ConfigurationError: a node that the disk names is not there.
    """
    node = config.nodes.get(primary_node)
    if node is None:
        raise ConfigurationError(f"There is no node {primary_node}")
    document: dict[str, Any] = write(disk)
    template = disk.dev_type
    params = {} if template is None else group_disk_params(config, node.group, template)
    _fill(document, _OWN.get(template or "", {}), params)
    if template == "drbd":
        for child, sources in zip(document["children"], _OF_CHILDREN, strict=False):
            _fill(child, sources, params)
    _address(config, document, node_uuid)
    return document


def _fill(document: dict[str, Any], sources: Mapping[str, str], params: FreeParams) -> None:
    base = {name: params[source] for name, source in sources.items() if source in params}
    document["params"] = fill_free(base, document.get("params") or {})


def _address(config: ConfigSnapshot, document: dict[str, Any], node_uuid: str) -> None:
    """Add what only holds on that node: who is the other side of a DRBD disk."""
    document["dynamic_params"] = {}
    if document.get("dev_type") != "drbd" or document.get("logical_id") is None:
        return
    first, second, _, first_minor, second_minor, _ = document["logical_id"]
    sides = [(first, first_minor), (second, second_minor)]
    if node_uuid not in (first, second):
        return
    if node_uuid != first:
        sides.reverse()
    (local, local_minor), (remote, remote_minor) = sides
    document["dynamic_params"] = {
        "local-ip": _ip(config, local),
        "local-minor": local_minor,
        "remote-ip": _ip(config, remote),
        "remote-minor": remote_minor,
    }


def _ip(config: ConfigSnapshot, node_uuid: str) -> str:
    node = config.nodes.get(node_uuid)
    if node is None:
        raise ConfigurationError(f"There is no node {node_uuid}")
    return node.secondary_ip
