"""Opcodes for the cluster as a whole; its parameters and checks are in modules of their own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from masterd.opcodes.base import OpCode, register
from masterd.opcodes.params import NonEmptyString, NonNegativeInt, Parameters, PositiveInt


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterPostInit(OpCode):
    """Run the hooks of a new cluster; changes nothing."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_POST_INIT"
    RESULT: ClassVar[object] = bool


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterDestroy(OpCode):
    """Give up the cluster; only its last node may be left."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_DESTROY"
    RESULT: ClassVar[object] = NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterRename(OpCode):
    """Give the cluster another name, and with it another master address."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_RENAME"
    RESULT: ClassVar[object] = NonEmptyString
    SUMMARY_FIELD: ClassVar[str | None] = "name"

    name: NonEmptyString


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterQuery(OpCode):
    """Return the cluster's settings."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_QUERY"
    RESULT: ClassVar[object] = Parameters


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterConfigQuery(OpCode):
    """Return single values of the configuration."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_CONFIG_QUERY"
    RESULT: ClassVar[object] = tuple[object, ...]

    output_fields: tuple[NonEmptyString, ...]


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterRedistConf(OpCode):
    """Send the configuration and its companions to all nodes again."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_REDIST_CONF"
    RESULT: ClassVar[object] = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterRenewCrypto(OpCode):
    """Make new certificates of the nodes, new SSH keys, or both."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_RENEW_CRYPTO"
    RESULT: ClassVar[object] = None

    debug: bool = False
    node_certificates: bool = False
    renew_ssh_keys: bool = False
    #: Bits of new keys; the cluster's own setting when not given.
    ssh_key_bits: PositiveInt | None = None
    ssh_key_type: Literal["dsa", "ecdsa", "rsa"] | None = None
    verbose: bool = False


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterRepairDiskSizes(OpCode):
    """Correct recorded disk sizes by what the nodes have."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_REPAIR_DISK_SIZES"
    RESULT: ClassVar[object] = tuple[
        tuple[NonEmptyString, NonNegativeInt, NonEmptyString, NonNegativeInt], ...
    ]

    instances: tuple[NonEmptyString, ...] = ()


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterActivateMasterIp(OpCode):
    """Bring the master address up on the master node."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_ACTIVATE_MASTER_IP"
    RESULT: ClassVar[object] = None


@register
@dataclass(frozen=True, kw_only=True, slots=True)
class OpClusterDeactivateMasterIp(OpCode):
    """Take the master address down on the master node."""

    OP_ID: ClassVar[str] = "OP_CLUSTER_DEACTIVATE_MASTER_IP"
    RESULT: ClassVar[object] = None
