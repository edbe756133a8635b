"""Keeps the other nodes' copies of the configuration equal to the store.

Master candidates get `config.data`, all online nodes (this one too) the simple files that every
command reads. Each node has a greenlet of its own: changes that come while a node is being told
go out to it together next, and one that hangs holds up nobody but itself. A node that has not
taken its copy within seconds counts as failing, nobody waits for it, and it is told again later.

After a start nobody knows what the nodes have, so all are told once; so is a node that was offline.

Source: Ganeti 3.0.2 src/Ganeti/WConfd (what goes to whom).
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import gevent
from gevent.event import Event

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GanetiError
from masterd.limits import CONFIG_COPY_BYTES_PER_S, CONFIG_COPY_S, CONFIG_DISTRIBUTE_RETRY_S
from masterd.node.target import target
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget
from masterd.wconf.editions import UPLOAD, WRITE_SIMPLE, Editions, SimpleFiles

_log = logging.getLogger(__name__)

_NONE: Final = -1


class Sender(Protocol):
    """Calls nodes; see `masterd.rpc.runner`."""

    def send(
        self, call_name: str, node: NodeTarget, body: bytes, *, timeout_s: float | None = None
    ) -> RpcResult:
        """Send a body that was encoded before to one node. Switches."""
        ...


class Source(Protocol):
    """The configuration; see `masterd.wconf.repository`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def on_publish(self, listener: Callable[[ConfigSnapshot], None]) -> None:
        """Have `listener` called with each new one."""
        ...


class Distributor:
    """Tells nodes of changes; one greenlet for each online node."""

    def __init__(
        self,
        source: Source,
        rpc: Sender,
        render: Callable[[ConfigSnapshot], bytes],
        *,
        file_name: str,
        owner: tuple[int, int],
        now_s: Callable[[], float],
        release_version: str,
        begin_simple: Callable[[Mapping[str, bytes]], str | None] = lambda _files: None,
        retry_s: float = CONFIG_DISTRIBUTE_RETRY_S,
        copy_s: float = CONFIG_COPY_S,
    ) -> None:
        """Prepare.

        Args:
            render: gives the content of `config.data`; blocks, and is called on a native thread.
            file_name: the name under which `config.data` travels.
            owner: user and group id here; they travel as names.
            now_s: seconds since the epoch, for the file's times.
            release_version: of the Ganeti that is spoken, for the simple files.
            begin_simple: is called before simple files go to a node; returns why they must not.
            retry_s: seconds until a node that failed is told again.
            copy_s: seconds a node may take for a small copy.
        """
        self._source = source
        self._rpc = rpc
        self._editions = Editions(
            source.snapshot,
            render,
            file_name=file_name,
            owner=owner,
            now_s=now_s,
            release_version=release_version,
        )
        self._begin_simple = begin_simple
        self._retry_s = retry_s
        self._copy_s = copy_s
        self._copies: dict[str, _NodeCopies] = {}
        self._told = Event()
        self._running = False

    def start(self) -> None:
        """Tell all nodes, and from then on of every change; returns at once."""
        self._running = True
        self._source.on_publish(self._follow)
        self._follow(self._source.snapshot())

    def stop(self) -> None:
        """End; what is not told yet is told after the next start. Switches."""
        self._running = False
        gevent.killall([copies.greenlet for copies in self._copies.values()])
        self._copies.clear()

    def wait_told(self, serial_no: int, timeout_s: float) -> bool:
        """Wait until all candidates that take copies have one at least that new. Switches."""
        return self._wait(lambda: self._file_behind(serial_no), timeout_s)

    def wait_simple_told(self, serial_no: int, timeout_s: float) -> bool:
        """Wait until all nodes that take copies have simple files at least that new. Switches."""
        return self._wait(lambda: self._simple_behind(serial_no), timeout_s)

    @property
    def failing(self) -> frozenset[str]:
        """Uuids of nodes that did not take their copy the last time."""
        return frozenset(uuid for uuid, copies in self._copies.items() if copies.failing)

    # --- inside -------------------------------------------------------------------------------

    def _wait(self, behind: Callable[[], bool], timeout_s: float) -> bool:
        with gevent.Timeout(timeout_s, False):
            while behind():
                self._told.clear()
                self._told.wait()
        return not behind()

    def _file_behind(self, serial_no: int) -> bool:
        return any(
            copies.file_serial < serial_no
            for copies in self._copies.values()
            if copies.candidate and not copies.failing
        )

    def _simple_behind(self, serial_no: int) -> bool:
        return any(
            copies.simple_serial < serial_no
            for copies in self._copies.values()
            if not copies.failing
        )

    def _follow(self, snapshot: ConfigSnapshot) -> None:
        """Take notice of a configuration; does not switch."""
        if not self._running:
            return
        candidates = {node.uuid for node in snapshot.queue_replicas()}
        online = {node.uuid: node for node in snapshot.online_nodes()}
        for uuid in self._copies.keys() - online.keys():
            self._copies.pop(uuid).greenlet.kill(block=False)
        for uuid, node in online.items():
            copies = self._copies.get(uuid)
            if copies is None:
                copies = self._copies[uuid] = _NodeCopies(
                    self._rpc,
                    self._editions,
                    self._begin_simple,
                    self._told.set,
                    self._retry_s,
                    self._copy_s,
                )
            copies.follow(node, candidate=uuid in candidates)
        self._told.set()


