"""OP_NODE_POWERCYCLE and OP_OOB_COMMAND: power, from inside a node and from outside.

Source: Ganeti 3.0.2 lib/cmdlib/node.py LUNodePowercycle, lib/cmdlib/misc.py LUOobCommand; constants
OOB_*, RS_*.
"""

import logging
from typing import Final

import msgspec

from masterd.config.kinds import NODE
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.lock.levels import LockMode
from masterd.lu import names
from masterd.node import hooks, membership
from masterd.opcodes.command import OpOobCommand
from masterd.opcodes.node import OpNodePowercycle
from masterd.work.base import Description, Locks, LogicalUnit

_log = logging.getLogger(__name__)

_ON: Final = "power-on"
_OFF: Final = "power-off"
_CYCLE: Final = "power-cycle"
_STATUS: Final = "power-status"
_HEALTH: Final = "health"

#: Commands after which the master would be gone.
_NOT_THE_MASTER: Final = frozenset({_OFF, _CYCLE})
#: Commands that change whether a node has power.
_SWITCHES: Final = {_ON: True, _OFF: False}

#: States of a part of a node's hardware, and those that are worth a warning.
_STATES: Final = frozenset({"OK", "WARNING", "CRITICAL", "UNKNOWN"})
_BAD: Final = frozenset({"WARNING", "CRITICAL"})

#: States of a cell of the result: known, not told, not possible.
_NORMAL: Final = 0
_NO_DATA: Final = 2
_UNAVAILABLE: Final = 3

Cell = list[object]


class LUNodePowercycle(LogicalUnit[OpNodePowercycle, Node]):
    """Has a node restart itself at once. A last resort: it waits for no lock."""

    def check(self, config: ConfigSnapshot) -> Node:
        node = names.node(config, self.op.node_name, self.op.node_uuid)
        if node.uuid == config.cluster.master_node and not self.op.force:
            raise OpPrereqError(
                "The node is the master and the force parameter was not set", ECode.INVAL
            )
        return node

    def describe(self, plan: Node) -> Description:
        return [f"Restart node {plan.name} the hard way"]

    def execute(self, plan: Node) -> object:
        cluster = self.work.config.snapshot().cluster
        hypervisor = cluster.enabled_hypervisors[0]
        params = cluster.hvparams[hypervisor]
        result = membership.powercycle(self.work.rpc, plan, hypervisor, params)
        result.raise_("Failed to schedule the reboot")
        return result.payload


class LUOobCommand(LogicalUnit[OpOobCommand, list[Node]]):
    """Has the master run a program that reaches the hardware of nodes, one after the other."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return names.node_locks(config, self.op.node_names, LockMode.EXCLUSIVE)

    def check(self, config: ConfigSnapshot) -> list[Node]:
        nodes = {node.uuid: node for node in self._named(config)}
        if self.op.command in _NOT_THE_MASTER and config.cluster.master_node in nodes:
            raise OpPrereqError(self._refusal(config), ECode.INVAL)
        if not nodes:
            nodes = dict(config.nodes)
            if self.op.command in _NOT_THE_MASTER:
                del nodes[config.cluster.master_node]
        for node in nodes.values():
            if self.op.command == _OFF and not (node.offline or self.op.ignore_status):
                raise OpPrereqError(
                    f"Cannot power off node {node.name} because it is not marked offline",
                    ECode.STATE,
                )
        return sorted(nodes.values(), key=lambda node: natural_key(node.name))

    def describe(self, plan: list[Node]) -> Description:
        return [f"Run '{self.op.command}' for node {node.name}" for node in plan]

    def execute(self, plan: list[Node]) -> list[list[Cell]]:
        rows = []
        for number, node in enumerate(plan, 1):
            cell = self._run(node)
            rows.append([[_NORMAL, node.name], cell])
            if self.op.command == _ON and cell[0] == _NORMAL and number < len(plan):
                self.work.sleep(self.op.power_delay)
        return rows

    def _run(self, node: Node) -> Cell:
        """Run the program for one node; return what is told of it. Switches."""
        config = self.work.config.snapshot()
        program = config.node_params(node).oob_program
        if not program:
            return [_UNAVAILABLE, None]
        command = self.op.command
        result = hooks.run_out_of_band(
            self.work.rpc, config.master, program, command, node.name, timeout_s=self.op.timeout
        )
        text = f"Out-of-band RPC failed on node '{node.name}'"
        if result.warn(text, self.work.say.warning):
            return [_NO_DATA, None]
        problem = _problem(command, result.payload)
        if problem is not None:
            self.work.say.warning(f"Payload returned by node '{node.name}' is not valid: {problem}")
            return [_NO_DATA, None]
        self._notice(node, result.payload)
        return [_NORMAL, result.payload]

    def _notice(self, node: Node, payload: object) -> None:
        """Draw the conclusions of an answer. Switches."""
        command = self.op.command
        if command in _SWITCHES:
            self._record(node.uuid, powered=_SWITCHES[command])
        elif isinstance(payload, list):
            for item, status in payload:
                if status in _BAD:
                    self.work.say.warning(
                        f"Item '{item}' on node '{node.name}' has status '{status}'"
                    )
        elif isinstance(payload, dict) and payload["powered"] != node.powered:
            _log.warning("the configuration says that node %s has power: %s; its hardware says %s",
                         node.name, node.powered, payload["powered"])  # fmt: skip

    def _record(self, uuid: str, *, powered: bool) -> None:
        def change(draft: Draft) -> None:
            draft.put(msgspec.structs.replace(draft.require(NODE, uuid), powered=powered))

        self.work.config.update(change)

    def _named(self, config: ConfigSnapshot) -> list[Node]:
        """Return the nodes that the opcode names; none where all are meant."""
        if self.op.node_names:
            return [names.node(config, name) for name in self.op.node_names]
        return [names.node_of(config, uuid) for uuid in self.op.node_uuids or ()]

    def _refusal(self, config: ConfigSnapshot) -> str:
        master = config.master
        program = config.node_params(master).oob_program
        way_on = (
            f"run '{program} {self.op.command} {master.name}' if you want to operate on the master"
            " regardless"
            if program
            else "it does not support out-of-band operations"
        )
        return (
            f"Operating on the master node {master.name} is not allowed for {self.op.command};"
            f" {way_on}"
        )


def _problem(command: str, payload: object) -> str | None:
    """Return why an answer is none to a command."""
    if command == _HEALTH:
        if not isinstance(payload, list):
            return "health is a list of items and their states"
        for entry in payload:
            if not isinstance(entry, list) or len(entry) != 2:
                return f"health item {entry!r} is no pair of name and state"
            if entry[1] not in _STATES:
                return f"health item '{entry[0]}' has invalid status '{entry[1]}'"
        return None
    if command == _STATUS:
        told = isinstance(payload, dict) and isinstance(payload.get("powered"), bool)
        return None if told else "power-status is a map that says whether the node is powered"
    return None if payload is None else f"{command} returns nothing, but got '{payload}'"
