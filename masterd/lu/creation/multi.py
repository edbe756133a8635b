"""OP_INSTANCE_MULTI_ALLOC: several new instances, placed together, each made by a job of its own.

Either all instances come with their nodes, or an allocator places as many as it can; those that it
cannot place are named in the result. The locks of nodes are shared: nothing is made here.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py (checks, order, texts); lock_requests.json,
iallocator.json.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from masterd.config.instance import Nic
from masterd.config.objects import write
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.iallocator.request import Allocate, AllocateMany
from masterd.iallocator.result import Placement
from masterd.iallocator.run import Allocators
from masterd.instance import new_disks
from masterd.instance import params as instance_params
from masterd.job.new import WithJobs
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.creation import nics as create_nics
from masterd.lu.creation import params as create_params
from masterd.node.documents import plain
from masterd.opcodes.instance_create import OpInstanceCreate, OpInstanceMultiAlloc
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.work import Work

_NODE_LEVELS: Final = (LockLevel.NODE, LockLevel.NODE_RES)


@dataclass(frozen=True, slots=True)
class Placed:
    """What is to be made where.

    Attributes:
        ops: an opcode for each instance that has a place.
        failed: names of the others.
    """

    ops: Sequence[OpInstanceCreate]
    failed: Sequence[str]


class LUInstanceMultiAlloc(LogicalUnit[OpInstanceMultiAlloc, Placed]):
    """Finds places for instances, and submits the jobs that make them."""

    def check_arguments(self) -> None:
        op = self.op
        placed = []
        for each in op.instances:
            if each.iallocator is not None:
                raise OpPrereqError(
                    f"Instance '{each.instance_name}' names an allocator of its own, which must be"
                    " that of all",
                    ECode.INVAL,
                )
            placed.append(bool(each.pnode))
            if each.disk_template in new_disks.MIRRORED_INSIDE:
                placed.append(bool(each.snode))
        if all(placed) is not any(placed):
            raise OpPrereqError(
                "Either all instances name their nodes or none does, and there must be one",
                ECode.INVAL,
            )
        if not any(placed) and op.iallocator is None:
            default = self.work.config.snapshot().cluster.default_iallocator
            if not default:
                raise OpPrereqError(
                    "Neither nodes nor an allocator are named, and the cluster has no allocator by"
                    " default",
                    ECode.INVAL,
                )
            op = self.op = replace(op, iallocator=default)
        if op.opportunistic_locking and not op.iallocator:
            raise OpPrereqError(
                "Opportunistic locking is only available in combination with an instance allocator",
                ECode.INVAL,
            )
        counts = Counter(each.instance_name for each in op.instances)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise OpPrereqError(
                f"There are duplicate instance names: {', '.join(twice)}", ECode.INVAL
            )

    def needs(self, config: ConfigSnapshot) -> Locks:
        if not self.op.iallocator:
            uuids = {
                uuid
                for op in self._named(config)
                for uuid in (op.pnode_uuid, op.snode_uuid)
                if uuid is not None
            }
            return dict.fromkeys(_NODE_LEVELS, LockRequest(frozenset(uuids), LockMode.SHARED))
        if not self.op.opportunistic_locking:
            return dict.fromkeys(_NODE_LEVELS, LockRequest(ALL, LockMode.SHARED))
        nodes, held = frozenset(config.nodes), self.work.locks.names(LockLevel.NODE)
        return {
            LockLevel.NODE: LockRequest(nodes, LockMode.SHARED, at_least=1),
            LockLevel.NODE_RES: LockRequest(held or nodes, LockMode.SHARED, at_least=1),
        }

    def without_luck(self) -> "LUInstanceMultiAlloc | None":
        if not self.op.opportunistic_locking:
            return None
        self.work.say("* falling back to full lock allocation")
        return LUInstanceMultiAlloc(replace(self.op, opportunistic_locking=False), self.work)

    def _named(self, config: ConfigSnapshot) -> list[OpInstanceCreate]:
        """Return the opcodes of instances that come with their nodes, these in full."""
        return [
            _at(
                config,
                op,
                (op.pnode, op.pnode_uuid),
                None if op.snode is None else (op.snode, op.snode_uuid),
            )
            for op in self.op.instances
        ]

    def check(self, config: ConfigSnapshot) -> Placed:
        if not self.op.iallocator:
            return Placed(self._named(config), ())
        ops = [_with_sizes(config, op) for op in self.op.instances]
        nics = [_nics(self.work, config, op) for op in ops]
        create_nics.check_macs(nic for each in nics for nic in each)
        request = AllocateMany(
            instances=[_request(config, op, own) for op, own in zip(ops, nics, strict=True)]
        )
        found = self._ask(config, self.op.iallocator, request)
        wanted = {op.instance_name: op for op in ops}
        placed = []
        for each in found.placed:
            op = wanted.pop(each.instance, None)
            if op is None or not each.nodes:
                raise OpExecError(
                    f"The allocator places instance '{each.instance}', which was not asked for, or"
                    " names no node for it"
                )
            primary, *others = each.nodes
            secondary = (others[0], None) if others else None
            placed.append(_at(config, op, (primary, None), secondary))
        missing = sorted(wanted.keys() - set(found.failed))
        if missing:
            raise OpExecError(f"The allocator says nothing of instances {', '.join(missing)}")
        return Placed(placed, found.failed)

    def _ask(self, config: ConfigSnapshot, name: str, request: AllocateMany) -> Placement:
        answer = Allocators(self.work.rpc, self.work.in_thread).run(config, name, request)
        if not answer.success:
            raise OpPrereqError(
                f"Can't compute nodes using iallocator '{name}': {answer.info}", ECode.NORES
            )
        assert isinstance(answer.result, Placement), "what places instances is answered so"
        return answer.result

    def describe(self, plan: Placed) -> Description:
        said = [
            f"Submit a job that makes instance {op.instance_name} on"
            f" {' and '.join(node for node in (op.pnode, op.snode) if node)}"
            for op in plan.ops
        ]
        return [*said, *(f"Instance {name} finds no place" for name in plan.failed)]

    def dry_run(self, plan: Placed) -> object:
        return WithJobs([], _told(plan)).result([])

    def execute(self, plan: Placed) -> WithJobs:
        return WithJobs([[op] for op in plan.ops], _told(plan))


def _told(plan: Placed) -> dict[str, object]:
    return {
        "allocatable": [op.instance_name for op in plan.ops],
        "failed": list(plan.failed),
    }


def _at(
    config: ConfigSnapshot,
    op: OpInstanceCreate,
    primary: tuple[str | None, str | None],
    secondary: tuple[str | None, str | None] | None,
) -> OpInstanceCreate:
    """Return an opcode with nodes, given by name and uuid; see `names.node`."""
    first = names.node(config, *primary)
    op = replace(op, pnode=first.name, pnode_uuid=first.uuid)
    if secondary is None:
        return op
    second = names.node(config, *secondary)
    return replace(op, snode=second.name, snode_uuid=second.uuid)


# --- what the allocator is asked ------------------------------------------------------------------


def _with_sizes(config: ConfigSnapshot, op: OpInstanceCreate) -> OpInstanceCreate:
    """Return an opcode whose backend parameters say what the cluster said when it was placed."""
    return replace(op, beparams=write(create_params.backend(config, op.beparams)))


def _request(config: ConfigSnapshot, op: OpInstanceCreate, nics: Sequence[Nic]) -> Allocate:
    cluster, template = config.cluster, op.disk_template or ""
    disks = [new_disks.read(disk, template, cluster.volume_group_name) for disk in op.disks]
    whole = instance_params.backend(cluster, create_params.backend(config, op.beparams))
    return Allocate(
        name=op.instance_name,
        disk_template=op.disk_template,
        group_name=op.group_name,
        tags=op.tags,
        os=op.os_type,
        vcpus=whole.vcpus,
        memory=whole.maxmem,
        spindle_use=whole.spindle_use,
        disks=[disk.document() for disk in disks],
        nics=[plain(nic) for nic in nics],
        hypervisor=op.hypervisor,
    )


def _nics(work: Work, config: ConfigSnapshot, op: OpInstanceCreate) -> list[Nic]:
    """Return the network interfaces of an instance whose address nobody has looked up yet."""
    own_address = "" if op.name_check else None
    found = create_nics.wanted(work, config, op.nics, own_address)
    return [msgspec.structs.replace(nic, ip=nic.ip or None) for nic in found]
