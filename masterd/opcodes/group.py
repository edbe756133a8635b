"""Opcodes for node groups."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import DiskTemplateParameters, NonEmptyString, Parameters
from masterd.opcodes.results import Changes, MaybeSubmittedJobs, SubmittedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupAdd(OpCode):
    """Add a node group."""

    OP_ID: ClassVar[str] = "OP_GROUP_ADD"
    RESULT: ClassVar[object] = MaybeSubmittedJobs
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
    alloc_policy: Literal["last_resort", "preferred", "unallocable"] | None = None
    disk_state: Parameters | None = None
    diskparams: DiskTemplateParameters | None = None
    hv_state: Parameters | None = None
    ipolicy: Parameters | None = None
    ndparams: Parameters | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupSetParams(OpCode):
    """Change settings of a node group; what is not given stays."""

    OP_ID: ClassVar[str] = "OP_GROUP_SET_PARAMS"
    RESULT: ClassVar[object] = Changes
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
    alloc_policy: Literal["last_resort", "preferred", "unallocable"] | None = None
    disk_state: Parameters | None = None
    diskparams: DiskTemplateParameters | None = None
    hv_state: Parameters | None = None
    ipolicy: Parameters | None = None
    ndparams: Parameters | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupAssignNodes(OpCode):
    """Put nodes into a group."""

    OP_ID: ClassVar[str] = "OP_GROUP_ASSIGN_NODES"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
    nodes: tuple[NonEmptyString, ...]
    force: bool = False
    node_uuids: tuple[NonEmptyString, ...] | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupRename(OpCode):
    """Give a node group another name."""

    OP_ID: ClassVar[str] = "OP_GROUP_RENAME"
    RESULT: ClassVar[object] = NonEmptyString

    group_name: NonEmptyString
    new_name: NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupRemove(OpCode):
    """Remove an empty node group."""

    OP_ID: ClassVar[str] = "OP_GROUP_REMOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupEvacuate(OpCode):
    """Submit jobs that move all instances of a group to other groups."""

    OP_ID: ClassVar[str] = "OP_GROUP_EVACUATE"
    RESULT: ClassVar[object] = SubmittedJobs
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
    #: Whether node locks are released once the data is safe.
    early_release: bool = False
    force_failover: bool = False
    iallocator: NonEmptyString | None = None
    sequential: bool = False
    #: Groups to choose from; all others when not given.
    target_groups: tuple[NonEmptyString, ...] | None = None
