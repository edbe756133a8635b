"""What running opcodes have put aside and no object holds yet: addresses, minors, ports, names.

A reservation is taken against the newest configuration and against everybody else's reservations,
in one step without a switch, so that two jobs never get the same. It belongs to an owner (one run
of an opcode) and ends with it, whatever becomes of it: by then the configuration holds what was
used, and the rest is free again. Nothing is stored: what a killed daemon had put aside is free.

Source: Ganeti 3.0.2 lib/config (which things are put aside), lib/config/temporary_reservations.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias, TypeVar, cast

from masterd.config import address_pool
from masterd.config.disk import Disk, ForthcomingDisk
from masterd.config.instance import ForthcomingInstance, Instance
from masterd.config.kinds import DISK, INSTANCE, Configured, Kind
from masterd.config.network import Network
from masterd.config.objects import ConfigObject
from masterd.config.snapshot import ConfigSnapshot, Derivation, Touched
from masterd.errors import ECode, OpPrereqError
from masterd.limits import CONFIG_PORT_MAX, CONFIG_RANDOM_TRIES
from masterd.lock.owners import Outsider

T = TypeVar("T", bound=ConfigObject)

#: Whoever reserves: job id and index of the opcode, a program beside the daemon, or, by its uuid, a
#: disk that such a program is about to make.
Owner: TypeAlias = tuple[int, int] | Outsider | str


class Thing(StrEnum):
    """What can be put aside, by the word in messages."""

    MAC = "MAC address"
    #: Value: network uuid and address.
    IP = "IP address"
    #: Value: volume group and name.
    LV = "logical volume"
    #: Value: node uuid and number.
    MINOR = "DRBD minor"
    PORT = "TCP port"
    SECRET = "DRBD secret"
    INSTANCE = "instance name"


@dataclass(frozen=True, slots=True)
class Taken:
    """What the configuration holds, with how many objects hold it.

    More than one where it is inconsistent: the thing is not free then when one of them lets go.
    """

    things: Mapping[Thing, Mapping[object, int]]


def _compute(config: ConfigSnapshot) -> Taken:
    """Collect what a configuration holds; 10,000 instances take some 40 ms."""
    found: dict[Thing, dict[object, int]] = {thing: {} for thing in Thing}
    for value in (*config.instances.values(), *config.disks.values()):
        for thing, held in _held_by(value):
            found[thing][held] = found[thing].get(held, 0) + 1
    return Taken(found)


def _carry(old: Taken, before: ConfigSnapshot, after: ConfigSnapshot, touched: Touched) -> Taken:
    """Bring what is held from one snapshot to the next."""
    counts: Counter[tuple[Thing, object]] = Counter()
    for kind in (INSTANCE, DISK):
        for uuid in touched.get(kind.name, ()):
            counts.subtract(_held_by(before.get(_any(kind), uuid)))
            counts.update(_held_by(after.get(_any(kind), uuid)))
    things = {**old.things}
    for (thing, held), more in counts.items():
        if not more:
            continue
        if things[thing] is old.things[thing]:
            things[thing] = {**things[thing]}
        kept = cast(dict[object, int], things[thing])  # the copy made above
        kept[held] = kept.get(held, 0) + more
        if not kept[held]:
            del kept[held]
    return Taken(things)


#: What a configuration holds: `config.derived(taken)`.
taken = Derivation(_compute, _carry)


def _any(kind: Kind[T]) -> Kind[Configured]:
    # Kinds differ in the type of their objects only.
    return cast(Kind[Configured], kind)


def _held_by(value: object) -> Iterator[tuple[Thing, object]]:
    """Yield what an instance or a disk holds."""
    if isinstance(value, Instance | ForthcomingInstance):
        if value.name is not None:
            yield Thing.INSTANCE, value.name
        if value.network_port is not None:
            yield Thing.PORT, value.network_port
        for nic in value.nics:
            yield Thing.MAC, nic.mac.lower()
            if nic.network is not None and nic.ip is not None:
                yield Thing.IP, (nic.network, nic.ip)
    elif isinstance(value, Disk | ForthcomingDisk):
        if value.dev_type == "plain" and value.logical_id is not None:
            yield Thing.LV, tuple(value.logical_id)
        elif value.dev_type == "drbd" and value.logical_id is not None:
            first, second, port, first_minor, second_minor, secret = value.logical_id
            yield Thing.MINOR, (first, first_minor)
            yield Thing.MINOR, (second, second_minor)
            yield Thing.PORT, port
            yield Thing.SECRET, secret
        for child in value.children:
            yield from _held_by(child)


class Reservations:
    """Everybody's reservations. Nothing here switches."""

    def __init__(self, config: Callable[[], ConfigSnapshot], chance: Random | None = None) -> None:
        """Prepare; `chance` draws MAC addresses (secrets are drawn by the system)."""
        self._config = config
        self._chance = Random() if chance is None else chance
        self._owners: dict[tuple[Thing, object], Owner] = {}
        self._held: dict[Owner, list[tuple[Thing, object]]] = {}

    # --- what is known beforehand -------------------------------------------------------------

    def reserve(self, owner: Owner, thing: Thing, value: object) -> None:
        """Put one thing aside.

        Raises:
            OpPrereqError: the configuration or somebody has it, be it the owner itself.
        """
        value = value.lower() if thing is Thing.MAC and isinstance(value, str) else value
        if not self._is_free(thing, value):
            raise OpPrereqError(f"{thing} {_shown(value)} is already in use", ECode.NOTUNIQUE)
        self._take(owner, thing, value)

    def reserve_ip(
        self, owner: Owner, network: Network, address: str, *, outside: bool = True
    ) -> None:
        """Put one address of a network aside.

        Args:
            outside: whether what others than NICs have counts.

        Raises:
            OpPrereqError: it is not of the network, or somebody has it.
        """
        network = self._newest(network)
        if not address_pool.lies_in(address, address_pool.addresses_of(network)):
            raise OpPrereqError(
                f"IP address {address} is not in network {network.name}", ECode.INVAL
            )
        if address_pool.is_taken(network, address, outside=outside):
            raise OpPrereqError(f"IP address {address} is already in use", ECode.NOTUNIQUE)
        self.reserve(owner, Thing.IP, (network.uuid, address))

    # --- what is looked for -------------------------------------------------------------------

    def new_mac(self, owner: Owner, prefix: str | None = None) -> str:
        """Return a free MAC address with the prefix of a network, or the cluster's.

        Raises:
            OpPrereqError: none was found among many draws.
        """
        start = prefix or self._config().cluster.mac_prefix
        for _ in range(CONFIG_RANDOM_TRIES):
            parts = (f"{self._chance.randrange(256):02x}" for _ in range(6 - len(start.split(":"))))
            mac = ":".join((start, *parts)).lower()
            if self._is_free(Thing.MAC, mac):
                self._take(owner, Thing.MAC, mac)
                return mac
        raise OpPrereqError(f"No free MAC address found with prefix {start}", ECode.NORES)

    def new_ip(self, owner: Owner, network: Network) -> str:
        """Return the lowest free address of a network.

        Raises:
            OpPrereqError: the network is full.
            AddressPoolError: it has no addresses to give.
        """
        for address in address_pool.AddressPool(self._newest(network)).free():
            if self._is_free(Thing.IP, (network.uuid, address)):
                self._take(owner, Thing.IP, (network.uuid, address))
                return address
        raise OpPrereqError(f"Network {network.name} has no free address", ECode.NORES)

    def new_minors(self, owner: Owner, node_uuids: Iterable[str]) -> list[int]:
        """Return a free DRBD minor for each node, the lowest; a node may come several times."""
        found = []
        for uuid in node_uuids:
            minor = 0
            while not self._is_free(Thing.MINOR, (uuid, minor)):
                minor += 1
            self._take(owner, Thing.MINOR, (uuid, minor))
            found.append(minor)
        return found

    def new_port(self, owner: Owner) -> int:
        """Return a free TCP port: one that was given back, else the next one never used.

        Raises:
            OpPrereqError: there is none.
        """
        cluster = self._config().cluster
        never_used = range(cluster.highest_used_port + 1, CONFIG_PORT_MAX + 1)
        port: int
        for port in (*sorted(cluster.tcpudp_port_pool), *never_used):
            if self._is_free(Thing.PORT, port):
                self._take(owner, Thing.PORT, port)
                return port
        raise OpPrereqError(f"All TCP ports up to {CONFIG_PORT_MAX} are in use", ECode.NORES)

    def new_secret(self, owner: Owner) -> str:
        """Return a secret for a DRBD disk that no other disk has."""
        secret = secrets.token_hex(20)
        self.reserve(owner, Thing.SECRET, secret)
        return secret

    # --- the end ------------------------------------------------------------------------------

    def release(self, owner: Owner) -> None:
        """Let go of everything an owner has put aside; the configuration keeps what it used."""
        for key in self._held.pop(owner, ()):
            del self._owners[key]

    def held(self, owner: Owner) -> list[tuple[Thing, object]]:
        """Return what an owner has put aside, in order."""
        return list(self._held.get(owner, ()))

    def holder(self, thing: Thing, value: object) -> Owner | None:
        """Return who has put a thing aside."""
        return self._owners.get((thing, value))

    @property
    def owners(self) -> frozenset[Owner]:
        """Those who have put anything aside."""
        return frozenset(self._held)

    # --- inside -------------------------------------------------------------------------------

    def _newest(self, network: Network) -> Network:
        """Return a network as it is by now: who reserves may have looked at it long ago."""
        return self._config().networks.get(network.uuid, network)

    def _is_configured(self, thing: Thing, value: object) -> bool:
        return value in self._config().derived(taken).things[thing]

    def _is_free(self, thing: Thing, value: object) -> bool:
        return (thing, value) not in self._owners and not self._is_configured(thing, value)

    def _take(self, owner: Owner, thing: Thing, value: object) -> None:
        self._owners[thing, value] = owner
        self._held.setdefault(owner, []).append((thing, value))


def _shown(value: object) -> str:
    """Return a value for a message; pairs with a slash between."""
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)
