"""Copies of the queue directory on other nodes, through their node daemons.

The same file usually goes to several nodes at nearly the same time, so its encoded body is kept for
a moment and shared.

Source: Ganeti 3.0.2 src/Ganeti/JQueue.hs (which calls, which arguments).
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from exporter.replica import ReplicaError
from masterd.limits import RPC_REPLICA_BODIES_MAX, RPC_REPLICA_S
from masterd.rpc.calls import CALLS
from masterd.rpc.encoding import compress
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.virtual_path import VirtualPaths

_UPDATE = CALLS["jobqueue_update"]
_RENAME = CALLS["jobqueue_rename"]
_VERIFY = CALLS["node_verify"]

#: What a node is asked to verify: files, by their digests. Source: constants.json NV_FILELIST.
_FILE_LIST = "filelist"

#: How a node daemon's Python says that a file is not there.
_NO_SUCH_FILE = "[Errno 2]"


class ReplicaBodies:
    """Encoded bodies of file updates, shared by all replicas. Nothing here switches."""

    def __init__(self, paths: VirtualPaths) -> None:
        """Keep bodies; `paths` translates the master's file names."""
        self._paths = paths
        self._kept: OrderedDict[Path, tuple[bytes, bytes]] = OrderedDict()

    def name(self, path: Path) -> str:
        """Return the name under which a file travels."""
        return self._paths.virtual(path)

    def update(self, path: Path, content: bytes) -> bytes:
        """Return the body that writes `content` to `path`."""
        kept = self._kept.get(path)
        if kept is not None and kept[0] == content:
            return kept[1]
        body = _UPDATE.bodies(("",), (self.name(path), compress(content)))[""]
        self._kept[path] = (content, body)
        self._kept.move_to_end(path)
        if len(self._kept) > RPC_REPLICA_BODIES_MAX:
            self._kept.popitem(last=False)
        return body


class NodeReplica:
    """The queue directory of one master candidate. Obeys `exporter.replica.Replica`."""

    def __init__(
        self,
        runner: RpcRunner,
        node: NodeTarget,
        bodies: ReplicaBodies,
        *,
        answer_s: float = RPC_REPLICA_S,
    ) -> None:
        """Prepare.

        Args:
            runner: calls the node daemon.
            node: the master candidate.
            bodies: one for all replicas.
            answer_s: seconds the node may take for a call.
        """
        self._runner = runner
        self._node = node
        self._bodies = bodies
        self._answer_s = answer_s

    @property
    def name(self) -> str:
        """The node's name."""
        return self._node.name

    def update(self, path: Path, content: bytes) -> None:
        """Write a file whole. Switches.

        Raises:
            ReplicaError: the node did not say that it has it.
        """
        body = self._bodies.update(path, content)
        self._check(self._runner.send(_UPDATE.name, self._node, body, timeout_s=self._answer_s))

    def rename(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        """Move files. Switches.

        Raises:
            ReplicaError: the node did not say that it has done it; some may be moved.
        """
        name = self._bodies.name
        renames = [[name(old), name(new)] for old, new in pairs]
        self._call(_RENAME.name, renames)

    def set_drain(self, drained: bool) -> None:
        """Make or remove the drain flag. Switches.

        Raises:
            ReplicaError: the node did not say that it has done it.
        """
        self._call("jobqueue_set_drain_flag", drained)

    def digests(self, paths: Sequence[Path]) -> dict[Path, str]:
        """Return the SHA-1 digests of those files that are there. Switches.

        Raises:
            ReplicaError: the node did not say.
        """
        by_name = {self._bodies.name(path): path for path in paths}
        answer = self._call(_VERIFY.name, {_FILE_LIST: list(by_name)}, "", {})
        try:
            found = msgspec.convert(answer, dict[str, dict[str, str]])[_FILE_LIST]
        except (msgspec.ValidationError, KeyError) as error:
            raise ReplicaError(f"{self.name}: {_VERIFY.name}: {error}") from error
        return {by_name[name]: digest for name, digest in found.items() if name in by_name}

    def _call(self, name: str, *args: object) -> object:
        return self._check(self._runner.call_one(name, self._node, args, timeout_s=self._answer_s))

    def _check(self, result: RpcResult) -> object:
        if result.ok:
            return result.payload
        error = result.error or ""
        missing = result.call == _RENAME.name and _NO_SUCH_FILE in error
        raise ReplicaError(f"{self.name}: {result.call}: {error}", missing=missing)
