"""Keeps the other nodes' copies of the configuration equal to the store.

Master candidates get `config.data`, all online nodes (this one too) the simple files that every
command reads. Changes that come while nodes are being told go out together next. A node that does
not take its copy is told again later and holds nobody up; a node is told only what it has not got.

After a start nobody knows what the nodes have, so all are told once.

Source: Ganeti 3.0.2 src/Ganeti/WConfd (what goes to whom); rpc.json upload_file_single,
write_ssconf_files.
"""

import grp
import hashlib
import logging
import pwd
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import gevent
from gevent.event import Event

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_values
from masterd.limits import CONFIG_DISTRIBUTE_RETRY_S
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget

_log = logging.getLogger(__name__)

#: Mode of `config.data` on candidates. Source: files.json.
FILE_MODE: Final = 0o640


class Caller(Protocol):
    """Calls nodes; see `masterd.rpc.runner`."""

    def call(
        self, call_name: str, nodes: Sequence[NodeTarget], args: Sequence[object]
    ) -> Mapping[str, RpcResult]:
        """Ask nodes at the same time; return results by uuid. Switches."""
        ...


class Source(Protocol):
    """The configuration; see `masterd.config.repository`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def on_publish(self, listener: Callable[[ConfigSnapshot], None]) -> None:
        """Have `listener` called with each new one."""
        ...


class Distributor:
    """Tells nodes of changes; one greenlet."""

    def __init__(
        self,
        source: Source,
        rpc: Caller,
        render: Callable[[ConfigSnapshot], bytes],
        *,
        file_name: str,
        owner: tuple[int, int],
        now_s: Callable[[], float],
        retry_s: float = CONFIG_DISTRIBUTE_RETRY_S,
    ) -> None:
        """Prepare.

        Args:
            render: gives the content of `config.data`; blocks, and is called on a native thread.
            file_name: the name under which `config.data` travels.
            owner: user and group id here; they travel as names.
            now_s: seconds since the epoch, for the file's times.
        """
        self._source = source
        self._rpc = rpc
        self._render = render
        self._file_name = file_name
        self._owner = (pwd.getpwuid(owner[0]).pw_name, grp.getgrgid(owner[1]).gr_name)
        self._now_s = now_s
        self._retry_s = retry_s
        #: What each node is known to have, by uuid: serial of the file, digest of the simple files.
        self._files: dict[str, int] = {}
        self._simple: dict[str, bytes] = {}
        #: Nodes that did not take their copy the last time.
        self._failing: set[str] = set()
        self._changed = Event()
        self._told = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Tell all nodes, and from then on of every change; returns at once."""
        self._source.on_publish(lambda _snapshot: self._changed.set())
        self._changed.set()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End; what is not told yet is told after the next start. Switches."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def wait_told(self, serial_no: int, timeout_s: float) -> bool:
        """Wait until all candidates that take copies have one at least that new. Switches."""
        with gevent.Timeout(timeout_s, False):
            while self._behind(serial_no):
                self._told.clear()
                self._told.wait()
        return not self._behind(serial_no)

    @property
    def failing(self) -> frozenset[str]:
        """Uuids of nodes that did not take their copy the last time."""
        return frozenset(self._failing)

    # --- inside -------------------------------------------------------------------------------

    def _behind(self, serial_no: int) -> bool:
        return any(
            self._files.get(node.uuid, -1) < serial_no
            for node in _candidates(self._source.snapshot())
            if node.uuid not in self._failing
        )

    def _run(self) -> None:
        while True:
            self._changed.wait(self._retry_s if self._failing else None)
            self._changed.clear()
            snapshot = self._source.snapshot()
            before = set(self._failing)
            failed = {**self._tell_files(snapshot), **self._tell_simple_files(snapshot)}
            self._failing = set(failed)
            for uuid in self._failing - before:
                name = snapshot.nodes[uuid].name
                _log.warning("%s has an old configuration: %s", name, failed[uuid])
            for uuid in before - self._failing:
                if uuid in snapshot.nodes:
                    _log.info("%s has the configuration again", snapshot.nodes[uuid].name)
            self._told.set()

    def _tell_files(self, snapshot: ConfigSnapshot) -> dict[str, str | None]:
        """Send `config.data` to candidates that have an older one; return who failed, and why."""
        serial_no = snapshot.serial_no
        behind = [
            node for node in _candidates(snapshot) if self._files.get(node.uuid, -1) < serial_no
        ]
        if not behind:
            return {}
        content = gevent.get_hub().threadpool.apply(self._render, (snapshot,))
        now_s = self._now_s()
        arguments = (self._file_name, content, FILE_MODE, *self._owner, now_s, now_s)
        results = self._rpc.call("upload_file_single", _targets(behind), arguments)
        for uuid, result in results.items():
            if result.ok:
                self._files[uuid] = serial_no
        return {uuid: result.error for uuid, result in results.items() if not result.ok}

    def _tell_simple_files(self, snapshot: ConfigSnapshot) -> dict[str, str | None]:
        """Send the simple files to nodes that have others; return who failed, and why."""
        values = ssconf_values(snapshot)
        digest = hashlib.sha256(repr(sorted(values.items())).encode()).digest()
        behind = [node for node in snapshot.online_nodes() if self._simple.get(node.uuid) != digest]
        if not behind:
            return {}
        results = self._rpc.call("write_ssconf_files", _targets(behind), (values,))
        for uuid, result in results.items():
            if result.ok:
                self._simple[uuid] = digest
        return {uuid: result.error for uuid, result in results.items() if not result.ok}


def _candidates(snapshot: ConfigSnapshot) -> list[Node]:
    return [node for node in snapshot.queue_replicas() if not node.offline]


def _targets(nodes: Sequence[Node]) -> list[NodeTarget]:
    return [NodeTarget(n.name, n.uuid, n.primary_ip, n.offline) for n in nodes]
