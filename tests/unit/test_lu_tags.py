"""Tags of everything that has them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from masterd.config.kinds import NETWORK
from masterd.config.network import Network
from masterd.errors import ConfigurationError, OpExecError, OpPrereqError, TagError
from masterd.limits import CONFIG_TAG_LENGTH_MAX, CONFIG_TAGS_MAX
from tests.lu_support import World, make_world, op

NODE2 = "node2.lab.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    network = Network(name="net1", network="192.0.2.0/24", uuid="n-1", serial_no=1)
    made.config.update(lambda draft: draft.put(network))
    yield made
    made.close()


def targets(world: World) -> dict[str, str | None]:
    config = world.config.snapshot()
    instance = next(each.name for each in config.instances.values() if each.name)
    group = next(iter(config.nodegroups.values())).name
    return {"cluster": None, "node": NODE2, "instance": instance, "nodegroup": group,
            "network": "net1"}  # fmt: skip


@pytest.mark.parametrize("kind", ["cluster", "node", "instance", "nodegroup", "network"])
def test_tags_are_set_shown_found_and_removed(world: World, kind: str) -> None:
    where = {"kind": kind, "name": targets(world)[kind]}
    assert world.run(op("OP_TAGS_SET", tags=["b", "a"], **where)) is None
    assert world.run(op("OP_TAGS_SET", tags=["a", "c"], **where)) is None
    assert world.run(op("OP_TAGS_GET", **where)) == ["a", "b", "c"]
    paths = {"cluster": "/cluster", "node": f"/nodes/{NODE2}"}
    found = world.run(op("OP_TAGS_SEARCH", pattern="^[bc]$"))
    assert isinstance(found, list)
    assert [tag for _, tag in found] == ["b", "c"]
    assert found[0][0] == paths.get(kind, found[0][0])
    assert world.run(op("OP_TAGS_DEL", tags=["a", "c"], **where)) is None
    assert world.run(op("OP_TAGS_GET", use_locking=True, **where)) == ["b"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("node", "Node 'nobody' not known"),
        ("instance", "Instance 'nobody' not known"),
        ("nodegroup", "Node group 'nobody' not found"),
        ("network", "Network 'nobody' not found"),
    ],
)
def test_an_object_that_is_none_is_refused(world: World, kind: str, text: str) -> None:
    asked = [
        op("OP_TAGS_GET", kind=kind, name="nobody"),
        op("OP_TAGS_SET", kind=kind, name="nobody", tags=["a"]),
        op("OP_TAGS_DEL", kind=kind, name="nobody", tags=["a"]),
    ]
    for each in asked:
        with pytest.raises(OpPrereqError, match=text):
            world.run(each)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("a b", "Tag contains invalid characters"),
        ("x" * (CONFIG_TAG_LENGTH_MAX + 1), "Tag too long"),
    ],
)
def test_a_malformed_tag_is_refused_and_none_of_its_neighbours_is_set(
    world: World, tag: str, text: str
) -> None:
    with pytest.raises(TagError, match=text):
        world.run(op("OP_TAGS_SET", kind="cluster", name=None, tags=["good", tag]))
    assert world.run(op("OP_TAGS_GET", kind="cluster", name=None)) == []


@pytest.mark.parametrize("kind", ["cluster", "node"])
def test_a_tag_that_ganetis_own_daemons_cannot_carry_is_refused(world: World, kind: str) -> None:
    name = None if kind == "cluster" else world.config.snapshot().nodes.sorted()[0].name
    with pytest.raises(ConfigurationError, match=r"tags: 'b\\xfcro' is not ASCII"):
        world.run(op("OP_TAGS_SET", kind=kind, name=name, tags=["good", "b\u00fcro"]))
    assert world.run(op("OP_TAGS_GET", kind=kind, name=name)) == []


def test_an_object_has_a_bounded_number_of_tags(world: World) -> None:
    config = world.config.snapshot()
    many = tuple(f"t{number}" for number in range(CONFIG_TAGS_MAX))
    full = msgspec.structs.replace(config.cluster, tags=many)
    world.config.update(lambda draft: draft.put(full))
    with pytest.raises(OpExecError, match="Error while setting tag: Too many tags"):
        world.run(op("OP_TAGS_SET", kind="cluster", name=None, tags=["one-more"]))


def test_removing_a_tag_that_is_not_there_removes_nothing(world: World) -> None:
    world.run(op("OP_TAGS_SET", kind="cluster", name=None, tags=["a"]))
    with pytest.raises(OpPrereqError, match=r"Tag\(s\) 'b', 'c' not found"):
        world.run(op("OP_TAGS_DEL", kind="cluster", name=None, tags=["a", "c", "b"]))
    assert world.run(op("OP_TAGS_GET", kind="cluster", name=None)) == ["a"]


def test_a_pattern_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match=r"Invalid search pattern '\('"):
        world.run(op("OP_TAGS_SEARCH", pattern="("))
    with pytest.raises(OpPrereqError, match="without back-references, look-around"):
        world.run(op("OP_TAGS_SEARCH", pattern=r"(a)\1"))
    with pytest.raises(OpPrereqError, match="missing"):
        world.run(op("OP_TAGS_SEARCH", pattern="(" * 1000))


def test_a_search_goes_through_all_kinds_in_order(world: World) -> None:
    for kind, name in targets(world).items():
        world.run(op("OP_TAGS_SET", kind=kind, name=name, tags=["x"]))
    found = world.run(op("OP_TAGS_SEARCH", pattern="x"))
    assert isinstance(found, list)
    kinds = [path.split("/")[1] for path, _ in found]
    assert kinds == ["cluster", "instances", "nodes", "nodegroup", "network"]
    assert world.config.snapshot().get(NETWORK, "n-1") is not None
