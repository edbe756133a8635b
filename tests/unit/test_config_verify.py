"""Consistency: each rule alone, on a whole configuration and as a change that is refused."""

import msgspec
import pytest

from masterd.config import document, verify
from masterd.config.kinds import CLUSTER, INSTANCE, KINDS, NODE, Configured, Kind
from masterd.config.rules import DEFAULT
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import ConfigurationError
from tests.broken_configs import BREAKAGES, Breakage, sound
from tests.config_support import SnapshotRows, change

NOW_S = 1_795_459_999.5


@pytest.fixture(scope="module")
def good() -> ConfigSnapshot:
    return document.split(sound())


def broken_by(breakage: Breakage) -> ConfigSnapshot:
    wrong = sound()
    breakage.change(wrong)
    return document.split(wrong)


def test_a_sound_configuration_has_no_problems(good: ConfigSnapshot) -> None:
    assert verify.problems(good) == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_each_breakage_is_told_and_nothing_else(name: str) -> None:
    told = verify.problems(broken_by(BREAKAGES[name]))
    assert told
    assert [text for text in told if BREAKAGES[name].told not in text] == []


@pytest.mark.parametrize("name", [name for name, each in BREAKAGES.items() if each.refuses])
def test_a_change_that_breaks_a_rule_is_refused(good: ConfigSnapshot, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        change(good, broken_by(BREAKAGES[name]))
    assert BREAKAGES[name].told in caught.value.message


@pytest.mark.parametrize("name", [name for name, each in BREAKAGES.items() if not each.refuses])
def test_what_is_only_told_hinders_no_change(good: ConfigSnapshot, name: str) -> None:
    wrong = broken_by(BREAKAGES[name])
    assert verify.broken(wrong) == []
    assert BREAKAGES[name].told in verify.problems(change(good, wrong))[0]


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_was_broken_before_can_be_mended(good: ConfigSnapshot, name: str) -> None:
    assert verify.problems(change(broken_by(BREAKAGES[name]), good)) == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_was_broken_before_hinders_no_other_change(name: str) -> None:
    wrong = broken_by(BREAKAGES[name])
    for kind in (CLUSTER, *KINDS):
        values = [wrong.cluster] if kind is CLUSTER else wrong.objects(kind).sorted()
        draft = Draft(SnapshotRows(wrong), NOW_S)
        for value in values:
            if "tags" in value.__struct_fields__:
                draft.put(msgspec.structs.replace(value, tags=("touched",)))
        assert draft.finish(kind).result is kind


def test_an_address_may_move_from_one_instance_to_another_in_one_change(
    good: ConfigSnapshot,
) -> None:
    one, two = [each for each in good.instances.sorted() if each.nics][:2]
    first, second = one.nics[0], two.nics[0]
    swapped = [
        msgspec.structs.replace(one, nics=(msgspec.structs.replace(first, mac=second.mac),)),
        msgspec.structs.replace(two, nics=(msgspec.structs.replace(second, mac=first.mac),)),
    ]
    draft = Draft(SnapshotRows(good), NOW_S)
    for value in swapped:
        draft.put(value)
    assert {each.uuid for each in draft.finish(None).changes} == {one.uuid, two.uuid}
    half = Draft(SnapshotRows(good), NOW_S)
    half.put(swapped[0])
    with pytest.raises(ConfigurationError, match=f"belongs to instance {two.name}"):
        half.finish(None)


def test_a_node_goes_together_with_what_lives_on_it(good: ConfigSnapshot) -> None:
    node = next(each for each in good.nodes.values() if each.uuid != good.cluster.master_node)
    rows = SnapshotRows(good)
    lonely = Draft(rows, NOW_S)
    lonely.remove(NODE, node.uuid)
    with pytest.raises(ConfigurationError, match=f"uses node {node.name}, which is removed"):
        lonely.finish(None)
    whole = Draft(rows, NOW_S)
    whole.remove(NODE, node.uuid)
    for kind_name, uuid in rows.users(f"node/{node.uuid}"):
        kind = next(each for each in KINDS if each.name == kind_name)
        if whole.get(kind, uuid) is not None:
            whole.remove(kind, uuid)
    for instance in good.instances.values():
        gone = any(whole.get(kind, uuid) is None for kind, uuid in _disks(instance.disks))
        if gone and whole.get(INSTANCE, instance.uuid) is not None:
            whole.remove(_kind("instance"), instance.uuid)
    assert whole.finish(None).changes


def test_the_highest_used_port_is_never_lowered(good: ConfigSnapshot) -> None:
    draft = Draft(SnapshotRows(good), NOW_S)
    lower = good.cluster.highest_used_port - 1
    draft.put(msgspec.structs.replace(good.cluster, highest_used_port=lower))
    with pytest.raises(ConfigurationError, match=f"cannot become {lower} again"):
        draft.finish(None)


def test_new_defaults_of_the_cluster_must_suit_the_instances_that_build_on_them(
    good: ConfigSnapshot,
) -> None:
    cluster = good.cluster
    usual = cluster.nicparams[DEFAULT]
    routed = {DEFAULT: msgspec.structs.replace(usual, mode="routed")}
    instance = next(each for each in good.instances.sorted() if each.nics)
    own = msgspec.structs.replace(instance.nics[0].nicparams, mode=None, link="")
    nic = msgspec.structs.replace(instance.nics[0], nicparams=own, network=None)
    prepared = Draft(SnapshotRows(good), NOW_S)
    prepared.put(msgspec.structs.replace(cluster, nicparams=routed))
    prepared.put(msgspec.structs.replace(instance, nics=(nic, *instance.nics[1:])))
    changes = prepared.finish(None).changes
    before = good.changed(
        ((each.kind, each.uuid, each.after) for each in changes), serial_no=2, mtime=NOW_S
    )

    bridged = Draft(SnapshotRows(before), NOW_S)
    bridged.put(msgspec.structs.replace(before.cluster, nicparams={DEFAULT: usual}))
    with pytest.raises(ConfigurationError) as caught:
        bridged.finish(None)
    assert f"instance {instance.name}: NIC 0: mode 'bridged' needs a link" in caught.value.message


def _kind(name: str) -> Kind[Configured]:
    return next(each for each in KINDS if each.name == name)


def _disks(uuids: tuple[str, ...]) -> list[tuple[Kind[Configured], str]]:
    return [(_kind("disk"), uuid) for uuid in uuids]
