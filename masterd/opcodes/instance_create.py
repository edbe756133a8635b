"""Opcodes that make instances."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from masterd.opcodes.base import OpCode, load, register
from masterd.opcodes.checks import Check
from masterd.opcodes.errors import OpCodeError
from masterd.opcodes.params import (
    DiskParameters,
    DiskTemplate,
    FileDriver,
    Hypervisor,
    NicParameters,
    NonEmptyString,
    NonNegativeInt,
    Parameters,
    PrivateParameters,
)
from masterd.opcodes.results import AllocatedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceCreate(OpCode):
    """Create an instance, or take one over from an export or another cluster."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_CREATE"
    RESULT: ClassVar[object] = tuple[NonEmptyString, ...]
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    disks: tuple[DiskParameters, ...]
    instance_name: str
    mode: Literal["create", "import", "remote-import"]
    nics: tuple[NicParameters, ...]
    beparams: Parameters = field(default_factory=dict)
    #: Whether an instance reserved before (`forthcoming`) becomes real.
    commit: bool = False
    compress: str = "none"
    conflicts_check: bool = True
    disk_template: DiskTemplate | None = None
    file_driver: FileDriver | None = None
    file_storage_dir: NonEmptyString | None = None
    force_variant: bool = False
    #: Whether only names and resources are reserved.
    forthcoming: bool = False
    group_name: NonEmptyString | None = None
    #: Seconds.
    helper_shutdown_timeout: int | None = None
    #: Seconds.
    helper_startup_timeout: int | None = None
    hvparams: Parameters = field(default_factory=dict)
    hypervisor: Hypervisor | None = None
    iallocator: NonEmptyString | None = None
    #: Whether settings equal to the cluster's follow the cluster.
    identify_defaults: bool = False
    ignore_ipolicy: bool = False
    instance_communication: bool = False
    ip_check: bool = True
    name_check: bool = True
    no_install: bool | None = None
    #: Whether nodes locked by others are left out instead of waited for.
    opportunistic_locking: bool = False
    os_type: NonEmptyString | None = None
    osparams: Parameters = field(default_factory=dict)
    osparams_private: PrivateParameters | None = None
    osparams_secret: PrivateParameters | None = None
    pnode: NonEmptyString | None = None
    pnode_uuid: NonEmptyString | None = None
    snode: NonEmptyString | None = None
    snode_uuid: NonEmptyString | None = None
    #: [version, HMAC, salt] made by the source cluster.
    source_handshake: tuple[object, ...] | None = None
    source_instance_name: NonEmptyString | None = None
    #: Seconds.
    source_shutdown_timeout: NonNegativeInt = 120
    source_x509_ca: NonEmptyString | None = None
    src_node: NonEmptyString | None = None
    src_node_uuid: NonEmptyString | None = None
    src_path: NonEmptyString | None = None
    start: bool = True
    tags: tuple[NonEmptyString, ...] = ()
    wait_for_sync: bool = True


def create_check(load: Callable[..., OpCode]) -> Check:
    """Return the check for a document of OP_INSTANCE_CREATE, as `load` reads it."""

    def convert(value: object) -> object:
        op = value if isinstance(value, OpCode) else load(value, reason_required=False)
        if isinstance(op, OpInstanceCreate):
            return op
        raise OpCodeError(f"{op.OP_ID} is not OP_INSTANCE_CREATE")

    return Check("OP_INSTANCE_CREATE document", "Anything", convert)


_CREATE: Final = create_check(load)


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceMultiAlloc(OpCode):
    """Submit jobs that create several instances, placed together."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_MULTI_ALLOC"
    RESULT: ClassVar[object] = AllocatedJobs
    #: Documents of instances may hold secrets.
    HIDDEN: ClassVar[frozenset[str]] = frozenset({"instances"})

    iallocator: NonEmptyString | None = None
    #: Loaded from documents like those of OP_INSTANCE_CREATE itself; a reason trail may be missing.
    instances: tuple[Annotated[OpInstanceCreate, _CREATE], ...] = ()
    #: Whether nodes locked by others are left out instead of waited for.
    opportunistic_locking: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceReinstall(OpCode):
    """Install the operating system of an instance anew."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_REINSTALL"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    force_variant: bool = False
    instance_uuid: NonEmptyString | None = None
    os_type: NonEmptyString | None = None
    osparams: Parameters | None = None
    osparams_private: PrivateParameters | None = None
    osparams_secret: PrivateParameters | None = None
