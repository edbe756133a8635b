"""OP_RESTRICTED_COMMAND: a command that an administrator placed on the nodes.

Source: Ganeti 3.0.2 lib/cmdlib/misc.py, LURestrictedCommand.
"""

from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.node import hooks
from masterd.opcodes.command import OpRestrictedCommand
from masterd.work.base import Description, Locks, LogicalUnit


class LURestrictedCommand(LogicalUnit[OpRestrictedCommand, list[Node]]):
    """Returns whether it worked and what was printed, in the order of the nodes as named.

    The command runs beside other work on the nodes unless `use_locking`.
    """

    def check_arguments(self) -> None:
        if not self.op.nodes and not self.op.node_uuids:
            raise OpPrereqError("No node was named to run the command", ECode.INVAL)

    def needs(self, config: ConfigSnapshot) -> Locks:
        mode = LockMode.EXCLUSIVE if self.op.use_locking else LockMode.SHARED
        uuids = frozenset(node.uuid for node in self._named(config))
        return {LockLevel.NODE: LockRequest(uuids, mode)}

    def check(self, config: ConfigSnapshot) -> list[Node]:
        return self._named(config)

    def describe(self, plan: list[Node]) -> Description:
        return [f"Run command '{self.op.command}' on {', '.join(node.name for node in plan)}"]

    def execute(self, plan: list[Node]) -> list[list[object]]:
        asked = {node.uuid: node for node in plan}
        results = hooks.run_restricted(self.work.rpc, asked.values(), self.op.command)
        rows: list[list[object]] = []
        for node in plan:
            result = results[node.uuid]
            text = f"Command '{self.op.command}' on node '{node.name}' failed: {result.error}"
            rows.append([True, result.payload] if result.ok else [False, text])
        return rows

    def _named(self, config: ConfigSnapshot) -> list[Node]:
        if self.op.nodes:
            return [names.node(config, name) for name in self.op.nodes]
        return [names.node_of(config, uuid) for uuid in self.op.node_uuids or ()]
