"""An instance started at the node where it belongs since it was moved.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py and instance.py (order, texts).
"""

from masterd.config.node import Node
from masterd.errors import OpExecError
from masterd.lu.disks import assembly
from masterd.lu.instance import guest
from masterd.node import instances
from masterd.node.instances import Trail
from masterd.work.work import Work


def start(work: Work, uuid: str, target: Node, reason: Trail, told: str | None = None) -> None:
    """Bring the disks of an instance up and start it, whatever its other node does. Switches.

    Args:
        told: is said in between.

    Raises:
        OpExecError: it does not start; its disks were taken down again.
    """
    if not assembly.assemble(work, uuid, ignore_secondaries=True).well:
        assembly.shut_down(work, uuid)
        raise OpExecError("Can't activate the instance's disks")
    if told is not None:
        work.say(told)
    instance = guest.now(work.config, uuid)
    config = work.config.snapshot()
    result = instances.start(work.rpc, config, target, instance, paused=False, reason=reason)
    if not result.ok:
        assembly.shut_down(work, uuid)
        raise OpExecError(
            f"Could not start instance {instance.name} on node {target.name}: {result.error}"
        )
