"""OP_NETWORK_ADD, OP_NETWORK_REMOVE, OP_NETWORK_SET_PARAMS: networks and their address pools.

Source: Ganeti 3.0.2 lib/cmdlib/network.py, lib/network.py (order of checks, texts).
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from masterd.config import tags as tag_rules
from masterd.config.address_pool import AddressPool
from masterd.config.kinds import NETWORK
from masterd.config.network import Network
from masterd.config.relations import relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import AddressPoolError, ECode, OpExecError, OpPrereqError
from masterd.filter.natural import natural_key
from masterd.instance.hook_env import network_env
from masterd.lock.levels import ALL, LockLevel, LockMode, LockRequest
from masterd.lu import names
from masterd.opcodes.network import OpNetworkAdd, OpNetworkRemove, OpNetworkSetParams
from masterd.wconf.reservations import Thing
from masterd.work.base import Description, Locks, LogicalUnit
from masterd.work.hooks import Hooked, HookPath
from masterd.work.work import Work

_MAC_PREFIX: Final = re.compile(r"([0-9a-f]{2}:){2}[0-9a-f]{2}", re.IGNORECASE)
#: What takes a value away, where a parameter can say so.
_NONE: Final = "none"


def mac_prefix_of(text: str | None) -> str | None:
    """Return three octets of a MAC address in lower case.

    Raises:
        OpPrereqError: that is not what it is.
    """
    if text and not _MAC_PREFIX.fullmatch(text):
        raise OpPrereqError(f"Invalid MAC address prefix '{text}'", ECode.INVAL)
    return text.lower() if text else None


def _on_master(env: dict[str, object], config: ConfigSnapshot) -> Hooked:
    master = (config.cluster.master_node,)
    return Hooked(env, pre_nodes=master, post_nodes=master)


def _environment(network: Network) -> dict[str, object]:
    """Return what scripts are told of a network: what it has, and not its uuid."""
    tags = {"NETWORK_TAGS": " ".join(network.tags)} if network.tags else {}
    return {**network_env(network), **tags}


def _problem6(network: Network) -> str | None:
    """Return what is wrong with a network's IPv6 part: the gateway is in it, or local to a link."""
    if network.network6 is None or network.gateway6 is None:
        return None
    gateway = ipaddress.IPv6Address(network.gateway6)
    if gateway in ipaddress.IPv6Network(network.network6) or gateway.is_link_local:
        return None
    return f"IPv6 gateway {network.gateway6} does not lie in {network.network6}"


