"""The calls that put things aside: addresses, MACs, DRBD minors and secrets, logical volumes.

What a program has put aside it cannot put aside again, as jobs cannot. Minors belong to the disk
they are for, until they are given back or the daemon ends.

Source: luxi.json, wconfd.methods; answers of a running wconfd 3.0.2 (classes, most texts).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import TypeVar

from masterd.config.address_pool import AddressPool
from masterd.config.kinds import NETWORK, AnyDisk
from masterd.config.network import Network
from masterd.config.transaction import Draft
from masterd.errors import AddressPoolError, OpPrereqError, ReservationError
from masterd.limits_beside import WCONFD_RESERVATIONS_MAX
from masterd.lock.owners import Outsider
from masterd.wconf.gate import Config
from masterd.wconf.reservations import Owner, Reservations, Thing, taken

R = TypeVar("R")

#: An address that is put aside or to be given back: "reserve" or "release", address, network.
IpRow = tuple[str, str, str]


class SettingAside:
    """Answers the calls about reservations. Only `commit_*` switch greenlets."""

    def __init__(self, config: Config, reservations: Reservations) -> None:
        self._config = config
        self._reservations = reservations
        #: Addresses, with their networks, that each program gives back when it says so.
        self._released: dict[Outsider, dict[tuple[str, str], None]] = {}

    def owners(self) -> set[Outsider]:
        """Return the programs that have put anything aside."""
        found = {each for each in self._reservations.owners if isinstance(each, Outsider)}
        return found | set(self._released)

    def drop(self, owner: Outsider) -> None:
        """Let go of everything that an owner has put aside."""
        self._reservations.release(owner)
        self._released.pop(owner, None)

    # --- names and numbers --------------------------------------------------------------------

    def reserve_mac(self, owner: Outsider, mac: str) -> None:
        """Put a MAC address aside.

        Raises:
            ReservationError: somebody has it.
        """
        self._reserve(owner, Thing.MAC, mac.lower(), mac)

    def new_mac(self, owner: Outsider, network_uuid: str | None) -> str:
        """Return a free MAC address, with the prefix of a network if one is named.

        Raises:
            ReservationError: there is no such network, or no free address was found.
        """
        prefix = None if network_uuid is None else self._network(network_uuid).mac_prefix
        return self._made(lambda: self._reservations.new_mac(owner, prefix))

    def new_secret(self, owner: Outsider) -> str:
        """Return a secret that no disk has."""
        return self._made(lambda: self._reservations.new_secret(owner))

    def reserve_volume(self, owner: Outsider, volume: tuple[str, str]) -> None:
        """Put a logical volume aside.

        Raises:
            ReservationError: somebody has it.
        """
        self._reserve(owner, Thing.LV, volume, "/".join(volume))

    # --- minors -------------------------------------------------------------------------------

    def minors(self) -> list[tuple[str, list[tuple[int, str]]]]:
        """Return the minors of each node with the disks they are for; a job's with its number."""
        config = self._config.snapshot()
        found: dict[str, dict[int, str]] = {uuid: {} for uuid in sorted(config.nodes)}
        for disk in config.disks.values():
            for node, minor in _minors_of(disk):
                found.setdefault(node, {})[minor] = disk.uuid
        for owner in self._reservations.owners:
            for thing, value in self._reservations.held(owner):
                if thing is Thing.MINOR and isinstance(value, tuple):
                    node, minor = value
                    found.setdefault(node, {}).setdefault(minor, _disk_of(owner))
        return [(node, sorted(minors.items())) for node, minors in found.items()]

    def new_minors(self, disk_uuid: str, nodes: Sequence[str]) -> list[int]:
        """Return a free minor on each node, for a disk.

        Raises:
            ReservationError: a node is named twice.
        """
        if len(set(nodes)) < len(nodes):
            told = ",".join(f'"{node}"' for node in nodes)
            raise ReservationError(f"Duplicate nodes detected in list '[{told}]'")
        return self._made(lambda: self._reservations.new_minors(disk_uuid, nodes))

    def release_minors(self, disk_uuid: str) -> None:
        """Give the minors of a disk back that were put aside for it."""
        self._reservations.release(disk_uuid)

    # --- addresses ----------------------------------------------------------------------------

    def reserve_ip(self, owner: Outsider, network_uuid: str, address: str, check: bool) -> None:
        """Put an address of a network aside; `check` refuses one that somebody outside has.

        Raises:
            ReservationError: somebody has it, or it is not of the network.
        """
        network = self._network(network_uuid)
        pool = _pool(network, address)
        if pool.is_reserved(address):
            raise ReservationError("IP address already in use")
        if check and pool.is_reserved(address, outside=True):
            raise ReservationError("IP is externally reserved")
        self._reserve(owner, Thing.IP, (network_uuid, address), f"{address} of {network.name}")

    def new_ip(self, owner: Outsider, network_uuid: str) -> str:
        """Return a free address of a network.

        Raises:
            ReservationError: there is no such network, or it is full.
        """
        network = self._network(network_uuid)
        return self._made(lambda: self._reservations.new_ip(owner, network))

    def release_ip(self, owner: Outsider, network_uuid: str, address: str) -> None:
        """Note that an address is to be given back with the owner's next commit."""
        self._check_room()
        self._released.setdefault(owner, {})[network_uuid, address] = None

    def listed(self, owner: Outsider) -> list[IpRow]:
        """Return the addresses that an owner has put aside, and those it gives back."""
        kept = [
            value
            for thing, value in self._reservations.held(owner)
            if thing is Thing.IP and isinstance(value, tuple)
        ]
        gone = self._released.get(owner, {})
        return [*_ip_rows("reserve", kept), *_ip_rows("release", gone)]

    def commit(self, owner: Outsider) -> None:
        """Mark an owner's addresses in the pools of their networks, and free those it gives back.

        Switches. An address that a NIC has brought there meanwhile stays as it is.

        Raises:
            ReservationError: one is not of its network, or is to be freed and was not taken.
        """
        rows = self.listed(owner)
        if not rows:
            return

        def change(draft: Draft) -> None:
            for action, address, network_uuid in rows:
                if action == "reserve":
                    _mark(draft, network_uuid, address)
                else:
                    _free(draft, network_uuid, address)

        self._config.update(change)
        self._released.pop(owner, None)

    def commit_release(self, network_uuid: str, address: str) -> None:
        """Free an address of a network. Switches.

        Raises:
            ReservationError: it is not of the network, or was not taken.
        """
        self._network(network_uuid)
        self._config.update(lambda draft: _free(draft, network_uuid, address))

    # --- inside -------------------------------------------------------------------------------

    def _network(self, uuid: str) -> Network:
        found = self._config.snapshot().networks.get(uuid)
        if found is None:
            raise ReservationError(f"Network '\"{uuid}\"' not found")
        return found

    def _reserve(self, owner: Outsider, thing: Thing, value: object, shown: str) -> None:
        self._check_room()
        if self._reservations.holder(thing, value) is not None:
            raise ReservationError(f"Duplicate reservation for resource '{shown}'")
        if value in self._config.snapshot().derived(taken).things[thing]:
            raise ReservationError(f"{thing} already in use")
        self._reservations.reserve(owner, thing, value)

    def _made(self, make: Callable[[], R]) -> R:
        self._check_room()
        try:
            return make()
        except (OpPrereqError, AddressPoolError) as error:
            raise ReservationError(str(error.args[0])) from error

    def _check_room(self) -> None:
        """Refuse more than programs may have put aside; jobs are not counted."""
        held = sum(
            len(self._reservations.held(owner))
            for owner in self._reservations.owners
            if not isinstance(owner, tuple)
        )
        if held + sum(map(len, self._released.values())) >= WCONFD_RESERVATIONS_MAX:
            raise ReservationError(f"More than {WCONFD_RESERVATIONS_MAX} things are put aside")


