"""Opcodes that check the cluster."""

from dataclasses import dataclass
from typing import ClassVar

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString, OptionalVerification, VerificationError
from masterd.opcodes.results import SubmittedJobs


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerify(OpCode):
    """Submit jobs that check the configuration and every group."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_VERIFY"
    RESULT: ClassVar[object] = SubmittedJobs

    #: Whether each check is followed by a false alarm, to test reporting.
    debug_simulate_errors: bool = False
    #: Whether problems are reported in a form for programs.
    error_codes: bool = False
    group_name: NonEmptyString | None = None
    #: Problems that are only warned about.
    ignore_errors: frozenset[VerificationError] = frozenset()
    skip_checks: frozenset[OptionalVerification] = frozenset()
    verbose: bool = False
    verify_clutter: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerifyConfig(OpCode):
    """Check the configuration in itself."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_VERIFY_CONFIG"
    RESULT: ClassVar[object] = bool

    #: Whether each check is followed by a false alarm, to test reporting.
    debug_simulate_errors: bool = False
    #: Whether problems are reported in a form for programs.
    error_codes: bool = False
    #: Problems that are only warned about.
    ignore_errors: frozenset[VerificationError] = frozenset()
    verbose: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerifyGroup(OpCode):
    """Check the nodes and instances of a group against the configuration."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_VERIFY_GROUP"
    RESULT: ClassVar[object] = bool
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
    #: Whether each check is followed by a false alarm, to test reporting.
    debug_simulate_errors: bool = False
    #: Whether problems are reported in a form for programs.
    error_codes: bool = False
    #: Problems that are only warned about.
    ignore_errors: frozenset[VerificationError] = frozenset()
    skip_checks: frozenset[OptionalVerification] = frozenset()
    verbose: bool = False
    verify_clutter: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterVerifyDisks(OpCode):
    """Submit jobs that check the disks of every group."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_VERIFY_DISKS"
    RESULT: ClassVar[object] = SubmittedJobs

    group_name: NonEmptyString | None = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpGroupVerifyDisks(OpCode):
    """Find volumes of a group that are missing or inactive, and nodes that do not answer."""

    OP_ID: ClassVar[str] = "OP_GROUP_VERIFY_DISKS"
    RESULT: ClassVar[object] = tuple[
        dict[str, str], tuple[str, ...], dict[str, tuple[tuple[str, ...], ...]]
    ]
    SUMMARY_FIELD: ClassVar[str | None] = "group_name"

    group_name: NonEmptyString
