"""Opcodes for nodes."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import EvacuationMode, MigrationMode, NonEmptyString, Parameters
from masterd.opcodes.results import Changes, MaybeName, SubmittedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeAdd(OpCode):
    """Add a node, or take one in again."""

    OP_ID: ClassVar[str] = "OP_NODE_ADD"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    disk_state: Parameters | None = None
    group: NonEmptyString | None = None
    hv_state: Parameters | None = None
    master_capable: bool | None = None
    ndparams: Parameters | None = None
    node_setup: bool = False
    primary_ip: NonEmptyString | None = None
    readd: bool = False
    #: Address in the replication network.
    secondary_ip: NonEmptyString | None = None
    vm_capable: bool | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeSetParams(OpCode):
    """Change a node's roles and settings; what is not given stays."""

    OP_ID: ClassVar[str] = "OP_NODE_SET_PARAMS"
    RESULT: ClassVar[object] = Changes
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    auto_promote: bool = False
    disk_state: Parameters | None = None
    drained: bool | None = None
    force: bool = False
    hv_state: Parameters | None = None
    master_candidate: bool | None = None
    master_capable: bool | None = None
    ndparams: Parameters | None = None
    node_uuid: NonEmptyString | None = None
    offline: bool | None = None
    powered: bool | None = None
    #: Address in the replication network.
    secondary_ip: NonEmptyString | None = None
    vm_capable: bool | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodePowercycle(OpCode):
    """Restart a node the hard way."""

    OP_ID: ClassVar[str] = "OP_NODE_POWERCYCLE"
    RESULT: ClassVar[object] = MaybeName
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    force: bool = False
    node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeEvacuate(OpCode):
    """Submit jobs that move instances off a node."""

    OP_ID: ClassVar[str] = "OP_NODE_EVACUATE"
    RESULT: ClassVar[object] = SubmittedJobs
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    #: Instances that have the node as primary, as secondary, or both.
    mode: EvacuationMode
    node_name: NonEmptyString
    #: Whether node locks are released once the data is safe.
    early_release: bool = False
    iallocator: NonEmptyString | None = None
    ignore_soft_errors: bool | None = None
    node_uuid: NonEmptyString | None = None
    remote_node: NonEmptyString | None = None
    remote_node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeMigrate(OpCode):
    """Submit jobs that migrate all primary instances of a node."""

    OP_ID: ClassVar[str] = "OP_NODE_MIGRATE"
    RESULT: ClassVar[object] = SubmittedJobs
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    allow_runtime_changes: bool = True
    iallocator: NonEmptyString | None = None
    ignore_ipolicy: bool = False
    #: The older way to say `mode`.
    live: bool | None = None
    mode: MigrationMode | None = None
    node_uuid: NonEmptyString | None = None
    target_node: NonEmptyString | None = None
    target_node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeRemove(OpCode):
    """Remove a node that has no instances."""

    OP_ID: ClassVar[str] = "OP_NODE_REMOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    node_uuid: NonEmptyString | None = None
