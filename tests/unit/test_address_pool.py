"""A network's pools: which addresses are taken, and that they follow the NICs."""

import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterd.config import address_pool, document
from masterd.config.address_pool import AddressPool
from masterd.config.kinds import NETWORK
from masterd.config.network import Network
from masterd.config.transaction import Draft
from masterd.errors import AddressPoolError
from tests.config_support import SnapshotRows
from tests.sample_config import sample

NET = Network(name="net", uuid="u", serial_no=1, network="192.0.2.0/29", gateway="192.0.2.1")


def test_a_new_network_keeps_its_ends_and_its_gateway() -> None:
    network = AddressPool.new(NET).network
    assert (network.reservations, network.ext_reservations) == ("00000000", "11000001")
    assert address_pool.external(network) == ["192.0.2.0", "192.0.2.1", "192.0.2.7"]
    assert list(AddressPool(network).free()) == [f"192.0.2.{n}" for n in range(2, 7)]


@pytest.mark.parametrize(
    ("network", "gateway", "text"),
    [
        ("192.0.2.0/31", None, "too small"),
        ("10.0.0.0/15", None, "too large"),
        ("192.0.2.1/29", None, "has host bits set"),
        ("192.0.2.0/29", "192.0.3.1", "does not lie in"),
        ("192.0.2.0/29", "192.0.2.7", "already externally reserved"),
    ],
)
def test_a_network_that_can_have_no_pool_is_refused(
    network: str, gateway: str | None, text: str
) -> None:
    wanted = msgspec.structs.replace(NET, network=network, gateway=gateway)
    with pytest.raises(AddressPoolError, match=text):
        AddressPool.new(wanted)


@pytest.mark.parametrize("prefix", [16, 30])
def test_the_smallest_and_the_largest_network_have_pools(prefix: int) -> None:
    wanted = msgspec.structs.replace(NET, network=f"10.0.0.0/{prefix}", gateway=None)
    pool = AddressPool.new(wanted).network.ext_reservations
    assert pool is not None
    assert (len(pool), pool.count("1")) == (2 ** (32 - prefix), 2)


def test_an_address_is_taken_and_given_back_once() -> None:
    pool = AddressPool.new(NET)
    pool.reserve("192.0.2.3")
    with pytest.raises(AddressPoolError, match=r"IP 192\.0\.2\.3 is already used by an instance"):
        pool.reserve("192.0.2.3")
    pool.reserve("192.0.2.3", outside=True)
    pool.release("192.0.2.3")
    with pytest.raises(AddressPoolError, match="is not used by an instance"):
        pool.release("192.0.2.3")
    pool.release("192.0.2.3", outside=True)
    with pytest.raises(AddressPoolError, match="is not externally reserved"):
        pool.release("192.0.2.3", outside=True)
    with pytest.raises(AddressPoolError, match=r"192\.0\.2\.0/29 does not contain 192\.0\.3\.1"):
        pool.is_reserved("192.0.3.1")
    assert not pool.contains(None)
    assert not pool.contains("2001:db8::1")


ADDRESSES = st.integers(0, 9).map(lambda n: str(ipaddress.IPv4Address("192.0.2.0") + n))


@given(st.lists(st.tuples(st.booleans(), st.booleans(), ADDRESSES)))
def test_the_pools_are_two_sets_of_addresses(steps: list[tuple[bool, bool, str]]) -> None:
    inside = {str(each) for each in ipaddress.IPv4Network("192.0.2.0/29")}
    sets: dict[bool, set[str]] = {False: set(), True: set()}
    pool = AddressPool(msgspec.structs.replace(NET, gateway=None))
    for taking, outside, address in steps:
        allowed = address in inside and (address in sets[outside]) != taking
        try:
            (pool.reserve if taking else pool.release)(address, outside=outside)
        except AddressPoolError:
            assert not allowed
        else:
            assert allowed
            (sets[outside].add if taking else sets[outside].discard)(address)
    network = pool.network
    assert {*(address_pool.external(network) or ())} == sets[True]
    for address in inside:
        assert address_pool.is_taken(network, address) == any(address in s for s in sets.values())
    free = inside - sets[True] - sets[False] - {"192.0.2.0", "192.0.2.7"}
    assert list(pool.free()) == sorted(free)
    assert address_pool.taken(network) == "".join(
        "1" if address_pool.is_taken(network, address) else "0" for address in sorted(inside)
    )


def test_a_nics_address_is_marked_in_the_pool_by_the_change_that_gives_it() -> None:
    config = document.split(sample(5, nodes=3, instances=3))
    network = next(iter(config.networks.values()))
    assert network.reservations is not None
    free = next(AddressPool(network).free())
    index = int(ipaddress.IPv4Address(free)) - int(
        address_pool.addresses_of(network).network_address
    )
    instance = next(each for each in config.instances.values() if each.nics)
    nic = msgspec.structs.replace(instance.nics[0], ip=free, network=network.uuid)
    changed = msgspec.structs.replace(instance, nics=(nic, *instance.nics[1:]))
    draft = Draft(SnapshotRows(config), now_s=5.0)
    draft.put(changed)
    staged = draft.finish(None)
    after = {item.uuid: item.after for item in staged.changes if item.kind is NETWORK}[network.uuid]
    assert isinstance(after, Network)
    assert after.reservations is not None
    assert after.reservations[index] == "1"
    assert after.serial_no == network.serial_no + 1
    given = config.changed(
        ((item.kind, item.uuid, item.after) for item in staged.changes),
        serial_no=staged.serial_no,
        mtime=staged.mtime,
    )
    draft = Draft(SnapshotRows(given), now_s=6.0)
    draft.put(
        msgspec.structs.replace(
            given.instances[instance.uuid],
            nics=(msgspec.structs.replace(nic, ip=None, network=None), *instance.nics[1:]),
        )
    )
    freed = [item.after for item in draft.finish(None).changes if item.uuid == network.uuid]
    assert isinstance(freed[0], Network)
    assert freed[0].reservations is not None
    assert freed[0].reservations[index] == "0"


def test_an_address_that_one_instance_hands_to_another_stays_taken() -> None:
    config = document.split(sample(5, nodes=3, instances=3))
    network = next(iter(config.networks.values()))
    nics = next(each for each in config.instances.values() if each.nics).nics[:1]
    mine = tuple(msgspec.structs.replace(n, ip="192.0.2.9", network=network.uuid) for n in nics)
    assert address_pool.settled([(mine, ()), ((), mine)], config.networks.get) == []


def test_a_network_that_can_have_no_pool_refuses_no_nic() -> None:
    config = document.split(sample(5, nodes=3, instances=3))
    nics = next(each for each in config.instances.values() if each.nics).nics[:1]
    broken = msgspec.structs.replace(NET, network="10.0.0.0/8", gateway=None)
    mine = tuple(msgspec.structs.replace(n, ip="10.0.0.9", network="u") for n in nics)
    assert address_pool.settled([((), mine)], {"u": broken}.get) == []
    assert address_pool.settled([((), mine)], lambda uuid: None) == []
