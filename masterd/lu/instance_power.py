"""OP_INSTANCE_SHUTDOWN: an instance stops.

Source: Ganeti 3.0.2 lib/cmdlib/instance_operation.py (checks, order, texts); prereqs.json,
rpc_flow.json.
"""

from typing import ClassVar, Final

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpPrereqError
from masterd.lu import guest, instance_disks
from masterd.lu.guest import Guest
from masterd.node import instances
from masterd.opcodes.instance_life import OpInstanceShutdown
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "INSTANCE"


class LUInstanceShutdown(LogicalUnit[OpInstanceShutdown, Guest]):
    """Stops an instance, takes its disks down, and remembers that it is to be down."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-stop", _KIND)

    def check_arguments(self) -> None:
        if self.op.no_remember and self.op.admin_state_source is not None:
            self.work.say.warning(
                "Parameter 'admin_state_source' has no effect if used with parameter 'no_remember'"
            )

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        if self.op.force:
            self.work.say.warning("Ignoring offline instance check")
        else:
            guest.check_admin_state(found.instance, guest.ONLINE, None)
        if found.node.offline and self.op.ignore_offline_nodes:
            self.work.say.warning("Ignoring offline primary node")
        else:
            guest.check_online(found.node)
        if self.op.admin_state_source == "user":
            self._check_stopped_inside(config, found)
        return found

    def _check_stopped_inside(self, config: ConfigSnapshot, found: Guest) -> None:
        result = guest.ask(self.work, config, found)
        result.raise_(f"Error checking instance '{found.instance.name}'", prereq=True)
        if not guest.was_stopped_inside(config, found.instance, result.payload):
            raise OpPrereqError(f"Instance '{found.instance.name}' was not shutdown by the user")

    def hooks(self, plan: Guest, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.instance.uuid], self.op)

    def describe(self, plan: Guest) -> Description:
        name = plan.instance.name
        said = [] if self.op.no_remember else [f"Record that instance {name} is to be down"]
        if plan.node.offline:
            return said
        return [*said, f"Stop instance {name} on node {plan.node.name} and take its disks down"]

    def execute(self, plan: Guest) -> None:
        instance = plan.instance
        # One that is offline stays so, for being down is less than that.
        if not self.op.no_remember and instance.admin_state in guest.ONLINE:
            instance = guest.record(self.work.config, instance.uuid, state="down")
            if self.op.admin_state_source == "user":
                # The node is told of the administrator's state, as the reference tells it.
                guest.record(self.work.config, instance.uuid, state="down", source="user")
        if plan.node.offline:
            self.work.say.info("Primary node offline, marked instance as stopped")
            return
        result = instances.shut_down(
            self.work.rpc,
            self.work.config.snapshot(),
            plan.node,
            instance,
            timeout_s=self.op.timeout,
            reason=self.op.reason,
        )
        result.raise_(f"Could not shutdown instance '{instance.name}'")
        instance_disks.shut_down(self.work, instance.uuid)
