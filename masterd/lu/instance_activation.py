"""OP_INSTANCE_ACTIVATE_DISKS, OP_INSTANCE_DEACTIVATE_DISKS: disks of an instance that does not run.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (checks, order, texts); prereqs.json,
rpc_flow.json.
"""

from typing import Final

from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import disk_sync, guest, instance_disks
from masterd.lu.guest import Guest, NamesInstance
from masterd.opcodes.instance_disks import OpInstanceActivateDisks, OpInstanceDeactivateDisks
from masterd.work.base import Description, Locks, LogicalUnit

_CANNOT: Final = "cannot shutdown disks"

#: Name of the primary node, what a disk is called in its instance, its path on the node.
Device = tuple[str, str, str | None]


class LUInstanceActivateDisks(LogicalUnit[OpInstanceActivateDisks, Guest]):
    """Brings an instance's disks up, and tells where they are; may wait until they are mirrored."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return _with_nodes(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        guest.check_online(found.node)
        return found

    def describe(self, plan: Guest) -> Description:
        said = [f"Bring the disks of instance {plan.instance.name} up"]
        if self.op.wait_for_sync:
            said.append("Wait until both sides of DRBD disks are the same")
        return said

    def execute(self, plan: Guest) -> list[Device]:
        uuid = plan.instance.uuid
        assembled = instance_disks.assemble(self.work, uuid, ignore_size=self.op.ignore_size)
        if not assembled.well:
            raise OpExecError("Cannot activate block devices")
        if self.op.wait_for_sync and not disk_sync.wait(self.work, uuid):
            guest.record(self.work.config, uuid, disks_active=False)
            raise OpExecError("Some disks of the instance are degraded!")
        return assembled.devices


class LUInstanceDeactivateDisks(LogicalUnit[OpInstanceDeactivateDisks, Guest]):
    """Takes an instance's disks down; of one that may run only by force."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        return _with_nodes(config, self.op)

    def check(self, config: ConfigSnapshot) -> Guest:
        found = guest.find(config, self.op)
        if not self.op.force:
            guest.check_stopped(self.work, config, found, _CANNOT)
        return found

    def describe(self, plan: Guest) -> Description:
        return [f"Take the disks of instance {plan.instance.name} down"]

    def execute(self, plan: Guest) -> None:
        instance_disks.shut_down(self.work, plan.instance.uuid)


def _with_nodes(config: ConfigSnapshot, op: NamesInstance) -> Locks:
    """Return the locks on the instance that an opcode names, and on all its nodes."""
    found = guest.find(config, op).instance
    nodes = frozenset(node.uuid for node in nodes_of(config, found))
    return {**guest.lock(config, op), LockLevel.NODE: LockRequest(nodes)}