class _NodeCopies:
    """What one node has, and the greenlet that tells it of changes."""

    def __init__(
        self,
        rpc: Sender,
        editions: Editions,
        begin_simple: Callable[[Mapping[str, bytes]], str | None],
        told: Callable[[], None],
        retry_s: float,
        copy_s: float,
    ) -> None:
        """Begin; `told` is called when the node has taken a copy, or has failed to."""
        self._rpc = rpc
        self._editions = editions
        self._begin_simple = begin_simple
        self._tell_waiters = told
        self._retry_s = retry_s
        self._copy_s = copy_s
        self._target = NodeTarget("", "", "")
        self._digest = b""
        self._changed = Event()
        #: Whether the node gets `config.data`.
        self.candidate = False
        #: Serial numbers of what it is known to have.
        self.file_serial = _NONE
        self.simple_serial = _NONE
        #: Whether it did not take its copy the last time.
        self.failing = False
        self.greenlet = gevent.spawn(self._run)

    def follow(self, node: Node, *, candidate: bool) -> None:
        """Take notice of a configuration with this node; does not switch."""
        self._target = target(node)
        if not candidate:
            self.file_serial = _NONE
        self.candidate = candidate
        self._changed.set()

    def _run(self) -> None:
        while True:
            self._changed.wait(self._retry_s if self.failing else None)
            self._changed.clear()
            errors = [error for error in (self._tell_file(), self._tell_simple()) if error]
            if self.failing and not errors:
                self.failing = False
                _log.info("%s has the configuration again", self._target.name)
            self._tell_waiters()

    def _tell_file(self) -> str | None:
        """Send `config.data` to a candidate that has an older one; return why that failed."""
        if not self.candidate:
            return None
        serial_no, body = self._editions.file()
        if self.file_serial >= serial_no:
            return None
        error = self._send(UPLOAD.name, body)
        if error is None:
            self.file_serial = serial_no
            self._tell_waiters()
        return error

    def _tell_simple(self) -> str | None:
        """Send the simple files to a node that has others; return why that failed."""
        serial_no, files = self._editions.simple()
        if self._digest != files.digest:
            error = self._send_simple(files)
            if error is not None:
                return error
            self._digest = files.digest
        self.simple_serial = serial_no
        return None

    def _send_simple(self, files: SimpleFiles) -> str | None:
        """Send the simple files, unless somebody else's would be lost by that; return why not."""
        try:
            refusal = self._begin_simple(files.contents)
        except GanetiError as error:
            refusal = error.message
        return self._send(WRITE_SIMPLE.name, files.body) if refusal is None else self._fail(refusal)

    def _send(self, call_name: str, body: bytes) -> str | None:
        timeout_s = self._copy_s + len(body) / CONFIG_COPY_BYTES_PER_S
        result = self._rpc.send(call_name, self._target, body, timeout_s=timeout_s)
        return None if result.ok else self._fail(result.error or "no reason given")

    def _fail(self, reason: str) -> str:
        """Count the node as one that did not take its copy."""
        if not self.failing:
            _log.warning("%s has an old configuration: %s", self._target.name, reason)
            self.failing = True
            self._tell_waiters()
        return reason
