"""Exports of instances, and their way from node to node. All functions switch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.snapshot import ConfigSnapshot
from masterd.node import documents
from masterd.node.documents import Document
from masterd.node.target import Nodes, Where, one, several
from masterd.rpc.result import RpcResult


@dataclass(frozen=True, slots=True)
class Transfer:
    """How data travels between the daemons of two nodes.

    Attributes:
        key_name: of the certificate; None uses the cluster's.
        ca_pem: what the other side's certificate is signed with; None for the cluster's.
        compress: tool.
        magic: what the other side must say, so that the right data arrives.
        ipv6: by which protocol.
        connect_timeout_s: how long to wait for the other side.
    """

    key_name: str | None = None
    ca_pem: str | None = None
    compress: str | None = None
    magic: str | None = None
    ipv6: bool | None = None
    connect_timeout_s: int | None = None

    def document(self) -> Document:
        """Return the JSON form; what is None is left out."""
        said = {
            "key_name": self.key_name,
            "ca_pem": self.ca_pem,
            "compress": self.compress,
            "magic": self.magic,
            "ipv6": self.ipv6,
            "connect_timeout": self.connect_timeout_s,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FileEnd:
    """Data comes from a file, or goes into one."""

    path: str


@dataclass(frozen=True, slots=True)
class RawEnd:
    """Data is a whole disk."""

    disk: AnyDisk
    instance: AnyInstance


@dataclass(frozen=True, slots=True)
class ScriptEnd:
    """The operating system's script reads or writes the disk of that index."""

    disk: AnyDisk
    instance: AnyInstance
    index: int


End: TypeAlias = FileEnd | RawEnd | ScriptEnd


def _end(config: ConfigSnapshot, end: End, node_uuid: str) -> list[object]:
    if isinstance(end, FileEnd):
        return ["file", [end.path]]
    told = documents.disk(config, end.disk, end.instance.primary_node or "", node_uuid)
    return ["raw", [told]] if isinstance(end, RawEnd) else ["script", [told, end.index]]


def start_import(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    component: str,
    destination: End,
    how: Transfer,
) -> RpcResult:
    """Listen for data of an instance. Payload: the daemon's name."""
    told = documents.instance(config, instance, at.uuid)
    end = _end(config, destination, at.uuid)
    return one(nodes, "import_start", at, how.document(), told, component, end)


def start_export(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    component: str,
    source: End,
    how: Transfer,
    *,
    host: str,
    port: int | str,
) -> RpcResult:
    """Send data of an instance to where somebody listens. Payload: the daemon's name."""
    told = documents.instance(config, instance, at.uuid)
    end = _end(config, source, at.uuid)
    return one(nodes, "export_start", at, how.document(), host, port, told, component, end)


def status(nodes: Nodes, at: Where, names: Sequence[str]) -> RpcResult:
    """Ask how far daemons are. Payload: a state for each, or None."""
    return one(nodes, "impexp_status", at, list(names))


def abort(nodes: Nodes, at: Where, name: str) -> RpcResult:
    """Stop a daemon."""
    return one(nodes, "impexp_abort", at, name)


def clean_up(nodes: Nodes, at: Where, name: str) -> RpcResult:
    """Remove what a daemon left."""
    return one(nodes, "impexp_cleanup", at, name)


# --- exports --------------------------------------------------------------------------------------


def finish_export(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    snapshots: Iterable[AnyDisk | bool],
) -> RpcResult:
    """Make an export of what arrived; True or False stand for disks that have no snapshot."""
    told = documents.instance(config, instance, at.uuid)
    parts = [each if isinstance(each, bool) else documents.plain(each) for each in snapshots]
    return one(nodes, "finalize_export", at, told, parts)


def exports(nodes: Nodes, places: Iterable[Where]) -> Mapping[str, RpcResult]:
    """Ask for exports. Payload: their names."""
    return several(nodes, "export_list", places)


def export_info(nodes: Nodes, at: Where, path: str) -> RpcResult:
    """Ask what an export is of. Payload: text of an INI file."""
    return one(nodes, "export_info", at, path)


def remove_export(nodes: Nodes, at: Where, name: str) -> RpcResult:
    """Remove an export."""
    return one(nodes, "export_remove", at, name)


def export_os(
    nodes: Nodes,
    config: ConfigSnapshot,
    at: Where,
    instance: AnyInstance,
    environment: Mapping[str, str],
) -> RpcResult:
    """Pack the operating system's definition for an instance. Payload: path of the package."""
    told = documents.instance(config, instance, at.uuid)
    return one(nodes, "os_export", at, told, environment)


# --- certificates ---------------------------------------------------------------------------------


def make_certificate(nodes: Nodes, at: Where, *, valid_s: int) -> RpcResult:
    """Make a certificate for a transfer. Payload: its name, its PEM text."""
    return one(nodes, "x509_cert_create", at, valid_s)


def remove_certificate(nodes: Nodes, at: Where, name: str) -> RpcResult:
    """Remove a certificate."""
    return one(nodes, "x509_cert_remove", at, name)
