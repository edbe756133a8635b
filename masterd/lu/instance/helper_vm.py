"""A helper works on an instance's disks: a machine that boots in the place of the instance.

The instance is stopped. A temporary disk goes in front of its own, is filled with the helper's
image, and the instance is started from it; the helper has done its work as soon as it does not run
any more. Then the temporary disk goes, and the instance's own stay up. The instance is locked
meanwhile. All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_helpervm.py, instance_storage.py (TemporaryDisk),
common.py (DetermineImageSize): order of calls, pauses, what is told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config import images
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE
from masterd.config.node import Node
from masterd.config.transaction import Draft
from masterd.errors import GanetiError, OpExecError
from masterd.lu.disks import assembly, creation
from masterd.lu.disks.creation import Made
from masterd.lu.instance import guest, record
from masterd.node import files, instances
from masterd.node.instances import Trail
from masterd.work.work import Work

#: Seconds that a helper may take to boot, and to do its work. Source: constants HELPER_VM_*.
STARTUP_S: Final = 300
WORK_S: Final = 7200

#: What a helper boots from.
_TEMPLATE: Final = "plain"
#: Seconds between two looks whether it runs, and whether it still does.
_STARTUP_PAUSE_S: Final = 5.0
_WORK_PAUSE_S: Final = 20.0
#: Seconds that an instance gets to stop. Source: constants DEFAULT_SHUTDOWN_TIMEOUT.
_STOP_S: Final = 120

_MIB: Final = 1024 * 1024

_Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """What boots in the place of an instance.

    Attributes:
        image: path on the primary node, or URL.
        about: what it does; begins each line of the job's log.
        startup_s: seconds in which it has to run.
        work_s: seconds after which it is stopped, and has failed.
        reason: why, as nodes are told.
    """

    image: str
    about: str
    startup_s: float = STARTUP_S
    work_s: float = WORK_S
    reason: Trail = ()


def run(work: Work, instance: Instance, helper: Helper) -> None:
    """Have a helper work on the disks of an instance, which is down afterwards, its disks up.

    Args:
        instance: as nodes are to be told of it; its parameters for the operating system may have
            more than is recorded, which the helper gets.

    Raises:
        OpExecError: it could not be made or did not end well; its disk is gone, as far as nodes and
            the configuration did it, and the job's log says what is not.
    """

    def tell(text: str) -> None:
        work.say(f"{helper.about}: {text}")

    node = work.config.snapshot().nodes[instance.primary_node]
    _check_template(work)
    size_mib = _size_mib(work, node, helper.image)
    made = _put_in(work, instance, helper, size_mib, tell)
    try:
        _boot(work, instance, helper, made, tell)
        _await_end(work, instance, helper, tell)
    except GanetiError:
        tell("That failed; removing the temporary disk")
        _take_out(work, instance, helper, made, tell)
        raise
    tell("Removing the temporary disk")
    _take_out(work, instance, helper, made, tell)
    tell("The helper has done its work")


# --- its disk -------------------------------------------------------------------------------------


def _check_template(work: Work) -> None:
    enabled = work.config.snapshot().cluster.enabled_disk_templates
    if _TEMPLATE not in enabled:
        raise OpExecError(
            f"A helper needs a disk of template '{_TEMPLATE}', which is not enabled in the cluster;"
            f" enabled are: {', '.join(enabled)}"
        )


def _size_mib(work: Work, node: Node, image: str) -> int:
    """Return the size of an image in whole MiB."""
    if images.is_url(image):
        size = work.probe.size_bytes(image)
    else:
        result = files.info(work.rpc, node, image)
        result.raise_(f"Could not determine size of file '{image}'")
        told: Any = result.payload
        there, state = told
        if not there:
            raise OpExecError(f"Could not open file '{image}' on node {node.name}")
        size = state["size"]
    return -(-size // _MIB)


def _put_in(work: Work, instance: Instance, helper: Helper, size_mib: int, tell: _Tell) -> Made:
    """Stop an instance, and make a disk in front of its own."""
    tell("Stopping the instance")
    _stop(work, instance, helper)
    if instance.disks_active:
        tell("Taking its disks down")
        assembly.shut_down(work, instance.uuid)
    tell("Making a temporary disk")
    uuid = work.new_uuid()
    group = work.config.snapshot().cluster.volume_group_name or ""
    disk = Disk(
        logical_id=(group, uuid),
        dev_type=_TEMPLATE,
        nodes=(),
        iv_name="",
        size=size_mib,
        params={},
        uuid=uuid,
        serial_no=1,
    )
    made = creation.create(work, instance, [disk])

    def change(draft: Draft) -> None:
        owner = draft.require(INSTANCE, instance.uuid)
        draft.put(disk)
        record.put_disks(draft, owner, (uuid, *owner.disks))

    try:
        work.config.update(change)
    except GanetiError:
        creation.undo(work, instance, made)
        raise
    tell("The temporary disk is there")
    recorded = work.config.snapshot().disks[uuid]
    assert isinstance(recorded, Disk), "it has just been put there"
    return Made(made[0].node, recorded)


def _take_out(work: Work, instance: Instance, helper: Helper, made: Made, tell: _Tell) -> None:
    """Stop the helper, if it still runs, and remove its disk."""
    gone = made.disk.uuid

    def change(draft: Draft) -> None:
        owner = draft.require(INSTANCE, instance.uuid)
        record.put_disks(draft, owner, tuple(each for each in owner.disks if each != gone))
        draft.remove(DISK, gone)

    try:
        tell("Stopping the instance")
        _stop(work, guest.now(work.config, instance.uuid), helper)
        creation.undo(work, instance, [made])
        work.config.update(change)
    except GanetiError:
        where = f"{'/'.join(map(str, made.disk.logical_id))} on node {made.node.name}"
        tell(f"The temporary disk could not be removed; by hand: {where}")
        raise
    tell("The temporary disk is gone")


def _stop(work: Work, instance: Instance, helper: Helper) -> None:
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    result = instances.shut_down(
        work.rpc, config, node, instance, timeout_s=_STOP_S, reason=helper.reason
    )
    result.raise_(f"Could not stop instance '{instance.name}' for its temporary disk")


# --- its life -------------------------------------------------------------------------------------


def _boot(work: Work, instance: Instance, helper: Helper, made: Made, tell: _Tell) -> None:
    tell("Bringing the disks up")
    assembly.start(work, instance.uuid, force=False)
    now = guest.now(work.config, instance.uuid)
    tell(f"Writing image {helper.image} onto the temporary disk")
    creation.image(work, now, made.disk, helper.image)
    tell("Starting the helper")
    now = _as_helper(work, instance)
    result = instances.start(
        work.rpc, work.config.snapshot(), made.node, now, paused=False, reason=helper.reason
    )
    result.raise_(f"{helper.about}: could not start the helper with image {helper.image}")
    if not _becomes(work, now, running=True, pause_s=_STARTUP_PAUSE_S, limit_s=helper.startup_s):
        raise OpExecError(f"{helper.about}: the helper with image {helper.image} does not boot")
    tell("The helper is up")


def _await_end(work: Work, instance: Instance, helper: Helper, tell: _Tell) -> None:
    tell("Waiting for the helper's end")
    now = _as_helper(work, instance)
    if _becomes(work, now, running=False, pause_s=_WORK_PAUSE_S, limit_s=helper.work_s):
        return
    work.say.warning(f"{helper.about}: the helper has not ended in time and is stopped")
    config = work.config.snapshot()
    result = instances.shut_down(
        work.rpc,
        config,
        config.nodes[now.primary_node],
        now,
        timeout_s=_STOP_S,
        reason=helper.reason,
    )
    result.raise_(f"{helper.about}: could not stop the helper with image {helper.image}")
    raise OpExecError(f"{helper.about}: the helper with image {helper.image} has not ended in time")


def _as_helper(work: Work, instance: Instance) -> Instance:
    """Return an instance as it is recorded, but with the parameters that the helper gets."""
    now = guest.now(work.config, instance.uuid)
    return msgspec.structs.replace(now, osparams=instance.osparams)


def _becomes(
    work: Work, instance: Instance, *, running: bool, pause_s: float, limit_s: float
) -> bool:
    """Wait until an instance runs, or does not; return whether that is so in the end."""
    until_s = work.clock.monotonic_s() + limit_s
    while True:
        if guest.is_running(work, instance) is running:
            return True
        if work.clock.monotonic_s() >= until_s:
            return False
        work.sleep(pause_s)
