"""OP_BACKUP_REMOVE: removes the exports of an instance, which may be gone itself.

Source: Ganeti 3.0.2 lib/cmdlib/backup.py, LUBackupRemove.
"""

import logging
from dataclasses import dataclass
from typing import Any

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.lock.levels import ALL, LockLevel, LockRequest
from masterd.node import imports
from masterd.opcodes.backup import OpBackupRemove
from masterd.work.base import Description, Locks, LogicalUnit

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Under which name exports lie, whether an instance has it, and where they may lie."""

    name: str
    is_known: bool
    nodes: list[Node]


class LUBackupRemove(LogicalUnit[OpBackupRemove, _Plan]):
    """Asks all nodes which exports they have, and removes those of one name."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return {LockLevel.NODE: LockRequest(ALL)}

    def check(self, config: ConfigSnapshot) -> _Plan:
        found = config.instances.expand(self.op.instance_name)
        name = self.op.instance_name if found is None else found.name or ""
        return _Plan(name, found is not None, sorted(config.nodes.values(), key=_by_name))

    def describe(self, plan: _Plan) -> Description:
        return [f"Remove the exports of {plan.name} from all nodes that have any"]

    def execute(self, plan: _Plan) -> None:
        is_found = False
        results = imports.exports(self.work.rpc, plan.nodes)
        for node in plan.nodes:
            result = results[node.uuid]
            text = f"Failed to query node {node.name} (continuing)"
            if result.warn(text, self.work.say.warning):
                continue
            exports: Any = result.payload
            if plan.name in exports:
                is_found = True
                removed = imports.remove_export(self.work.rpc, node, plan.name)
                removed.warn(f"The export of {plan.name} stays on {node.name}", _log.error)
        if not is_found and not plan.is_known:
            self.work.say(
                "Export not found. If trying to remove an export belonging to a deleted instance"
                " please use its Fully Qualified Domain Name."
            )


def _by_name(node: Node) -> str:
    return node.name
