"""Disks' data from one cluster to another: one of the two sides of the way.

The receiving cluster tells a client where each disk is awaited, as an entry of the job's log; the
client gives that to the sending one.

Source: Ganeti 3.0.2 lib/masterd/instance.py, RemoteImport and RemoteExport (order, texts, the
entry's form).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk
from masterd.config.node import Node
from masterd.errors import OpExecError
from masterd.limits_beside import TRANSFER_CERTIFICATE_S, TRANSFER_CONNECT_CLUSTERS_S
from masterd.lu.backup import handover, secret
from masterd.lu.backup.handover import Destination
from masterd.lu.backup.moving import disk_end, magic
from masterd.lu.backup.transfer import Daemon, Transfers, at_the_end
from masterd.node import imports
from masterd.node.imports import Transfer
from masterd.rpc.result import RpcResult
from masterd.work.feedback import LogKind
from masterd.work.work import Work


def new_certificate(work: Work, node: Node) -> tuple[str, str]:
    """Have a node make a key for a transfer; return its name and certificate. Switches.

    Raises:
        RpcError: it does not.
    """
    result = imports.make_certificate(work.rpc, node, valid_s=TRANSFER_CERTIFICATE_S)
    result.raise_(f"Can't create X509 key and certificate on {node.name}")
    told: Any = result.payload
    return str(told[0]), str(told[1])


def signed(domain: str, pem: str, salt: str) -> str:
    """Return a certificate that a node has made, signed; see `handover`.

    Raises:
        OpExecError: it is none.
    """
    try:
        return handover.signed_certificate(domain, pem, salt)
    except ValueError as error:
        raise OpExecError(f"A node's X509 certificate cannot be read: {error}") from error


# --- sending --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How disks go to another cluster.

    Attributes:
        key: name of the key on the primary node that encrypts the way.
        ca_pem: what the other side's certificate is signed with.
        destinations: where each disk is awaited.
    """

    key: str
    ca_pem: str
    destinations: Sequence[Destination]


def send(
    work: Work,
    at: tuple[Instance, Node],
    how: Sending,
    compress: str,
    those: Sequence[tuple[AnyDisk, Callable[[], None]]],
) -> list[bool]:
    """Send disks; return for each whether all went well. Switches.

    Args:
        at: an instance and its primary node.
        those: each disk, and what is to be called once it is not needed any more.
    """
    transfers = Transfers(work, TRANSFER_CONNECT_CLUSTERS_S)
    daemons = []
    for index, ((disk, ended), there) in enumerate(zip(those, how.destinations, strict=True)):
        work.say(f"Sending disk {index} to {there.host}:{there.port}")
        transfer = Transfer(
            key_name=how.key,
            ca_pem=how.ca_pem,
            compress=compress,
            magic=there.magic,
            ipv6=handover.is_ipv6(there.host),
            connect_timeout_s=TRANSFER_CONNECT_CLUSTERS_S,
        )
        start = partial(_start_export, work, at, (disk, index), transfer, there)
        daemons.append(Daemon("export", at[1], start, _Sender(work, index, ended)))
        transfers.add(daemons[-1])
    transfers.run()
    return [bool(daemon.well) for daemon in daemons]


def _start_export(
    work: Work,
    at: tuple[Instance, Node],
    which: tuple[AnyDisk, int],
    how: Transfer,
    there: Destination,
) -> RpcResult:
    (instance, node), (disk, index) = at, which
    return imports.start_export(
        work.rpc,
        work.config.snapshot(),
        node,
        instance,
        f"disk{index}",
        disk_end(instance, disk, index),
        how,
        host=there.host,
        port=there.port,
    )


class _Sender:
    """Obeys `Watcher` for the daemon that sends a disk."""

    def __init__(self, work: Work, index: int, source_ended: Callable[[], None]) -> None:
        self._say = work.say
        self._index = index
        self._source_ended = source_ended

    def listening(self, daemon: Daemon, port: int) -> None:
        """Do nothing: it does not listen."""

    def connected(self, daemon: Daemon) -> None:
        self._say(f"Disk {self._index} is now sending data")

    def progressed(self, daemon: Daemon, text: str) -> None:
        self._say(f"Disk {self._index} sent {text}")

    def ended(self, daemon: Daemon) -> None:
        if daemon.well:
            self._say(f"Disk {self._index} finished sending data")
        else:
            self._say(f"Disk {self._index} failed to send data: {daemon.told_end}")
        self._source_ended()


