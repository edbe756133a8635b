"""Opcodes for tests of the cluster software itself."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import (
    DiskTemplate,
    EvacuationMode,
    Hypervisor,
    NicParameters,
    NonEmptyString,
    NonNegativeInt,
    PrivateParameters,
)


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestAllocator(OpCode):
    """Run an allocator, or show what it would be given."""

    OP_ID: ClassVar[str] = "OP_TEST_ALLOCATOR"
    RESULT: ClassVar[object] = str
    SUMMARY_FIELD: ClassVar[str | None] = "iallocator"

    #: "in": return the allocator's input; "out": run it and return its answer.
    direction: Literal["in", "out"]
    mode: Literal[
        "allocate",
        "allocate-secondary",
        "change-group",
        "multi-allocate",
        "node-evacuate",
        "relocate",
    ]
    name: NonEmptyString
    count: NonNegativeInt = 1
    disk_template: DiskTemplate | None = None
    disks: tuple[object, ...] | None = None
    evac_mode: EvacuationMode | None = None
    group_name: NonEmptyString | None = None
    hypervisor: Hypervisor | None = None
    iallocator: NonEmptyString | None = None
    instances: tuple[NonEmptyString, ...] | None = None
    #: MiB.
    memory: NonNegativeInt | None = None
    nics: tuple[NicParameters, ...] | None = None
    os: NonEmptyString | None = None
    spindle_use: NonNegativeInt = 1
    tags: tuple[NonEmptyString, ...] = ()
    target_groups: tuple[NonEmptyString, ...] | None = None
    vcpus: NonNegativeInt | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestDelay(OpCode):
    """Do nothing for a while, on the master, on nodes, or both."""

    OP_ID: ClassVar[str] = "OP_TEST_DELAY"
    RESULT: ClassVar[object] = None
    SUMMARY_FIELD: ClassVar[str | None] = "duration"

    #: Seconds.
    duration: float
    #: Whether a socket is offered through which the delay can be ended early.
    interruptible: bool = False
    no_locks: bool = True
    on_master: bool = True
    on_node_uuids: tuple[NonEmptyString, ...] | None = None
    on_nodes: tuple[NonEmptyString, ...] = ()
    #: 0 means once, n means n times and a line of feedback for each.
    repeat: NonNegativeInt = 0


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestDummy(OpCode):
    """Return, say or fail as told."""

    OP_ID: ClassVar[str] = "OP_TEST_DUMMY"
    RESULT: ClassVar[object] = None

    fail: object = None
    messages: object = None
    result: object = None
    submit_jobs: object = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestJqueue(OpCode):
    """Exercise the job queue; tells a test at each step through sockets."""

    OP_ID: ClassVar[str] = "OP_TEST_JQUEUE"
    RESULT: ClassVar[object] = bool

    fail: bool = False
    log_messages: tuple[str, ...] = ()
    notify_exec: bool = False
    notify_waitlock: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpTestOsParams(OpCode):
    """Take secret OS parameters, to see that they go nowhere."""

    OP_ID: ClassVar[str] = "OP_TEST_OS_PARAMS"
    RESULT: ClassVar[object] = None

    osparams_secret: PrivateParameters | None = None
