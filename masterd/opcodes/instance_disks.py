"""Opcodes for the disks of instances."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import DiskIndex, NonEmptyString, NonNegativeInt, RecreatedDisks


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceActivateDisks(OpCode):
    """Make the disks of a stopped instance usable on its nodes."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_ACTIVATE_DISKS"
    RESULT: ClassVar[object] = tuple[
        tuple[NonEmptyString, NonEmptyString, NonEmptyString | None], ...
    ]
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    ignore_size: bool = False
    instance_uuid: NonEmptyString | None = None
    wait_for_sync: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceDeactivateDisks(OpCode):
    """Undo the activation of an instance's disks."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_DEACTIVATE_DISKS"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    force: bool = False
    instance_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceGrowDisk(OpCode):
    """Make a disk of an instance larger."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_GROW_DISK"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    #: MiB; added, or the new size when `absolute`.
    amount: NonNegativeInt
    disk: DiskIndex
    instance_name: str
    absolute: bool = False
    ignore_ipolicy: bool = False
    instance_uuid: NonEmptyString | None = None
    wait_for_sync: bool = True


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceRecreateDisks(OpCode):
    """Make disks of an instance again that were lost, elsewhere if asked."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_RECREATE_DISKS"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    disks: RecreatedDisks = ()
    iallocator: NonEmptyString | None = None
    instance_uuid: NonEmptyString | None = None
    node_uuids: tuple[NonEmptyString, ...] | None = None
    nodes: tuple[NonEmptyString, ...] = ()


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceReplaceDisks(OpCode):
    """Put mirrored disks of an instance on other storage or another node."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_REPLACE_DISKS"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    #: On the primary, on the secondary, to a new secondary, or where a disk is broken.
    mode: Literal[
        "replace_auto", "replace_new_secondary", "replace_on_primary", "replace_on_secondary"
    ]
    disks: tuple[DiskIndex, ...] = ()
    #: Whether node locks are released once the data is safe.
    early_release: bool = False
    iallocator: NonEmptyString | None = None
    ignore_ipolicy: bool = False
    instance_uuid: NonEmptyString | None = None
    remote_node: NonEmptyString | None = None
    remote_node_uuid: NonEmptyString | None = None
