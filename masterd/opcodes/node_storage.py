"""Opcodes for the storage of nodes."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString, Parameters, StorageType
from masterd.opcodes.results import Table


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeQueryvols(OpCode):
    """Return the logical volumes on nodes."""

    OP_ID: ClassVar[str] = "OP_NODE_QUERYVOLS"
    RESULT: ClassVar[object] = tuple[object, ...]

    output_fields: tuple[NonEmptyString, ...]
    nodes: tuple[NonEmptyString, ...] = ()


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeQueryStorage(OpCode):
    """Return the storage units of nodes."""

    OP_ID: ClassVar[str] = "OP_NODE_QUERY_STORAGE"
    RESULT: ClassVar[object] = Table

    output_fields: tuple[NonEmptyString, ...]
    name: NonEmptyString | None = None
    nodes: tuple[NonEmptyString, ...] = ()
    storage_type: StorageType | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpNodeModifyStorage(OpCode):
    """Change a storage unit of a node."""

    OP_ID: ClassVar[str] = "OP_NODE_MODIFY_STORAGE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    changes: Parameters
    node_name: NonEmptyString
    storage_type: StorageType
    name: NonEmptyString | None = None
    node_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpRepairNodeStorage(OpCode):
    """Repair a storage unit of a node."""

    OP_ID: ClassVar[str] = "OP_REPAIR_NODE_STORAGE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "node_name"

    node_name: NonEmptyString
    storage_type: StorageType
    #: Whether to go on although the disks may be out of date.
    ignore_consistency: bool = False
    name: NonEmptyString | None = None
    node_uuid: NonEmptyString | None = None
