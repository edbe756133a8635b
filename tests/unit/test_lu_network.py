"""Networks: what scripts are told of them, and what is in their way. More in `lu_network.txt`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import msgspec
import pytest

from masterd.config.address_pool import AddressPool
from masterd.config.instance import ForthcomingInstance, Instance
from masterd.config.kinds import NETWORK, AnyInstance
from masterd.config.network import Network
from masterd.config.relations import instances_of_group
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.lock.levels import LockLevel, LockRequest
from masterd.lu import registry
from masterd.opcodes.base import OpCode
from masterd.work.base import LogicalUnit
from masterd.work.hooks import Hooked
from masterd.work.processor import Processor
from tests.lu_support import PATIENCE_S, Run, World, make_world, op

NET = Network(
    name="net1",
    uuid="00000000-0000-4000-8000-000000000001",
    serial_no=1,
    network="192.0.2.0/28",
    gateway="192.0.2.1",
    tags=("b",),
)
CONNECT = {"network_name": "net1", "group_name": "default", "network_mode": "bridged",
           "network_link": "br0"}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.config.update(lambda draft: draft.put(AddressPool.new(NET).network))
    yield made
    made.close()


def put_nic(world: World, name: str, **values: object) -> AnyInstance:
    """Change the first NIC of an instance."""
    instance = world.config.snapshot().instances.named(name)
    assert isinstance(instance, Instance | ForthcomingInstance)
    nic = msgspec.structs.replace(instance.nics[0], **values)
    changed = msgspec.structs.replace(instance, nics=(nic, *instance.nics[1:]))
    world.config.update(lambda draft: draft.put(changed))
    return changed


def told(world: World, wanted: OpCode) -> list[Hooked]:
    """Return what scripts are told of an opcode before and after its work."""
    found = registry.find(wanted.OP_ID)
    assert found is not None
    seen: list[Hooked] = []

    def hooks(unit: LogicalUnit[OpCode, object], plan: object, config: object) -> Hooked:
        seen.append(found.hooks(unit, plan, config))  # type: ignore[arg-type]
        return seen[-1]

    kind = type("Heard", (found,), {"hooks": hooks})
    Processor(world.context, find=lambda _op_id: kind).run(wanted, Run())
    return seen


def test_scripts_are_told_what_a_new_network_has_and_nothing_that_it_has_not(world: World) -> None:
    master = (world.config.snapshot().cluster.master_node,)
    env = {"NETWORK_NAME": "n", "NETWORK_SUBNET": "198.51.100.0/28"}
    assert (
        told(world, op("OP_NETWORK_ADD", network_name="n", network="198.51.100.0/28"))
        == [Hooked(env, master, master)] * 2
    )


def test_scripts_are_told_a_changed_network_as_it_is_going_to_be(world: World) -> None:
    master = (world.config.snapshot().cluster.master_node,)
    env = {
        "NETWORK_NAME": "net1",
        "NETWORK_SUBNET": "192.0.2.0/28",
        "NETWORK_GATEWAY": "192.0.2.9",
        "NETWORK_MAC_PREFIX": "aa:bb:cc",
        "NETWORK_TAGS": "b",
    }
    changed = op("OP_NETWORK_SET_PARAMS", network_name="net1", gateway="192.0.2.9",
                 mac_prefix="AA:BB:cc")  # fmt: skip
    assert told(world, changed) == [Hooked(env, master, master)] * 2


def test_scripts_of_the_groups_nodes_are_told_how_it_is_connected(world: World) -> None:
    nodes = tuple(sorted(world.config.snapshot().nodes))
    env = {
        "GROUP_NAME": "default",
        "GROUP_NETWORK_MODE": "bridged",
        "GROUP_NETWORK_LINK": "br0",
        "GROUP_NETWORK_VLAN": "",
    }
    assert told(world, op("OP_NETWORK_CONNECT", **CONNECT)) == [Hooked(env, nodes, nodes)] * 2
    gone = op("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
    assert told(world, gone) == [Hooked(env, nodes, nodes)] * 2
    alone = Hooked({"GROUP_NAME": "default"}, nodes, nodes)
    assert told(world, gone) == [alone] * 2
    master = (world.config.snapshot().cluster.master_node,)
    env = {"NETWORK_NAME": "net1"}
    removed = told(world, op("OP_NETWORK_REMOVE", network_name="net1"))
    assert removed == [Hooked(env, master, master)] * 2


@pytest.mark.parametrize("check", [True, False])
def test_a_network_whose_addresses_are_in_use_is_connected_only_unchecked(
    world: World, check: bool
) -> None:
    put_nic(world, "inst2.lab.example", ip="192.0.2.5")
    run, wanted = Run(), op("OP_NETWORK_CONNECT", conflicts_check=check, **CONNECT)
    if check:
        with pytest.raises(OpPrereqError, match="Conflicting IP addresses found") as caught:
            world.run(wanted, run)
        assert caught.value.args[1] == ECode.STATE
        assert run.messages() == [
            " - WARNING: IP addresses from network 'net1', which is about to connect to node group"
            " 'default', are in use: inst2.lab.example: nic0/192.0.2.5"
        ]
    else:
        world.run(wanted, run)
        group = world.config.snapshot().nodegroups.named("default")
        assert group is not None
        assert list(group.networks) == [NET.uuid]


def test_a_network_that_a_nic_is_in_is_not_disconnected(world: World) -> None:
    world.run(op("OP_NETWORK_CONNECT", **CONNECT))
    put_nic(world, "inst2.lab.example", network=NET.uuid, ip="192.0.2.5")
    with pytest.raises(OpPrereqError, match="Conflicting IP addresses found"):
        world.run(op("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default"))
    network = world.config.snapshot().networks[NET.uuid]
    assert AddressPool(network).is_reserved("192.0.2.5")
    with pytest.raises(
        OpPrereqError, match=r"Gateway IP address '192\.0\.2\.5' is already"
    ) as error:
        world.run(op("OP_NETWORK_SET_PARAMS", network_name="net1", gateway="192.0.2.5"))
    assert error.value.args[1] == ECode.STATE


def test_a_network_that_a_nic_is_in_is_not_removed_though_no_group_is_connected(
    world: World,
) -> None:
    put_nic(world, "inst2.lab.example", network=NET.uuid)
    with pytest.raises(OpPrereqError, match=r"NICs of inst2\.lab\.example") as caught:
        world.run(op("OP_NETWORK_REMOVE", network_name="net1"))
    assert caught.value.args[1] == ECode.STATE


def while_waiting(
    world: World, level: LockLevel, name: str, wanted: OpCode, do: Callable[[], None]
) -> Run:
    """Run an opcode that waits for a lock while something happens."""
    world.locks.acquire(99, level, LockRequest(frozenset({name})), 0)
    run = Run()
    held: list[str] = []
    run.at_locks_held = lambda: held.extend(str(lock) for lock in world.locks.held(1))
    worker = gevent.spawn(world.run, wanted, run)
    with gevent.Timeout(PATIENCE_S):
        while not world.locks.stats.waiting:
            gevent.idle()
    do()
    world.locks.release(99)
    worker.get(timeout=PATIENCE_S)
    run.log += [("held", lock) for lock in held]
    return run


def test_an_instance_that_comes_to_the_group_meanwhile_is_locked_too(world: World) -> None:
    config = world.config.snapshot()
    group = config.nodegroups.named("default")
    assert group is not None
    one = instances_of_group(config, group.uuid)[0]
    nics = tuple(msgspec.structs.replace(nic, uuid=f"n-{nic.uuid}", mac="aa:00:00:99:99:99")
                 for nic in one.nics)  # fmt: skip
    new = msgspec.structs.replace(one, uuid="new", name="new.lab.example", disks=(), nics=nics,
                                  serial_no=1)  # fmt: skip
    run = while_waiting(
        world, LockLevel.NODEGROUP, group.uuid, op("OP_NETWORK_CONNECT", **CONNECT),
        lambda: world.config.update(lambda draft: draft.put(new)),
    )  # fmt: skip
    assert ("held", "instance/new.lab.example") in run.log


def test_a_name_that_another_job_takes_meanwhile_is_refused(world: World) -> None:
    """Names are not locked; both jobs have looked before either adds its network."""
    first = op("OP_NETWORK_ADD", network_name="n", network="198.51.100.0/28")
    unit = registry.find(first.OP_ID)
    assert unit is not None

    class Late(unit):  # type: ignore[misc,valid-type]
        def execute(self, plan: Network) -> None:
            other = msgspec.structs.replace(NET, name="n", uuid="other")
            world.config.update(lambda draft: draft.put(AddressPool.new(other).network))
            super().execute(plan)

    with pytest.raises(OpPrereqError, match="already exists") as caught:
        Processor(world.context, find=lambda _op_id: Late).run(first, Run())
    assert caught.value.args[1] == ECode.EXISTS


def test_a_network_that_is_gone_in_the_end_is_told(world: World) -> None:
    unit = registry.find("OP_NETWORK_REMOVE")
    assert unit is not None

    class Late(unit):  # type: ignore[misc,valid-type]
        def execute(self, plan: Network) -> None:
            world.config.update(lambda draft: draft.remove(NETWORK, NET.uuid))
            super().execute(plan)

    removal = op("OP_NETWORK_REMOVE", network_name="net1")
    with pytest.raises(OpExecError, match=f"'net1' with UUID {NET.uuid} disappeared"):
        Processor(world.context, find=lambda _op_id: Late).run(removal, Run())


def test_an_address_that_a_job_has_put_aside_does_not_become_the_gateway(world: World) -> None:
    other = (2, 0)
    network = world.config.snapshot().networks[NET.uuid]
    address = world.context.reservations.new_ip(other, network)
    change = op("OP_NETWORK_SET_PARAMS", network_name="net1", gateway=address)
    with pytest.raises(OpPrereqError, match=f"Gateway IP address '{address}' is already reserved"):
        world.run(change)
    world.context.reservations.release(other)
    world.run(change)
    assert world.config.snapshot().networks[NET.uuid].gateway == address


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(world: World) -> None:
    before, run = world.config.snapshot(), Run()
    world.run(op("OP_NETWORK_CONNECT", dry_run=True, **CONNECT), run)
    assert world.config.snapshot() is before
    assert run.messages()[0] == " - INFO: Connect network 'net1' to group 'default'"