class LUNetworkAdd(LogicalUnit[OpNetworkAdd, Network]):
    """Makes a network.

    The addresses of nodes and cluster in it are kept out of its pool, unless told otherwise.
    """

    HOOKS = HookPath("network-add", "NETWORK")
    CONFIG_UPDATE_HOOK = True

    def __init__(self, op: OpNetworkAdd, work: Work) -> None:
        super().__init__(op, work)
        # Locked before anybody can know it, so that the network is seen when all is done.
        self._uuid = work.new_uuid()

    def check_arguments(self) -> None:
        mac_prefix_of(self.op.mac_prefix)

    def needs(self, config: ConfigSnapshot) -> Locks:
        own = {LockLevel.NETWORK: LockRequest(frozenset({self._uuid}))}
        if not self.op.conflicts_check:
            return own
        return {LockLevel.NODE: LockRequest(ALL, LockMode.SHARED), **own}

    def check(self, config: ConfigSnapshot) -> Network:
        """Return the network without its pools, which depend on what is in use in the end."""
        self._refuse_known(config.networks.find(self.op.network_name))
        for tag in self.op.tags:
            tag_rules.check(tag)
        return Network(
            name=self.op.network_name,
            uuid=self._uuid,
            serial_no=1,
            network=self.op.network,
            gateway=self.op.gateway,
            network6=self.op.network6,
            gateway6=self.op.gateway6,
            mac_prefix=mac_prefix_of(self.op.mac_prefix),
            tags=self.op.tags,
        )

    def hooks(self, plan: Network, config: ConfigSnapshot) -> Hooked:
        return _on_master(_environment(plan), config)

    def describe(self, plan: Network) -> Description:
        return (f"Add network '{plan.name}' with the addresses {plan.network}",)

    def execute(self, plan: Network) -> None:
        wrong = _problem6(plan)
        try:
            pool = AddressPool.new(plan)
            if wrong is not None:
                raise AddressPoolError(wrong)
        except AddressPoolError as error:
            raise OpExecError(
                f"Cannot create IP address pool for network '{plan.name}': {error.message}"
            ) from error
        if self.op.conflicts_check:
            self._keep_out_machines(pool)
        for address in self.op.add_reserved_ips or ():
            try:
                pool.reserve(address, outside=True)
            except AddressPoolError as error:
                raise OpExecError(
                    f"Cannot reserve IP address '{address}': {error.message}"
                ) from error
        network = msgspec.structs.replace(pool.network, tags=tag_rules.add((), plan.tags))

        def add(draft: Draft) -> None:
            # Names are not locked: another job may have been quicker.
            self._refuse_known(draft.named(NETWORK, network.name))
            draft.put(network)

        self.work.config.update(add)

    def _refuse_known(self, known: Network | None) -> None:
        if known is not None:
            raise OpPrereqError(
                f"Desired network name '{self.op.network_name}' already exists as a network"
                f" (UUID: {known.uuid})",
                ECode.EXISTS,
            )

    def _keep_out_machines(self, pool: AddressPool) -> None:
        """Take the addresses of nodes and cluster, as far as they are in the network."""
        config, say = self.work.config.snapshot(), self.work.say
        machines = [
            (each, f"IP address of node '{node.name}' ({each})",
             f"IP address '{each}' of node '{node.name}'")
            for node in config.nodes.sorted()
            for each in (node.primary_ip, node.secondary_ip)
        ]  # fmt: skip
        cluster = f"cluster master IP address ({config.cluster.master_ip})"
        for address, reserved, refused in (*machines, (config.cluster.master_ip, cluster, cluster)):
            if pool.contains(address):
                try:
                    pool.reserve(address, outside=True)
                except AddressPoolError as error:
                    say.warning(f"Cannot reserve {refused}: {error.message}")
                else:
                    say.info(f"Reserved {reserved}")


class LUNetworkRemove(LogicalUnit[OpNetworkRemove, Network]):
    """Removes a network that no group is connected to and no NIC is in; `force` changes nothing."""

    HOOKS = HookPath("network-remove", "NETWORK")
    CONFIG_UPDATE_HOOK = True

    def needs(self, config: ConfigSnapshot) -> Locks:
        network = names.network(config, self.op.network_name)
        return {
            LockLevel.NODEGROUP: LockRequest(ALL, LockMode.SHARED),
            LockLevel.NETWORK: LockRequest(frozenset({network.uuid})),
        }

    def check(self, config: ConfigSnapshot) -> Network:
        network = names.network(config, self.op.network_name)
        connected = [g.name for g in config.nodegroups.values() if network.uuid in g.networks]
        if connected:
            groups = ", ".join(sorted(connected, key=natural_key))
            self.work.say.warning(
                f"Network '{self.op.network_name}' is connected to the following node groups: "
                f"{groups}"
            )
            raise OpPrereqError("Network still connected", ECode.STATE)
        users = config.derived(relations).connected_to.get(network.uuid, ())
        if users:
            # Only where somebody wrote so by hand; the reference leaves NICs in no network then.
            instances = ", ".join(sorted((u.name or u.uuid for u in users), key=natural_key))
            raise OpPrereqError(f"Network still has NICs of {instances}", ECode.STATE)
        return network

    def hooks(self, plan: Network, config: ConfigSnapshot) -> Hooked:
        return _on_master({"NETWORK_NAME": self.op.network_name}, config)

    def describe(self, plan: Network) -> Description:
        return (f"Remove network '{plan.name}'",)

    def execute(self, plan: Network) -> None:
        def remove(draft: Draft) -> None:
            if draft.get(NETWORK, plan.uuid) is None:
                raise OpExecError(
                    f"Network '{self.op.network_name}' with UUID {plan.uuid} disappeared"
                )
            draft.remove(NETWORK, plan.uuid)

        self.work.config.update(remove)


