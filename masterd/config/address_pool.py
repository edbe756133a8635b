"""Arithmetic on a network's addresses: which are in it, which are taken, and by whom.

A network has two pools, texts of one sign per address: *reservations*, what NICs of instances have,
and *external* ones, what others have: the network's own two addresses, the gateway, nodes, and what
the administrator keeps out. An address is taken when either says so.

Source: Ganeti 3.0.2 lib/network.py (sizes, who is external), lib/objects.py, wconfd.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from masterd.config.instance import Nic
from masterd.config.network import Network
from masterd.errors import AddressPoolError

FREE: Final = "0"
TAKEN: Final = "1"
_FREE_BYTE: Final = ord(FREE)
_TAKEN_BYTE: Final = ord(TAKEN)

#: Bits of the network's own part of an address: a pool has 4 to 65,536 addresses.
PREFIX_LONGEST: Final = 30
PREFIX_SHORTEST: Final = 16


def addresses_of(network: Network) -> ipaddress.IPv4Network:
    """Return a network's addresses, also where it is named by one amid them."""
    return ipaddress.IPv4Network(network.network, strict=False)


def lies_in(address: str, network: ipaddress.IPv4Network) -> bool:
    """Tell whether a text is an address of a network; what is no IPv4 address is not."""
    try:
        return ipaddress.IPv4Address(address) in network
    except ValueError:
        return False


def taken(network: Network) -> str | None:
    """Return one sign per address, `TAKEN` where either pool says so; None without both pools."""
    if network.reservations is None or network.ext_reservations is None:
        return None
    pairs = zip(network.reservations, network.ext_reservations, strict=False)
    return "".join(TAKEN if TAKEN in pair else FREE for pair in pairs)


def external(network: Network) -> list[str] | None:
    """Return the addresses that others than NICs have, in order; None without a pool."""
    pool = network.ext_reservations
    if pool is None:
        return None
    first = addresses_of(network).network_address
    return [str(first + index) for index, sign in enumerate(pool) if sign == TAKEN]


def is_taken(network: Network, address: str, *, outside: bool = True) -> bool:
    """Tell whether a pool of a network has an address of it, as far as it has pools.

    Args:
        outside: whether what others than NICs have counts.
    """
    addresses = addresses_of(network)
    if not lies_in(address, addresses):
        return False
    index = _index(addresses, address)
    return any(
        pool is not None and pool[index : index + 1] == TAKEN
        for pool in (network.reservations, network.ext_reservations if outside else None)
    )


def settled(
    changes: Iterable[tuple[Iterable[Nic], Iterable[Nic]]],
    network: Callable[[str], Network | None],
) -> list[Network]:
    """Return the networks whose pools follow from changes of NICs, as they are to be.

    Args:
        changes: an instance's NICs before and after.
        network: returns a network by uuid.
    """
    moved: Counter[tuple[str, str]] = Counter()
    for before, after in changes:
        moved.subtract(_addresses_of_nics(before))
        moved.update(_addresses_of_nics(after))
    pools: dict[str, AddressPool] = {}
    for (uuid, address), more in moved.items():
        found = network(uuid)
        # What is wrong with a network is found by its own rules; no NIC is refused for it.
        if not more or found is None or not is_poolable(found):
            continue
        pool = pools.setdefault(uuid, AddressPool(found))
        if pool.contains(address) and pool.is_reserved(address) != (more > 0):
            (pool.reserve if more > 0 else pool.release)(address)
    return [pool.network for pool in pools.values()]


def _addresses_of_nics(nics: Iterable[Nic]) -> Iterator[tuple[str, str]]:
    for nic in nics:
        if nic.network is not None and nic.ip is not None:
            yield nic.network, nic.ip


def is_poolable(network: Network) -> bool:
    """Tell whether a network can have pools, and has them of its size if it has any."""
    return (
        not problems(network)
        and PREFIX_SHORTEST <= addresses_of(network).prefixlen <= PREFIX_LONGEST
    )


