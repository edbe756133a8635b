"""Disks of an instance added, modified, removed, attached and detached (OP_INSTANCE_SET_PARAMS).

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (disks: checks, order, texts); prereqs.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disks as existing_disks
from masterd.instance.list_changes import Change
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Modified
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan:
    """What becomes of the disks, besides another template for all of them.

    Attributes:
        changes: in their order; `which` is a number.
        sizes_mib: what a policy is asked about: the disks there are, then those to be added.
        templates: likewise.
    """

    changes: Sequence[Change[Any]]
    sizes_mib: Sequence[int | None]
    templates: Sequence[str]


def find(
    config: ConfigSnapshot, guest: Guest, changes: Sequence[Change[Any]]
) -> Sequence[Change[Any]]:
    """Return changes with the numbers of the disks that they name. Pure; the first of all checks.

    Raises:
        OpPrereqError: there is none of a name.
    """
    if changes:
        raise OpPrereqError("Disks cannot be changed yet", ECode.INVAL)
    return changes


def check(
    work: Work,
    config: ConfigSnapshot,
    guest: Guest,
    op: OpInstanceSetParams,
    changes: Sequence[Change[Any]],
    *,
    hotplug: bool,
) -> DiskPlan:
    """Check that disks can be changed so. Switches.

    Args:
        changes: as `find` returned them.
        hotplug: whether devices are changed while the instance runs.

    Raises:
        OpPrereqError: they cannot.
    """
    present = existing_disks.of(config, guest.instance)
    return DiskPlan(
        changes=(),
        sizes_mib=[disk.size for disk in present],
        templates=[str(disk.dev_type) for disk in present],
    )


def execute(
    work: Work, guest: Guest, op: OpInstanceSetParams, plan: DiskPlan, *, hotplug: bool
) -> Modified:
    """Change the disks, in order. Switches.

    Args:
        guest: as it was when all was checked.

    Returns:
        Rows of the result; and what is left to enter the configuration with all else that changes.

    Raises:
        OpExecError: it failed.
    """
    return Modified()
