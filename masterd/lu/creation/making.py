"""A new instance made: its disks, its place in the configuration, its operating system, its start.

As soon as its disks are there, instance and disks enter the configuration with one change. What
fails before leaves nothing; what fails later leaves an instance that can be removed, but for
mirrors that never were whole: those go at once, and the instance with them.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (order, texts); rpc_flow.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config import images
from masterd.config.disk import Disk, ForthcomingDisk, PlannedPart
from masterd.config.instance import ForthcomingInstance, Instance, Nic
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.transaction import Draft
from masterd.errors import GanetiError, OpExecError
from masterd.instance import disks
from masterd.instance.disk_trees import Place
from masterd.instance.new_disks import MIRRORED_INSIDE, NewDisk
from masterd.lock.levels import LockLevel
from masterd.lu.creation import importing, installation
from masterd.lu.creation.importing import Exported, Source
from masterd.lu.creation.nodes import Nodes
from masterd.lu.creation.params import Parameters
from masterd.lu.disks import adoption as disk_adoption
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks import sync as disk_sync
from masterd.lu.instance import guest
from masterd.lu.instance import record as instance_record
from masterd.node import instances
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.work.work import Work

_DISKLESS: Final = "diskless"
#: Hypervisors that show a display at a port of each instance. Source: constants HTS_REQ_PORT.
_WITH_PORT: Final = frozenset({"kvm", "xen-hvm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What is to be made.

    Attributes:
        directory: of the files of its disks, where they are files.
        adopts: whether disks are taken over rather than made.
        planned: what was put aside for it before, where that becomes real.
        source: where the data on its disks come from; None has it installed.
    """

    nodes: Nodes
    params: Parameters
    nics: Sequence[Nic]
    disks: Sequence[NewDisk]
    directory: str | None
    adopts: bool
    planned: AnyInstance | None
    source: Source | None


def make(work: Work, op: OpInstanceCreate, plan: Creation) -> list[str]:
    """Make an instance; return the names of its nodes, the primary one first. Switches.

    Raises:
        OpExecError: something failed; the instance may be there by then.
    """
    instance = _instance(work, op, plan)
    made = _disks(work, op, plan, instance.uuid)
    names = [node.name for node in plan.nodes.all]
    if op.forthcoming:
        work.say("Instance is forthcoming, not creating disks")
        _enter(work, _planned(instance), [_planned_disk(disk) for disk in made])
        work.say("Instance is forthcoming; not creating the actual instance")
        return names
    _make_disks(work, plan, instance, made)
    try:
        _enter(work, instance, made)
    except GanetiError:
        # Nobody would look for disks that no instance has.
        _unmake_disks(work, plan, instance, made)
        raise
    instance = guest.now(work.config, instance.uuid)
    made = _as_recorded(work, instance)
    # Where the data come from is still needed.
    exports = {plan.source.node.uuid} if isinstance(plan.source, Exported) else frozenset()
    work.locks.keep(LockLevel.NODE, exports)
    _fill_disks(work, op, plan, instance, made)
    work.locks.release(LockLevel.NODE_RES)
    # From here on nodes are told so; it is recorded when the instance starts.
    instance = msgspec.structs.replace(instance, disks_active=True)
    filled = [] if plan.adopts else made
    if instance.os:
        secret = plan.params.os_secret
        instance = installation.install(work, op, instance, filled, secret, plan.source)
    elif plan.source is not None and filled:
        importing.fill(work, op, plan.source, instance, filled)
    guest.tell_metadata(work, instance, plan.nodes.primary, secret=plan.params.os_secret)
    if op.start:
        _start(work, op, plan, instance)
    return names


# --- what enters the configuration ----------------------------------------------------------------


def _instance(work: Work, op: OpInstanceCreate, plan: Creation) -> Instance:
    """Return the instance, without its disks yet."""
    planned, params = plan.planned, plan.params
    port = None if planned is None else planned.network_port
    if port is None and params.hypervisor in _WITH_PORT:
        port = work.reserve.new_port()
    return Instance(
        name=op.instance_name,
        uuid=work.new_uuid() if planned is None else planned.uuid,
        os=op.os_type or "",
        primary_node=plan.nodes.primary.uuid,
        hypervisor=params.hypervisor,
        hvparams=params.hv,
        beparams=params.be,
        osparams=params.os,
        osparams_private=params.os_private,
        admin_state="down",
        admin_state_source="admin",
        nics=tuple(plan.nics),
        disks_active=False,
        network_port=port,
        tags=tuple(sorted(set(op.tags))),
        # Of one that was put aside, too, the time counts at which it becomes real.
        ctime=work.clock.now_us() / 1e6,
        serial_no=1,
    )


