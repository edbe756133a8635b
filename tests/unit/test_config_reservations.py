"""Reservations: two owners never get the same, and nothing outlives its owner."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterd.config import document
from masterd.config.address_pool import AddressPool
from masterd.config.kinds import NETWORK
from masterd.errors import OpPrereqError
from masterd.limits import CONFIG_PORT_MAX
from masterd.wconf.reservations import Owner, Reservations, Thing, taken
from tests.sample_config import sample

CONFIG = document.split(sample(5, nodes=4, instances=40))
FIRST, SECOND = (1, 0), (2, 0)


def reservations() -> Reservations:
    return Reservations(lambda: CONFIG, Random(1))


def drbd_minor() -> tuple[str, int]:
    disk = next(each for each in CONFIG.disks.values() if each.dev_type == "drbd")
    assert disk.logical_id is not None
    node, minor = disk.logical_id[0], disk.logical_id[3]
    assert isinstance(node, str)
    assert isinstance(minor, int)
    return node, minor


def test_what_one_has_nobody_can_have_until_it_is_released() -> None:
    held = reservations()
    held.reserve(FIRST, Thing.INSTANCE, "new.example.com")
    for owner in (FIRST, SECOND):
        with pytest.raises(OpPrereqError, match=r"name new\.example\.com is already in use"):
            held.reserve(owner, Thing.INSTANCE, "new.example.com")
    held.release(FIRST)
    held.reserve(SECOND, Thing.INSTANCE, "new.example.com")
    assert held.owners == {SECOND}


@pytest.mark.parametrize("thing", list(Thing))
def test_what_the_configuration_holds_cannot_be_reserved(thing: Thing) -> None:
    value = sorted(CONFIG.derived(taken).things[thing], key=str)[0]
    with pytest.raises(OpPrereqError, match="already in use"):
        reservations().reserve(FIRST, thing, value)


def test_mac_addresses_are_compared_without_case() -> None:
    held = reservations()
    held.reserve(FIRST, Thing.MAC, "AA:BB:CC:00:00:01")
    with pytest.raises(OpPrereqError, match="MAC address"):
        held.reserve(SECOND, Thing.MAC, "aa:bb:cc:00:00:01")


def test_new_things_are_free_and_different() -> None:
    held = reservations()
    macs = {held.new_mac(FIRST) for _ in range(50)} | {held.new_mac(SECOND) for _ in range(50)}
    assert len(macs) == 100
    assert all(mac.startswith(CONFIG.cluster.mac_prefix) for mac in macs)
    assert not macs & CONFIG.derived(taken).things[Thing.MAC].keys()
    ports = [held.new_port(FIRST), held.new_port(SECOND)]
    assert len(set(ports)) == 2
    assert all(CONFIG.cluster.highest_used_port < port <= CONFIG_PORT_MAX for port in ports)
    assert held.new_secret(FIRST) != held.new_secret(FIRST)


def test_minors_fill_the_gaps_of_each_node() -> None:
    held = reservations()
    node, used = drbd_minor()
    minors = held.new_minors(FIRST, [node, node])
    assert used not in minors
    assert minors == sorted(set(minors))
    assert held.new_minors(SECOND, [node])[0] not in minors
    other = next(each.uuid for each in CONFIG.nodes.values() if each.uuid != node)
    held.release(FIRST)
    assert held.new_minors(SECOND, [other])


def test_addresses_come_from_the_pool_of_the_network() -> None:
    held = reservations()
    network = next(iter(CONFIG.networks.values()))
    address = held.new_ip(FIRST, network)
    with pytest.raises(OpPrereqError, match=f"IP address {network.uuid}/{address} is already"):
        held.reserve_ip(SECOND, network, address)
    with pytest.raises(OpPrereqError, match="is not in network"):
        held.reserve_ip(SECOND, network, "8.8.8.8")
    first = network.network.partition("/")[0]
    with pytest.raises(OpPrereqError, match=f"IP address {first} is already in use"):
        held.reserve_ip(SECOND, network, first)


def test_an_address_that_was_kept_out_meanwhile_is_not_given() -> None:
    newest = CONFIG
    held = Reservations(lambda: newest, Random(1))
    network = next(iter(CONFIG.networks.values()))
    first = next(AddressPool(network).free())
    pool = AddressPool(network)
    pool.reserve(first, outside=True)
    newest = CONFIG.changed([(NETWORK, network.uuid, pool.network)], serial_no=2, mtime=1.0)
    with pytest.raises(OpPrereqError, match=f"IP address {first} is already in use"):
        held.reserve_ip(FIRST, network, first)
    assert held.new_ip(FIRST, network) != first


def test_a_full_network_says_so() -> None:
    held = reservations()
    network = next(iter(CONFIG.networks.values()))
    with pytest.raises(OpPrereqError, match=f"Network {network.name} has no free address"):
        for _ in range(1000):
            held.new_ip(FIRST, network)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["mac", "minor", "port", "name", "release"]),
        st.tuples(st.integers(1, 3), st.just(0)),
        st.integers(0, 2),
    ),
    max_size=40,
)


@given(_STEPS)
def test_nothing_is_ever_held_twice_and_release_leaves_nothing(
    steps: list[tuple[str, Owner, int]],
) -> None:
    held = reservations()
    node = next(iter(CONFIG.nodes))
    for what, owner, number in steps:
        match what:
            case "mac":
                held.new_mac(owner)
            case "minor":
                held.new_minors(owner, [node] * number)
            case "port":
                held.new_port(owner)
            case "name":
                try:
                    held.reserve(owner, Thing.INSTANCE, f"i{number}")
                except OpPrereqError:
                    assert held.holder(Thing.INSTANCE, f"i{number}") is not None
            case _:
                held.release(owner)
                assert held.held(owner) == []
        everything = [key for owner in held.owners for key in held.held(owner)]
        assert len(everything) == len(set(everything))
