"""What OP_CLUSTER_SET_PARAMS may do to the storage of a cluster that is in use.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterSetParams (checks, texts); lib/utils/lvm.py,
lib/utils/storage.py; constants MIN_VG_SIZE, DTS_LVM.
"""

from collections.abc import Sequence
from typing import Final

from masterd.config.node import Node
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.node import disks, storage
from masterd.opcodes.cluster_params import OpClusterSetParams
from masterd.work.work import Work

#: MiB that a volume group must have.
_GROUP_MIB_MIN: Final = 20480
#: Disk templates that need a volume group.
_IN_VOLUMES: Final = frozenset({"drbd", "plain"})
_DRBD: Final = "drbd"

#: Disk templates whose disks are files, and the parameter with the directory of each.
DIRECTORIES: Final = {
    "file": "file_storage_dir",
    "sharedfile": "shared_file_storage_dir",
    "gluster": "gluster_storage_dir",
}


def check(work: Work, config: ConfigSnapshot, op: OpClusterSetParams) -> None:
    """Make sure that what is in use stays, and that nodes have what is going to be. Switches.

    Raises:
        OpPrereqError: it would not, or one has not.
    """
    before = config.cluster.enabled_disk_templates
    enabled = op.enabled_disk_templates or before
    _check_disabled(config, frozenset[str](before) - frozenset[str](enabled))
    capable = [node for node in config.nodes.sorted() if node.vm_capable]
    _check_volume_group(work, config, op.vg_name, enabled, capable)
    for template, parameter in DIRECTORIES.items():
        _check_directory(work, template, getattr(op, parameter), enabled)
    _check_helper(work, config, op.drbd_helper, enabled, capable)


def _check_disabled(config: ConfigSnapshot, disabled: frozenset[str]) -> None:
    owners = config.derived(relations).owners
    for template in sorted(disabled):
        users = [
            f"{disk.uuid} of "
            + (", ".join(str(config.instances[uuid].name) for uuid in owned) or "no instance")
            for disk in config.disks.sorted()
            if disk.dev_type == template
            for owned in [owners.get(disk.uuid, ())]
        ]
        if template == "diskless":
            users = [str(each.name) for each in config.instances.sorted() if not each.disks]
        if users:
            raise OpPrereqError(
                f"Disk template '{template}' cannot be disabled, it is used by {'; '.join(users)}",
                ECode.STATE,
            )


def _uses(config: ConfigSnapshot, template: str) -> bool:
    return any(disk.dev_type == template for disk in config.disks.values())


# --- volumes ------------------------------------------------------------------------------------


def _check_volume_group(
    work: Work,
    config: ConfigSnapshot,
    wanted: str | None,
    enabled: Sequence[str],
    capable: Sequence[Node],
) -> None:
    needed = not _IN_VOLUMES.isdisjoint(enabled)
    if wanted == "" and needed:
        raise OpPrereqError(
            "Cannot unset volume group if lvm-based disk templates are or get enabled.", ECode.INVAL
        )
    if wanted is None and needed and config.cluster.volume_group_name is None:
        raise OpPrereqError(
            "Please specify a volume group when enabling lvm-based disk-templates.", ECode.INVAL
        )
    if wanted == "" and _uses(config, "plain"):
        raise OpPrereqError(
            "Cannot disable lvm storage while lvm-based instances exist", ECode.INVAL
        )
    if not (wanted and needed):
        return
    for result in storage.volume_groups(work.rpc, capable).values():
        if result.warn(
            f"Volume groups of node {result.node_name} are not known, which is passed over",
            work.say.warning,
        ):
            continue
        found: dict[str, float] = result.payload  # type: ignore[assignment]  # rpc/payloads.py
        problem = None
        if wanted not in found:
            problem = f"volume group '{wanted}' is missing"
        elif found[wanted] < _GROUP_MIB_MIN:
            problem = (
                f"volume group '{wanted}' is too small: it has {found[wanted]:.0f} MiB, and"
                f" {_GROUP_MIB_MIN} are needed"
            )
        if problem is not None:
            raise OpPrereqError(f"Node {result.node_name}: {problem}", ECode.ENVIRON)


# --- files --------------------------------------------------------------------------------------


def _check_directory(work: Work, template: str, wanted: str | None, enabled: Sequence[str]) -> None:
    if wanted == "" and template in enabled:
        raise OpPrereqError(
            f"Unsetting the '{template}' storage directory while having '{template}' storage"
            " enabled is not permitted.",
            ECode.INVAL,
        )
    if wanted and template not in enabled:
        work.say.warning(
            f"Specified a {template} storage directory, although {template} storage is not enabled."
        )


# --- mirrors ------------------------------------------------------------------------------------


def _check_helper(
    work: Work,
    config: ConfigSnapshot,
    wanted: str | None,
    enabled: Sequence[str],
    capable: Sequence[Node],
) -> None:
    needed = _DRBD in enabled
    if wanted == "":
        if needed:
            raise OpPrereqError("Cannot disable drbd helper while DRBD is enabled.", ECode.STATE)
        if _uses(config, _DRBD):
            raise OpPrereqError(
                "Cannot disable drbd helper while drbd-based instances exist", ECode.INVAL
            )
        return
    if wanted is None and _DRBD not in config.cluster.enabled_disk_templates:
        wanted = config.cluster.drbd_usermode_helper
        if needed and wanted is None:
            raise OpPrereqError(
                "Cannot enable DRBD without a DRBD usermode helper set.", ECode.STATE
            )
    if wanted is None or not needed:
        return
    for result in disks.drbd_helper(work.rpc, capable).values():
        if result.offline:
            work.say.info(f"Not checking drbd helper on offline node {result.node_name}")
            continue
        result.raise_(
            f"The DRBD helper of node {result.node_name} is not known",
            prereq=True,
            code=ECode.ENVIRON,
        )
        if result.payload != wanted:
            raise OpPrereqError(
                f"Node {result.node_name} has the DRBD helper {result.payload}", ECode.ENVIRON
            )
