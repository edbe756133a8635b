"""Asking the other nodes how new the state of the cluster is that they hold.

Every node is asked, whatever the configuration says of it: one that was promoted by a newer state
is no candidate in ours. What the answers mean is `masterd.freshness`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import gevent
import msgspec

from exporter.layout import Layout
from masterd.confd.client import ConfdClient, ConfdError
from masterd.freshness import Numbers, Seen, number_of
from masterd.limits import FRESHNESS_ASK_S
from masterd.node.target import Nodes
from masterd.paths import Paths
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget
from masterd.rpc.virtual_path import VirtualPaths
from store.threads import in_thread

_log = logging.getLogger(__name__)

#: Asks for the digests of files. Source: constants.json NV_FILELIST.
_FILE_LIST = "filelist"
#: Where the serial number stands in a configuration.
_SERIAL_PATH = "/serial_no"


class StateSurvey:
    """Compares what other nodes hold with what this one has."""

    def __init__(
        self,
        rpc: Nodes,
        paths: Paths,
        virtual: VirtualPaths,
        *,
        confd_port: int,
        now_s: Callable[[], int],
    ) -> None:
        self._rpc = rpc
        self._confd_port = confd_port
        self._paths = paths
        self._virtual = virtual
        self._now_s = now_s

    def ask(self, nodes: Sequence[NodeTarget], own: Numbers) -> list[Seen]:
        """Return what those of some nodes hold that answer. Switches."""
        layout = Layout(self._paths.queue_dir)
        files = [self._paths.config_file, layout.serial, layout.epoch]
        names = {self._virtual.virtual(path): path for path in files}
        arguments: tuple[object, ...] = ({_FILE_LIST: list(names)}, "", {})
        answers = self._rpc.call("node_verify", nodes, arguments, timeout_s=FRESHNESS_ASK_S)
        here = _digest_here(self._paths.config_file)
        looks = []
        for node in nodes:
            digests = _digests(answers[node.uuid], names)
            if digests is None:
                _log.warning("%s does not say what it holds: %s", node.name,
                             answers[node.uuid].error)  # fmt: skip
            else:
                looks.append(gevent.spawn(self._look, node, digests, here, own))
        gevent.joinall(looks, raise_error=True)
        return [look.value for look in looks]

    def _look(
        self, node: NodeTarget, digests: Mapping[Path, str], here: str | None, own: Numbers
    ) -> Seen:
        layout = Layout(self._paths.queue_dir)
        config = digests.get(self._paths.config_file)
        return Seen(
            node=node.name,
            config=None if config in (None, here) else self._config_of(node),
            job=_number(node, layout.serial, digests, own.job),
            epoch=_number(node, layout.epoch, digests, own.epoch),
        )

    def _config_of(self, node: NodeTarget) -> int | None:
        """Ask a node for the serial number of a configuration that is not the one here."""
        try:
            key = self._paths.confd_key_file.read_bytes()
            client = ConfdClient(key, self._confd_port)
            told = client.at_path(node.address, _SERIAL_PATH, self._now_s())
        except (ConfdError, OSError) as error:
            _log.warning("%s has another config.data, and whether it is newer is not told: %s",
                         node.name, error)  # fmt: skip
            return None
        if not isinstance(told, int):
            _log.warning("%s tells %r as the serial number of its configuration", node.name, told)
            return None
        return told


def _number(node: NodeTarget, path: Path, digests: Mapping[Path, str], near: int) -> int | None:
    digest = digests.get(path)
    if digest is None:
        return None
    number = in_thread(gevent.get_hub().threadpool, lambda: number_of(digest, near))
    if number is None:
        _log.warning("%s: the number in %s is far from %d, or none", node.name, path.name, near)
    return number


def _digests(answer: RpcResult, names: Mapping[str, Path]) -> dict[Path, str] | None:
    """Return the SHA-1 digests of the files that a node has; None where it did not say."""
    if not answer.ok:
        return None
    try:
        told = msgspec.convert(answer.payload, dict[str, dict[str, str]])
    except msgspec.ValidationError:
        return None
    return {names[name]: each for name, each in told.get(_FILE_LIST, {}).items() if name in names}


def _digest_here(path: Path) -> str | None:
    try:
        return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    except FileNotFoundError:
        return None
