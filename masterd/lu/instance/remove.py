"""OP_INSTANCE_REMOVE: an instance goes, and its disks with it.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py and instance_utils.py (order, texts); prereqs.json,
rpc_flow.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from masterd.config.instance import ForthcomingInstance
from masterd.config.kinds import AnyDisk, AnyInstance
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import OpExecError, OpPrereqError
from masterd.instance import disks
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import names
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.instance import guest
from masterd.lu.instance import record as instance_record
from masterd.node import instances
from masterd.opcodes.instance_life import OpInstanceRemove
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

_KIND: Final = "INSTANCE"


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes, and what scripts are told of it, before and after."""

    instance: AnyInstance
    told: Hooked


class LUInstanceRemove(LogicalUnit[OpInstanceRemove, Removal]):
    """Stops an instance, removes its disks from its nodes, and then forgets it.

    A planned one runs nowhere, and is not stopped. With `ignore_failures` it goes whatever is left
    of it on nodes.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-remove", _KIND)

    def needs(self, config: ConfigSnapshot) -> Locks:
        found = self._instance(config)
        nodes = LockRequest(frozenset(node.uuid for node in nodes_of(config, found)))
        return {
            LockLevel.INSTANCE: LockRequest(frozenset({found.name or ""})),
            LockLevel.NODE: nodes,
            LockLevel.NODE_RES: nodes,
        }

    def _instance(self, config: ConfigSnapshot) -> AnyInstance:
        return names.instance(config, self.op.instance_name, self.op.instance_uuid)

    def check(self, config: ConfigSnapshot) -> Removal:
        found = self._instance(config)
        check_templates(config, disks.of(config, found))
        told = guest.hooked(config, found, self.op)
        # Before the work the master's scripts alone are asked.
        master = (config.cluster.master_node,)
        return Removal(found, Hooked(told.env, master, told.post_nodes))

    def hooks(self, plan: Removal, config: ConfigSnapshot) -> Hooked:
        return plan.told

    def describe(self, plan: Removal) -> Description:
        name, number = plan.instance.name, len(plan.instance.disks)
        said = [f"Remove instance {name} and its {number} disks"]
        return said if _is_planned(plan.instance) else [f"Stop instance {name}", *said]

    def execute(self, plan: Removal) -> None:
        instance = plan.instance
        if not _is_planned(instance):
            self._stop(instance)
        if not instance_disks.remove(self.work, instance):
            if not self.op.ignore_failures:
                raise OpExecError("Can't remove instance's disks")
            self.work.say("Warning: can't remove instance's disks")
        self.work.config.update(lambda draft: instance_record.forget(draft, instance.uuid))

    def _stop(self, instance: AnyInstance) -> None:
        config = self.work.config.snapshot()
        node = config.nodes[instance.primary_node or ""]
        result = instances.shut_down(
            self.work.rpc,
            config,
            node,
            instance,
            timeout_s=self.op.shutdown_timeout,
            reason=self.op.reason,
        )
        if self.op.ignore_failures:
            result.warn("Warning: can't shutdown instance", self.work.say)
        else:
            result.raise_(f"Could not shutdown instance {instance.name} on node {node.name}")


def _is_planned(instance: AnyInstance) -> bool:
    return isinstance(instance, ForthcomingInstance)


def check_templates(config: ConfigSnapshot, those: Sequence[AnyDisk]) -> None:
    """Refuse disks of a template that is not enabled, while they are still there.

    Raises:
        OpPrereqError: there is one.
    """
    enabled = config.cluster.enabled_disk_templates
    for disk in those:
        if disk.dev_type is not None and disk.dev_type not in enabled:
            raise OpPrereqError(
                f"Disk template '{disk.dev_type}' is not enabled in cluster. Enabled disk templates"
                f" are: {','.join(enabled)}"
            )