@dataclass(frozen=True, slots=True)
class _Modified:
    """A network as it is and, but for its pools, as it is to be."""

    before: Network
    after: Network


class LUNetworkSetParams(LogicalUnit[OpNetworkSetParams, _Modified]):
    """Changes a network; addresses that cannot be kept out of its pool, or let in, are told."""

    HOOKS = HookPath("network-modify", "NETWORK")

    def check_arguments(self) -> None:
        if self.op.gateway and (self.op.add_reserved_ips or self.op.remove_reserved_ips):
            raise OpPrereqError("Cannot modify gateway and reserved ips at once", ECode.INVAL)

    def needs(self, config: ConfigSnapshot) -> Locks:
        network = names.network(config, self.op.network_name)
        return {LockLevel.NETWORK: LockRequest(frozenset({network.uuid}))}

    def check(self, config: ConfigSnapshot) -> _Modified:
        network = names.network(config, self.op.network_name)
        pool = AddressPool(network)
        if self.op.gateway and not self._is_ours(network, pool, self.op.gateway):
            raise OpPrereqError(
                f"Gateway IP address '{self.op.gateway}' is already reserved", ECode.STATE
            )
        after = self._changed(network)
        wrong = _problem6(after)
        if wrong is not None:
            raise AddressPoolError(wrong)
        return _Modified(network, after)

    def _is_ours(self, network: Network, pool: AddressPool, address: str) -> bool:
        """Tell whether no NIC has an address, nor will have: from now on none is given it."""
        if pool.is_reserved(address):
            return False
        try:
            self.work.reserve.thing(Thing.IP, (network.uuid, address))
        except OpPrereqError:
            return False
        return True

    def _changed(self, network: Network) -> Network:
        """Return a network with the values that the opcode gives."""
        mac_prefix = network.mac_prefix
        if self.op.mac_prefix:
            taken_away = self.op.mac_prefix == _NONE
            mac_prefix = None if taken_away else mac_prefix_of(self.op.mac_prefix)
        return msgspec.structs.replace(
            network,
            gateway=self.op.gateway or network.gateway,
            network6=self.op.network6 or network.network6,
            gateway6=self.op.gateway6 or network.gateway6,
            mac_prefix=mac_prefix,
        )

    def hooks(self, plan: _Modified, config: ConfigSnapshot) -> Hooked:
        told = msgspec.structs.replace(plan.after, name=self.op.network_name)
        return _on_master(_environment(told), config)

    def describe(self, plan: _Modified) -> Description:
        return (f"Change network '{plan.before.name}'",)

    def execute(self, plan: _Modified) -> None:
        def change(draft: Draft) -> list[str]:
            present = draft.require(NETWORK, plan.before.uuid)
            pool = AddressPool(present)
            told = [*self._change_gateway(pool, present), *self._change_reserved(pool, present)]
            draft.put(self._changed(pool.network))
            return told

        for text in self.work.config.update(change):
            self.work.say.warning(text)

    def _change_gateway(self, pool: AddressPool, network: Network) -> Iterator[str]:
        """Keep the new gateway out of the pool, let the old one in; yield what to warn of."""
        if not self.op.gateway:
            return
        if self.op.gateway == network.gateway:
            yield f"Gateway is already {network.gateway}"
            return
        pool.reserve(self.op.gateway, outside=True)
        if network.gateway is not None:
            pool.release(network.gateway, outside=True)

    def _change_reserved(self, pool: AddressPool, network: Network) -> Iterator[str]:
        """Keep addresses out of the pool or let them in; yield what to warn of."""
        for address in self.op.add_reserved_ips or ():
            try:
                pool.reserve(address, outside=True)
            except AddressPoolError as error:
                yield f"Cannot reserve IP address {address}: {error.message}"
        for address in self.op.remove_reserved_ips or ():
            if address == network.gateway:
                yield "Cannot unreserve Gateway's IP"
                continue
            try:
                pool.release(address, outside=True)
            except AddressPoolError as error:
                yield f"Cannot release IP address {address}: {error.message}"
