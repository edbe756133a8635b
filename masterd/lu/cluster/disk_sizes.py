"""OP_CLUSTER_REPAIR_DISK_SIZES: the recorded sizes of disks, corrected by what nodes have.

Source: Ganeti 3.0.2 lib/cmdlib/cluster, LUClusterRepairDiskSizes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config.disk import Disk
from masterd.config.kinds import DISK, AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.relations import by_name
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.instance import disks as disks_of_instance
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.node import disks
from masterd.opcodes.cluster import OpClusterRepairDiskSizes
from masterd.work.base import Description, Locks, LogicalUnit

_MIB_BITS: Final = 20

#: Instance, index of one of its disks, and the disk.
Entry = tuple[AnyInstance, int, AnyDisk]
#: Disks by the primary node of their instance.
Plan = Mapping[str, list[Entry]]
#: Name of the instance, index of the disk, what was corrected, and its value now.
Row = list[object]


@dataclass(frozen=True, slots=True)
class _Fix:
    """A disk as it shall be recorded, and what is told of that."""

    disk: AnyDisk
    rows: list[Row]
    infos: list[str]


class LUClusterRepairDiskSizes(LogicalUnit[OpClusterRepairDiskSizes, Plan]):
    """Asks primary nodes how large their instances' disks are, and records it."""

    def needs(self, config: ConfigSnapshot) -> Locks:
        if not self.op.instances:
            return {
                LockLevel.INSTANCE: LockRequest(ALL),
                LockLevel.NODE_RES: LockRequest(ALL, LockMode.SHARED),
            }
        found = [names.instance(config, name) for name in self.op.instances]
        nodes = {each.primary_node for each in found if each.primary_node is not None}
        return {
            LockLevel.INSTANCE: LockRequest(frozenset(each.name for each in found if each.name)),
            LockLevel.NODE_RES: LockRequest(frozenset(nodes), LockMode.SHARED),
        }

    def check(self, config: ConfigSnapshot) -> Plan:
        locked = (
            config.instances.named(name) for name in self.work.locks.names(LockLevel.INSTANCE)
        )
        plan: dict[str, list[Entry]] = {}
        for instance in by_name(each for each in locked if each is not None):
            if instance.primary_node is not None and instance.primary_node in config.nodes:
                entries = plan.setdefault(instance.primary_node, [])
                there = disks_of_instance.of(config, instance)
                entries += [(instance, index, disk) for index, disk in enumerate(there)]
        return {uuid: entries for uuid, entries in plan.items() if entries}

    def describe(self, plan: Plan) -> Description:
        config = self.work.config.snapshot()
        return [
            f"Record the sizes of {len(entries)} disks as {config.nodes[uuid].name} tells them"
            for uuid, entries in plan.items()
        ]

    def execute(self, plan: Plan) -> list[Row]:
        config = self.work.config.snapshot()
        rows: list[Row] = []
        for uuid, entries in plan.items():
            node = config.nodes[uuid]
            with_spindles = config.node_params(node).exclusive_storage
            for entry, told in self._asked(config, node, entries):
                fix = self._fix(entry, told, with_spindles=with_spindles)
                if fix is not None and fix.rows:
                    for text in fix.infos:
                        self.work.say.info(text)
                    self._record(fix.disk)
                    rows += fix.rows
        return rows

    def _asked(
        self, config: ConfigSnapshot, node: Node, entries: list[Entry]
    ) -> Iterator[tuple[Entry, Any]]:
        """Yield what a node tells of each disk. Switches."""
        owned = [(disk, instance) for instance, _, disk in entries]
        result = disks.dimensions(self.work.rpc, config, node, owned)
        if not result.ok:
            self.work.say.warning(
                f"Failure in blockdev_getdimensions call to node {node.name}, ignoring"
            )
            return
        told: Any = result.payload
        if len(told) != len(entries):
            self.work.say.warning(f"Invalid result from node {node.name}, ignoring node results")
            return
        yield from zip(entries, told, strict=True)

    def _fix(self, entry: Entry, told: Any, *, with_spindles: bool) -> _Fix | None:
        """Return a disk as its node has it; None where the node tells nothing of use."""
        instance, index, disk = entry
        what = f"Disk {index} of instance {instance.name}"
        if told is None:
            self.work.say.warning(f"{what} did not return size information, ignoring")
            return None
        if not isinstance(told, list) or len(told) != 2:
            self.work.say.warning(f"{what} did not return valid dimension information, ignoring")
            return None
        size, spindles = told
        if not isinstance(size, int):
            self.work.say.warning(f"{what} did not return valid size information, ignoring")
            return None
        rows: list[Row] = []
        infos: list[str] = []
        if size >> _MIB_BITS != disk.size:
            infos.append(
                f"{what} has mismatched size, correcting: recorded {disk.size}, actual"
                f" {size >> _MIB_BITS}"
            )
            disk = msgspec.structs.replace(disk, size=size >> _MIB_BITS)
            rows.append([instance.name, index, "size", disk.size])
        if with_spindles and spindles is None:
            self.work.say.warning(f"{what} did not return valid spindles information, ignoring")
        elif with_spindles and disk.spindles != spindles:
            infos.append(
                f"{what} has mismatched spindles, correcting: recorded {disk.spindles}, actual"
                f" {spindles}"
            )
            disk = msgspec.structs.replace(disk, spindles=spindles)
            rows.append([instance.name, index, "spindles", spindles])
        grown = _with_child_as_large(disk, infos)
        if grown is not disk:
            rows.append([instance.name, index, "size", grown.size])
        return _Fix(grown, rows, infos)

    def _record(self, disk: AnyDisk) -> None:
        def change(draft: Draft) -> None:
            draft.require(DISK, disk.uuid)
            draft.put(disk)

        self.work.config.update(change)


def _with_child_as_large(disk: AnyDisk, infos: list[str]) -> AnyDisk:
    """Return a DRBD disk whose data volume is not smaller than itself; metadata is left alone."""
    if disk.dev_type != "drbd" or not disk.children:
        return disk
    data, *rest = disk.children
    wanted: Disk = data
    if disk.size is not None and data.size < disk.size:
        infos.append(f"Child disk has size {data.size}, parent {disk.size}, fixing")
        wanted = msgspec.structs.replace(data, size=disk.size)
    return disk if wanted is data else msgspec.structs.replace(disk, children=(wanted, *rest))
