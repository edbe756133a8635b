"""Opcodes for exports of instances."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import ExportMode, ExportTarget, NonEmptyString, NonNegativeInt
from masterd.opcodes.results import MaybeParameters


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpBackupPrepare(OpCode):
    """Get what a destination cluster needs to know before an instance is exported to it."""

    OP_ID: ClassVar[str] = "OP_BACKUP_PREPARE"
    RESULT: ClassVar[object] = MaybeParameters
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    mode: ExportMode
    instance_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpBackupExport(OpCode):
    """Export an instance to a node of this cluster or to another cluster."""

    OP_ID: ClassVar[str] = "OP_BACKUP_EXPORT"
    RESULT: ClassVar[object] = tuple[bool, tuple[bool, ...]]
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    #: Name of a node of this cluster, or one item for each disk telling where it goes elsewhere.
    target_node: ExportTarget
    compress: str = "none"
    destination_x509_ca: NonEmptyString | None = None
    ignore_remove_failures: bool = False
    instance_uuid: NonEmptyString | None = None
    long_sleep: bool = False
    mode: ExportMode = "local"
    remove_instance: bool = False
    shutdown: bool = True
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120
    target_node_uuid: NonEmptyString | None = None
    #: [name, HMAC, salt] of the key that encrypts the transfer.
    x509_key_name: tuple[object, ...] | None = None
    zero_free_space: bool = False
    #: Seconds; the part that does not depend on the size.
    zeroing_timeout_fixed: int | None = None
    #: Seconds for each MiB.
    zeroing_timeout_per_mib: float | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpBackupRemove(OpCode):
    """Remove the exports of an instance from all nodes."""

    OP_ID: ClassVar[str] = "OP_BACKUP_REMOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    instance_uuid: NonEmptyString | None = None
