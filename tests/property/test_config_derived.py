"""What is carried from change to change is what would be computed anew."""

import random
from collections.abc import Mapping
from dataclasses import asdict, fields

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from masterd.config import document
from masterd.config.kinds import DISK, GROUP, INSTANCE, NETWORK, NODE, AnyDisk, AnyInstance
from masterd.config.relations import Relations, relations
from masterd.config.snapshot import ConfigSnapshot
from masterd.wconf.reservations import taken
from tests.config_support import Changes
from tests.sample_config import sample

BASE = document.split(sample(5, nodes=5, groups=2, instances=18))


def one_change(config: ConfigSnapshot, chance: random.Random) -> Changes:
    """Return a change of a few objects, as a job might make it; it need not be consistent."""
    changes: Changes = []
    for _ in range(chance.randint(1, 3)):
        changes += chance.choice(CHANGES)(config, chance)
    # One object is changed once.
    return list({(kind.name, uuid): (kind, uuid, value) for kind, uuid, value in changes}.values())


def _instance(config: ConfigSnapshot, chance: random.Random) -> AnyInstance:
    return chance.choice(config.instances.sorted())


def _renamed(config: ConfigSnapshot, chance: random.Random) -> Changes:
    instance = _instance(config, chance)
    name = f"inst{chance.randrange(10**6)}.example.com"
    return [(INSTANCE, instance.uuid, msgspec.structs.replace(instance, name=name))]


def _moved(config: ConfigSnapshot, chance: random.Random) -> Changes:
    instance = _instance(config, chance)
    node = chance.choice(config.nodes.sorted()).uuid
    return [(INSTANCE, instance.uuid, msgspec.structs.replace(instance, primary_node=node))]


def _less_devices(config: ConfigSnapshot, chance: random.Random) -> Changes:
    instance = _instance(config, chance)
    changed = msgspec.structs.replace(
        instance, nics=instance.nics[1:], disks=instance.disks[1:], network_port=None
    )
    return [(INSTANCE, instance.uuid, changed)]


def _removed(config: ConfigSnapshot, chance: random.Random) -> Changes:
    instance = _instance(config, chance)
    if len(config.instances) < 5:
        return []
    return [(INSTANCE, instance.uuid, None), *((DISK, uuid, None) for uuid in instance.disks)]


def _added(config: ConfigSnapshot, chance: random.Random) -> Changes:
    instance = _instance(config, chance)
    uuid = f"new-{chance.randrange(10**6)}"
    name = chance.choice([f"new{chance.randrange(100)}.example.com", instance.name])
    # With the other's disks, which is inconsistent, but must not confuse anybody.
    return [(INSTANCE, uuid, msgspec.structs.replace(instance, uuid=uuid, name=name))]


def _disk(config: ConfigSnapshot, chance: random.Random) -> Changes:
    disk: AnyDisk = chance.choice(config.disks.sorted())
    if disk.dev_type == "drbd" and disk.logical_id is not None and chance.random() < 0.7:
        first, second = (each.uuid for each in chance.sample(config.nodes.sorted(), 2))
        disk = msgspec.structs.replace(disk, logical_id=(first, second, *disk.logical_id[2:]))
    return [(DISK, disk.uuid, msgspec.structs.replace(disk, size=chance.randrange(9)))]


def _node(config: ConfigSnapshot, chance: random.Random) -> Changes:
    node = chance.choice(config.nodes.sorted())
    group = chance.choice(config.nodegroups.sorted()).uuid
    return [(NODE, node.uuid, msgspec.structs.replace(node, group=group))]


def _others(config: ConfigSnapshot, chance: random.Random) -> Changes:
    group = chance.choice(config.nodegroups.sorted())
    network = chance.choice(config.networks.sorted())
    return [
        (GROUP, group.uuid, msgspec.structs.replace(group, tags=("x",))),
        (NETWORK, network.uuid, msgspec.structs.replace(network, tags=("x",))),
    ]


CHANGES = (_renamed, _moved, _less_devices, _removed, _added, _disk, _node, _others)


def plain(found: Relations) -> dict[str, object]:
    """Return relations for a comparison: owners in any order, no empty lists."""
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    for name, value in values.items():
        if isinstance(value, Mapping):
            values[name] = {key: each for key, each in value.items() if each}
    values["owners"] = {key: sorted(each) for key, each in found.owners.items()}
    return values


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_what_is_carried_is_what_would_be_computed(seed: int, count: int) -> None:
    chance = random.Random(seed)
    config = BASE
    config.derived(relations)
    config.derived(taken)
    for number in range(count):
        before = config
        kept = plain(before.derived(relations))
        config = config.changed(one_change(config, chance), serial_no=78 + number, mtime=1.5)
        assert plain(config.derived(relations)) == plain(relations(config))
        assert asdict(config.derived(taken)) == asdict(taken(config))
        assert plain(before.derived(relations)) == kept, "the snapshot before was changed"
