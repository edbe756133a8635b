"""OP_NODE_QUERYVOLS: the logical volumes of nodes, and whose they are.

Source: Ganeti 3.0.2 lib/cmdlib/node.py, LUNodeQueryvols; constants VF_*.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.lock.levels import LockMode
from masterd.lu import names
from masterd.node import storage
from masterd.opcodes.node_storage import OpNodeQueryvols
from masterd.work.base import Locks, LogicalUnit

_FIELDS: Final = frozenset({"instance", "name", "node", "phys", "size", "vg"})
#: What stands for no instance.
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Nodes in the order of the answer, and whose a volume is, by (node uuid, "group/name")."""

    nodes: list[Node]
    owners: Mapping[tuple[str, str], str]


class LUNodeQueryvols(LogicalUnit[OpNodeQueryvols, _Plan]):
    """Returns one row of texts for each volume, those of one node by device."""

    def check_arguments(self) -> None:
        names.check_fields(self.op.output_fields, _FIELDS)

    def needs(self, config: ConfigSnapshot) -> Locks:
        return names.node_locks(config, self.op.nodes, LockMode.SHARED)

    def check(self, config: ConfigSnapshot) -> _Plan:
        nodes = names.held_nodes(config, self.work.locks)
        return _Plan(nodes, _owners(config))

    def execute(self, plan: _Plan) -> list[list[str]]:
        results = storage.volumes(self.work.rpc, plan.nodes)
        rows = []
        for node in plan.nodes:
            result = results[node.uuid]
            if result.offline:
                continue
            if result.warn(f"Node {node.name} does not tell its volumes", self.work.say.warning):
                continue
            found: Any = result.payload
            for volume in sorted(found, key=lambda volume: str(volume["dev"])):
                full_name = f"{volume['vg']}/{volume['name']}"
                known = {
                    "instance": plan.owners.get((node.uuid, full_name), _NOBODY),
                    "name": volume["name"],
                    "node": node.name,
                    "phys": volume["dev"],
                    "size": int(float(volume["size"])),
                    "vg": volume["vg"],
                }
                rows.append([str(known[field]) for field in self.op.output_fields])
        return rows


def _owners(config: ConfigSnapshot) -> Mapping[tuple[str, str], str]:
    """Return the name of the instance whose a volume is, by (node uuid, "group/name")."""
    return {
        (uuid, name): instance.name or instance.uuid
        for instance in config.derived(relations).instances
        for uuid, name in disks.volumes(config, instance)
    }
