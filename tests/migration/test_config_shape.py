"""What cannot be an old configuration is refused whole, with every reason and its path."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from migrations.legacy.config_shape import problems
from migrations.legacy.config_upgrade import upgrade
from migrations.legacy.config_work import ConfigFormError
from tests.migration import ganeti_fixtures as fixtures
from tests.migration.old_configs import MINORS, expressible, old

Document = dict[str, Any]


def small(**sections: Any) -> Document:
    return {"cluster": {}, "nodes": {}, "nodegroups": {}, "instances": {}, **sections}


@pytest.mark.parametrize("minor", MINORS)
def test_configurations_of_every_version_have_the_shape(minor: int) -> None:
    assert problems(old(expressible(2, minor), minor)) == []


@fixtures.needs_fixtures
@pytest.mark.parametrize("minor", fixtures.MINORS)
def test_those_of_the_reference_have_it_too(minor: int) -> None:
    assert problems(fixtures.document(minor)) == []


def test_every_missing_section_is_told() -> None:
    assert problems({"cluster": {}}) == [
        "nodes: missing", "nodegroups: missing", "instances: missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"cluster": []}, "cluster: expected an object, got list"),
        ({"nodes": {"n": 5}}, "nodes.n: expected an object, got int"),
        ({"nodes": {"n": {"name": 5}}}, "nodes.n.name: expected text, got int"),
        ({"nodes": {"n": {}}}, "nodes.n: has no name"),
        ({"cluster": {"hvparams": {"kvm": 1}}},
         "cluster.hvparams.kvm: expected an object, got int"),
        ({"cluster": {"ipolicy": {"minmax": [{"min": []}]}}},
         "cluster.ipolicy.minmax.0.min: expected an object, got list"),
        ({"cluster": {"config_version": 3}},
         "cluster.config_version: a version of its own inside the cluster"),
        ({"instances": {"i": {"name": "i", "nics": {}, "disks": []}}},
         "instances.i.nics: expected a list, got dict"),
        ({"instances": {"i": {"name": "i"}}}, "instances.i.disks: missing"),
        ({"instances": {"i": {"name": "i", "disks": ["d"]}}},
         "instances.i.disks.0: expected an object, got str"),
        ({"instances": {"i": {"name": "i", "disks": [{}]}}},
         "instances.i.disks.0.dev_type: missing"),
        ({"instances": {"i": {"name": "i", "disks": [{"dev_type": "x", "children": [{}]}]}}},
         "instances.i.disks.0.children.0.dev_type: missing"),
        ({"instances": {"i": {"name": "i", "disks": [{"dev_type": "x", "children": {}}]}}},
         "instances.i.disks.0.children: expected a list, got dict"),
        ({"disks": {}, "instances": {"i": {"name": "i", "disks": ["d"]}}},
         "instances.i.disks.0: there is no disk d"),
        ({"disks": {}, "instances": {"i": {"name": "i", "disks": [{}]}}},
         "instances.i.disks.0: expected a uuid, since disks have a section of their own"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_told_with_its_path(sections: Document, told: str) -> None:
    assert problems(small(**sections)) == [told]


def test_a_null_counts_as_missing() -> None:
    document = small(cluster={"hvparams": None}, networks=None)
    assert problems(document) == []
    assert problems(small(nodes={"n": None})) == ["nodes.n: expected an object, got null"]


def test_nothing_is_made_of_a_document_of_a_wrong_shape() -> None:
    document = small(version=2_070_000, nodes={"a": 1, "b": 2})
    with pytest.raises(ConfigFormError) as caught:
        upgrade(document)
    assert caught.value.reasons == [
        "nodes.a: expected an object, got int", "nodes.b: expected an object, got int",
    ]  # fmt: skip


@pytest.mark.parametrize("minor", [7, 12, 16])
@pytest.mark.parametrize("section", ["cluster", "nodes", "nodegroups", "instances", "networks",
                                     "disks", "filters"])  # fmt: skip
@pytest.mark.parametrize("instead", [None, 5, "text", [], [1], {"a": 1}, {"a": {}}, {"a": []}])
def test_damage_to_a_section_is_refused_or_survived_but_never_a_crash(
    minor: int, section: str, instead: object
) -> None:
    document = {**old(expressible(4, minor), minor), section: instead}
    try:
        made = upgrade(document).document
    except ConfigFormError as error:
        assert error.reasons
    else:
        assert made["version"] == 3_000_000


def paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value below another."""
    entries = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else entries:
        yield (*path, key)
        yield from paths(item, (*path, key))


def damaged(value: Any, path: tuple[Any, ...], instead: object) -> Any:
    """Return a value with another one at some path."""
    if not path:
        return instead
    copied = value.copy()
    copied[path[0]] = damaged(value[path[0]], path[1:], instead)
    return copied


@pytest.mark.parametrize("minor", MINORS)
def test_damage_anywhere_is_refused_or_survived_but_never_a_crash(minor: int) -> None:
    chance = random.Random(minor)
    document = old(expressible(3, minor), minor)
    places = [path for path in paths(document) if path != ("version",)]
    for place in chance.sample(places, 150):
        instead: Any = chance.choice([None, True, 5, "x", [], {}, [1], {"a": 1}, [{}]])
        try:
            made = upgrade(damaged(document, place, instead)).document
        except ConfigFormError as error:
            assert error.reasons, place
        else:
            assert made["version"] == 3_000_000, place
