"""Opcodes that run commands on nodes or on their power controllers."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString
from masterd.opcodes.results import CellState


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpOobCommand(OpCode):
    """Ask the power controllers of nodes to do or to tell something."""

    OP_ID: ClassVar[str] = "OP_OOB_COMMAND"
    RESULT: ClassVar[object] = tuple[tuple[tuple[CellState, object], ...], ...]

    command: Literal["health", "power-cycle", "power-off", "power-on", "power-status"]
    ignore_status: bool = False
    node_names: tuple[NonEmptyString, ...] = ()
    node_uuids: tuple[NonEmptyString, ...] | None = None
    #: Seconds between two nodes that are switched on.
    power_delay: float = 2.0
    #: Seconds.
    timeout: int = 60


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpRestrictedCommand(OpCode):
    """Run one of the commands that an administrator placed on the nodes."""

    OP_ID: ClassVar[str] = "OP_RESTRICTED_COMMAND"
    RESULT: ClassVar[object] = tuple[tuple[bool, str], ...]

    command: NonEmptyString
    nodes: tuple[NonEmptyString, ...]
    node_uuids: tuple[NonEmptyString, ...] | None = None
    #: Whether locks are taken so that the answer is consistent.
    use_locking: bool = False
