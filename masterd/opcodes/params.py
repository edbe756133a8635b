"""Types that several opcodes share.

Each alias is what its values are in Python and, through `annotations`, how they are checked.
Source: opcodes.json check; constants.json for the words allowed.
"""

from typing import Annotated, Literal

from masterd.opcodes import checks
from masterd.opcodes.annotations import COUNTED
from masterd.opcodes.secrets import Secret

# --- single values ------------------------------------------------------------------------------

NonEmptyString = Annotated[str, checks.NON_EMPTY_STRING]
NonNegativeInt = Annotated[int, checks.NON_NEGATIVE_INTEGER]
PositiveInt = Annotated[int, checks.POSITIVE_INTEGER]

#: A job id in full; clients of the 2.x line write it as text.
JobId = Annotated[int, checks.JOB_ID]

#: Number of a disk within its instance.
DiskIndex = Annotated[int, checks.all_of(checks.NON_NEGATIVE_INTEGER, checks.less_than(16))]

Ipv4Address = Annotated[str, checks.all_of(checks.STRING, checks.IPV4_ADDRESS)]
Ipv4Network = Annotated[str, checks.all_of(checks.STRING, checks.IPV4_NETWORK)]
Ipv6Address = Annotated[str, checks.all_of(checks.STRING, checks.IPV6_ADDRESS)]
Ipv6Network = Annotated[str, checks.all_of(checks.STRING, checks.IPV6_NETWORK)]

# --- words --------------------------------------------------------------------------------------

AllocationPolicy = Literal["preferred", "last_resort", "unallocable"]
DiskTemplate = Literal[
    "blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"
]
EvacuationMode = Literal["all", "primary-only", "secondary-only"]
ExportMode = Literal["local", "remote"]
FileDriver = Literal["blktap", "blktap2", "loop"]
Hypervisor = Literal["chroot", "fake", "kvm", "lxc", "xen-hvm", "xen-pvm"]
MigrationMode = Literal["live", "non-live"]
NicParameter = Literal["bridge", "ip", "link", "mac", "mode", "name", "network", "vlan"]
#: What a query as a job may be about. luxid answers the rest itself and refuses them here.
QueryResource = Literal["cluster", "export", "group", "instance", "network", "node", "os"]
StorageType = Literal[
    "blockdev", "diskless", "ext", "file", "gluster", "lvm-pv", "lvm-vg", "rados", "sharedfile"
]
TagKind = Literal["cluster", "instance", "network", "node", "nodegroup"]

#: Checks of cluster-verify that may be left out.
OptionalVerification = Literal["nplusone_mem"]
OptionalVerification31 = Literal["hvparam_assessment", "nplusone_mem"]

#: Problems that cluster-verify may be told to report as warnings.
VerificationError = Literal[
    "ECLUSTERCERT",
    "ECLUSTERCFG",
    "ECLUSTERCLIENTCERT",
    "ECLUSTERDANGLINGINST",
    "ECLUSTERDANGLINGNODES",
    "ECLUSTERFILECHECK",
    "EEXTAGS",
    "EGROUPDIFFERENTPVSIZE",
    "EINSTANCEBADNODE",
    "EINSTANCEDOWN",
    "EINSTANCEFAULTYDISK",
    "EINSTANCELAYOUT",
    "EINSTANCEMISSINGCFGPARAMETER",
    "EINSTANCEMISSINGDISK",
    "EINSTANCEPOLICY",
    "EINSTANCESPLITGROUPS",
    "EINSTANCEUNSUITABLENODE",
    "EINSTANCEWRONGNODE",
    "ENODEDRBD",
    "ENODEDRBDHELPER",
    "ENODEDRBDVERSION",
    "ENODEFILECHECK",
    "ENODEFILESTORAGEPATHS",
    "ENODEFILESTORAGEPATHUNUSABLE",
    "ENODEGLUSTERSTORAGEPATHUNUSABLE",
    "ENODEHOOKS",
    "ENODEHV",
    "ENODELVM",
    "ENODEN1",
    "ENODENET",
    "ENODEOOBPATH",
    "ENODEORPHANINSTANCE",
    "ENODEORPHANLV",
    "ENODEOS",
    "ENODERPC",
    "ENODESETUP",
    "ENODESHAREDFILESTORAGEPATHUNUSABLE",
    "ENODESSH",
    "ENODETIME",
    "ENODEUSERSCRIPTS",
    "ENODEVERSION",
]

# --- structures ---------------------------------------------------------------------------------

#: Keys of objects are always text; this one is not described further.
AnyKey = Annotated[str, checks.ANYTHING]

#: Parameters whose names and values are checked where they are used (hypervisor, backend, policy).
Parameters = dict[AnyKey, object]
PrivateParameters = dict[AnyKey, Secret]

DiskTemplateParameters = dict[DiskTemplate, Parameters]

#: One disk: size in MiB, access mode, volume group, ...
DiskParameters = dict[NonEmptyString, NonEmptyString | int]
#: One network interface.
NicParameters = dict[NicParameter, str | None]

#: Disks by number alone, or with the parameters to make them again with.
RecreatedDisks = (
    tuple[NonNegativeInt, ...]
    | tuple[Annotated[tuple[NonNegativeInt, DiskParameters], COUNTED], ...]
)

_Change = Literal["add", "attach", "detach", "remove"]
_ChangeOrModify = Literal["add", "attach", "detach", "modify", "remove"]

#: Changes of devices: what to do, which device (number, -1 for the last, name or UUID), parameters;
#: older clients leave out the device, or write its number instead of "modify".
DiskChanges = (
    tuple[Annotated[tuple[_ChangeOrModify, int | str, DiskParameters], COUNTED], ...]
    | tuple[Annotated[tuple[_Change | NonNegativeInt, DiskParameters], COUNTED], ...]
)
NicChanges = (
    tuple[Annotated[tuple[_ChangeOrModify, int | str, NicParameters], COUNTED], ...]
    | tuple[Annotated[tuple[_Change | NonNegativeInt, NicParameters], COUNTED], ...]
)

#: Name of a node of this cluster, or one array for each disk that tells another cluster's address.
ExportTarget = Annotated[
    str | tuple[object, ...], checks.any_of(checks.NON_EMPTY_STRING, checks.LIST)
]

#: First and last user id.
UidRange = tuple[int, int]
#: Change of a list of operating systems: what to do, with which.
OsListChange = tuple[_Change, NonEmptyString]
