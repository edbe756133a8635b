"""OP_INSTANCE_GROW_DISK: a disk of an instance becomes larger.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (LUInstanceGrowDisk: checks, order, texts,
locks); rpc_flow.json, prereqs.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, GanetiError, OpExecError, OpPrereqError
from masterd.instance import disks, policy
from masterd.instance.disks import shown, shown_mib
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks import sync as disk_sync
from masterd.lu.instance import guest, host_checks
from masterd.node import disks as nodes_disks
from masterd.opcodes.instance_disks import OpInstanceGrowDisk
from masterd.rpc.result import RpcResult
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Growth:
    """A disk that grows, and the nodes that have it, the primary one first.

    Attributes:
        exclusive: by uuid of a node, whether it gives whole disks away.
    """

    instance: Instance
    disk: Disk
    more_mib: int
    nodes: Sequence[Node]
    exclusive: Mapping[str, bool]


class LUInstanceGrowDisk(LogicalUnit[OpInstanceGrowDisk, Growth]):
    """Makes a disk larger: first all that is below it, on all nodes, then the disk itself."""

    HOOKS: ClassVar[HookPath | None] = HookPath("disk-grow", "INSTANCE")

    def needs(self, config: ConfigSnapshot) -> Locks:
        found = guest.find(config, self.op).instance
        nodes = LockRequest(frozenset(node.uuid for node in nodes_of(config, found)))
        own = guest.lock(config, self.op)
        return {**own, LockLevel.NODE: nodes, LockLevel.NODE_RES: nodes}

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Growth:
        instance = guest.find(config, self.op).instance
        nodes = nodes_of(config, instance)
        for node in nodes:
            guest.check_online(node)
        disk = config.disks.get(disks.uuid_at(instance, self.op.disk))
        if not isinstance(disk, Disk) or disk.dev_type not in disks.GROWABLE:
            layout = "unknown" if disk is None else disk.dev_type
            raise OpPrereqError(
                f"Instance's disk layout {layout} does not support growing", ECode.INVAL
            )
        more_mib = self.op.amount - disk.size if self.op.absolute else self.op.amount
        if more_mib < 0:
            raise OpPrereqError(
                f"Requested size ({shown_mib(self.op.amount)}) is smaller than current disk size"
                f" ({shown_mib(disk.size)})",
                ECode.STATE,
            )
        exclusive = {node.uuid: config.node_params(node).exclusive_storage for node in nodes}
        if not any(exclusive.values()):
            # Where whole disks are given away, only a try can tell whether there is room.
            host_checks.room(self.work, config, nodes, disks.growth(disk, more_mib))
        self._check_policy(config, instance, disk, disk.size + more_mib)
        return Growth(instance, disk, more_mib, nodes, exclusive)

    def _check_policy(
        self, config: ConfigSnapshot, instance: Instance, disk: Disk, size_mib: int
    ) -> None:
        """Refuse a size that the group of the primary node does not admit, or warn of it."""
        group = config.nodegroups[config.nodes[instance.primary_node].group]
        those = disks.of(config, instance)
        size = policy.Size(
            memory_mib=None,
            vcpus=None,
            nics=None,
            spindles=None,
            disks_mib=[size_mib if each.uuid == disk.uuid else each.size for each in those],
            templates={str(each.dev_type) for each in those},
        )
        broken = policy.broken(policy.filled(config, group.ipolicy), size)
        if not broken:
            return
        text = f"Growing disk {self.op.disk} violates policy: {', '.join(broken)}"
        if not self.op.ignore_ipolicy:
            raise OpPrereqError(text, ECode.INVAL)
        self.work.say.warning(text)

    # --- what is told -------------------------------------------------------------------------

    def hooks(self, plan: Growth, config: ConfigSnapshot) -> Hooked:
        return guest.hooked(config, config.instances[plan.instance.uuid], self.op)

    def describe(self, plan: Growth) -> Description:
        where = " and ".join(node.name for node in plan.nodes)
        return [f"Grow {self._told(plan)}, on {where}"]

    def _told(self, plan: Growth) -> str:
        size_mib = plan.disk.size + plan.more_mib
        return (
            f"disk {self.op.disk} of instance '{plan.instance.name}' by"
            f" {shown_mib(plan.more_mib)} to {shown_mib(size_mib)}"
        )

    # --- the work -----------------------------------------------------------------------------

    def execute(self, plan: Growth) -> None:
        work, own = self.work, {plan.disk.uuid}
        if not instance_disks.assemble_some(work, plan.instance, own).well:
            raise OpExecError("Cannot activate block device to grow")
        work.say(f"Growing {self._told(plan)}")
        for node in plan.nodes:
            result = self._grow(plan, node, dry_run=True)
            result.raise_(f"Dry-run grow request failed to node {node.name}")
        wiped = work.config.snapshot().cluster.prealloc_wipe_disks
        from_mib = self._real_size(plan) if wiped else 0
        self._grow_all(plan)
        disk = self._record(plan)
        work.locks.release(LockLevel.NODE)
        work.locks.downgrade(LockLevel.INSTANCE)
        if wiped:
            disk_creation.wipe(work, plan.instance, [disk], from_mib=from_mib)
        if not self.op.wait_for_sync:
            if not plan.instance.disks_active:
                work.say.warning(
                    "Not shutting down the disk even if the instance is not supposed to be running"
                    " because no wait for sync mode was requested"
                )
            return
        if not disk_sync.wait(work, plan.instance, those=own):
            work.say.warning("Disk syncing has not returned a good status; check the instance")
        if not plan.instance.disks_active:
            instance_disks.shut_down_after_work(work, plan.instance.uuid, own)

    def _grow(self, plan: Growth, node: Node, *, dry_run: bool, below: bool = True) -> RpcResult:
        return nodes_disks.grow(
            self.work.rpc,
            self.work.config.snapshot(),
            node,
            (plan.disk, plan.instance),
            amount=plan.more_mib,
            dry_run=dry_run,
            backing_store=below,
            exclusive_storage=plan.exclusive[node.uuid],
        )

    def _real_size(self, plan: Growth) -> int:
        """Return the MiB that the disk has on its primary node, begun ones too.

        Raises:
            OpExecError: the node does not tell, or has less than is recorded.
        """
        work, node = self.work, plan.nodes[0]
        owned = (plan.disk, plan.instance)
        result = nodes_disks.dimensions(work.rpc, work.config.snapshot(), node, [owned])
        result.raise_(f"Failed to retrieve disk size from node '{node.name}'")
        told: Any = result.payload
        if told[0] is None:
            raise OpExecError(f"Failed to retrieve disk size from primary node '{node.name}'")
        size_mib, rest = divmod(told[0][0], _MIB)
        if rest:
            work.say.warning(
                "Disk size is not an even multiple of 1 MiB; rounding up to not overwrite existing"
                f" data ({_MIB - rest} bytes will not be wiped)"
            )
            size_mib += 1
        if size_mib < plan.disk.size:
            raise OpExecError(
                f"{shown(plan.disk)} has {size_mib} MiB on node {node.name}, less than the"
                f" {plan.disk.size} MiB recorded"
            )
        return int(size_mib)

    def _grow_all(self, plan: Growth) -> None:
        """Grow what is below the disk on all nodes, and then the disk on its primary node.

        Raises:
            OpExecError: a node failed. What has grown by then is larger than recorded, which does
                no harm, and is told.
        """
        primary = plan.nodes[0]
        grown: list[str] = []
        for node, below in [*((node, True) for node in plan.nodes), (primary, False)]:
            result = self._grow(plan, node, dry_run=False, below=below)
            if not result.ok and grown:
                self._tell_grown(plan, grown)
            result.raise_(f"Grow request failed to node {node.name}")
            grown.append(node.name)

    def _tell_grown(self, plan: Growth, names: Sequence[str]) -> None:
        """Tell what has grown on nodes for nothing."""
        own = plan.disk.children[0] if plan.disk.children else plan.disk
        self.work.say.warning(
            f"{shown(own)} is {plan.more_mib} MiB larger than recorded on node {', '.join(names)}"
            " now"
        )

    def _record(self, plan: Growth) -> Disk:
        """Record the size, a change of the instance too, and return the disk. Switches."""

        def change(draft: Draft) -> Disk:
            disk = draft.require(DISK, plan.disk.uuid)
            assert isinstance(disk, Disk), "a real disk remains one"
            grown = disks.grown(disk, plan.more_mib)
            draft.put(grown)
            draft.touch(DISK, disk.uuid)
            draft.touch(INSTANCE, plan.instance.uuid)
            return grown

        try:
            self.work.config.update(change)
        except GanetiError:
            self._tell_grown(plan, [node.name for node in plan.nodes])
            raise
        found = self.work.config.snapshot().disks[plan.disk.uuid]
        assert isinstance(found, Disk), "a real disk remains one"
        return found
