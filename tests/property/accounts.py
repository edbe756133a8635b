"""Whether everything that can be used up is accounted for, in a configuration and on its nodes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from masterd.config import address_pool, verify
from masterd.config.kinds import AnyDisk
from masterd.config.relations import is_forthcoming
from masterd.config.snapshot import ConfigSnapshot
from masterd.instance import disks
from masterd.testing import node_facts
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.node_devices import Devices

#: Where disks are that every node has.
_EVERYWHERE: Final = frozenset({"ext", "gluster", "rbd", "sharedfile"})


def problems(
    config: ConfigSnapshot, first_port: int, external: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Yield what is not accounted for in a configuration, but for ports.

    Args:
        external: the addresses that others than NICs have, by name of the network.
    """
    yield from verify.broken(config)
    yield from _networks(config, external)
    yield from _own_disks(config)
    yield from _unique(config)
    used = Counter(_ports(config))
    used.update(config.cluster.tcpudp_port_pool)
    yield from (f"port {port} is there {times} times" for port, times in used.items() if times > 1)
    never = range(first_port, config.cluster.highest_used_port + 1)
    yield from (f"port {port} was never handed out" for port in used if port not in never)


def lost_ports(config: ConfigSnapshot, first_port: int) -> frozenset[int]:
    """Return the ports that were handed out, and that nobody has now, nor the pool."""
    ever = range(first_port, config.cluster.highest_used_port + 1)
    return frozenset(ever) - {*_ports(config), *config.cluster.tcpudp_port_pool}


def _ports(config: ConfigSnapshot) -> Iterator[int]:
    for instance in config.instances.values():
        if instance.network_port is not None:
            yield instance.network_port
    yield from disks.ports(list(config.disks.values()))


def _networks(config: ConfigSnapshot, external: Mapping[str, Collection[str]]) -> Iterator[str]:
    of_nics: defaultdict[str, set[str]] = defaultdict(set)
    for instance in config.instances.values():
        for nic in instance.nics:
            if nic.network is not None and nic.ip is not None:
                if nic.ip in of_nics[nic.network]:
                    yield f"two NICs have {nic.ip}"
                of_nics[nic.network].add(nic.ip)
    for network in config.networks.values():
        addresses = address_pool.addresses_of(network)
        marked = {
            str(addresses[index])
            for index, sign in enumerate(network.reservations or "")
            if sign == address_pool.TAKEN
        }
        if marked != of_nics[network.uuid]:
            yield f"{network.name} has marked {sorted(marked)}: {sorted(of_nics[network.uuid])}"
        outside = set(address_pool.external(network) or ())
        if outside != set(external[network.name]):
            yield f"{network.name} keeps {sorted(outside)} out: {sorted(external[network.name])}"


def _own_disks(config: ConfigSnapshot) -> Iterator[str]:
    owned = Counter(uuid for instance in config.instances.values() for uuid in instance.disks)
    for uuid in config.disks:
        if owned[uuid] != 1:
            yield f"disk {uuid} belongs to {owned[uuid]} instances"


def _unique(config: ConfigSnapshot) -> Iterator[str]:
    """Look at what must be there once, and what no index of the store refuses."""
    found: Counter[tuple[str, object]] = Counter()
    for instance in config.instances.values():
        found.update(("MAC", nic.mac.lower()) for nic in instance.nics)
    for disk in _parts(config):
        if disk.dev_type == "drbd" and disk.logical_id is not None:
            first, second, _, first_minor, second_minor, secret = disk.logical_id
            found.update([("secret", secret)])
            found.update([("minor", (first, first_minor)), ("minor", (second, second_minor))])
        elif disk.dev_type == "plain" and disk.logical_id is not None:
            # One name may be on both ends of a mirror, which say so in `nodes`.
            found.update([("volume", (disk.logical_id, disk.nodes))])
    for (what, value), times in found.items():
        if times > 1:
            yield f"{what} {value} is there {times} times"


def _parts(config: ConfigSnapshot) -> Iterator[AnyDisk]:
    for disk in config.disks.values():
        yield from disks.tree(disk)


# --- nodes ----------------------------------------------------------------------------------------


def unknown_devices(
    config: ConfigSnapshot, nodes: Mapping[str, SimulatedNode]
) -> frozenset[tuple[str, str]]:
    """Return names of nodes, and volumes and minors that they have and nobody knows."""
    has = {
        (node.name, device) for node in nodes.values() for device in _devices(Devices(node.root))
    }
    return frozenset(has) - {each for _, each in _known(config)}


def missing_devices(
    config: ConfigSnapshot, nodes: Mapping[str, SimulatedNode]
) -> frozenset[tuple[str, str]]:
    """Return names of nodes, and volumes that they should have and have not."""
    has = {
        (node.name, device) for node in nodes.values() for device in _devices(Devices(node.root))
    }
    real = {each for _, each in _known(config, planned=False)}
    return frozenset(each for each in real if "/" in each[1]) - has


def devices_of(config: ConfigSnapshot, name: str) -> frozenset[tuple[str, str]]:
    """Return names of nodes, and volumes and minors that an instance has on them."""
    return frozenset(each for owner, each in _known(config) if owner == name)


def stray_guests(config: ConfigSnapshot, nodes: Mapping[str, SimulatedNode]) -> list[str]:
    """Return what is wrong with where instances run: on their primary node, if they should."""
    runs = {
        (name, uuid) for uuid, node in nodes.items() for name in node_facts.all_instances(node.root)
    }
    should = {
        (instance.name, instance.primary_node)
        for instance in config.instances.values()
        if not is_forthcoming(instance) and instance.admin_state == "up"
    }
    return [f"{name} on {config.nodes[uuid or ''].name}" for name, uuid in runs ^ should]


def _devices(devices: Devices) -> Iterator[str]:
    yield from (
        f"{group}/{name}" for group, name in devices.volumes() if group not in ("rbd", "p1")
    )
    yield from (f"minor {minor}" for minor in devices.minors())


def _known(
    config: ConfigSnapshot, *, planned: bool = True
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield names of instances, and nodes and devices that they have."""
    for instance in config.instances.values():
        if is_forthcoming(instance) and not planned:
            continue
        name = instance.name or ""
        for uuid, volume in disks.volumes(config, instance):
            yield name, (config.nodes[uuid].name, volume)
        for disk in disks.of(config, instance):
            if disk.dev_type == "drbd" and disk.logical_id is not None:
                first, second, _, first_minor, second_minor, _ = disk.logical_id
                yield name, (config.nodes[str(first)].name, f"minor {first_minor}")
                yield name, (config.nodes[str(second)].name, f"minor {second_minor}")
