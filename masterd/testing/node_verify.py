"""What a simulated node finds when it is asked to verify itself: all is well, as far as it knows.

It runs the instances that it was told to run, has the volume group and the programs of all
simulated nodes, and reaches every other node.

Source: Ganeti 3.0.2 lib/backend.py, VerifyNode; constants.json NV_*.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd.clock import SystemClock
from masterd.constants import PROTOCOL_VERSION, RELEASE_VERSION
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing import node_facts, node_storage, node_systems
from masterd.testing.certificates import read_digest
from masterd.testing.node_devices import Devices

#: Certificate with which the node calls others, below its root.
_CLIENT_CERTIFICATE: Final = "var/lib/ganeti/client.pem"
_MICROSECONDS: Final = 1_000_000

_LIGHT: Final = tuple[dict[str, Any], str, Any]


def findings(root: Path, asked: dict[str, Any]) -> dict[str, object]:
    """Return what the node with this root directory finds, for each check that it is asked for.

    Raises:
        KeyError: a check that no node knows.
    """
    found: dict[str, object] = {}
    is_capable = root.name not in asked.get("nonvmnodes", ())
    for name, argument in asked.items():
        if name in _SILENT_IF_WELL or (name in _OF_CAPABLE and not is_capable):
            continue
        if name == _OF_MASTER and argument != root.name:
            continue
        found[name] = _CHECKS[name](root, argument)
    return found


def light(root: Path, arguments: list[object]) -> dict[str, object]:
    """Return what a node finds that has not joined yet; of a foreign volume group it tells nothing.

    Raises:
        KeyError: a check that no node knows.
    """
    asked, _, _ = msgspec.convert(arguments, _LIGHT)
    found = findings(root, asked)
    if not found.get("pvlist", True):
        del found["pvlist"]
    return found


def _files(root: Path, names: Any) -> object:
    paths = VirtualPaths(root)
    found = {}
    for name in names:
        try:
            path = paths.local(name)
        except ValueError:
            continue  # a name of another root: the node has no such file
        if path.is_file():
            found[name] = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return found


def _time(_root: Path, _argument: Any) -> object:
    now_us = SystemClock().now_us()
    return [now_us // _MICROSECONDS, now_us % _MICROSECONDS]


def _certificate(root: Path, _argument: Any) -> object:
    path = root / _CLIENT_CERTIFICATE
    if not path.exists():
        return ["ERROR", f"The client certificate '{path}' does not exist"]
    return [None, read_digest(path)]


def _well(_root: Path, _argument: Any) -> object:
    return []


#: Checks of which nothing is told where nothing is wrong, or which only say how others are made.
_SILENT_IF_WELL: Final = frozenset(
    {"nonvmnodes", "file-storage-path", "shared-file-storage-path", "gluster-storage-path"}
)

#: What only nodes verify that can have instances, and what only the one that is named does.
_OF_CAPABLE: Final = frozenset(
    {
        "hypervisor", "hvparms", "instancelist", "hvinfo", "vglist", "lvlist", "pvlist",
        "drbd-version", "drbd-list", "drbd-helper", "oslist", "bridges",
    }
)  # fmt: skip
_OF_MASTER: Final = "allowed-file-storage-paths"

_CHECKS: Final[dict[str, Callable[[Path, Any], object]]] = {
    "filelist": _files,
    "nodelist": lambda _root, _argument: {},
    "hypervisor": lambda _root, names: dict.fromkeys(names),
    "hvparms": _well,
    "node-net-test": lambda _root, _argument: {},
    "instancelist": lambda root, _argument: list(node_facts.all_instances(root)),
    "version": lambda _root, _argument: [PROTOCOL_VERSION, RELEASE_VERSION],
    "hvinfo": lambda root, _argument: node_facts.hypervisor(root),
    "nodesetup": _well,
    "time": _time,
    "master-ip": lambda _root, _argument: True,
    "oslist": lambda root, _argument: node_systems.diagnose(root, []),
    "user-scripts": _well,
    "client-cert": _certificate,
    "ssh-setup": _well,
    "ssh-clutter": _well,
    "vglist": lambda root, _argument: node_storage.volume_groups(root, []),
    "lvlist": lambda root, _argument: node_storage.logical_volumes(root, [[]]),
    "pvlist": node_storage.physical_volumes,
    "drbd-version": lambda _root, _argument: "8.4.11",
    "drbd-list": lambda root, _argument: Devices(root).minors(),
    "drbd-helper": lambda _root, helper: [True, helper],
    "allowed-file-storage-paths": _well,
    "bridges": _well,
    "oob-paths": lambda _root, paths: [None for _ in paths],
    "exclusive-pvs": _well,
}
