"""An instance that goes on at another node where its disks are already: what is to be done.

The other node is that of the second copy of DRBD disks, or any that reaches disks which something
beside Ganeti keeps. OP_INSTANCE_FAILOVER stops the instance for that, OP_INSTANCE_MIGRATE does not
unless it must: both are checked here, and carried out by `failover`, `migration` and `cleanup`.

Source: Ganeti 3.0.2 lib/cmdlib/instance_migration.py (checks, order, texts, locks); prereqs.json.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from masterd.config.instance import ForthcomingInstance
from masterd.config.kinds import AnyInstance
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ConfigurationError, ECode, OpPrereqError
from masterd.iallocator.request import Relocate
from masterd.iallocator.run import Allocators
from masterd.instance import disks
from masterd.instance import migration as rules
from masterd.instance.migration import Mirroring
from masterd.instance.view import InstanceView
from masterd.lock.levels import ALL, LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.instance import host_checks
from masterd.lu.moves import evacuation, target_checks
from masterd.node import instances
from masterd.node.instances import Trail
from masterd.opcodes.instance_move import OpInstanceFailover, OpInstanceMigrate
from masterd.work.base import Locks
from masterd.work.work import Work

AnyOp: TypeAlias = OpInstanceFailover | OpInstanceMigrate


class Way(Enum):
    """How an instance goes."""

    FAILOVER = auto()
    MIGRATION = auto()
    #: Not at all: what a migration left that did not end well is put in order.
    CLEANUP = auto()


#: Seconds for the shutdown where a migration becomes a failover. Source: constants
#: DEFAULT_SHUTDOWN_TIMEOUT.
_SHUTDOWN_TIMEOUT_S: Final = 120
_LIVE: Final = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What the opcode puts up with.

    Attributes:
        to_shrink: whether the guest may be left less memory than it has.
        for_versions: whether a migration between hypervisors that may not suit is tried.
        for_copies: whether a failover goes on where the source does not answer, or the copies at
            the target are not whole.
        shutdown_timeout_s: after which the guest is stopped by force.
    """

    to_shrink: bool = False
    for_versions: bool = False
    for_copies: bool = False
    shutdown_timeout_s: int = _SHUTDOWN_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What is to be done.

    Attributes:
        live: whether the guest goes on running while it is migrated.
        free_mib: memory that the target has; 0 where that does not matter.
        used_mib: memory that the guest has; likewise.
        reason: the opcode's.
    """

    instance: AnyInstance
    source: Node
    target: Node
    mirroring: Mirroring
    way: Way
    live: bool
    free_mib: int
    used_mib: int
    leave: Leave
    reason: Trail

    @property
    def ends(self) -> tuple[Node, Node]:
        """Both nodes, the source first."""
        return self.source, self.target


def find(config: ConfigSnapshot, op: AnyOp) -> AnyInstance:
    """Return the instance that an opcode names.

    Raises:
        OpPrereqError: there is none, or it is only planned, which cannot be migrated.
    """
    found = names.instance(config, op.instance_name, op.instance_uuid)
    if isinstance(found, ForthcomingInstance) and isinstance(op, OpInstanceMigrate):
        raise OpPrereqError("forthcoming instances not supported for this operation")
    return found


def needs(config: ConfigSnapshot, op: AnyOp) -> Locks:
    """Return the locks of an instance and of its nodes, or of all that it may go to.

    Raises:
        OpPrereqError: instance or node are not there.
    """
    instance, wanted = find(config, op), _wanted(config, op)
    if _is_free_to_go(config, instance):
        nodes = LockRequest(ALL)
        if wanted is not None:
            uuids = {wanted.uuid, instance.primary_node}
            nodes = LockRequest(frozenset(uuid for uuid in uuids if uuid))
    else:
        nodes = LockRequest(frozenset(node.uuid for node in nodes_of(config, instance)))
    return {
        LockLevel.INSTANCE: LockRequest(frozenset({instance.name or ""})),
        LockLevel.NODE: nodes,
        LockLevel.NODE_RES: nodes,
    }


def _wanted(config: ConfigSnapshot, op: AnyOp) -> Node | None:
    if op.target_node is None:
        return None
    return names.node(config, op.target_node, op.target_node_uuid)


def _is_free_to_go(config: ConfigSnapshot, instance: AnyInstance) -> bool:
    """Tell whether an instance may have disks that all nodes reach."""
    those = disks.of(config, instance)
    return not those or any(disk.dev_type in rules.SHARED for disk in those)


# --- checks ---------------------------------------------------------------------------------------


def check(work: Work, config: ConfigSnapshot, op: AnyOp) -> Switch:
    """Check that an instance can go, find out where and how, and let go of other nodes. Switches.

    Raises:
        OpPrereqError: it cannot.
    """
    instance = find(config, op)
    if instance.primary_node is None:
        raise OpPrereqError(f"Instance {instance.name} has no primary node yet", ECode.STATE)
    source = names.node_of(config, instance.primary_node)
    way = _way(work, op, instance)
    mirroring = _mirroring(config, instance, way)
    target = _target(work, config, op, instance, way, mirroring)
    view = InstanceView(config, instance)
    free_mib = _memory(work, config, instance, target, way)
    if way is Way.MIGRATION and view.be_params.always_failover:
        work.say.info("Instance configured to always failover; fallback to failover")
        way = Way.FAILOVER
    host_checks.bridges(work, config, target, instance.nics)
    if way is not Way.CLEANUP:
        target_checks.not_drained(target)
    if way is Way.MIGRATION:
        way = _migratable(work, config, op, instance, source)
    live = way is not Way.FAILOVER and _is_live(op, view)
    used_mib = _used(work, config, instance, source) if way is Way.MIGRATION else 0
    return Switch(
        instance=instance,
        source=source,
        target=target,
        mirroring=mirroring,
        way=way,
        live=live,
        free_mib=free_mib,
        used_mib=used_mib,
        leave=_leave(op),
        reason=op.reason,
    )


def _leave(op: AnyOp) -> Leave:
    if isinstance(op, OpInstanceMigrate):
        return Leave(to_shrink=op.allow_runtime_changes, for_versions=op.ignore_hvversions)
    return Leave(for_copies=op.ignore_consistency, shutdown_timeout_s=op.shutdown_timeout)


def _way(work: Work, op: AnyOp, instance: AnyInstance) -> Way:
    """Return how an instance is to go, as far as can be told of itself."""
    if isinstance(op, OpInstanceFailover):
        return Way.FAILOVER
    if op.cleanup:
        return Way.CLEANUP
    if instance.admin_state != "up" and op.allow_failover:
        work.say.info("Instance is marked down or offline, fallback allowed, switching to failover")
        return Way.FAILOVER
    return Way.MIGRATION


def _mirroring(config: ConfigSnapshot, instance: AnyInstance, way: Way) -> Mirroring:
    """Return where the other copy of the instance's disks is.

    Raises:
        OpPrereqError: there is none.
    """
    those = disks.of(config, instance)
    found = rules.unmirrored(those)
    if found:
        what = "failovers" if way is Way.FAILOVER else "migrations"
        raise OpPrereqError(
            f"Instance's disk layout '{', '.join(found)}' does not allow {what}", ECode.STATE
        )
    mirroring = rules.mirroring(those)
    if mirroring is Mirroring.MIXED:
        raise OpPrereqError(
            "The instance has disks with a copy on its secondary node, and others that all nodes"
            " reach; no node has both"
        )
    return mirroring


def _target(
    work: Work,
    config: ConfigSnapshot,
    op: AnyOp,
    instance: AnyInstance,
    way: Way,
    mirroring: Mirroring,
) -> Node:
    """Return where an instance goes, and keep the locks of its nodes alone. Switches.

    Raises:
        OpPrereqError: there is no such node, or it may not have the instance.
    """
    if mirroring is Mirroring.INSIDE:
        target = _other_end(config, op, instance, way)
        target_checks.policy(work, config, instance, target, ignore=op.ignore_ipolicy)
        return target
    allocator = evacuation.allocator_or_node(config, op.iallocator, op.target_node)
    wanted = _wanted(config, op)
    if allocator is not None:
        target = _allocated(work, config, allocator, instance)
    else:
        assert wanted is not None, "either is there"
        target = wanted
    target_checks.policy(work, config, instance, target, ignore=op.ignore_ipolicy)
    if target.uuid == instance.primary_node:
        raise OpPrereqError(
            f"Instance {instance.name} cannot go to its primary node {target.name}", ECode.STATE
        )
    ends = (instance.primary_node or "", target.uuid)
    work.locks.keep(LockLevel.NODE, ends)
    work.locks.keep(LockLevel.NODE_RES, ends)
    return target


def _other_end(config: ConfigSnapshot, op: AnyOp, instance: AnyInstance, way: Way) -> Node:
    """Return the node that has the second copy of DRBD disks.

    Raises:
        OpPrereqError: the opcode wants another one.
    """
    secondaries = InstanceView(config, instance).secondaries
    if not secondaries:
        raise ConfigurationError(f"Instance {instance.name} has DRBD disks, but no secondary node")
    target, wanted = secondaries[0], _wanted(config, op)
    if op.iallocator or (wanted is not None and wanted.uuid != target.uuid):
        what = "failed over" if way is Way.FAILOVER else "migrated"
        raise OpPrereqError(
            f"Instances with disk types drbd cannot be {what} to arbitrary nodes (neither an"
            " iallocator nor a target node can be passed)",
            ECode.INVAL,
        )
    return target


def _allocated(work: Work, config: ConfigSnapshot, allocator: str, instance: AnyInstance) -> Node:
    """Return the node that an allocator finds. Switches.

    Raises:
        OpPrereqError: it finds none.
    """
    request = Relocate(instance=instance.uuid, from_nodes=[instance.primary_node or ""])
    answer = Allocators(work.rpc, work.in_thread).run(config, allocator, request)
    found: Any = answer.result
    if not answer.success or not found:
        raise OpPrereqError(
            f"Can't compute nodes using iallocator '{allocator}': {answer.info}", ECode.NORES
        )
    target = names.node(config, found[0])
    work.say.info(
        f"Selected nodes for instance {instance.name} via iallocator {allocator}:"
        f" {', '.join(map(str, found))}"
    )
    return target


def _memory(
    work: Work, config: ConfigSnapshot, instance: AnyInstance, target: Node, way: Way
) -> int:
    """Return the free memory of the target, if the instance is going to run there. Switches.

    Raises:
        OpPrereqError: it is too little.
    """
    if way is Way.CLEANUP or (way is Way.FAILOVER and instance.admin_state != "up"):
        work.say.info("Not checking memory on the secondary node as instance will not be started")
        return 0
    hypervisor = instance.hypervisor
    assert hypervisor is not None, "only of a planned one it is not known, and that does not run"
    return host_checks.memory(
        work,
        target,
        (hypervisor, config.cluster.hvparams.get(hypervisor, {})),
        InstanceView(config, instance).be_params.minmem,
        f"migrating instance {instance.name}",
    )


def _migratable(
    work: Work, config: ConfigSnapshot, op: AnyOp, instance: AnyInstance, source: Node
) -> Way:
    """Ask the source whether the guest can be migrated. Switches.

    Raises:
        OpPrereqError: it cannot, and is not to be failed over.
    """
    result = instances.can_migrate(work.rpc, config, source, instance)
    if result.ok:
        return Way.MIGRATION
    if isinstance(op, OpInstanceMigrate) and op.allow_failover:
        work.say.info(f"Can't migrate ({result.error}), fallback to failover")
        return Way.FAILOVER
    result.raise_("Can't migrate, please use failover", prereq=True, code=ECode.STATE)
    raise AssertionError("a failure is raised")


def _is_live(op: AnyOp, view: InstanceView) -> bool:
    """Tell whether the guest is to run while it is migrated.

    Raises:
        OpPrereqError: the opcode says it twice.
    """
    assert isinstance(op, OpInstanceMigrate), "a failover is never live"
    if op.live is not None and op.mode is not None:
        raise OpPrereqError(
            "Only one of the 'live' and 'mode' parameters are accepted", ECode.INVAL
        )
    if op.live is not None:
        return op.live
    mode = view.whole_hv_params.get("migration_mode") if op.mode is None else op.mode
    return mode == _LIVE


def _used(work: Work, config: ConfigSnapshot, instance: AnyInstance, source: Node) -> int:
    """Return the memory of the guest. Switches.

    Raises:
        OpPrereqError: it does not run, or the source does not tell.
    """
    result = instances.info(work.rpc, config, source, instance)
    result.raise_(f"Error checking instance on node {source.name}", prereq=True)
    told: Any = result.payload
    if not told:
        raise OpPrereqError(
            f"Instance {instance.name} does not run on node {source.name}, please use failover",
            ECode.STATE,
        )
    return int(told["memory"])
