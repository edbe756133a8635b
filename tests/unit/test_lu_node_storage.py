"""OP_NODE_QUERY_STORAGE: which nodes are asked for what, and what becomes of their rows."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from masterd.errors import OpPrereqError
from masterd.opcodes.node_storage import OpNodeQueryStorage
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world

NODES = [f"node{number}.lab.example" for number in range(1, 5)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    cluster = msgspec.structs.replace(
        made.config.snapshot().cluster, enabled_disk_templates=("file", "plain", "rbd")
    )
    made.config.update(lambda draft: draft.put(cluster))
    yield made
    made.close()


def query(*fields: str, **parameters: object) -> OpNodeQueryStorage:
    return OpNodeQueryStorage(output_fields=fields, **parameters)  # type: ignore[arg-type]  # as in a request


def test_the_first_enabled_template_says_which_storage(world: World) -> None:
    directory = world.config.snapshot().cluster.file_storage_dir
    rows = world.run(query("node", "type", "name"))
    assert rows == [[name, "file", directory] for name in NODES]


def test_fields_come_as_asked_for_and_units_in_natural_order(world: World) -> None:
    rows = world.run(query("size", "name", "node", storage_type="lvm-pv", nodes=("node2",)))
    assert rows == [
        [524_288, "/dev/sda3", NODES[1]],
        [524_288, "/dev/sda10", NODES[1]],
    ]


def test_one_unit_can_be_named(world: World) -> None:
    rows = world.run(query("used", storage_type="lvm-pv", nodes=(NODES[0],), name="/dev/sda3"))
    assert rows == [[0]]


def test_a_node_that_does_not_answer_is_warned_about(world: World) -> None:
    world.faults.set(NODES[2], Fault(FaultKind.REFUSE))
    run = Run()
    rows = world.run(query("node"), run)
    assert rows == [[name] for name in NODES if name != NODES[2]]
    assert any(f"{NODES[2]} does not tell of its storage" in str(m) for m in run.messages())


def test_an_offline_node_is_left_out_silently(world: World) -> None:
    node = world.config.snapshot().nodes.named(NODES[3])
    assert node is not None
    offline = msgspec.structs.replace(node, offline=True, master_candidate=False)
    world.config.update(lambda draft: draft.put(offline))
    run = Run()
    assert world.run(query("node"), run) == [[name] for name in NODES[:3]]
    assert run.messages() == []


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"storage_type": "gluster"}, "belongs to no enabled disk template"),
        ({"nodes": ("nobody",)}, "Node 'nobody' not known"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    world: World, parameters: dict[str, object], reason: str
) -> None:
    with pytest.raises(OpPrereqError, match=reason):
        world.run(query("name", **parameters))


def test_unknown_fields_are_refused(world: World) -> None:
    with pytest.raises(OpPrereqError, match="Unknown output fields selected: colour"):
        world.run(query("name", "colour"))


def test_storage_that_nodes_cannot_tell_of_needs_a_type(world: World) -> None:
    cluster = msgspec.structs.replace(
        world.config.snapshot().cluster, enabled_disk_templates=("rbd", "plain")
    )
    world.config.update(lambda draft: draft.put(cluster))
    with pytest.raises(OpPrereqError, match="of type 'rados'"):
        world.run(query("name"))
    assert world.run(query("name", storage_type="lvm-vg", nodes=(NODES[0],))) == [["xenvg"]]
