"""OP_NODE_QUERY_STORAGE: the storage units of nodes, as these see them.

Source: Ganeti 3.0.2 lib/cmdlib/node.py, LUNodeQueryStorage; constants VALID_STORAGE_FIELDS,
STS_REPORT_NODE_STORAGE, MAP_DISK_TEMPLATE_STORAGE_TYPE.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.cluster import Cluster
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpPrereqError
from masterd.filter.natural import natural_key
from masterd.lock.levels import LockMode
from masterd.lu import names
from masterd.node import storage
from masterd.node.target import target
from masterd.opcodes.node_storage import OpNodeQueryStorage
from masterd.rpc.runner import NodeTarget
from masterd.work.base import Locks, LogicalUnit

_NAME: Final = "name"
_FIELDS: Final = frozenset({"allocatable", "free", _NAME, "node", "size", "type", "used"})
#: Fields that the master knows; nodes are asked for the others.
_OURS: Final = frozenset({"node", "type"})

#: Storage types of disk templates. Two templates may share one.
_TYPES: Final[Mapping[str, str]] = {
    "blockdev": "blockdev",
    "diskless": "diskless",
    "drbd": "lvm-vg",
    "ext": "ext",
    "file": "file",
    "gluster": "gluster",
    "plain": "lvm-vg",
    "rbd": "rados",
    "sharedfile": "sharedfile",
}
#: Types whose storage nodes can tell of; physical volumes belong to volume groups.
_REPORTED: Final = ("file", "lvm-pv", "lvm-vg")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which nodes are asked, in the order of the answer, for which type with which arguments."""

    nodes: list[NodeTarget]
    storage_type: str
    arguments: list[object]


class LUNodeQueryStorage(LogicalUnit[OpNodeQueryStorage, _Plan]):
    """Returns one row for each unit, those of one node together; natural order of names."""

    def check_arguments(self) -> None:
        names.check_fields(self.op.output_fields, _FIELDS)

    def needs(self, config: ConfigSnapshot) -> Locks:
        return names.node_locks(config, self.op.nodes, LockMode.SHARED)

    def check(self, config: ConfigSnapshot) -> _Plan:
        nodes = names.held_nodes(config, self.work.locks)
        storage_type = _storage_type(config.cluster, self.op.storage_type)
        return _Plan(
            [target(node) for node in nodes],
            storage_type,
            arguments(config.cluster, storage_type),
        )

    def execute(self, plan: _Plan) -> list[list[object]]:
        asked = [_NAME, *(f for f in self.op.output_fields if f not in _OURS and f != _NAME)]
        results = storage.units(
            self.work.rpc, plan.nodes, plan.storage_type, plan.arguments, self.op.name, asked
        )
        rows: list[list[object]] = []
        for node in plan.nodes:
            result = results[node.uuid]
            if result.offline:
                continue
            if result.warn(f"Node {node.name} does not tell of its storage", self.work.say.warning):
                continue
            told: Any = result.payload
            units = [dict(zip(asked, unit, strict=True)) for unit in told]
            for unit in sorted(units, key=lambda unit: natural_key(str(unit[_NAME]))):
                known = {**unit, "node": node.name, "type": plan.storage_type}
                rows.append([known[field] for field in self.op.output_fields])
        return rows


def check_enabled(cluster: Cluster, storage_type: str) -> None:
    """Make sure that disks may lie on a type of storage; physical volumes are part of groups.

    Raises:
        OpPrereqError: no enabled disk template has it.
    """
    enabled = {_TYPES[template] for template in cluster.enabled_disk_templates}
    if "lvm-vg" in enabled:
        enabled.add("lvm-pv")
    if storage_type not in enabled:
        raise OpPrereqError(f"Storage type '{storage_type}' belongs to no enabled disk template")


def _storage_type(cluster: Cluster, wanted: str | None) -> str:
    """Return the type to ask for: what is wanted, or that of the first enabled disk template.

    Raises:
        OpPrereqError: no enabled template has it, or nodes cannot tell of it.
    """
    if wanted is not None:
        check_enabled(cluster, wanted)
        return wanted
    found = _TYPES[cluster.enabled_disk_templates[0]]
    if found not in _REPORTED:
        raise OpPrereqError(
            f"Nodes cannot tell of storage of type '{found}', that of the first enabled disk"
            f" template; name one of {', '.join(_REPORTED)}"
        )
    return found


def arguments(cluster: Cluster, storage_type: str) -> list[object]:
    """Return what nodes are told of a type of storage besides its name."""
    directories = {
        "file": cluster.file_storage_dir,
        "gluster": cluster.gluster_storage_dir,
        "sharedfile": cluster.shared_file_storage_dir,
    }
    return [[directories[storage_type]]] if storage_type in directories else []
