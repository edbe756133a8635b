"""OP_INSTANCE_RENAME: another name for an instance, in the configuration, on nodes and inside.

Disks in files move with the directory that is called by the instance; volumes and devices keep
their names, but are told whose they are.

Source: Ganeti 3.0.2 lib/cmdlib/instance.py (checks, order, texts); prereqs.json, rpc_flow.json.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from masterd.config.instance import ForthcomingInstance, Instance
from masterd.config.kinds import AnyInstance
from masterd.config.relations import is_forthcoming, nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import ECode, GanetiError, OpPrereqError
from masterd.instance import disks
from masterd.instance.new_disks import IN_FILES
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import host_names, names
from masterd.lu.disks import assembly
from masterd.lu.instance import guest, record
from masterd.lu.instance.guest import NOT_RUNNING
from masterd.node import disks as nodes_disks
from masterd.node import instances, storage
from masterd.opcodes.instance_life import OpInstanceRename
from masterd.rpc.runner import NODED_PORT
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True)
class Renaming:
    """What is renamed.

    Attributes:
        directories: of the files of its disks, where they get another name.
    """

    instance: AnyInstance
    directories: Sequence[str]


class LUInstanceRename(LogicalUnit[OpInstanceRename, Renaming]):
    """Renames an instance that is down, or only planned."""

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-rename", "INSTANCE")
    CONFIG_UPDATE_HOOK: ClassVar[bool] = True

    def check_arguments(self) -> None:
        op, work = self.op, self.work
        if op.ip_check and not op.name_check:
            raise OpPrereqError("Cannot do IP address check without a name check", ECode.INVAL)
        config = work.config.snapshot()
        self._instance(config)
        if not op.name_check:
            return
        host = host_names.look_up(work, config, op.new_name)
        self.op = replace(op, new_name=host.name)
        if op.ip_check and work.probe.is_there(host.address, NODED_PORT, listening=False):
            raise OpPrereqError(
                f"IP {host.address} of instance {host.name} already in use", ECode.NOTUNIQUE
            )

    def _instance(self, config: ConfigSnapshot) -> AnyInstance:
        return names.instance(config, self.op.instance_name, self.op.instance_uuid)

    def needs(self, config: ConfigSnapshot) -> Locks:
        found, new = self._instance(config), self.op.new_name
        if new != found.name and config.instances.named(new) is not None:
            raise OpPrereqError(f"Instance '{new}' is already in the cluster", ECode.EXISTS)
        return {LockLevel.INSTANCE: LockRequest(frozenset({found.name or "", new}))}

    def check(self, config: ConfigSnapshot) -> Renaming:
        found = self._instance(config)
        there = disks.of(config, found)
        enabled = config.cluster.enabled_disk_templates
        if self.op.new_name != found.name:
            for disk in there:
                if disk.dev_type in IN_FILES and disk.dev_type not in enabled:
                    raise OpPrereqError(
                        f"Disk template '{disk.dev_type}' is not enabled in cluster. Enabled disk"
                        f" templates are: {','.join(enabled)}"
                    )
        self._check_stopped(config, found)
        if self.op.new_name == found.name:
            return Renaming(found, ())
        return Renaming(found, disks.directories(there))

    def _check_stopped(self, config: ConfigSnapshot, found: AnyInstance) -> None:
        """Refuse an instance that runs, or is to; a planned one may have no node yet. Switches."""
        if is_forthcoming(found) and found.primary_node is None:
            return
        node = names.node_of(config, found.primary_node or "")
        guest.check_online(node)
        if found.admin_state is not None:
            guest.check_admin_state(found, NOT_RUNNING, "cannot rename")
        guest.check_idle(self.work, config, found, node, "cannot rename")

    def hooks(self, plan: Renaming, config: ConfigSnapshot) -> Hooked:
        # Afterwards, too, it is told of under its old name.
        return guest.hooked(config, plan.instance, self.op)

    def describe(self, plan: Renaming) -> Description:
        name, new = plan.instance.name, self.op.new_name
        said = [f"Record that instance {name} is called {new}"]
        if is_forthcoming(plan.instance):
            return said
        if plan.directories:
            said.append("Rename the directory of its disks, which is called by it")
        return [*said, "Bring its disks up, have its operating system rename it, take them down"]

    def execute(self, plan: Renaming) -> str:
        new, uuid = self.op.new_name, plan.instance.uuid
        self.work.config.update(lambda draft: record.rename(draft, uuid, new))
        if isinstance(plan.instance, ForthcomingInstance):
            return new
        instance = guest.now(self.work.config, uuid)
        self._move_directory(plan, instance)
        assembly.start(self.work, uuid, force=False, hint=False)
        instance = guest.now(self.work.config, uuid)
        self._tell_disks(instance)
        try:
            self._rename_inside(plan, instance)
        except GanetiError:
            assembly.shut_down(self.work, uuid)
            raise
        assembly.shut_down(self.work, uuid)
        return new

    def _move_directory(self, plan: Renaming, instance: Instance) -> None:
        """Rename the directory of disks in files, which is one. Switches.

        Raises:
            OpExecError: the node did not.
        """
        node = self.work.config.snapshot().nodes[instance.primary_node]
        for source in plan.directories:
            target = posixpath.join(posixpath.dirname(source), instance.name)
            result = storage.rename_directory(self.work.rpc, node, source, target)
            result.raise_(
                f"Could not rename directory '{source}' to '{target}' on node {node.name} (but the"
                " instance has been renamed in Ganeti)"
            )

    def _tell_disks(self, instance: Instance) -> None:
        """Have nodes write on disks whose they are; what fails there does not matter. Switches."""
        config = self.work.config.snapshot()
        info = f"originstname+{instance.name}"
        for index, disk in enumerate(disks.of(config, instance)):
            for node in nodes_of(config, instance):
                owned = (disk, instance)
                result = nodes_disks.set_info(self.work.rpc, config, node, owned, info)
                result.warn(
                    f"Error setting info on node {node.name} for disk {index}",
                    self.work.say.warning,
                )

    def _rename_inside(self, plan: Renaming, instance: Instance) -> None:
        """Have the operating system's script rename it; that failing does not matter. Switches."""
        config = self.work.config.snapshot()
        node = config.nodes[instance.primary_node]
        result = instances.rename_inside(
            self.work.rpc,
            config,
            node,
            instance,
            old_name=plan.instance.name or "",
            debug=self.op.debug_level or 0,
        )
        result.warn(
            f"Could not run OS rename script for instance {instance.name} on node {node.name} (but"
            " the instance has been renamed in Ganeti)",
            self.work.say.warning,
        )
