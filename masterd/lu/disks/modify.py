"""Disks of an instance added, modified, removed, attached and detached (OP_INSTANCE_SET_PARAMS).

What is asked for is looked at here; `modify_steps` does it.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (disks: checks, order, texts); prereqs.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyDisk
from masterd.config.relations import nodes_of, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disk_changes, list_changes, new_disks
from masterd.instance import disks as existing_disks
from masterd.instance.disk_changes import Step
from masterd.instance.list_changes import Change
from masterd.lu.disks import modify_steps
from masterd.lu.disks.modify_steps import Making
from masterd.lu.instance import guest as guests
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Modified
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.work import Work

_FILE_DRIVER: Final = "loop"
_KERNELSPACE: Final = "kernelspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan:
    """What becomes of the disks, besides another template for all of them.

    Attributes:
        steps: in their order.
        making: how those are made that come.
        sizes_mib: what a policy is asked about: the disks there are, then those to be added.
        templates: likewise.
        moves_files: whether disks get another place, which scripts for changes are told of.
    """

    steps: Sequence[Step]
    making: Making
    sizes_mib: Sequence[int | None]
    templates: Sequence[str]
    moves_files: bool


def find(
    config: ConfigSnapshot, guest: Guest, changes: Sequence[Change[Any]]
) -> Sequence[Change[Any]]:
    """Return changes with the numbers of the disks that they name. Pure; the first of all checks.

    Raises:
        OpPrereqError: there is none of a name.
    """
    return disk_changes.numbered(changes, existing_disks.of(config, guest.instance))


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
        OpExecError: a number leads to no disk, or a disk has another primary node.
    """
    present = existing_disks.of(config, guest.instance)
    steps = [_step(work, config, guest, op, change, hotplug=hotplug) for change in changes]
    disk_changes.check_list(changes, steps, present)
    added = [step.wanted for step in steps if step.wanted is not None]
    template = existing_disks.template(present)
    return DiskPlan(
        steps=steps,
        making=_making(config, guest, op, steps),
        sizes_mib=[*(disk.size for disk in present), *(disk.size for disk in added)],
        templates=[*(str(disk.dev_type) for disk in present), *([template] * len(added))],
        moves_files=any(_moves_file(config, present, step) for step in steps),
    )


def _step(
    work: Work,
    config: ConfigSnapshot,
    guest: Guest,
    op: OpInstanceSetParams,
    change: Change[Any],
    *,
    hotplug: bool,
) -> Step:
    """Return what is done to a disk, once it is clear that it can be. Switches."""
    list_changes.check_params("disk", change)
    action, which, params = change.action, int(change.which), change.params
    present = existing_disks.of(config, guest.instance)
    match action:
        case "add":
            template = existing_disks.template(present)
            wanted = disk_changes.wanted(params, template, config.cluster.volume_group_name)
            new_disks.check_spindles(wanted, exclusive=_is_exclusive(config, guest))
            _check_new(config, guest, op, wanted.access)
            return Step(action=action, which=which, wanted=wanted)
        case "attach":
            disk = _attached(config, guest, op, params)
            return Step(action=action, which=which, uuid=disk)
        case "modify":
            return Step(action=action, which=which, params=disk_changes.modified(params, present))
        case "remove":
            if not hotplug:
                told = "can't remove volume from a running instance without using hotplug"
                guests.check_not_running(work, config, guest, told, wanted=guests.NOT_RUNNING)
    return Step(action=action, which=which)


def _moves_file(config: ConfigSnapshot, present: Sequence[AnyDisk], step: Step) -> bool:
    """Tell whether a disk is a file that goes to another directory, as it comes or leaves."""
    moved = {"attach": config.disks.get(step.uuid), "detach": present[0] if present else None}
    disk = moved.get(step.action)
    return disk is not None and disk.dev_type in modify_steps.IN_OWN_DIRECTORY


def _is_exclusive(config: ConfigSnapshot, guest: Guest) -> bool:
    """Tell whether a node of the instance gives whole disks away."""
    nodes = nodes_of(config, guest.instance)
    return any(config.node_params(node).exclusive_storage for node in nodes)


def _check_new(
    config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams, access: str | None
) -> None:
    """Refuse a disk that comes where it would stay without its copy, or out of reach."""
    if not op.wait_for_sync and not guest.instance.disks_active:
        raise OpPrereqError(
            "A disk cannot be added or attached to an instance with deactivated disks without"
            " waiting for it to be in sync",
            ECode.INVAL,
        )
    present = existing_disks.of(config, guest.instance)
    template = present[0].dev_type if present else None
    if template is not None and template in new_disks.HAVE_ACCESS:
        group = existing_disks.group_params(config, guest.node.group, template)
        mode = access or str(group.get("access", _KERNELSPACE))
        new_disks.check_access(guest.instance.hypervisor, template, mode)


def _attached(
    config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams, params: dict[str, Any]
) -> str:
    """Return the uuid of a disk that is to be attached.

    As in the reference it must be told what only disks that are made are told: spindles where whole
    disks are given away, and a provider where all disks have one; so there it cannot be.
    """
    present = existing_disks.of(config, guest.instance)
    told = new_disks.NewDisk(size=0, spindles=params.get("spindles"))
    new_disks.check_spindles(told, exclusive=_is_exclusive(config, guest))
    if existing_disks.template(present) == "ext" and "provider" not in params:
        raise OpPrereqError("Missing provider for template 'ext'", ECode.INVAL)
    _check_new(config, guest, op, params.get("access"))
    nodes = [node.uuid for node in nodes_of(config, guest.instance)]
    disk = disk_changes.attached(config, params, present, nodes)
    owners = config.derived(relations).owners.get(disk.uuid, ())
    if owners:
        name = config.instances[owners[0]].name
        raise OpPrereqError(
            f"Disk {disk.uuid} is attached to instance {name} already", ECode.NOTUNIQUE
        )
    return disk.uuid


def _making(
    config: ConfigSnapshot, guest: Guest, op: OpInstanceSetParams, steps: Sequence[Step]
) -> Making:
    """Return how disks are made that come.

    Raises:
        OpPrereqError: they cannot be, in this cluster.
    """
    cluster, present = config.cluster, existing_disks.of(config, guest.instance)
    own = present[0].dev_type if present else None
    coming = {
        own if step.action == "add" else config.disks[step.uuid].dev_type
        for step in steps
        if step.action in ("add", "attach")
    }
    templates = {str(template) for template in coming}
    disabled = sorted(templates - set(cluster.enabled_disk_templates))
    if disabled:
        raise OpPrereqError(
            f"Disk template '{disabled[0]}' is not enabled in cluster. Enabled disk templates are:"
            f" {', '.join(cluster.enabled_disk_templates)}"
        )
    name, below = guest.instance.name, op.file_storage_dir
    return Making(
        template=own,
        directories={
            template: new_disks.directory(cluster, template, name, below) for template in templates
        },
        driver=op.file_driver or _FILE_DRIVER,
        wait_for_sync=op.wait_for_sync,
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
        OpExecError: it failed; what was done before remains.
    """
    return modify_steps.Steps(work, guest, plan.making, hotplug=hotplug).carry_out(plan.steps)
