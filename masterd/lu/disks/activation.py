"""OP_INSTANCE_ACTIVATE_DISKS and OP_INSTANCE_DEACTIVATE_DISKS: an instance's disks by themselves.

As in the reference, nodes are not locked: the instance's lock keeps others from its disks.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (checks, order, texts).
"""

from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import sync as disk_sync
from masterd.lu.instance import guest
from masterd.lu.instance.guest import Guest
from masterd.opcodes.instance_disks import OpInstanceActivateDisks, OpInstanceDeactivateDisks
from masterd.work.base import Description, Locks, LogicalUnit


class LUInstanceActivateDisks(LogicalUnit[OpInstanceActivateDisks, Guest]):
    """Brings an instance's disks up and tells where they are on its primary node."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        guest.check_online(found.node)
        return found

    def describe(self, plan: Guest) -> Description:
        return [f"Bring the disks of instance {plan.instance.name} up"]

    def execute(self, plan: Guest) -> list[list[str | None]]:
        uuid = plan.instance.uuid
        assembled = instance_disks.assemble(self.work, uuid, ignore_size=self.op.ignore_size)
        if not assembled.well:
            raise OpExecError("Cannot activate block devices")
        if self.op.wait_for_sync and not disk_sync.wait(self.work, plan.instance):
            guest.record(self.work.config, uuid, disks_active=False)
            raise OpExecError("Some disks of the instance are degraded!")
        return [list(device) for device in assembled.devices]


class LUInstanceDeactivateDisks(LogicalUnit[OpInstanceDeactivateDisks, Guest]):
    """Takes the disks of an instance down that does not run, or by force of any."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return guest.lock(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        if not self.op.force:
            guest.check_not_running(self.work, config, found, "cannot shutdown disks")
        return found

    def describe(self, plan: Guest) -> Description:
        return [f"Take the disks of instance {plan.instance.name} down"]

    def execute(self, plan: Guest) -> None:
        instance_disks.shut_down(self.work, plan.instance.uuid)