# --- receiving ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """How disks come from another cluster.

    Attributes:
        domain: the secret that both clusters know.
        ca_pem: what the other side's certificate is signed with.
        stopping_s: how long the other side may take to stop the instance, before it connects.
    """

    domain: str = field(repr=False)
    ca_pem: str
    stopping_s: int


def receive(
    work: Work,
    at: tuple[Instance, Node],
    how: Receiving,
    compress: str,
    those: Sequence[AnyDisk],
) -> list[bool]:
    """Receive disks; return for each whether all went well. Switches.

    Args:
        at: an instance and its primary node.

    Raises:
        RpcError: the node makes no key for it, or does not remove it again.
    """
    node = at[1]
    key, pem = new_certificate(work, node)

    def remove_key() -> None:
        result = imports.remove_certificate(work.rpc, node, key)
        result.raise_(f"Can't remove X509 key and certificate on {node.name}")

    with at_the_end(remove_key):
        ca_pem = signed(how.domain, pem, secret.salt(work))
        awaited = _Awaited(work, node, how.domain, ca_pem, len(those))
        connect_s = TRANSFER_CONNECT_CLUSTERS_S + how.stopping_s
        transfers = Transfers(work, connect_s)
        drawn = work.new_uuid()
        daemons = []
        for index, disk in enumerate(those):
            transfer = Transfer(
                key_name=key,
                ca_pem=how.ca_pem,
                compress=compress,
                magic=magic(drawn, at[0], index),
                ipv6=handover.is_ipv6(node.primary_ip),
                connect_timeout_s=connect_s,
            )
            start = partial(_start_import, work, at, (disk, index), transfer)
            watcher = _Receiver(work, index, awaited, transfer.magic or "")
            daemons.append(Daemon("import", node, start, watcher))
            transfers.add(daemons[-1])
        transfers.run()
    return [bool(daemon.well) for daemon in daemons]


def _start_import(
    work: Work, at: tuple[Instance, Node], which: tuple[AnyDisk, int], how: Transfer
) -> RpcResult:
    (instance, node), (disk, index) = at, which
    end = disk_end(instance, disk, index)
    config = work.config.snapshot()
    return imports.start_import(work.rpc, config, node, instance, f"disk{index}", end, how)


class _Awaited:
    """Where disks are awaited; tells the client once all are.

    Where one fails before, nobody is told: the other cluster has to send all or nothing.
    """

    def __init__(self, work: Work, node: Node, domain: str, ca_pem: str, count: int) -> None:
        self._work = work
        self._host = node.primary_ip
        self._domain = domain
        self._ca_pem = ca_pem
        self._salt = secret.salt(work)
        self._places: list[Destination | None] = [None] * count

    def listening(self, index: int, port: int, magic_word: str) -> None:
        self._places[index] = Destination(self._host, port, magic_word)
        places = [place for place in self._places if place is not None]
        if len(places) == len(self._places):
            told = [
                place.document(self._domain, number, self._salt)
                for number, place in enumerate(places)
            ]
            entry = {"disks": told, "x509_ca": self._ca_pem}
            self._work.say.entry(LogKind.REMOTE_IMPORT, entry)

    def gone(self, index: int) -> None:
        self._places[index] = None


class _Receiver:
    """Obeys `Watcher` for the daemon that receives a disk."""

    def __init__(self, work: Work, index: int, awaited: _Awaited, magic_word: str) -> None:
        self._say = work.say
        self._index = index
        self._awaited = awaited
        self._magic = magic_word

    def listening(self, daemon: Daemon, port: int) -> None:
        self._say(f"Disk {self._index} is now listening")
        self._awaited.listening(self._index, port, self._magic)

    def connected(self, daemon: Daemon) -> None:
        self._say(f"Disk {self._index} is now receiving data")

    def progressed(self, daemon: Daemon, text: str) -> None:
        """Do nothing: the side that sends tells it."""

    def ended(self, daemon: Daemon) -> None:
        self._awaited.gone(self._index)
        if daemon.well:
            self._say(f"Disk {self._index} finished receiving data")
        else:
            self._say(f"Disk {self._index} failed to receive data: {daemon.told_end}")
