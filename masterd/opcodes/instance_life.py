"""Opcodes that start, stop, name, show and remove instances."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import AnyKey, NonEmptyString, NonNegativeInt, Parameters


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceStartup(OpCode):
    """Start an instance on its primary node."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_STARTUP"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    beparams: Parameters = field(default_factory=dict)
    force: bool = False
    hvparams: Parameters = field(default_factory=dict)
    ignore_offline_nodes: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Whether the configuration goes on saying what it says.
    no_remember: bool = False
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120
    startup_paused: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceShutdown(OpCode):
    """Stop an instance."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_SHUTDOWN"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    admin_state_source: Literal["admin", "user"] | None = None
    force: bool = False
    ignore_offline_nodes: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Whether the configuration goes on saying what it says.
    no_remember: bool = False
    #: Seconds until the instance is stopped the hard way.
    timeout: NonNegativeInt = 120


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceReboot(OpCode):
    """Restart an instance."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_REBOOT"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    reboot_type: Literal["full", "hard", "soft"]
    ignore_secondaries: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceRename(OpCode):
    """Give a stopped instance another name."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_RENAME"
    RESULT: ClassVar[object] = NonEmptyString

    instance_name: str
    new_name: NonEmptyString
    instance_uuid: NonEmptyString | None = None
    ip_check: bool = True
    name_check: bool = True


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceRemove(OpCode):
    """Remove an instance and its disks."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_REMOVE"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    ignore_failures: bool = False
    instance_uuid: NonEmptyString | None = None
    #: Seconds.
    shutdown_timeout: NonNegativeInt = 120


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceConsole(OpCode):
    """Return how to reach the console of a running instance."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_CONSOLE"
    RESULT: ClassVar[object] = Parameters
    SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

    instance_name: str
    instance_uuid: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpInstanceQueryData(OpCode):
    """Return everything about instances, as configured and as the nodes report."""

    OP_ID: ClassVar[str] = "OP_INSTANCE_QUERY_DATA"
    RESULT: ClassVar[object] = dict[AnyKey, Parameters]

    instances: tuple[NonEmptyString, ...] = ()
    #: Whether nodes are left unasked.
    static: bool = False
    #: Whether locks are taken so that the answer is consistent.
    use_locking: bool = False
