"""What a simulated node finds when it is asked to verify itself: all is well, as far as it knows.

It runs the instances that it was told to run, has the volume group and the programs of all
simulated nodes, and reaches every other node.

Source: Ganeti 3.0.2 lib/backend.py, VerifyNode; constants.json NV_*.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from masterd.clock import SystemClock
from masterd.constants import PROTOCOL_VERSION, RELEASE_VERSION
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing import node_facts, node_means, node_systems
from masterd.testing.certificates import read_digest

#: Certificate with which the node calls others, below its root.
_CLIENT_CERTIFICATE: Final = "var/lib/ganeti/client.pem"
_MICROSECONDS: Final = 1_000_000


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


def _volume_groups(root: Path, _argument: Any) -> object:
    return {node_means.VOLUME_GROUP: node_facts.capacity_of(root).storage_mib}


def _physical_volumes(root: Path, groups: Any) -> object:
    size = node_facts.capacity_of(root).storage_mib
    return [
        {"name": name, "vg_name": group, "size": size, "free": size, "attributes": "a-",
         "lv_list": []}
        for group in groups
        for name in node_means.PHYSICAL_VOLUMES
        if group == node_means.VOLUME_GROUP
    ]  # fmt: skip


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
    "vglist": _volume_groups,
    "lvlist": lambda root, _argument: node_means.logical_volumes(root, []),
    "pvlist": _physical_volumes,
    "drbd-version": lambda _root, _argument: "8.4.11",
    "drbd-list": _well,
    "drbd-helper": lambda _root, helper: [True, helper],
    "allowed-file-storage-paths": _well,
    "bridges": _well,
    "oob-paths": lambda _root, paths: [None for _ in paths],
    "exclusive-pvs": _well,
}
