"""OP_INSTANCE_SHUTDOWN, OP_INSTANCE_STARTUP, OP_INSTANCE_REBOOT: whether an instance runs.

Source: Ganeti 3.0.2 lib/cmdlib/instance_operation.py (checks, order, texts); prereqs.json,
rpc_flow.json.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from masterd.config import hypervisor_rules
from masterd.config.objects import FreeParams
from masterd.config.params import fill_free
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.instance import params
from masterd.instance.view import InstanceView
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.instance import guest
from masterd.lu.instance.guest import Guest
from masterd.node import instances
from masterd.node.instances import Trail
from masterd.opcodes.instance_life import OpInstanceReboot, OpInstanceShutdown, OpInstanceStartup
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath
from masterd.work.work import Work

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
        stop(self.work, Guest(instance, plan.node), self.op.timeout, self.op.reason)


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started, and how.

    Attributes:
        hvparams: hypervisor parameters for this run alone.
        beparams: backend parameters likewise.
        stopped_inside: whether its user has shut it down, so that its remains must go first.
    """

    guest: Guest
    hvparams: FreeParams
    beparams: FreeParams
    stopped_inside: bool


class LUInstanceStartup(LogicalUnit[OpInstanceStartup, Start]):
    """Starts an instance with its disks, and remembers that it is to be up."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-start", _KIND)

    def check_arguments(self) -> None:
        self._backend_params()

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Start:
        found = guest.find(config, self.op)
        hvparams: FreeParams = {}
        if self.op.hvparams:
            rules = self.work.dialect.hypervisor_rules
            hvparams = hypervisor_rules.typed_params(rules, self.op.hvparams)
            filled = fill_free(InstanceView(config, found.instance).whole_hv_params, hvparams)
            guest.check_hypervisor_params(self.work, config, found.instance, filled)
        guest.check_admin_state(found.instance, guest.ONLINE, None)
        stopped_inside = False
        if found.node.offline and self.op.ignore_offline_nodes:
            self.work.say.warning("Ignoring offline primary node")
            if self.op.hvparams or self.op.beparams:
                self.work.say.warning("Overridden parameters are ignored")
        else:
            stopped_inside = self._check_room(config, found)
        return Start(found, hvparams, self._backend_params(), stopped_inside)

    def _check_room(self, config: ConfigSnapshot, found: Guest) -> bool:
        """Check that the node can run it; return whether its user has shut it down. Switches."""
        guest.check_online(found.node)
        guest.check_bridges(self.work, config, found)
        result = guest.ask(self.work, config, found)
        result.raise_(f"Error checking node {found.node.name}", prereq=True, code=ECode.ENVIRON)
        if not result.payload:
            own = InstanceView(config, found.instance).be_params.minmem
            wanted: Any = self._backend_params().get("minmem", own)
            guest.check_memory(self.work, config, found, wanted)
        return guest.was_stopped_inside(config, found.instance, result.payload)

    def _backend_params(self) -> dict[str, object]:
        """Return the opcode's backend parameters; their old name for both bounds of memory counts.

        Raises:
            TypeEnforcementError: one is unknown, or its value none for its type.
        """
        return params.given_backend(self.op.beparams)

    def hooks(self, plan: Start, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.guest.instance.uuid], self.op)

    def describe(self, plan: Start) -> Description:
        name, node = plan.guest.instance.name, plan.guest.node
        said = [] if self.op.no_remember else [f"Record that instance {name} is to be up"]
        if node.offline:
            return said
        if plan.stopped_inside:
            said.append(f"Clean up after instance {name}, which its user has shut down")
        return [*said, f"Bring the disks of instance {name} up and start it on node {node.name}"]

    def execute(self, plan: Start) -> None:
        instance, node = plan.guest.instance, plan.guest.node
        if not self.op.no_remember:
            instance = guest.record(self.work.config, instance.uuid, state="up", disks_active=True)
        if node.offline:
            self.work.say.info("Primary node offline, marked instance as started")
            return
        if plan.stopped_inside:
            stop(self.work, Guest(instance, node), self.op.shutdown_timeout, self.op.reason)
        instance_disks.start(self.work, instance.uuid, force=self.op.force)
        result = instances.start(
            self.work.rpc,
            self.work.config.snapshot(),
            node,
            guest.now(self.work.config, instance.uuid),
            paused=self.op.startup_paused,
            reason=self.op.reason,
            hvparams=plan.hvparams,
            beparams=plan.beparams,
        )
        if not result.ok:
            instance_disks.shut_down(self.work, instance.uuid)
            result.raise_(f"Could not start instance '{instance.name}'")


def stop(work: Work, stopped: Guest, timeout_s: int, reason: Trail, told: str = "") -> None:
    """Stop an instance and take its disks down. Switches.

    Raises:
        RpcError: it did not stop; then nothing is done to its disks.
    """
    instance = stopped.instance
    result = instances.shut_down(
        work.rpc,
        work.config.snapshot(),
        stopped.node,
        instance,
        timeout_s=timeout_s,
        reason=reason,
    )
    result.raise_(told or f"Could not shutdown instance '{instance.name}'")
    instance_disks.shut_down(work, instance.uuid)


class LUInstanceReboot(LogicalUnit[OpInstanceReboot, Guest]):
    """Restarts an instance: from inside, by its hypervisor, or whole with its disks.

    One that does not run is started, whatever was asked for, and recorded as up.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-reboot", _KIND)

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        guest.check_admin_state(found.instance, guest.ONLINE, None)
        guest.check_online(found.node)
        guest.check_bridges(self.work, config, found)
        return found

    def hooks(self, plan: Guest, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.instance.uuid], self.op)

    def describe(self, plan: Guest) -> Description:
        name, node = plan.instance.name, plan.node.name
        how = self.op.reboot_type
        return [
            f"Reboot instance {name} on node {node} ({how}), or start it where it does not run",
            f"Record that instance {name} is to be up",
        ]

    def execute(self, plan: Guest) -> None:
        config = self.work.config.snapshot()
        result = guest.ask(self.work, config, plan)
        result.raise_(f"Error checking node {plan.node.name}")
        if result.payload and self.op.reboot_type != "full":
            answer = instances.reboot(
                self.work.rpc,
                config,
                plan.node,
                plan.instance,
                self.op.reboot_type,
                timeout_s=self.op.shutdown_timeout,
                reason=self.op.reason,
            )
            answer.raise_("Could not reboot instance")
        else:
            self._start_anew(plan, running=bool(result.payload))
        guest.record(self.work.config, plan.instance.uuid, state="up", disks_active=True)

    def _start_anew(self, plan: Guest, *, running: bool) -> None:
        """Stop an instance if it runs, and start it. Switches."""
        if running:
            told = "Could not shutdown instance for full reboot"
            stop(self.work, plan, self.op.shutdown_timeout, self.op.reason, told)
        else:
            self.work.say.info(f"Instance {plan.instance.name} was already stopped, starting now")
        uuid = plan.instance.uuid
        instance_disks.start(self.work, uuid, force=self.op.ignore_secondaries)
        result = instances.start(
            self.work.rpc,
            self.work.config.snapshot(),
            plan.node,
            guest.now(self.work.config, uuid),
            paused=False,
            reason=self.op.reason,
        )
        if not result.ok:
            instance_disks.shut_down(self.work, uuid)
            raise OpExecError(f"Could not start instance for full reboot: {result.error}")
