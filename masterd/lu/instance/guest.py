"""The instance that an opcode is about: found, locked, judged, and how it is recorded.

Source: Ganeti 3.0.2 lib/cmdlib/common.py and instance_utils.py (checks, texts), lib/config
(MarkInstance*: what counts as one change).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from masterd.config import hypervisor_rules
from masterd.config.instance import AdminState, AdminStateSource, ForthcomingInstance, Instance
from masterd.config.kinds import INSTANCE, AnyInstance
from masterd.config.node import Node
from masterd.config.objects import FreeParams
from masterd.config.relations import nodes_of
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, HypervisorError, OpPrereqError
from masterd.instance import hook_env
from masterd.instance.view import InstanceView
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.lu.instance import host_checks
from masterd.node import instances
from masterd.node.documents import plain
from masterd.opcodes.base import OpCode
from masterd.rpc.result import RpcResult
from masterd.work.base import Locks
from masterd.work.context import RecordedConfig
from masterd.work.hooks import Hooked
from masterd.work.work import Work

#: States in which an instance is of use to clients, those in which it should not run, and the one
#: of these in which it can be started.
ONLINE: Final[tuple[AdminState, ...]] = ("down", "up")
NOT_RUNNING: Final[tuple[AdminState, ...]] = ("down", "offline")
STOPPED: Final[tuple[AdminState, ...]] = ("down",)

_KVM: Final = "kvm"
#: Source: constants HV_INSTANCE_STATE, an instance that was shut down from inside.
_SHUT_DOWN: Final = 1


class NamesInstance(Protocol):
    """An opcode that is about one instance."""

    @property
    def instance_name(self) -> str: ...
    @property
    def instance_uuid(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Guest:
    """An instance and its primary node, as they were when an opcode was checked."""

    instance: Instance
    node: Node


# --- which one ------------------------------------------------------------------------------------


def find(config: ConfigSnapshot, op: NamesInstance) -> Guest:
    """Return the instance that an opcode names.

    Raises:
        OpPrereqError: there is none, it is another one by now, or it is only planned.
    """
    found = names.instance(config, op.instance_name, op.instance_uuid)
    if isinstance(found, ForthcomingInstance):
        raise OpPrereqError("forthcoming instances not supported for this operation")
    return Guest(found, names.node_of(config, found.primary_node))


def lock(config: ConfigSnapshot, op: NamesInstance, mode: LockMode = LockMode.EXCLUSIVE) -> Locks:
    """Return the lock on the instance that an opcode names; see `find` for what it may raise."""
    found = find(config, op).instance
    return {LockLevel.INSTANCE: LockRequest(frozenset({found.name}), mode)}


# --- what scripts are told ------------------------------------------------------------------------


def hooked(config: ConfigSnapshot, instance: AnyInstance, op: OpCode) -> Hooked:
    """Return what scripts are told, which run on the master and all nodes of the instance."""
    return hooked_as(config, instance, op, hook_env.subject(config, instance))


def hooked_as(
    config: ConfigSnapshot, instance: AnyInstance, op: OpCode, told: hook_env.Subject
) -> Hooked:
    """Return the same of an instance that is told of as it is to be."""
    env = {**hook_env.asked(op), **hook_env.instance_env(config, told)}
    uuids = [config.cluster.master_node, *(node.uuid for node in nodes_of(config, instance))]
    nodes = tuple(dict.fromkeys(uuids))
    return Hooked(env, nodes, nodes)


# --- how it is ------------------------------------------------------------------------------------


def check_online(node: Node) -> None:
    """Refuse a node that is marked offline.

    Raises:
        OpPrereqError: it is.
    """
    if node.offline:
        raise OpPrereqError(f"Can't use offline node: {node.name}", ECode.STATE)


def check_admin_state(
    instance: AnyInstance, wanted: Collection[AdminState], told: str | None
) -> None:
    """Refuse an instance whose recorded state is none of these.

    Args:
        told: What cannot be done because of it.

    Raises:
        OpPrereqError: it is.
    """
    if instance.admin_state not in wanted:
        text = told or f"can't use instance from outside {', '.join(wanted)} states"
        raise OpPrereqError(
            f"Instance '{instance.name}' is marked to be {instance.admin_state}, {text}",
            ECode.STATE,
        )


def ask(work: Work, config: ConfigSnapshot, guest: Guest) -> RpcResult:
    """Ask its primary node for an instance. Switches."""
    return instances.info(work.rpc, config, guest.node, guest.instance)


def was_stopped_inside(config: ConfigSnapshot, instance: Instance, told: Any) -> bool:
    """Tell whether its user has shut an instance down, by what its node tells of it."""
    if not told or told.get("state") != _SHUT_DOWN:
        return False
    return instance.hypervisor != _KVM or bool(
        InstanceView(config, instance).hv_params["user_shutdown"]
    )


def check_not_running(
    work: Work,
    config: ConfigSnapshot,
    found: Guest,
    told: str,
    *,
    wanted: Collection[AdminState] = STOPPED,
) -> None:
    """Refuse an instance that is to run, or does. Switches.

    Whether it does is not asked of a primary node that is offline.

    Args:
        told: What cannot be done because of it.
        wanted: The states in which it may be.

    Raises:
        OpPrereqError: it is, or its node does not tell.
    """
    check_admin_state(found.instance, wanted, told)
    check_idle(work, config, found.instance, found.node, told)


def check_idle(
    work: Work, config: ConfigSnapshot, instance: AnyInstance, node: Node, told: str
) -> None:
    """Refuse an instance that runs, whatever is recorded; see `check_not_running`. Switches."""
    if node.offline:
        work.say.warning("Primary node offline, ignoring check that instance is down")
        return
    filled = InstanceView(config, instance).whole_hv_params
    result = instances.info(work.rpc, config, node, instance, hvparams=filled)
    result.raise_(
        f"Can't retrieve instance information for instance '{instance.name}'",
        prereq=True,
        code=ECode.ENVIRON,
    )
    state: Any = result.payload
    if state and "state" in state and state["state"] != _SHUT_DOWN:
        raise OpPrereqError(f"Instance {instance.name} is running, {told}", ECode.STATE)


def is_running(work: Work, instance: Instance) -> bool:
    """Ask its node whether an instance runs; one that its user has shut down does not. Switches.

    Raises:
        RpcError: the node does not tell.
    """
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    filled = InstanceView(config, instance).whole_hv_params
    result = instances.info(work.rpc, config, node, instance, hvparams=filled)
    result.raise_(f"Can't retrieve instance information for instance '{instance.name}'")
    state: Any = result.payload
    return bool(state) and "state" in state and state["state"] != _SHUT_DOWN


def check_bridges(work: Work, config: ConfigSnapshot, guest: Guest) -> None:
    """Ask the primary node whether it has the bridges that an instance needs. Switches.

    Raises:
        OpPrereqError: it has not, or does not answer.
    """
    host_checks.bridges(work, config, guest.node, guest.instance.nics)


def check_memory(work: Work, config: ConfigSnapshot, guest: Guest, wanted_mib: int) -> None:
    """Ask the primary node whether an instance fits into its free memory. Switches.

    Raises:
        OpPrereqError: it does not, or the node does not tell.
    """
    instance, node = guest.instance, guest.node
    spec = (instance.hypervisor, config.cluster.hvparams.get(instance.hypervisor, {}))
    host_checks.memory(work, node, spec, wanted_mib, f"starting instance {instance.name}")


def check_hypervisor_params(
    work: Work, config: ConfigSnapshot, instance: Instance, filled: FreeParams
) -> None:
    """Refuse filled hypervisor parameters that an instance cannot run with. Switches.

    What can be told here is looked at first, then its nodes are asked, but for those that run no
    instances.

    Raises:
        HypervisorError: they cannot be what they are.
        RpcError: a node says so.
    """
    check_hypervisor_rules(work, instance.hypervisor, filled)
    nodes = nodes_of(config, instance)
    host_checks.hypervisor_params(work, nodes, instance.hypervisor, filled)


def check_hypervisor_rules(work: Work, hypervisor: str, filled: FreeParams) -> None:
    """Refuse filled hypervisor parameters of which can be told here that they are wrong.

    Raises:
        HypervisorError: they cannot be what they are.
    """
    wrong = hypervisor_rules.problems(work.dialect.hypervisor_rules, hypervisor, filled)
    if wrong:
        raise HypervisorError(f"Hypervisor {hypervisor}: {'; '.join(wrong)}")


# --- what others are told of it -------------------------------------------------------------------


def tell_metadata(
    work: Work,
    instance: Instance,
    node: Node,
    *,
    secret: Mapping[str, str] | None = None,
    public: FreeParams | None = None,
) -> None:
    """Tell the metadata daemon on its node of an instance; what fails does not matter. Switches.

    Args:
        secret: parameters of its operating system that nobody keeps.
        public: those that are told besides its own.
    """
    data = {
        **plain(instance),
        "osparams_private": dict(instance.osparams_private),
        "osparams_secret": dict(secret or {}),
    }
    if public is not None:
        data["osparams_public"] = dict(public)
    result = instances.modify_metadata(work.rpc, node, data)
    result.warn(f"Could not update metadata for instance '{instance.name}'", work.say)


# --- what is recorded -----------------------------------------------------------------------------


def record(
    config: RecordedConfig,
    uuid: str,
    *,
    state: AdminState | None = None,
    source: AdminStateSource = "admin",
    disks_active: bool | None = None,
) -> Instance:
    """Record how an instance is to be, and return it as it stands then. Switches.

    No scripts for changes of the configuration follow.

    Args:
        state: None leaves it and whose doing it is as they are.
        disks_active: None leaves it as it is.
    """

    def change(draft: Draft) -> None:
        instance = draft.require(INSTANCE, uuid)
        assert isinstance(instance, Instance), "a planned instance has no state that is recorded"
        if state is not None:
            instance = msgspec.structs.replace(
                instance, admin_state=state, admin_state_source=source
            )
        if disks_active is not None:
            instance = msgspec.structs.replace(instance, disks_active=disks_active)
        draft.put(instance)

    config.update(change, quietly=True)
    return now(config, uuid)


def now(config: RecordedConfig, uuid: str) -> Instance:
    """Return an instance as it is recorded."""
    found = config.snapshot().instances[uuid]
    assert isinstance(found, Instance), "an instance that is locked remains one"
    return found
