"""OP_INSTANCE_REMOVE: an instance ends, with its disks and all that it held.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py LUInstanceRemove, lib/cmdlib/instance_utils.py (checks,
order, texts); prereqs.json, rpc_flow.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from masterd.config.cluster import Cluster
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE, AnyDisk, AnyInstance
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import OpExecError, OpPrereqError
from masterd.instance import disks, hook_env
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import instance_disks, names
from masterd.node import instances
from masterd.opcodes.instance_life import OpInstanceRemove
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "INSTANCE"


@dataclass(frozen=True, slots=True)
class Leaving:
    """An instance that is to end, as it was when that was checked.

    Attributes:
        nodes: The primary one first; none of an instance that is planned without a place.
        told: What scripts are told of it, before and after.
    """

    instance: AnyInstance
    disks: Sequence[AnyDisk]
    nodes: Sequence[Node]
    told: hook_env.Subject


class LUInstanceRemove(LogicalUnit[OpInstanceRemove, Leaving]):
    """Stops an instance, removes its disks, and forgets it.

    Nodes come first: where one fails the instance is still there, and can be removed again.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-remove", _KIND)

    def needs(self, config: ConfigSnapshot) -> Locks:
        instance = self._find(config)
        nodes = frozenset(node.uuid for node in nodes_of(config, instance))
        return {
            LockLevel.INSTANCE: LockRequest(frozenset({instance.name or ""})),
            LockLevel.NODE: LockRequest(nodes),
            LockLevel.NODE_RES: LockRequest(nodes),
        }

    def check(self, config: ConfigSnapshot) -> Leaving:
        instance = self._find(config)
        there = disks.of(config, instance)
        _check_enabled(config.cluster, there)
        told = hook_env.subject(config, instance)
        return Leaving(instance, there, nodes_of(config, instance), told)

    def _find(self, config: ConfigSnapshot) -> AnyInstance:
        return names.instance(config, self.op.instance_name, self.op.instance_uuid)

    def hooks(self, plan: Leaving, config: ConfigSnapshot) -> Hooked:
        env = {**hook_env.asked(self.op), **hook_env.instance_env(config, plan.told)}
        master = config.cluster.master_node
        after = dict.fromkeys([*(node.uuid for node in plan.nodes), master])
        return Hooked(env, (master,), tuple(after))

    def describe(self, plan: Leaving) -> Description:
        name = plan.instance.name
        said = []
        if isinstance(plan.instance, Instance):
            said.append(f"Stop instance {name} on node {plan.nodes[0].name}")
        if plan.disks and plan.nodes:
            there = ", ".join(node.name for node in plan.nodes)
            said.append(f"Remove the disks of instance {name} from {there}")
        return [*said, f"Remove instance {name} from the configuration"]

    def execute(self, plan: Leaving) -> None:
        if isinstance(plan.instance, Instance):
            self._stop(plan.instance, plan.nodes[0])
        # What is planned without a place is on no node.
        if plan.nodes and not instance_disks.remove(self.work, plan.instance, plan.disks):
            if not self.op.ignore_failures:
                raise OpExecError("Can't remove instance's disks")
            self.work.say("Warning: can't remove instance's disks")
        self.work.config.update(lambda draft: _forget(draft, plan.instance.uuid))

    def _stop(self, instance: Instance, node: Node) -> None:
        result = instances.shut_down(
            self.work.rpc,
            self.work.config.snapshot(),
            node,
            instance,
            timeout_s=self.op.shutdown_timeout,
            reason=self.op.reason,
        )
        if self.op.ignore_failures:
            result.warn("Warning: can't shutdown instance", self.work.say)
        else:
            result.raise_(f"Could not shutdown instance {instance.name} on node {node.name}")


def _check_enabled(cluster: Cluster, those: Sequence[AnyDisk]) -> None:
    """Refuse disks whose template the cluster does not allow.

    Raises:
        OpPrereqError: there is one.
    """
    for disk in those:
        if disk.dev_type is not None and disk.dev_type not in cluster.enabled_disk_templates:
            raise OpPrereqError(
                f"Disk template '{disk.dev_type}' is not enabled in cluster. Enabled disk"
                f" templates are: {','.join(cluster.enabled_disk_templates)}"
            )


def _forget(draft: Draft, uuid: str) -> None:
    """Take an instance and its disks out of the configuration, and give its ports back."""
    instance = draft.require(INSTANCE, uuid)
    there = [disk for each in instance.disks if (disk := draft.get(DISK, each)) is not None]
    # The one that was freed last is the first, as in the reference.
    freed = [] if instance.network_port is None else [instance.network_port]
    freed += reversed(disks.ports(there))
    if freed:
        cluster = draft.cluster
        kept = [port for port in cluster.tcpudp_port_pool if port not in freed]
        pool = tuple(dict.fromkeys([*freed, *kept]))
        draft.put(msgspec.structs.replace(cluster, tcpudp_port_pool=pool))
    draft.remove(INSTANCE, uuid)
    for disk in there:
        draft.remove(DISK, disk.uuid)