def _disks(work: Work, op: OpInstanceCreate, plan: Creation, uuid: str) -> list[Disk]:
    """Return the disks, drawn anew, or those that were put aside before.

    Raises:
        OpExecError: too little was put aside.
    """
    config = work.config.snapshot()
    if plan.planned is not None:
        try:
            there = disks.of(config, plan.planned)
            return [instance_record.real_disk(disk) for disk in there]
        except ValueError as error:
            raise OpExecError(f"Instance {op.instance_name} cannot become real: {error}") from error
    assert op.disk_template is not None, "it has been filled in"
    if op.disk_template == _DISKLESS:
        # Disks that were asked for nevertheless count for nothing.
        return []
    secondary = plan.nodes.secondary
    place = Place(
        template=op.disk_template,
        instance=uuid,
        primary=plan.nodes.primary.uuid,
        secondary=None if secondary is None else secondary.uuid,
        directory=plan.directory,
        driver=op.file_driver,
        made_s=work.clock.now_us() / 1e6,
    )
    return disk_creation.draw(work, place, plan.disks)


def _as_recorded(work: Work, instance: Instance) -> list[Disk]:
    config = work.config.snapshot()
    return [disk for disk in disks.of(config, instance) if isinstance(disk, Disk)]


def _planned(instance: Instance) -> ForthcomingInstance:
    return ForthcomingInstance(**_fields(instance), forthcoming=True)


def _planned_disk(disk: Disk) -> ForthcomingDisk:
    parts = tuple(PlannedPart(**_fields(part), forthcoming=True) for part in disk.children)
    return ForthcomingDisk(**{**_fields(disk), "children": parts}, forthcoming=True)


def _fields(of: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


def _enter(work: Work, instance: AnyInstance, made: Sequence[AnyDisk]) -> None:
    work.say(f"adding instance {instance.name} to cluster config")
    work.say("adding disks to cluster config")

    def change(draft: Draft) -> None:
        instance_record.enter(draft, instance, made)

    work.config.update(change)


# --- disks ----------------------------------------------------------------------------------------


def _make_disks(work: Work, plan: Creation, instance: Instance, made: Sequence[Disk]) -> None:
    if plan.adopts:
        if made and made[0].dev_type == "plain":
            disk_adoption.rename(work, plan.nodes.primary, made, plan.disks)
        return
    work.say("* creating instance disks...")
    try:
        disk_creation.create(work, instance, made)
    except OpExecError:
        work.say.warning("Device creation failed")
        raise


def _unmake_disks(work: Work, plan: Creation, instance: Instance, made: Sequence[Disk]) -> None:
    """Take disks away again that were made; those that were adopted get their old names."""
    work.say.warning("The configuration does not take the instance, giving its disks back")
    if not plan.adopts:
        instance_disks.remove_some(work, instance, made)
    elif made and made[0].dev_type == "plain":
        disk_adoption.rename_back(work, plan.nodes.primary, made, plan.disks)


def _fill_disks(
    work: Work, op: OpInstanceCreate, plan: Creation, instance: Instance, made: Sequence[Disk]
) -> None:
    """Overwrite disks and write an image where that is asked for; wait for mirrors after each.

    Raises:
        OpExecError: it failed, or mirrors are broken; the instance is gone then.
    """
    failed = False
    if work.config.snapshot().cluster.prealloc_wipe_disks and not plan.adopts:
        work.say("* wiping instance disks...")
        try:
            disk_creation.wipe(work, instance, made)
        except OpExecError as error:
            work.say.warning(f"Wiping instance disks failed ({error.message})")
            failed = True
    _check_mirrors(work, op, instance, made, failed=failed)
    image = images.of_os(op.osparams) if plan.source is None else None
    failed = False
    if image is not None and not plan.adopts:
        work.say("* imaging instance disks...")
        try:
            disk_creation.image(work, instance, made[0], image)
        except OpExecError as error:
            work.say.warning(f"Imaging instance disks failed ({error.message})")
            failed = True
    _check_mirrors(work, op, instance, made, failed=failed)


def _check_mirrors(
    work: Work, op: OpInstanceCreate, instance: Instance, made: Sequence[Disk], *, failed: bool
) -> None:
    """Go on if disks are whole, or at least become so; else take the instance away again."""
    if not failed:
        if op.wait_for_sync:
            failed = not disk_sync.wait(work, instance)
        elif _is_mirrored(made):
            work.say("* checking mirrors status")
            failed = not disk_sync.wait(work, instance, until_same=False)
    if not failed:
        return
    gone = instance_disks.remove(work, instance)

    def change(draft: Draft) -> None:
        instance_record.forget(draft, instance.uuid, keep_ports_of_disks=not gone)

    work.config.update(change)
    raise OpExecError("There are some degraded disks for this instance")


def _is_mirrored(made: Sequence[Disk]) -> bool:
    return any(disk.dev_type in MIRRORED_INSIDE for disk in made)


# --- what runs on it ------------------------------------------------------------------------------


def _start(work: Work, op: OpInstanceCreate, plan: Creation, instance: Instance) -> None:
    """Record that the instance is to be up, and start it.

    Raises:
        RpcError: it does not start; it stays recorded as up.
    """
    instance = guest.record(work.config, instance.uuid, state="up", disks_active=True)
    work.say("* starting instance...")
    config = work.config.snapshot()
    result = instances.start(
        work.rpc, config, plan.nodes.primary, instance, paused=False, reason=op.reason
    )
    result.raise_("Could not start instance")
