"""An export at work: the instance stopped, its disks copied, and what follows from that.

The instance is started again as soon as its disks are not needed any more: with snapshots before
they are copied, else afterwards.

Source: Ganeti 3.0.2 lib/cmdlib/backup.py, lib/masterd/instance.py (order, texts); rpc_flow.json.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.errors import OpExecError
from masterd.instance import disks
from masterd.lu.backup import moving, remote
from masterd.lu.backup.moving import DiskTransfer
from masterd.lu.backup.remote import Sending
from masterd.lu.backup.snapshots import Snapshots
from masterd.lu.backup.transfer import at_the_end
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.instance import guest, helper_vm
from masterd.lu.instance import record as instance_record
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.helper_vm import Helper
from masterd.node import imports, instances
from masterd.node.imports import FileEnd
from masterd.opcodes.backup import OpBackupExport
from masterd.work.hooks import Hooked
from masterd.work.work import Work


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported, and where to.

    Attributes:
        told: what scripts are told, before and after.
        target: the node that gets an export within the cluster.
        sending: how it goes to another cluster; one of the two is None.
        zeroing_s: how long overwriting its free space may take; None where it stays.
    """

    guest: Guest
    told: Hooked
    target: Node | None
    sending: Sending | None
    zeroing_s: float | None


@dataclass(frozen=True, slots=True)
class _Copied:
    """Whether an export has got its description, and which disks have been copied."""

    finished: bool
    disks: list[bool]


def starts_again(op: OpBackupExport, plan: Export) -> bool:
    """Tell whether an instance runs again after its export."""
    return op.shutdown and plan.guest.instance.admin_state == "up" and not op.remove_instance


def export(work: Work, op: OpBackupExport, plan: Export) -> list[object]:
    """Export an instance; return whether that was finished, and for each disk copied. Switches.

    Raises:
        OpExecError: it was not, or the instance could not be started again or removed.
    """
    instance = plan.guest.instance
    if op.shutdown:
        _stop(work, op, plan)
    if plan.zeroing_s is not None:
        _zero(work, op, plan, plan.zeroing_s)
    if instance.disks_active:
        copied = _copied(work, op, plan)
    else:
        # A helper may have left them up, but nobody else needs them.
        work.say(f"Activating disks for {instance.name}")
        instance_disks.start(work, instance.uuid, force=False, hint=False)
        with at_the_end(partial(_deactivate, work, instance)):
            copied = _copied(work, op, plan)
    _check(copied)
    if op.remove_instance:
        _remove(work, op, instance)
    if plan.target is not None:
        _remove_older(work, instance, plan.target)
    return [copied.finished, copied.disks]


def _stop(work: Work, op: OpBackupExport, plan: Export) -> None:
    instance, node = plan.guest.instance, plan.guest.node
    work.say(f"Shutting down instance {instance.name}")
    result = instances.shut_down(
        work.rpc,
        work.config.snapshot(),
        node,
        instance,
        timeout_s=op.shutdown_timeout,
        reason=op.reason,
    )
    result.raise_(f"Could not shutdown instance {instance.name} on node {node.name}")


def _zero(work: Work, op: OpBackupExport, plan: Export, bound_s: float) -> None:
    """Have a helper overwrite what the file systems of an instance do not use. Switches.

    Raises:
        OpExecError: it did not, or not within `bound_s`.
    """
    helper = Helper(
        image=work.config.snapshot().cluster.zeroing_image,
        about="Zeroing free disk space",
        startup_s=op.shutdown_timeout,
        work_s=bound_s,
        reason=op.reason,
    )
    helper_vm.run(work, guest.now(work.config, plan.guest.instance.uuid), helper)


def _deactivate(work: Work, instance: Instance) -> None:
    work.say(f"Deactivating disks for {instance.name}")
    instance_disks.shut_down(work, instance.uuid)


# --- copying --------------------------------------------------------------------------------------


def _copied(work: Work, op: OpBackupExport, plan: Export) -> _Copied:
    """Copy the disks, and have the instance run again. Switches."""
    there = _disks(work, plan.guest.instance)
    snapshots = Snapshots(work, plan.guest, there)
    made = _snapshots(op, plan, snapshots)
    with at_the_end(snapshots.remove_all):
        if starts_again(op, plan) and made is not None:
            _start(work, op, plan)
        if plan.sending is not None:
            ends = [
                (disk, partial(snapshots.remove, index))
                for index, disk in enumerate(there if made is None else made)
            ]
            at = (guest.now(work.config, plan.guest.instance.uuid), plan.guest.node)
            copied = _Copied(True, remote.send(work, at, plan.sending, op.compress, ends))
        else:
            copied = _to_node(work, op, plan, made, snapshots)
        if starts_again(op, plan) and made is None:
            _start(work, op, plan)
    return copied


