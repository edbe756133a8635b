"""The operating system of a new instance: its scripts fill the disks.

All functions switch.

Source: Ganeti 3.0.2 lib/cmdlib/instance_create.py (RunOsScripts: order, texts).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from masterd.config import images
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.errors import OpExecError
from masterd.instance.new_disks import MIRRORED_INSIDE
from masterd.lu.disks import creation as disk_creation
from masterd.node import hooks, instances
from masterd.opcodes.instance_create import OpInstanceCreate
from masterd.work.work import Work


def install(
    work: Work,
    op: OpInstanceCreate,
    instance: Instance,
    made: Sequence[Disk],
    *,
    secret: Mapping[str, str],
) -> None:
    """Have the operating system's scripts fill the disks, where there is something to fill.

    Args:
        made: the disks that are filled.
        secret: parameters of the operating system that nobody keeps.

    Raises:
        OpExecError: the node has it not, or a script failed.
    """
    node = work.config.snapshot().nodes[instance.primary_node]
    result = hooks.operating_systems(work.rpc, (node,))[node.uuid]
    result.raise_(f"Failed to get OS '{instance.os}'")
    told: Any = result.payload
    name = instance.os.partition("+")[0]
    trusted = next((each[7] for each in told if each[0] == name), None)
    if trusted is None:
        raise OpExecError(f"OS '{instance.os}' is not available in node '{node.name}'")
    if not trusted:
        raise OpExecError(
            f"OS '{instance.os}' is not trusted: its scripts have to run in a machine of their own,"
            " which this master daemon does not make yet"
        )
    if not made or op.no_install or images.of_os(op.osparams) is not None:
        return
    paused = not op.wait_for_sync and any(disk.dev_type in MIRRORED_INSIDE for disk in made)
    if paused:
        work.say("* pausing disk sync to install instance OS")
        disk_creation.set_paused(work, instance, made, pause=True)
    work.say("* running the instance OS create scripts...")
    result = instances.install(
        work.rpc,
        work.config.snapshot(),
        node,
        instance,
        reinstall=False,
        debug=op.debug_level or 0,
        osparams=secret,
    )
    if paused:
        work.say("* resuming disk sync")
        disk_creation.set_paused(work, instance, made, pause=False)
    result.raise_(f"Could not add os for instance {instance.name} on node {node.name}")
