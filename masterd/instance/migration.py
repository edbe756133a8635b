"""Whether an instance can go on elsewhere without its disks being copied, and what is seen of it.

Source: Ganeti 3.0.2 constants DTS_EXT_MIRROR, DTS_INT_MIRROR, HV_MIGRATION_*;
lib/cmdlib/instance_migration.py (names of guests on their way); lib/hypervisor
(VersionsSafeForMigration).
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Final

from masterd.config.kinds import AnyDisk
from masterd.instance.new_disks import MIRRORED_INSIDE

#: Templates whose disks several nodes reach, as something beside Ganeti keeps their data.
SHARED: Final = frozenset({"blockdev", "diskless", "ext", "gluster", "rbd", "sharedfile"})
#: Templates whose disks another node has, or reaches.
MIRRORED: Final = SHARED | MIRRORED_INSIDE
#: Templates whose disks a node is to let go of when it does not need them any more.
MAPPED: Final = frozenset({"ext", "rbd"})

_FAILED: Final = frozenset({"cancelled", "failed"})
_POSTCOPY: Final = "postcopy-active"
_UNDER_WAY: Final = frozenset({"active", _POSTCOPY})


class Mirroring(Enum):
    """Where the other copy of an instance's disks is."""

    #: Where all nodes reach it; an instance without disks counts here.
    OUTSIDE = auto()
    #: On its secondary node.
    INSIDE = auto()
    #: Of some disks there, of others here.
    MIXED = auto()


def mirroring(those: Sequence[AnyDisk]) -> Mirroring:
    """Return where the other copy of disks is, all of which must have one."""
    templates = {str(disk.dev_type) for disk in those}
    if templates <= SHARED:
        return Mirroring.OUTSIDE
    return Mirroring.INSIDE if templates <= MIRRORED_INSIDE else Mirroring.MIXED


def unmirrored(those: Iterable[AnyDisk]) -> list[str]:
    """Return the templates of disks of which there is no other copy, sorted."""
    return sorted({str(disk.dev_type) for disk in those} - MIRRORED)


def versions_suit(hypervisor: str, source: object, target: object) -> bool:
    """Tell whether a guest is likely to survive the way between two versions of a hypervisor.

    Args:
        source: as the node tells it: for Xen a list of numbers.
        target: likewise.
    """
    if source == target or hypervisor == "kvm":
        # KVM's guests say which machine they are made for, so versions matter little.
        return True
    if not hypervisor.startswith("xen-"):
        return False
    match source, target:
        case [major, int(minor), *_], [other_major, other_minor, *_]:
            return bool(major == other_major and other_minor in (minor, minor + 1))
    return False


def names_under_way(name: str) -> frozenset[str]:
    """Return all names under which a guest may be found while, or after, it is migrated.

    Xen gives it others meanwhile: `xm` at the source, `xl` at the target and, at the end, at the
    source.
    """
    return frozenset({name, f"migrating-{name}", f"{name}--incoming", f"{name}--migratedaway"})


def has_failed(status: Mapping[str, Any]) -> bool:
    """Tell whether what a node tells of a migration is that it has failed."""
    return status.get("status") in _FAILED


def is_under_way(status: Mapping[str, Any]) -> bool:
    """Tell whether what a node tells of a migration is that it goes on."""
    return status.get("status") in _UNDER_WAY


def is_postcopy(status: Mapping[str, Any]) -> bool:
    """Tell whether a guest runs at the target already, while its memory still comes."""
    return status.get("postcopy_status") == _POSTCOPY


def percent(status: Mapping[str, Any]) -> float | None:
    """Return how much of the memory has gone over; None where the node does not tell."""
    done, whole = status.get("transferred_ram"), status.get("total_ram")
    if done is None or not whole:
        return None
    return 100.0 * float(done) / float(whole)
