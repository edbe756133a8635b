"""OP_TEST_ALLOCATOR: what an allocator would be given, or what it prints for that.

Source: Ganeti 3.0.2 lib/cmdlib/test.py, LUTestAllocator (checks; that the answer goes unchecked).
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpPrereqError
from masterd.iallocator.request import (
    Allocate,
    AllocateMany,
    AllocateSecondary,
    ChangeGroup,
    EvacuateNode,
    Relocate,
    Request,
)
from masterd.iallocator.run import Allocators
from masterd.lu import names
from masterd.opcodes.test import OpTestAllocator
from masterd.work.base import LogicalUnit

T = TypeVar("T")

_DISK_MODES: Final = frozenset({"ro", "rw"})


class LUTestAllocator(LogicalUnit[OpTestAllocator, Request]):
    """Returns the text of the input (direction "in") or what the script printed ("out").

    Instances need not exist for what is allocated, and are not locked for what is moved: the
    cluster stands still meanwhile.
    """

    REQUIRES_BGL = True

    def check(self, config: ConfigSnapshot) -> Request:
        request = _REQUESTS[self.op.mode](config, self.op)
        if self.op.direction == "out":
            _given(self.op.iallocator, "iallocator")
        return request

    def execute(self, plan: Request) -> object:
        config = self.work.config.snapshot()
        allocators = Allocators(self.work.rpc, self.work.in_thread)
        if self.op.direction == "in" or self.op.iallocator is None:
            return allocators.input(config, plan)
        return allocators.print(config, self.op.iallocator, plan)


def _given(value: T | None, name: str) -> T:
    """Return the value of a parameter that the mode needs."""
    if value is None:
        raise OpPrereqError(f"Parameter '{name}' is missing", ECode.INVAL)
    return value


def _allocate(config: ConfigSnapshot, op: OpTestAllocator) -> Allocate:
    _check_new(config, op)
    return _new_instance(config, op, op.name)


def _allocate_many(config: ConfigSnapshot, op: OpTestAllocator) -> AllocateMany:
    _check_new(config, op)
    numbered = (f"{op.name}{number}" for number in range(op.count))
    return AllocateMany(instances=[_new_instance(config, op, name) for name in numbered])


def _check_new(config: ConfigSnapshot, op: OpTestAllocator) -> None:
    found = config.instances.expand(op.name)
    if found is not None:
        raise OpPrereqError(f"Instance '{found.name}' is in the cluster already", ECode.EXISTS)
    for disk in _given(op.disks, "disks"):
        size = disk.get("size") if isinstance(disk, dict) else None
        if not isinstance(disk, dict) or not isinstance(size, int):
            raise OpPrereqError(f"A disk has no size in MiB: {disk!r}", ECode.INVAL)
        if disk.get("mode") not in _DISK_MODES:
            raise OpPrereqError(f"A disk has no access mode: {disk!r}", ECode.INVAL)


def _new_instance(config: ConfigSnapshot, op: OpTestAllocator, name: str) -> Allocate:
    return Allocate(
        name=name,
        disk_template=_given(op.disk_template, "disk_template"),
        group_name=op.group_name,
        tags=op.tags,
        os=_given(op.os, "os"),
        vcpus=_given(op.vcpus, "vcpus"),
        memory=_given(op.memory, "memory"),
        spindle_use=op.spindle_use,
        disks=[disk for disk in _given(op.disks, "disks") if isinstance(disk, dict)],
        nics=[{str(key): each for key, each in nic.items()} for nic in _given(op.nics, "nics")],
        hypervisor=op.hypervisor or config.cluster.enabled_hypervisors[0],
    )


def _allocate_secondary(config: ConfigSnapshot, op: OpTestAllocator) -> AllocateSecondary:
    return AllocateSecondary(name=names.instance(config, op.name).name or op.name)


def _relocate(config: ConfigSnapshot, op: OpTestAllocator) -> Relocate:
    uuid = names.instance(config, op.name).uuid
    return Relocate(instance=uuid, from_nodes=config.derived(relations).secondaries[uuid])


def _change_group(config: ConfigSnapshot, op: OpTestAllocator) -> ChangeGroup:
    return ChangeGroup(
        instances=_instances(config, op),
        target_groups=_given(op.target_groups, "target_groups"),
    )


def _evacuate(config: ConfigSnapshot, op: OpTestAllocator) -> EvacuateNode:
    return EvacuateNode(instances=_instances(config, op), mode=_given(op.evac_mode, "evac_mode"))


def _instances(config: ConfigSnapshot, op: OpTestAllocator) -> list[str]:
    if not op.instances:
        raise OpPrereqError("No instances are named", ECode.INVAL)
    return [names.instance(config, name).name or name for name in op.instances]


_REQUESTS: Final[Mapping[str, Callable[[ConfigSnapshot, OpTestAllocator], Request]]] = {
    "allocate": _allocate,
    "allocate-secondary": _allocate_secondary,
    "change-group": _change_group,
    "multi-allocate": _allocate_many,
    "node-evacuate": _evacuate,
    "relocate": _relocate,
}