def problems(network: Network) -> list[str]:
    """Return what is wrong with a network's addresses: each pool has a place for each of them."""
    try:
        addresses = ipaddress.IPv4Network(network.network)
    except ValueError as error:
        return [f"network: {error}"]
    found: list[str] = []
    if network.gateway is not None and not lies_in(network.gateway, addresses):
        found.append(f"gateway {network.gateway} does not lie in {network.network}")
    for name in ("reservations", "ext_reservations"):
        pool = getattr(network, name)
        if pool is not None and len(pool) != addresses.num_addresses:
            found.append(f"{name} is for {len(pool)} addresses, not {addresses.num_addresses}")
    return found


class AddressPool:
    """A network's pools while they are being changed; `network` gives the changed network.

    Belongs to one change: nobody else sees it.
    """

    def __init__(self, network: Network) -> None:
        """Read a network's pools; where there are none, all is free.

        Raises:
            AddressPoolError: the network is too small or too large to have pools, or they are not
                of its size.
        """
        self._network = network
        try:
            self._addresses = ipaddress.IPv4Network(network.network)
        except ValueError as error:
            raise AddressPoolError(str(error)) from error
        count = self._addresses.num_addresses
        if self._addresses.prefixlen < PREFIX_SHORTEST:
            raise AddressPoolError(
                f"A network of {count} addresses is too large, the largest is a /{PREFIX_SHORTEST}"
            )
        if self._addresses.prefixlen > PREFIX_LONGEST:
            raise AddressPoolError(
                f"A network of {count} address(es) is too small, the smallest is a "
                f"/{PREFIX_LONGEST}"
            )
        wrong = problems(network)
        if wrong:
            raise AddressPoolError("; ".join(wrong))
        nothing = FREE * count
        self._nics = bytearray(network.reservations or nothing, "ascii")
        self._external = bytearray(network.ext_reservations or nothing, "ascii")

    @classmethod
    def new(cls, network: Network) -> "AddressPool":
        """Make the pools of a new network: its two ends and the gateway are taken.

        Raises:
            AddressPoolError: it cannot have pools, or the gateway is one of its ends.
        """
        pool = cls(network)
        for address in (pool._addresses[0], pool._addresses[-1]):
            pool.reserve(str(address), outside=True)
        if network.gateway is not None:
            pool.reserve(network.gateway, outside=True)
        return pool

    def contains(self, address: str | None) -> bool:
        """Tell whether an address is one of the network."""
        return address is not None and lies_in(address, self._addresses)

    def is_reserved(self, address: str, *, outside: bool = False) -> bool:
        """Tell whether a NIC has an address, or somebody outside.

        Raises:
            AddressPoolError: it is not of the network.
        """
        return self._pool(outside)[self._place(address)] == _TAKEN_BYTE

    def reserve(self, address: str, *, outside: bool = False) -> None:
        """Take an address for a NIC, or for somebody outside.

        Raises:
            AddressPoolError: it is not of the network, or has been taken in this way already.
        """
        if self.is_reserved(address, outside=outside):
            how = "externally reserved" if outside else "used by an instance"
            raise AddressPoolError(f"IP {address} is already {how}")
        self._pool(outside)[self._place(address)] = _TAKEN_BYTE

    def release(self, address: str, *, outside: bool = False) -> None:
        """Give an address back.

        Raises:
            AddressPoolError: it is not of the network, or was not taken in this way.
        """
        if not self.is_reserved(address, outside=outside):
            how = "externally reserved" if outside else "used by an instance"
            raise AddressPoolError(f"IP {address} is not {how}")
        self._pool(outside)[self._place(address)] = _FREE_BYTE

    def free(self) -> Iterator[str]:
        """Yield the addresses that a NIC could have, from the lowest on; never the two ends."""
        for index in range(1, len(self._nics) - 1):
            if self._nics[index] == self._external[index] == _FREE_BYTE:
                yield str(self._addresses[index])

    @property
    def network(self) -> Network:
        """The network with its pools as they are now."""
        return msgspec.structs.replace(
            self._network,
            reservations=self._nics.decode(),
            ext_reservations=self._external.decode(),
        )

    def _pool(self, outside: bool) -> bytearray:
        return self._external if outside else self._nics

    def _place(self, address: str) -> int:
        if not self.contains(address):
            raise AddressPoolError(f"{self._addresses} does not contain {address}")
        return _index(self._addresses, address)


def _index(addresses: ipaddress.IPv4Network, address: str) -> int:
    return int(ipaddress.IPv4Address(address)) - int(addresses.network_address)
