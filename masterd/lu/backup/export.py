"""OP_BACKUP_EXPORT: an instance is written to a node of this cluster, or sent to another one.

`exporting` does the work.

Source: Ganeti 3.0.2 lib/cmdlib/backup.py, LUBackupExport (checks, order, locks, hooks);
prereqs.json.
"""

from datetime import UTC, datetime
from typing import ClassVar, Final

from masterd.config.instance import Instance
from masterd.config.node import Node
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.instance import disks, hook_env
from masterd.instance.view import InstanceView
from masterd.lock.levels import ALL, LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.backup import exporting, handover, moving, secret
from masterd.lu.backup.exporting import Export
from masterd.lu.backup.remote import Sending
from masterd.lu.instance import guest, helper_vm
from masterd.lu.instance import remove as instance_remove
from masterd.opcodes.backup import OpBackupExport
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KVM: Final = "kvm"
_FROM_DISK: Final = "disk"
_MICROSECONDS: Final = 1_000_000
#: Seconds that zeroing may take at any rate, and for each MiB. Source: constants
#: HELPER_VM_STARTUP, ZEROING_TIMEOUT_PER_MIB.
_ZEROING_S: Final = helper_vm.STARTUP_S
_ZEROING_S_PER_MIB: Final = 0.05


class LUBackupExport(LogicalUnit[OpBackupExport, Export]):
    """Copies the disks of an instance, which is stopped for that or has snapshots made of them.

    Within the cluster the copy becomes the instance's export, and its older ones are removed.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-export", "INSTANCE")

    def check_arguments(self) -> None:
        op = self.op
        if op.mode == "remote":
            if not op.x509_key_name:
                raise OpPrereqError("Missing X509 key name for encryption", ECode.INVAL)
            if not op.destination_x509_ca:
                raise OpPrereqError("Missing destination X509 CA", ECode.INVAL)
        if op.zero_free_space and not op.compress:
            raise OpPrereqError("Zeroing free space is of no use without compression")
        if op.zero_free_space and not op.shutdown:
            raise OpPrereqError("Free space is zeroed only while the instance is shut down")

    # --- locks --------------------------------------------------------------------------------

    def needs(self, config: ConfigSnapshot) -> Locks:
        locks = guest.lock(config, self.op)
        if self.op.mode == "local":
            self._target(config)
            # An older export may be on any of them.
            return {**locks, LockLevel.NODE: LockRequest(ALL)}
        if self.op.zero_free_space:
            # A disk is made there meanwhile.
            primary = guest.find(config, self.op).node.uuid
            return {**locks, LockLevel.NODE: LockRequest(frozenset({primary}))}
        return locks

    def _target(self, config: ConfigSnapshot) -> Node:
        """Return the node that gets an export within the cluster."""
        name = self.op.target_node
        if not isinstance(name, str):
            raise OpPrereqError("An export within the cluster goes to one node", ECode.INVAL)
        return names.node(config, name, self.op.target_node_uuid)

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Export:
        op = self.op
        found = guest.find(config, op)
        guest.check_online(found.node)
        if op.remove_instance and found.instance.admin_state == "up" and not op.shutdown:
            raise OpPrereqError(
                "Can not remove instance without shutting it down before", ECode.STATE
            )
        target = sending = None
        if op.mode == "local":
            target = self._target(config)
            guest.check_online(target)
            if target.drained:
                raise OpPrereqError(f"Can't use drained node: {target.name}", ECode.STATE)
        else:
            sending = self._sending(found.instance)
        zeroing_s = self._zeroing_s(config, found.instance)
        if op.long_sleep and not op.shutdown:
            raise OpPrereqError(
                "The long sleep option only makes sense when the instance can be shut down",
                ECode.INVAL,
            )
        moving.check_tool(config, op.compress)
        if op.remove_instance:
            instance_remove.check_templates(config, disks.of(config, found.instance))
        told = self._hooked(config, found.instance, found.node, target)
        return Export(found, told, target, sending, zeroing_s)

    def _sending(self, instance: Instance) -> Sending:
        """Return how disks go to another cluster, as far as that can be believed. Switches.

        Raises:
            OpPrereqError: it cannot.
        """
        op, targets = self.op, self.op.target_node
        if isinstance(targets, str) or len(targets) != len(instance.disks):
            count = 0 if isinstance(targets, str) else len(targets)
            raise OpPrereqError(
                f"Received destination information for {count} disks, but instance"
                f" {instance.name} has {len(instance.disks)} disks",
                ECode.INVAL,
            )
        domain = secret.read(self.work)
        now = datetime.fromtimestamp(self.work.clock.now_us() / _MICROSECONDS, UTC)
        told = "X509 key name"
        try:
            key = handover.key_name(domain, op.x509_key_name or ())
            told = "Destination X509 CA"
            ca_pem = handover.certificate(domain, op.destination_x509_ca or "", now)
            destinations = []
            for index, target in enumerate(targets):
                told = f"Target info for disk {index}"
                destinations.append(handover.destination(domain, index, target))
        except ValueError as error:
            raise OpPrereqError(f"{told}: {error}", ECode.INVAL) from error
        return Sending(key=key, ca_pem=ca_pem, destinations=destinations)

    def _zeroing_s(self, config: ConfigSnapshot, instance: Instance) -> float | None:
        """Return how long zeroing the free space may take; None where that is not wanted.

        Raises:
            OpPrereqError: the instance cannot be used for it.
        """
        fixed, per_mib = self.op.zeroing_timeout_fixed, self.op.zeroing_timeout_per_mib
        if not self.op.zero_free_space:
            if fixed is not None or per_mib is not None:
                raise OpPrereqError(
                    "Zeroing timeout options can only be used only with the --zero-free-space"
                    " option",
                    ECode.INVAL,
                )
            return None
        params = InstanceView(config, instance).whole_hv_params
        if instance.hypervisor == _KVM and not params.get("user_shutdown"):
            raise OpPrereqError(
                "Instance shutdown detection must be enabled for zeroing to work", ECode.INVAL
            )
        if params.get("boot_order", _FROM_DISK) != _FROM_DISK:
            raise OpPrereqError("Booting from disk must be set for zeroing to work", ECode.INVAL)
        if not config.cluster.zeroing_image:
            raise OpPrereqError("A zeroing image must be set for zeroing to work", ECode.INVAL)
        size_mib = sum(disk.size or 0 for disk in disks.of(config, instance))
        return (_ZEROING_S if fixed is None else fixed) + size_mib * (
            _ZEROING_S_PER_MIB if per_mib is None else per_mib
        )

    # --- what is told -------------------------------------------------------------------------

    def _hooked(
        self, config: ConfigSnapshot, instance: Instance, primary: Node, target: Node | None
    ) -> Hooked:
        decided = {} if target is None else {"target_node": target.name}
        env = {
            **hook_env.asked(self.op, **decided),
            **hook_env.instance_env(config, hook_env.subject(config, instance)),
        }
        uuids = [config.cluster.master_node, primary.uuid]
        if target is not None:
            uuids.append(target.uuid)
        nodes = tuple(dict.fromkeys(uuids))
        return Hooked(env, nodes, nodes)

    def hooks(self, plan: Export, config: ConfigSnapshot) -> Hooked:
        # Afterwards the instance may be gone.
        return plan.told

    def describe(self, plan: Export) -> Description:
        name, op = plan.guest.instance.name, self.op
        where = "another cluster" if plan.target is None else plan.target.name
        said = [f"Stop instance {name}"] if op.shutdown else []
        if plan.zeroing_s is not None:
            said.append("Overwrite the free space of its disks with zeros")
        said.append(f"Copy its {len(plan.guest.instance.disks)} disks to {where}")
        if exporting.starts_again(op, plan):
            said.append(f"Start instance {name} again")
        if op.remove_instance:
            said.append(f"Remove instance {name}")
        if plan.target is not None:
            said.append(f"Remove its older exports from all nodes but {plan.target.name}")
        return said

    def execute(self, plan: Export) -> list[object]:
        return exporting.export(self.work, self.op, plan)