# --- single things ------------------------------------------------------------------------------


def _disk_of(owner: Owner) -> str:
    """Return for which disk something is put aside; of a job only its number is known."""
    if isinstance(owner, Outsider):
        return ""
    return owner if isinstance(owner, str) else f"job-{owner[0]}"


def _minors_of(disk: AnyDisk) -> Iterator[tuple[str, int]]:
    """Yield node and minor of both ends of a DRBD disk."""
    if disk.dev_type == "drbd" and disk.logical_id is not None:
        first, second, _, first_minor, second_minor, _ = disk.logical_id
        yield str(first), int(first_minor)
        yield str(second), int(second_minor)


def _ip_rows(action: str, addresses: Iterable[tuple[str, str]]) -> Iterator[IpRow]:
    """Yield rows of networks in order, and within them of addresses by number."""
    for network, address in sorted(addresses, key=lambda each: (each[0], IPv4Address(each[1]))):
        yield action, address, network


def _pool(network: Network, address: str) -> AddressPool:
    """Return a network's pool, if the address is one of it.

    Raises:
        ReservationError: it is not, or the network can have no pool.
    """
    try:
        pool = AddressPool(network)
    except AddressPoolError as error:
        raise ReservationError(str(error.args[0])) from error
    if not pool.contains(address):
        raise ReservationError(f"Address '{address}' not in the network '{network.name}'")
    return pool


def _mark(draft: Draft, network_uuid: str, address: str) -> None:
    """Take an address in its network's pool, if it is not taken there yet."""
    pool = _pool(draft.require(NETWORK, network_uuid), address)
    if not pool.is_reserved(address):
        pool.reserve(address)
        draft.put(pool.network)


def _free(draft: Draft, network_uuid: str, address: str) -> None:
    """Free an address in its network's pool.

    Raises:
        ReservationError: it was not taken.
    """
    pool = _pool(draft.require(NETWORK, network_uuid), address)
    if not pool.is_reserved(address):
        raise ReservationError(f"IP {address} is not used by an instance")
    pool.release(address)
    draft.put(pool.network)
