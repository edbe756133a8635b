"""Instances, disks and network interfaces as one node must be told of them. Pure.

Of a disk, a node gets the object with two things filled in: the *logical parameters* of each part,
made from the parameters of its template (a DRBD disk has one part for itself, one for its data and
one for its metadata), and, for DRBD, the addresses and minors of both sides as seen from that node.

Source: Ganeti 3.0.2 lib/objects.py (ComputeLDParams, UpdateDynamicDiskParams), lib/rpc/node.py
(AnnotateDiskParams, _InstDict, _NicDict); constants DISK_LD_DEFAULTS.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from masterd.config.instance import Nic
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.objects import ConfigObject, FreeParams, write
from masterd.config.params import fill_free
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError
from masterd.instance import disks
from masterd.instance.view import InstanceView

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


#: JSON form of something.
Document = dict[str, Any]


def plain(of: ConfigObject) -> Document:
    """Return an object as it is; whole numbers have no fraction, as in `config.data`."""
    return write(of, _whole)


def disk(config: ConfigSnapshot, of: AnyDisk, primary_node: str, node_uuid: str) -> Document:
    """Return the document of a disk of an instance for one node.

    Args:
        of: The disk, or one of the parts it is made of.
        primary_node: Uuid of the instance's primary node, whose group's parameters count.
        node_uuid: The node to be told.

    Raises:
        ConfigurationError: a node that the disk names is not there.
    """
    node = config.nodes.get(primary_node)
    if node is None:
        raise ConfigurationError(f"There is no node {primary_node}")
    document: Document = plain(of)
    template = of.dev_type
    filled = {} if template is None else disks.group_params(config, node.group, template)
    _fill(document, _OWN.get(template or "", {}), filled)
    if template == "drbd":
        for child, sources in zip(document["children"], _OF_CHILDREN, strict=False):
            _fill(child, sources, filled)
    _address(config, document, node_uuid)
    return document


def disks_of(
    config: ConfigSnapshot, those: Iterable[AnyDisk], instance: AnyInstance, node_uuid: str
) -> list[Document]:
    """Return the documents of disks of an instance for one node; see `disk`."""
    return [disk(config, each, instance.primary_node or "", node_uuid) for each in those]


def nic(config: ConfigSnapshot, of: Nic) -> Document:
    """Return the document of a network interface: its own parameters, and its network whole."""
    document: Document = plain(of)
    network = None if of.network is None else config.networks.get(of.network)
    if network is not None:
        document["netinfo"] = plain(network)
    return document


def instance(
    config: ConfigSnapshot,
    of: AnyInstance,
    node_uuid: str,
    *,
    hvparams: FreeParams | None = None,
    beparams: FreeParams | None = None,
    osparams: FreeParams | None = None,
) -> Document:
    """Return the document of an instance for one node.

    It has what the configuration says, its parameters filled from the cluster's, its other nodes,
    its disks and its networks.

    Args:
        hvparams: Go before what it has.
        beparams: Likewise.
        osparams: Likewise; private and secret ones, where its scripts need them, are among them.

    Raises:
        ConfigurationError: a node that it or a disk of it names is not there.
    """
    view = InstanceView(config, of)
    document: Document = plain(of)
    document["hvparams"] = fill_free(view.whole_hv_params, hvparams or {})
    document["beparams"] = fill_free(plain(view.be_params), beparams or {})
    document["osparams"] = fill_free(view.os_params, osparams or {})
    document["secondary_nodes"] = list(config.derived(relations).secondaries.get(of.uuid, ()))
    document["disks_info"] = disks_of(config, view.disks, of, node_uuid)
    document["nics"] = [
        {**nic(config, each), "nicparams": plain(filled)}
        for each, filled in zip(of.nics, view.nic_params, strict=True)
    ]
    return document


def _fill(document: Document, sources: Mapping[str, str], params: FreeParams) -> None:
    base = {name: params[source] for name, source in sources.items() if source in params}
    document["params"] = fill_free(base, document.get("params") or {})


def _address(config: ConfigSnapshot, document: Document, node_uuid: str) -> None:
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


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number
