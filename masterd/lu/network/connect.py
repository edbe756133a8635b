"""OP_NETWORK_CONNECT, OP_NETWORK_DISCONNECT: which groups' instances may use a network, and how.

Source: Ganeti 3.0.2 lib/cmdlib/network.py (order of checks, texts).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from masterd.config.address_pool import AddressPool
from masterd.config.instance import Nic
from masterd.config.kinds import GROUP, AnyInstance
from masterd.config.network import Network
from masterd.config.node import NodeGroup
from masterd.config.params import PartialNicParams
from masterd.config.relations import instances_of_group, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpPrereqError
from masterd.lock.levels import LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.opcodes.network import OpNetworkConnect, OpNetworkDisconnect
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.feedback import Feedback
from masterd.work.hooks import Hooked, HookPath


@dataclass(frozen=True, slots=True)
class _Ends:
    """A network, a group, and how they are connected; None where they are not."""

    network: Network
    group: NodeGroup
    connected: PartialNicParams | None


def _ends(config: ConfigSnapshot, op: OpNetworkConnect | OpNetworkDisconnect) -> _Ends:
    network = names.network(config, op.network_name)
    group = names.group(config, op.group_name)
    return _Ends(network, group, group.networks.get(network.uuid))


def _group_and_instances(config: ConfigSnapshot, ends: _Ends, *, instances: bool) -> Locks:
    """Return the group's lock, and those of the instances on its nodes."""
    group = {LockLevel.NODEGROUP: LockRequest(frozenset({ends.group.uuid}))}
    if not instances:
        return group
    there = instances_of_group(config, ends.group.uuid)
    named = frozenset(instance.name for instance in there if instance.name is not None)
    return {LockLevel.INSTANCE: LockRequest(named, LockMode.SHARED), **group}


def _members(config: ConfigSnapshot, group: NodeGroup) -> tuple[str, ...]:
    return tuple(node.uuid for node in config.derived(relations).members.get(group.uuid, ()))


def _refuse_conflicts(
    instances: Iterable[AnyInstance], in_use: Callable[[Nic], bool], what: str, say: Feedback
) -> None:
    """Refuse when NICs of instances use a network's addresses; the log says which."""
    conflicts = []
    for instance in instances:
        nics = [f"nic{n}/{nic.ip}" for n, nic in enumerate(instance.nics) if in_use(nic)]
        if nics:
            conflicts.append(f"{instance.name}: {', '.join(nics)}")
    if conflicts:
        say.warning(f"{what}, are in use: {', '.join(conflicts)}")
        raise OpPrereqError(
            "Conflicting IP addresses found; remove/modify the corresponding network interfaces",
            ECode.STATE,
        )


class LUNetworkConnect(LogicalUnit[OpNetworkConnect, _Ends]):
    """Connects a network to a group, unless instances there have addresses of it already.

    One that is connected stays as it is, with a warning.
    """

    HOOKS = HookPath("network-connect", "NETWORK")

    def needs(self, config: ConfigSnapshot) -> Locks:
        ends = _ends(config, self.op)
        checked = self.op.conflicts_check
        network = frozenset({ends.network.uuid}) if checked else frozenset()
        return {
            **_group_and_instances(config, ends, instances=checked),
            LockLevel.NETWORK: LockRequest(network, LockMode.SHARED),
        }

    def check(self, config: ConfigSnapshot) -> _Ends:
        ends = _ends(config, self.op)
        if ends.connected is not None:
            self.work.say.warning(
                f"Network '{self.op.network_name}' is already mapped to group '{ends.group.name}'"
            )
        elif self.op.conflicts_check:
            pool = AddressPool(ends.network)
            _refuse_conflicts(
                instances_of_group(config, ends.group.uuid),
                lambda nic: pool.contains(nic.ip),
                f"IP addresses from network '{self.op.network_name}', which is about to connect to"
                f" node group '{ends.group.name}'",
                self.work.say,
            )
        return ends

    def hooks(self, plan: _Ends, config: ConfigSnapshot) -> Hooked:
        told = {
            "GROUP_NAME": self.op.group_name,
            "GROUP_NETWORK_MODE": self.op.network_mode,
            "GROUP_NETWORK_LINK": self.op.network_link,
            "GROUP_NETWORK_VLAN": self.op.network_vlan,
        }
        nodes = _members(config, plan.group)
        return Hooked(told, pre_nodes=nodes, post_nodes=nodes)

    def describe(self, plan: _Ends) -> Description:
        if plan.connected is not None:
            return ()
        return (f"Connect network '{plan.network.name}' to group '{plan.group.name}'",)

    def execute(self, plan: _Ends) -> None:
        if plan.connected is not None:
            return
        how = PartialNicParams(
            mode=self.op.network_mode, link=self.op.network_link, vlan=self.op.network_vlan
        )

        def connect(draft: Draft) -> None:
            group = draft.require(GROUP, plan.group.uuid)
            networks = {**group.networks, plan.network.uuid: how}
            draft.put(msgspec.structs.replace(group, networks=networks))

        self.work.config.update(connect)


class LUNetworkDisconnect(LogicalUnit[OpNetworkDisconnect, _Ends]):
    """Undoes a connection that no instance of the group uses.

    Where there is none nothing is done, with a warning.
    """

    HOOKS = HookPath("network-disconnect", "NETWORK")

    def needs(self, config: ConfigSnapshot) -> Locks:
        return _group_and_instances(config, _ends(config, self.op), instances=True)

    def check(self, config: ConfigSnapshot) -> _Ends:
        ends = _ends(config, self.op)
        if ends.connected is None:
            self.work.say.warning(
                f"Network '{self.op.network_name}' is not mapped to group '{ends.group.name}'"
            )
        else:
            _refuse_conflicts(
                instances_of_group(config, ends.group.uuid),
                lambda nic: nic.network == ends.network.uuid,
                f"IP addresses from network '{self.op.network_name}', which is about to disconnect"
                f" from node group '{ends.group.name}'",
                self.work.say,
            )
        return ends

    def hooks(self, plan: _Ends, config: ConfigSnapshot) -> Hooked:
        told: dict[str, object] = {"GROUP_NAME": self.op.group_name}
        if plan.connected is not None:
            told["GROUP_NETWORK_MODE"] = plan.connected.mode
            told["GROUP_NETWORK_LINK"] = plan.connected.link
            told["GROUP_NETWORK_VLAN"] = plan.connected.vlan
        nodes = _members(config, plan.group)
        return Hooked(told, pre_nodes=nodes, post_nodes=nodes)

    def describe(self, plan: _Ends) -> Description:
        if plan.connected is None:
            return ()
        return (f"Disconnect network '{plan.network.name}' from group '{plan.group.name}'",)

    def execute(self, plan: _Ends) -> None:
        if plan.connected is None:
            return

        def disconnect(draft: Draft) -> None:
            group = draft.require(GROUP, plan.group.uuid)
            networks = {u: how for u, how in group.networks.items() if u != plan.network.uuid}
            draft.put(msgspec.structs.replace(group, networks=networks))

        self.work.config.update(disconnect)
