"""The instance is stopped at one node, if it is there at all, and started at the other.

This is what is done when a node has died: nothing that the dead node fails to do may keep the
instance from running again, where that node is marked offline or the opcode says so.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py, _ExecFailover (order, texts).
"""

from masterd.config.instance import ForthcomingInstance
from masterd.errors import OpExecError
from masterd.instance import disks
from masterd.instance.migration import Mirroring
from masterd.lu.disks import assembly, consistency
from masterd.lu.moves import starting
from masterd.lu.moves.both_ends import BothEnds, record_primary
from masterd.lu.moves.switch import Switch
from masterd.node import instances
from masterd.work.work import Work


def run(work: Work, plan: Switch) -> None:
    """Carry a failover out. Switches.

    Raises:
        OpExecError: it failed; what was recorded says where the instance belongs by then.
    """
    say, instance = work.say, plan.instance
    say(f"Failover instance {instance.name}")
    if isinstance(instance, ForthcomingInstance):
        say("Instance is forthcoming, just updating the configuration")
        record_primary(work.config, instance.uuid, plan.target)
        return
    _check_copies(work, plan)
    _stop(work, plan)
    if plan.mirroring is Mirroring.OUTSIDE:
        BothEnds(work, plan).close(plan.source)
    say("* deactivating the instance's disks on source node")
    if not assembly.shut_down(work, instance.uuid, primary_counts=False):
        raise OpExecError("Can't shut down the instance's disks")
    record_primary(work.config, instance.uuid, plan.target)
    if instance.admin_state == "up":
        target = plan.target
        say(f"* activating the instance's disks on target node {target.name}")
        told = f"* starting the instance on the target node {target.name}"
        starting.start(work, instance.uuid, target, plan.reason, told)


def _check_copies(work: Work, plan: Switch) -> None:
    """Look whether the target has whole copies of disks that are in use. Switches.

    Raises:
        OpExecError: it has not, and the source may still be asked for what they lack.
    """
    say, source, target = work.say, plan.source, plan.target
    if not plan.instance.disks_active:
        say("* not checking disk consistency as instance is not running")
        return
    say("* checking disk consistency between source and target")
    config = work.config.snapshot()
    for index, disk in enumerate(disks.of(config, plan.instance)):
        if consistency.is_whole(work, config, plan.instance, disk, target):
            continue
        if source.offline:
            say(
                f"Node {source.name} is offline, ignoring degraded disk {index} on target node"
                f" {target.name}"
            )
        elif not plan.leave.for_copies:
            raise OpExecError(f"Disk {index} is degraded on target node, aborting failover")


def _stop(work: Work, plan: Switch) -> None:
    """Stop the instance at the source. Switches.

    Raises:
        OpExecError: it may still run there.
    """
    source, name = plan.source, plan.instance.name
    work.say("* shutting down instance on source node")
    result = instances.shut_down(
        work.rpc,
        work.config.snapshot(),
        source,
        plan.instance,
        timeout_s=plan.leave.shutdown_timeout_s,
        reason=plan.reason,
    )
    if result.ok:
        return
    if not plan.leave.for_copies and not source.offline:
        raise OpExecError(
            f"Could not shutdown instance {name} on node {source.name}: {result.error}"
        )
    work.say.warning(
        f"Could not shutdown instance {name} on node {source.name}, proceeding anyway; please make"
        f" sure node {source.name} is down; error details: {result.error}"
    )