def _disks(work: Work, instance: Instance) -> list[Disk]:
    config = work.config.snapshot()
    there = disks.of(config, guest.now(work.config, instance.uuid))
    return [disk for disk in there if isinstance(disk, Disk)]


def _snapshots(op: OpBackupExport, plan: Export, snapshots: Snapshots) -> list[Disk] | None:
    """Return snapshots of the disks, None where the disks themselves are to be read. Switches.

    Raises:
        OpExecError: there are none, and the instance may not be kept from running for so long.
    """
    if op.remove_instance or plan.guest.instance.admin_state != "up":
        return None
    made = snapshots.make()
    if made is None and not op.shutdown:
        raise OpExecError("Not all disks could be snapshotted, and a live export was asked for")
    if made is None and not op.long_sleep:
        raise OpExecError(
            "Not all disks could be snapshotted, and the instance may not stay down for as long as"
            " the copying takes without the option --long-sleep"
        )
    return made


def _start(work: Work, op: OpBackupExport, plan: Export) -> None:
    """Start the instance again. Switches.

    Raises:
        OpExecError: it does not start; its disks are down then.
    """
    instance = guest.now(work.config, plan.guest.instance.uuid)
    work.say(f"Starting instance {instance.name}")
    result = instances.start(
        work.rpc,
        work.config.snapshot(),
        plan.guest.node,
        instance,
        paused=False,
        reason=op.reason,
    )
    if result.warn("Failed to start instance", work.say):
        instance_disks.shut_down(work, instance.uuid)
        raise OpExecError(f"Could not start instance: {result.error}")


def _to_node(
    work: Work,
    op: OpBackupExport,
    plan: Export,
    made: Sequence[Disk] | None,
    snapshots: Snapshots,
) -> _Copied:
    """Copy the disks to a node of this cluster, and have it describe them. Switches."""
    assert plan.target is not None, "the export stays within the cluster"
    instance = guest.now(work.config, plan.guest.instance.uuid)
    directory = work.paths.export_dir / f"{instance.name}.new"
    there = _disks(work, instance) if made is None else made
    label = "disk" if made is None else "snapshot"
    transfers = [
        DiskTransfer(
            f"{label}/{index}",
            moving.disk_end(instance, disk, index),
            FileEnd(posixpath.join(directory, disk.uuid)),
            partial(snapshots.remove, index),
        )
        for index, disk in enumerate(there)
    ]
    way = (plan.guest.node, plan.target)
    results = moving.between_nodes(work, instance, way, op.compress, transfers)
    about = f"instance {instance.name} on node {plan.target.name}"
    if not all(results):
        work.say.warning(
            f"Some disks were not exported, of which there may be data left of {about}"
        )
        return _Copied(False, results)
    work.say(f"Finalizing export on {plan.target.name}")
    config = work.config.snapshot()
    result = imports.finish_export(work.rpc, config, plan.target, instance, there)
    failed = result.warn(f"Could not finalize export of {about}", work.say.warning)
    return _Copied(not failed, results)


def _check(copied: _Copied) -> None:
    """Go on only with a whole export.

    Raises:
        OpExecError: it is none.
    """
    failed = [] if copied.finished else ["export finalization"]
    missing = [str(index) for index, well in enumerate(copied.disks) if not well]
    if missing:
        failed.append(f"disk export: disk(s) {', '.join(missing)}")
    if failed:
        raise OpExecError(f"Export failed, errors in {', '.join(failed)}")


# --- afterwards -----------------------------------------------------------------------------------


def _remove(work: Work, op: OpBackupExport, instance: Instance) -> None:
    """Remove the instance, which has become an export. Switches.

    Raises:
        OpExecError: its disks do not go; it stays then.
    """
    work.say(f"Removing instance {instance.name}")
    if not instance_disks.remove(work, instance):
        if not op.ignore_remove_failures:
            raise OpExecError("Can't remove instance's disks")
        work.say("Warning: can't remove instance's disks")
    work.config.update(lambda draft: instance_record.forget(draft, instance.uuid))


def _remove_older(work: Work, instance: Instance, target: Node) -> None:
    """Remove exports of the instance from all nodes but the one that has it now. Switches."""
    others = [node for node in work.config.snapshot().nodes.values() if node.uuid != target.uuid]
    if not others:
        return
    work.say(f"Removing old exports for instance {instance.name}")
    results = imports.exports(work.rpc, others)
    for node in others:
        result = results[node.uuid]
        there: Any = result.payload if result.ok else ()
        if instance.name in there:
            removed = imports.remove_export(work.rpc, node, instance.name)
            removed.warn(
                f"Could not remove older export for instance {instance.name} on node {node.name}",
                work.say.warning,
            )
