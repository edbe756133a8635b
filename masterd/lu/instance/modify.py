"""OP_INSTANCE_SET_PARAMS: an instance gets other parameters, devices, states.

The request is looked at by subject: parameters and memory (`modify_params`), network interfaces
(`modify_nics`), disks (`disks.modify`), and another template for all of these (`disks.convert`).
What nodes are asked to do comes first; what all parts come to enters the configuration at once.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (checks, order, texts, locks); prereqs.json,
lock_requests.json.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import msgspec

from masterd.config import rules
from masterd.config.instance import AdminState
from masterd.config.kinds import INSTANCE
from masterd.config.node import Node
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.instance import hook_env, list_changes, nic_changes, params, policy
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.disks import convert
from masterd.lu.disks import modify as modify_disks
from masterd.lu.disks.convert import Conversion
from masterd.lu.disks.modify import DiskPlan
from masterd.lu.instance import guest, hotplug, modify_memory, modify_nics, modify_params
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Row
from masterd.lu.instance.modify_nics import NicPlan
from masterd.lu.instance.modify_params import Parameters
from masterd.opcodes.instance_params import OpInstanceSetParams
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath

#: Parameters of which one must say something.
_CHANGES: Final = (
    "nics", "disks", "disk_template", "hvparams", "beparams", "os_name", "osparams", "runtime_mem",
    "pnode", "osparams_private",
)  # fmt: skip

#: Parameters of which something enters the configuration as it stands there, but for secret ones.
_RECORDED: Final = (
    "disks", "ext_params", "file_storage_dir", "hvparams", "nics", "os_name", "osparams",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """What becomes of an instance.

    Attributes:
        guest: as it was when all was checked.
        primary: its primary node from then on.
        hotplug: whether devices are changed while it runs.
        conversion: None leaves its disks the templates they have.
        warnings: what the checks found that forbids nothing.
    """

    guest: Guest
    primary: Node
    hotplug: bool
    params: Parameters
    nics: NicPlan
    disks: DiskPlan
    conversion: Conversion | None
    warnings: tuple[str, ...]


class LUInstanceSetParams(LogicalUnit[OpInstanceSetParams, Modification]):
    """Changes an instance; most of it has an effect when the instance starts anew.

    The result tells each parameter that changed, and its new value.
    """

    HOOKS: ClassVar[HookPath | None] = HookPath("instance-modify", "INSTANCE")

    # --- the request --------------------------------------------------------------------------

    def check_arguments(self) -> None:
        op = self.op
        if not any(getattr(op, name) for name in _CHANGES) and (
            op.offline is None and op.instance_communication is None
        ):
            raise OpPrereqError("No changes submitted", ECode.INVAL)
        _check_texts(op)
        params.check_own_hypervisor(op.hvparams)
        list_changes.read("disk", op.disks)
        list_changes.read(nic_changes.KIND, op.nics)
        if op.disk_template:
            if op.disks:
                raise OpPrereqError(
                    "Disks cannot get another template and be changed otherwise at the same time",
                    ECode.INVAL,
                )
            op = convert.normal(self.work, self.work.config.snapshot(), op)
        nic_changes.read(op.nics)
        if op.pnode:
            node = names.node(self.work.config.snapshot(), op.pnode, op.pnode_uuid)
            op = replace(op, pnode=node.name, pnode_uuid=node.uuid)
        self.op = op

    # --- locks --------------------------------------------------------------------------------

    def needs(self, config: ConfigSnapshot) -> Locks:
        instance = guest.find(config, self.op).instance
        nodes = nodes_of(config, instance)
        own = frozenset(node.uuid for node in nodes)
        wanted = {
            LockLevel.INSTANCE: LockRequest(frozenset({instance.name})),
            LockLevel.NODEGROUP: LockRequest(
                frozenset(node.group for node in nodes), LockMode.SHARED
            ),
        }
        if not self.op.disk_template:
            return {**wanted, LockLevel.NODE: LockRequest(own)}
        there = LockRequest(convert.nodes_to_lock(config, self.op, own))
        return {**wanted, LockLevel.NODE: there, LockLevel.NODE_RES: there}

    # --- checks -------------------------------------------------------------------------------

    def check(self, config: ConfigSnapshot) -> Modification:
        op, work = self.op, self.work
        found = guest.find(config, op)
        changes = modify_disks.find(config, found, list_changes.read("disk", op.disks))
        warnings = modify_memory.check_stopped(work, config, found, op)
        plugs = hotplug.is_wanted(work, config, found, op)
        conversion = convert.check(work, config, found, op) if op.disk_template else None
        disks = modify_disks.check(work, config, found, op, changes, hotplug=plugs)
        self._check_state(config, found)
        changed, more = modify_params.wanted(work, config, found, op)
        nics = modify_nics.wanted(work, config, found, op)
        self._check_policy(config, found, changed, nics, disks)
        primary = found.node if op.pnode_uuid is None else names.node_of(config, op.pnode_uuid)
        return Modification(
            guest=found,
            primary=primary,
            hotplug=plugs,
            params=changed,
            nics=nics,
            disks=disks,
            conversion=conversion,
            warnings=(*warnings, *more, *nics.warnings),
        )

    def _check_state(self, config: ConfigSnapshot, found: Guest) -> None:
        """Refuse to take an instance that runs out of use, or into it. Switches."""
        if self.op.offline is None:
            return
        told = (
            "can't change to offline without being down first"
            if self.op.offline
            else "can't change to online (down) without being offline first"
        )
        guest.check_not_running(self.work, config, found, told, wanted=guest.NOT_RUNNING)

    def _check_policy(
        self,
        config: ConfigSnapshot,
        found: Guest,
        changed: Parameters,
        nics: NicPlan,
        disks: DiskPlan,
    ) -> None:
        """Refuse an instance that its group does not admit; what does not change is not looked at.

        Both bounds of its memory count.
        """
        op, be = self.op, changed.be_whole
        if op.ignore_ipolicy:
            return
        templates = (
            [op.disk_template] * len(disks.sizes_mib) if op.disk_template else disks.templates
        )
        group = config.nodegroups[found.node.group]
        admits = policy.filled(config, group.ipolicy)
        size = policy.Size(
            None if be is None else be.maxmem,
            None if be is None else be.vcpus,
            len(nics.nics),
            None if be is None else be.spindle_use,
            disks.sizes_mib,
            frozenset(templates),
        )
        broken = policy.broken(admits, size)
        if be is not None:
            broken += policy.broken(admits, replace(size, memory_mib=be.minmem))
        if broken:
            raise OpPrereqError(
                f"Instance allocation to group {group.uuid} ({group.name}) violates policy:"
                f" {', '.join(dict.fromkeys(broken))}",
                ECode.INVAL,
            )

    # --- what others are told -----------------------------------------------------------------

    def hooks(self, plan: Modification, config: ConfigSnapshot) -> Hooked:
        instance = config.instances[plan.guest.instance.uuid]
        told = hook_env.subject(config, instance)
        if plan.params.be_whole is not None:
            told = replace(told, size=plan.params.be_whole)
        if plan.nics.steps:
            told = replace(told, nics=plan.nics.nics)
        return guest.hooked_as(config, instance, self.op, told)

    def tells_change(self, plan: Modification) -> bool:
        return plan.disks.moves_files

    def describe(self, plan: Modification) -> Description:
        op, name = self.op, plan.guest.instance.name
        told = []
        if op.runtime_mem:
            told.append(f"Have instance {name} use {op.runtime_mem} MiB of memory at once")
        if plan.disks.steps:
            done = ", ".join(step.action for step in plan.disks.steps)
            told.append(f"Change disks of instance {name}: {done}")
        if op.disk_template:
            told.append(f"Give the disks of instance {name} the template {op.disk_template}")
        if plan.nics.steps and plan.hotplug:
            told.append(f"Change network interfaces of instance {name} while it runs")
        changed = sorted(self._fields(plan))
        return [*told, f"Record of instance {name}: {', '.join(changed)}"] if changed else told

    # --- work ---------------------------------------------------------------------------------

    def execute(self, plan: Modification) -> list[list[object]]:
        op, work = self.op, self.work
        for warning in plan.warnings:
            work.say(f"WARNING: {warning}")
        rows: list[Row] = []
        if op.runtime_mem:
            moved = msgspec.structs.replace(plan.guest.instance, primary_node=plan.primary.uuid)
            there = Guest(moved, plan.primary)
            modify_memory.balloon(work, work.config.snapshot(), there, op.runtime_mem)
            rows.append(("runtime_memory", op.runtime_mem))
        disks = modify_disks.execute(work, plan.guest, op, plan.disks, hotplug=plan.hotplug)
        rows += disks.rows
        if plan.conversion is not None:
            rows += convert.execute(work, plan.guest, op, plan.conversion)
        rows += modify_nics.execute(work, plan.guest, plan.nics, hotplug_too=plan.hotplug)
        work.locks.release(LockLevel.NODE)
        work.locks.release(LockLevel.NODE_RES)
        uuid = plan.guest.instance.uuid

        def change(draft: Draft) -> None:
            disks.enter(draft)
            instance = draft.require(INSTANCE, uuid)
            draft.put(msgspec.structs.replace(instance, **self._fields(plan)))
            # Also where nothing of it is recorded, as other masters count it.
            draft.touch(INSTANCE, uuid)

        work.config.update(change)
        rows += modify_params.rows(op)
        if op.offline is not None:
            rows.append(("admin_state", _state(op.offline)))
        guest.tell_metadata(work, guest.now(work.config, uuid), plan.primary)
        return [list(row) for row in rows]

    def _fields(self, plan: Modification) -> dict[str, Any]:
        """Return what changes of the instance, but for its disks. Pure."""
        op = self.op
        fields = plan.params.fields
        if op.pnode_uuid:
            fields["primary_node"] = op.pnode_uuid
        if plan.nics.steps:
            fields["nics"] = tuple(plan.nics.nics)
        if op.os_name:
            fields["os"] = op.os_name
        if op.offline is not None:
            fields |= {"admin_state": _state(op.offline), "admin_state_source": "admin"}
        if op.offline:
            fields["disks_active"] = False
        return fields


def _state(offline: bool) -> AdminState:
    return "offline" if offline else "down"


def _check_texts(op: OpInstanceSetParams) -> None:
    """Refuse texts that no configuration takes. Raises OpPrereqError."""
    given = {name: getattr(op, name) for name in _RECORDED}
    rules.refuse_uncarried({**given, "osparams_private": params.revealed(op.osparams_private)})
