"""Disks' data from one node to another of the same cluster.

Of each disk the receiving side is started first; once it listens, the sending side connects to it.
Where one of the two fails, the other is stopped.

Source: Ganeti 3.0.2 lib/masterd/instance.py, TransferInstanceData (order, texts).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.limits_beside import TRANSFER_CONNECT_S
from masterd.lu.backup.transfer import Daemon, Transfers
from masterd.node import imports
from masterd.node.imports import End, RawEnd, ScriptEnd, Transfer
from masterd.rpc.result import RpcResult
from masterd.work.work import Work

#: What both sides of a transfer have to know is made for this version of what they speak.
_VERSION: Final = 0
_UNCOMPRESSED: Final = "none"


def check_tool(config: ConfigSnapshot, name: str) -> None:
    """Refuse a program for compression that the cluster does not admit.

    Raises:
        OpPrereqError: it does not.
    """
    allowed = config.cluster.compression_tools
    if name not in (_UNCOMPRESSED, *allowed):
        raise OpPrereqError(
            f"Compression tool not allowed, tools allowed are [{', '.join(allowed)}]", ECode.INVAL
        )


def disk_end(instance: Instance, disk: AnyDisk, index: int) -> End:
    """Return a disk as an end of its way; the operating system's script knows what is on it."""
    return ScriptEnd(disk, instance, index) if instance.os else RawEnd(disk, instance)


def magic(drawn: str, instance: Instance, index: int) -> str:
    """Return what both sides of a disk's transfer say, so that no other data arrive.

    Args:
        drawn: by chance, for one transfer.
    """
    told = f"{_VERSION}{drawn}{instance.name}{index}"
    return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class DiskTransfer:
    """What one disk's data are called, where they come from and go to.

    Attributes:
        source_ended: called once the source is not needed any more. Switches.
    """

    name: str
    source: End
    destination: End
    source_ended: Callable[[], None] = lambda: None


def between_nodes(
    work: Work,
    instance: Instance,
    way: tuple[Node, Node],
    compress: str,
    those: Sequence[DiskTransfer],
) -> list[bool]:
    """Move data from one node to another; return for each disk whether all went well. Switches."""
    source, destination = way
    drawn = work.new_uuid()
    transfers = Transfers(work, TRANSFER_CONNECT_S)
    pairs = []
    for index, each in enumerate(those):
        work.say(f"Exporting {each.name} from {source.name} to {destination.name}")
        how = Transfer(
            compress=compress,
            magic=magic(drawn, instance, index),
            connect_timeout_s=TRANSFER_CONNECT_S,
        )
        pair = _Pair(_Journey(work, transfers, instance, way, f"disk{index}", how), each)
        pairs.append(pair)
        transfers.add(pair.receiver)
    transfers.run()
    return [pair.well for pair in pairs]


@dataclass(frozen=True, slots=True)
class _Journey:
    """What both sides of one disk's transfer have to know."""

    work: Work
    transfers: Transfers
    instance: Instance
    way: tuple[Node, Node]
    component: str
    how: Transfer


class _Pair:
    """The two daemons of one disk. Obeys `Watcher`, for both."""

    def __init__(self, journey: _Journey, told: DiskTransfer) -> None:
        self._journey = journey
        self._told = told
        self._say = journey.work.say
        self.well = True
        self.sender: Daemon | None = None
        node = journey.way[1]
        self.receiver = Daemon("import", node, partial(self._start_import, node), self)

    def _start_import(self, node: Node) -> RpcResult:
        of, config = self._journey, self._journey.work.config.snapshot()
        end = self._told.destination
        return imports.start_import(
            of.work.rpc, config, node, of.instance, of.component, end, of.how
        )

    def _start_export(self, node: Node, port: int) -> RpcResult:
        of, config = self._journey, self._journey.work.config.snapshot()
        return imports.start_export(
            of.work.rpc,
            config,
            node,
            of.instance,
            of.component,
            self._told.source,
            of.how,
            host=of.way[1].secondary_ip,
            port=port,
        )

    def listening(self, daemon: Daemon, port: int) -> None:
        self._say(f"{self._told.name} is now listening, starting export")
        node = self._journey.way[0]
        self.sender = Daemon("export", node, partial(self._start_export, node, port), self)
        self._journey.transfers.add(self.sender)

    def connected(self, daemon: Daemon) -> None:
        verb = "receiving" if daemon is self.receiver else "sending"
        self._say(f"{self._told.name} is {verb} data on {daemon.node.name}")

    def progressed(self, daemon: Daemon, text: str) -> None:
        if daemon is self.sender:
            self._say(f"{self._told.name} sent {text}")

    def ended(self, daemon: Daemon) -> None:
        is_receiver = daemon is self.receiver
        if daemon.well:
            verb = "receiving" if is_receiver else "sending"
            self._say(f"{self._told.name} finished {verb} data")
        else:
            verb = "receive" if is_receiver else "send"
            self._say(f"{self._told.name} failed to {verb} data: {daemon.told_end}")
            self.well = False
        if not is_receiver:
            self._told.source_ended()
        if not daemon.well:
            self._journey.transfers.abort(self.sender if is_receiver else self.receiver)
