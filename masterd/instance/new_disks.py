"""Disks as clients ask for them. Pure.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (ComputeDisks, ComputeDiskSizePerVG,
CalculateFileStorageDir); constants IDISK_*; disk_trees.json.
"""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from masterd.config import typed
from masterd.config.cluster import Cluster
from masterd.config.disk import DiskMode
from masterd.config.objects import FreeParams
from masterd.errors import ECode, OpPrereqError
from masterd.instance.disks import DRBD_META_MIB

#: Templates by what they can do. Source: constants DTS_*.
MIRRORED_INSIDE: Final = frozenset({"drbd"})
ON_VOLUMES: Final = frozenset({"drbd", "plain"})
IN_FILES: Final = frozenset({"file", "gluster", "sharedfile"})
MAY_ADOPT: Final = frozenset({"blockdev", "plain"})
MUST_ADOPT: Final = frozenset({"blockdev"})
WITH_EXCLUSIVE_STORAGE: Final = frozenset({"plain"})
HAVE_ACCESS: Final = frozenset({"ext", "gluster", "rbd"})

_NONE: Final = "none"
_PROVIDED: Final = "ext"
_TYPES: Final[typed.Types] = {
    **dict.fromkeys(
        ("access", "adopt", "dev_type", "metavg", "mode", "provider", "vg"), typed.Type.TEXT
    ),
    "name": typed.Type.MAYBE_TEXT,
    "size": typed.Type.SIZE,
    "spindles": typed.Type.INT,
}
#: The parameters of disks that are not their provider's own. Source: constants IDISK_PARAMS.
PARAMS: Final = frozenset(_TYPES)
#: Where the files of a template's disks are, as the cluster says; and the attribute's name.
_DIRECTORIES: Final = {
    "file": "file_storage_dir",
    "gluster": "gluster_storage_dir",
    "sharedfile": "shared_file_storage_dir",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisk:
    """A disk that is asked for; sizes are MiB.

    Attributes:
        volume_group: where its data go; the cluster's where nothing is said, also where that does
            not matter.
        meta_group: where the metadata of a DRBD disk go; None leaves it to the parameters.
        adopted: the volume or device that becomes the disk; None where one is made.
        access: how a hypervisor reaches it; None leaves it to the parameters.
        provider: what makes it, and `provided` the parameters of that.
    """

    size: int
    mode: DiskMode = "rw"
    name: str | None = None
    volume_group: str | None = None
    meta_group: str | None = None
    adopted: str | None = None
    spindles: int | None = None
    access: str | None = None
    provider: str | None = None
    provided: FreeParams = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return it as allocators are told of it, without its template."""
        optional = {
            "metavg": self.meta_group,
            "adopt": self.adopted,
            "spindles": self.spindles,
            "access": self.access,
            "provider": self.provider,
        }
        said = {"size": self.size, "mode": self.mode, "vg": self.volume_group, "name": self.name}
        return {
            **said,
            **{key: value for key, value in optional.items() if value is not None},
            **self.provided,
        }


def typed_params(disk: Mapping[str, object], template: str) -> dict[str, object]:
    """Return the parameters of a disk as what they are; those of a provider stay as they came.

    Raises:
        TypeEnforcementError: one is unknown, or has a value of no meaning.
    """
    return dict(disk) if template == _PROVIDED else typed.typed(disk, _TYPES)


def adopts(disks: Sequence[Mapping[str, object]], template: str) -> bool:
    """Tell whether disks are taken over rather than made.

    Raises:
        OpPrereqError: some are and some are not, or the template wants it otherwise.
    """
    adopted = {"adopt" in disk for disk in disks}
    if len(adopted) > 1:
        raise OpPrereqError("Either all disks are adopted or none is", ECode.INVAL)
    if True in adopted:
        if template not in MAY_ADOPT:
            raise OpPrereqError(
                f"Disk adoption is not supported for the '{template}' disk template", ECode.INVAL
            )
        return True
    if template in MUST_ADOPT:
        raise OpPrereqError(
            f"Disk template {template} requires disk adoption, but no 'adopt' parameter given",
            ECode.INVAL,
        )
    return False


def read(disk: Mapping[str, object], template: str, volume_group: str | None) -> NewDisk:
    """Return a disk from typed parameters.

    Args:
        volume_group: where the data go if nothing is said.

    Raises:
        OpPrereqError: its mode, its size or its provider is none.
    """
    mode = disk.get("mode", "rw")
    if mode not in get_args(DiskMode):
        raise OpPrereqError(f"Invalid disk access mode '{mode}'", ECode.INVAL)
    provider = _text(disk, "provider")
    if provider and template != _PROVIDED:
        raise OpPrereqError(
            f"The 'provider' option is only valid for the {_PROVIDED} disk template, not"
            f" {template}",
            ECode.INVAL,
        )
    if provider is None and template == _PROVIDED:
        raise OpPrereqError(f"Missing provider for template '{_PROVIDED}'", ECode.INVAL)
    name = _text(disk, "name")
    provided = template == _PROVIDED
    return NewDisk(
        size=_size(disk),
        mode="ro" if mode == "ro" else "rw",
        name=None if name is None or name.lower() == _NONE else name,
        volume_group=_text(disk, "vg") or volume_group,
        meta_group=_text(disk, "metavg"),
        adopted=_text(disk, "adopt"),
        spindles=_number(disk, "spindles"),
        access=_text(disk, "access") if template in HAVE_ACCESS else None,
        provider=provider if provided else None,
        provided={k: disk[k] for k in disk if k not in _TYPES} if provided else {},
    )


def _size(disk: Mapping[str, object]) -> int:
    size = _number(disk, "size")
    if size is None:
        raise OpPrereqError("Missing disk size", ECode.INVAL)
    if size < 0:
        raise OpPrereqError(f"Invalid disk size '{size}'", ECode.INVAL)
    return size


def _number(disk: Mapping[str, object], key: str) -> int | None:
    value = disk.get(key)
    if value is None:
        return None
    try:
        return typed.kept(int(str(value)))
    except ValueError:
        raise OpPrereqError(f"Invalid disk {key} '{value}'", ECode.INVAL) from None


def _text(disk: Mapping[str, object], key: str) -> str | None:
    value = disk.get(key)
    return None if value is None else str(value)


def room_by_group(disks: Iterable[NewDisk], template: str) -> dict[str, int]:
    """Return the MiB that disks on volumes take of each volume group, on each of their nodes.

    The metadata of DRBD disks count where the data are, as in the reference.
    """
    found: dict[str, int] = {}
    for disk in disks if template in ON_VOLUMES else ():
        group = disk.volume_group or ""
        extra = DRBD_META_MIB if template in MIRRORED_INSIDE else 0
        found[group] = found.get(group, 0) + disk.size + extra
    return found


def directory(cluster: Cluster, template: str, name: str, below: str | None) -> str | None:
    """Return the directory of the files of an instance's disks; None where they are no files.

    Args:
        below: a directory between the cluster's and the instance's.

    Raises:
        OpPrereqError: the cluster has no directory for them, or `below` leads out of it.
    """
    if template not in IN_FILES:
        return None
    root = str(getattr(cluster, _DIRECTORIES[template]))
    if not root:
        raise OpPrereqError(
            f"Cluster file storage dir for '{template}' storage type not defined", ECode.STATE
        )
    own = () if template == "gluster" else (name,)
    path = posixpath.normpath(posixpath.join(root, below or "", *own))
    if not path.startswith(posixpath.join(posixpath.normpath(root), "")) and path != root:
        raise OpPrereqError(f"Directory '{below}' does not lie below '{root}'", ECode.INVAL)
    return path


def check_spindles(disk: NewDisk, *, exclusive: bool) -> None:
    """Make sure that spindles are told where whole disks are given away, and only there.

    Raises:
        OpPrereqError: they are not, or are.
    """
    if disk.spindles is not None and not exclusive:
        raise OpPrereqError(
            "Spindles in instance disks cannot be specified when exclusive storage is not active",
            ECode.INVAL,
        )
    if disk.spindles is None and exclusive:
        raise OpPrereqError(
            "You must specify spindles in instance disks when exclusive storage is active",
            ECode.INVAL,
        )


def check_access(hypervisor: str, template: str, mode: str) -> None:
    """Refuse a way to disks that a hypervisor does not have.

    Raises:
        OpPrereqError: it has not.
    """
    possible = hypervisor == "kvm" and template in HAVE_ACCESS
    if mode != "kernelspace" and not (possible and mode == "userspace"):
        raise OpPrereqError(
            f"Selected hypervisor ({hypervisor}) cannot be used with {mode} disk access param",
            ECode.STATE,
        )
