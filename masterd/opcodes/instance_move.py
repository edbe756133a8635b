"""Opcodes that bring instances to other nodes."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import MigrationMode, NonEmptyString, NonNegativeInt
from masterd.opcodes.results import SubmittedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceFailover(OpCode):
    """Stop an instance and start it on another node."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_FAILOVER"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    cleanup: bool = False
    iallocator: NonEmptyString | None = None
    #: Whether to go on although the disks may be out of date.
    ignore_consistency: bool = False
    ignore_ipolicy: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120
    target_node: NonEmptyString | None = None
    target_node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceMigrate(OpCode):
    """Move a running instance to another node."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_MIGRATE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    allow_failover: bool = False
    allow_runtime_changes: bool = True
    cleanup: bool = False
    iallocator: NonEmptyString | None = None
    ignore_hvversions: bool = False
    ignore_ipolicy: bool = False
    instance_uuid: NonEmptyString | None = None
    #: The older way to say `mode`.
    live: bool | None = None
    mode: MigrationMode | None = None
    target_node: NonEmptyString | None = None
    target_node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceMove(OpCode):
    """Stop an instance, copy its disks to another node, and start it there."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_MOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    target_node: NonEmptyString
    compress: str = "none"
    #: Whether to go on although the disks may be out of date.
    ignore_consistency: bool = False
    ignore_ipolicy: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120
    target_node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceChangeGroup(OpCode):
    """Submit jobs that move an instance to another group."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_CHANGE_GROUP"
    RESULT: ClassVar[object] = SubmittedJobs
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    #: Whether node locks are released once the data is safe.
    early_release: bool = False
    iallocator: NonEmptyString | None = None
    instance_uuid: NonEmptyString | None = None
    #: Groups to choose from; all others when not given.
    target_groups: tuple[NonEmptyString, ...] | None = None
