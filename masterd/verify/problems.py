"""What can be wrong with a cluster, in the words by which administrators know it. Pure.

Source: Ganeti 3.0.2 constants CV_*.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How bad it is; the word begins the line."""

    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """A class of problems: the kind of object it is told of, and its code."""

    subject: str
    code: str


CLUSTER_CERT: Final = ProblemCode("cluster", "ECLUSTERCERT")
CLUSTER_CFG: Final = ProblemCode("cluster", "ECLUSTERCFG")
CLUSTER_CLIENT_CERT: Final = ProblemCode("cluster", "ECLUSTERCLIENTCERT")
CLUSTER_FILES: Final = ProblemCode("cluster", "ECLUSTERFILECHECK")
DANGLING_INSTANCES: Final = ProblemCode("node", "ECLUSTERDANGLINGINST")
DANGLING_NODES: Final = ProblemCode("node", "ECLUSTERDANGLINGNODES")
EXCLUSION_TAGS: Final = ProblemCode("node", "EEXTAGS")
GROUP_PV_SIZES: Final = ProblemCode("group", "EGROUPDIFFERENTPVSIZE")
INSTANCE_BAD_NODE: Final = ProblemCode("instance", "EINSTANCEBADNODE")
INSTANCE_DOWN: Final = ProblemCode("instance", "EINSTANCEDOWN")
INSTANCE_FAULTY_DISK: Final = ProblemCode("instance", "EINSTANCEFAULTYDISK")
INSTANCE_LAYOUT: Final = ProblemCode("instance", "EINSTANCELAYOUT")
INSTANCE_MISSING_DISK: Final = ProblemCode("instance", "EINSTANCEMISSINGDISK")
INSTANCE_MISSING_PARAMETER: Final = ProblemCode("instance", "EINSTANCEMISSINGCFGPARAMETER")
INSTANCE_POLICY: Final = ProblemCode("instance", "EINSTANCEPOLICY")
INSTANCE_SPLIT: Final = ProblemCode("instance", "EINSTANCESPLITGROUPS")
INSTANCE_UNSUITABLE_NODE: Final = ProblemCode("instance", "EINSTANCEUNSUITABLENODE")
INSTANCE_WRONG_NODE: Final = ProblemCode("instance", "EINSTANCEWRONGNODE")
NODE_DRBD: Final = ProblemCode("node", "ENODEDRBD")
NODE_DRBD_HELPER: Final = ProblemCode("node", "ENODEDRBDHELPER")
NODE_FILES: Final = ProblemCode("node", "ENODEFILECHECK")
NODE_FILE_PATH: Final = ProblemCode("node", "ENODEFILESTORAGEPATHUNUSABLE")
NODE_FILE_PATHS: Final = ProblemCode("node", "ENODEFILESTORAGEPATHS")
NODE_GLUSTER_PATH: Final = ProblemCode("node", "ENODEGLUSTERSTORAGEPATHUNUSABLE")
NODE_HOOKS: Final = ProblemCode("node", "ENODEHOOKS")
NODE_HYPERVISOR: Final = ProblemCode("node", "ENODEHV")
NODE_LVM: Final = ProblemCode("node", "ENODELVM")
NODE_NET: Final = ProblemCode("node", "ENODENET")
NODE_N_PLUS_ONE: Final = ProblemCode("node", "ENODEN1")
NODE_OOB_PATH: Final = ProblemCode("node", "ENODEOOBPATH")
NODE_ORPHAN_INSTANCE: Final = ProblemCode("node", "ENODEORPHANINSTANCE")
NODE_ORPHAN_VOLUME: Final = ProblemCode("node", "ENODEORPHANLV")
NODE_OS: Final = ProblemCode("node", "ENODEOS")
NODE_RPC: Final = ProblemCode("node", "ENODERPC")
NODE_SETUP: Final = ProblemCode("node", "ENODESETUP")
NODE_SHARED_FILE_PATH: Final = ProblemCode("node", "ENODESHAREDFILESTORAGEPATHUNUSABLE")
NODE_SSH: Final = ProblemCode("node", "ENODESSH")
NODE_TIME: Final = ProblemCode("node", "ENODETIME")
NODE_USER_SCRIPTS: Final = ProblemCode("node", "ENODEUSERSCRIPTS")
NODE_VERSION: Final = ProblemCode("node", "ENODEVERSION")


#: All that the verification of a group can find.
OF_GROUPS: Final = (
    CLUSTER_CLIENT_CERT, CLUSTER_FILES, EXCLUSION_TAGS, GROUP_PV_SIZES,
    INSTANCE_BAD_NODE, INSTANCE_DOWN, INSTANCE_FAULTY_DISK, INSTANCE_LAYOUT, INSTANCE_MISSING_DISK,
    INSTANCE_MISSING_PARAMETER, INSTANCE_POLICY, INSTANCE_SPLIT, INSTANCE_UNSUITABLE_NODE,
    INSTANCE_WRONG_NODE, NODE_DRBD, NODE_DRBD_HELPER, NODE_FILES, NODE_FILE_PATH, NODE_FILE_PATHS,
    NODE_GLUSTER_PATH, NODE_HOOKS, NODE_HYPERVISOR, NODE_LVM, NODE_NET, NODE_N_PLUS_ONE,
    NODE_OOB_PATH, NODE_ORPHAN_INSTANCE, NODE_ORPHAN_VOLUME, NODE_OS, NODE_RPC, NODE_SETUP,
    NODE_SHARED_FILE_PATH, NODE_SSH, NODE_TIME, NODE_USER_SCRIPTS, NODE_VERSION,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Attributes:
        texts: what it is, a line each.
        name: which object it is about; empty for the cluster.
    """

    code: ProblemCode
    texts: tuple[str, ...]
    name: str = ""
    severity: Severity = Severity.ERROR


def problem(code: ProblemCode, name: str, text: str) -> Problem:
    """Return an error of one line."""
    return Problem(code, (text,), name)


def warning(code: ProblemCode, name: str, text: str) -> Problem:
    """Return a warning of one line."""
    return Problem(code, (text,), name, Severity.WARNING)


def guarded(name: str, check: Callable[[], Iterator[Problem]]) -> Iterator[Problem]:
    """Yield what a check finds in a node's answer; an answer in no known form is a problem too."""
    try:
        yield from check()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        text = f"the node's answer cannot be read ({type(error).__name__}: {error})"
        yield problem(NODE_RPC, name, text)
