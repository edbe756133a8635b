"""Look-ups in a snapshot, and what two snapshots share."""

import json
from pathlib import Path

import msgspec
import pytest

from masterd.config import document
from masterd.config.kinds import CLUSTER, NODE
from masterd.config.objects import write
from masterd.config.params import PartialNdParams, fill_free
from masterd.config.render import number, render
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_files, ssconf_values
from masterd.errors import ConfigurationError
from masterd.filter.natural import natural_key

CONFIG_DATA = Path(__file__).parent.parent / "conformance" / "data" / "config.data"
NODE1 = "f0c420dd-336b-4dba-924e-3d6f17634af4"
NODE4 = "300c5be3-43b5-42c1-a6ad-f03bbab43ce2"


@pytest.fixture
def config() -> ConfigSnapshot:
    return document.split(json.loads(CONFIG_DATA.read_bytes()))


def with_node(config: ConfigSnapshot, uuid: str, **fields: object) -> ConfigSnapshot:
    node = msgspec.structs.replace(config.nodes[uuid], **fields)
    return config.changed([(NODE, uuid, node)], serial_no=config.serial_no + 1, mtime=1.0)


def test_objects_are_found_by_name_and_by_uuid(config: ConfigSnapshot) -> None:
    node = config.nodes[NODE4]
    assert config.nodes.named("node4.lab.example") is node
    assert config.nodes.find("node4.lab.example") is node
    assert config.nodes.find(NODE4) is node
    assert config.nodes.find("node5.lab.example") is None
    assert config.get(CLUSTER, config.cluster.uuid) is config.cluster
    assert config.get(CLUSTER, "other") is None


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("node4", "node4.lab.example"),
        ("NODE4.lab", "node4.lab.example"),
        ("Node4.Lab.Example", "node4.lab.example"),
        ("node", None),
        ("node4.", None),
        ("", None),
    ],
)
def test_the_first_labels_of_a_name_stand_for_it(
    config: ConfigSnapshot, short: str, name: str | None
) -> None:
    found = config.nodes.expand(short)
    assert (found.name if found is not None else None) == name


def test_an_ambiguous_beginning_stands_for_nothing(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE4, name="node1.other.example")
    assert changed.nodes.expand("node1") is None
    assert changed.nodes.expand("node1.other") is changed.nodes[NODE4]


def test_a_renamed_object_is_found_under_its_new_name_only(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE4, name="new.lab.example")
    assert changed.nodes.named("node4.lab.example") is None
    assert changed.nodes.named("new.lab.example") is changed.nodes[NODE4]
    assert config.nodes.named("node4.lab.example") is config.nodes[NODE4]


def test_a_name_may_move_to_another_object_in_one_change(config: ConfigSnapshot) -> None:
    new = msgspec.structs.replace(config.nodes[NODE4], uuid="new")
    changed = config.changed([(NODE, "new", new), (NODE, NODE4, None)], serial_no=1, mtime=1.0)
    assert changed.nodes.named("node4.lab.example") is new
    assert len(changed.nodes) == 4


def test_untouched_kinds_and_objects_are_shared(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE4, offline=True)
    assert changed.instances is config.instances
    assert changed.disks is config.disks
    assert changed.cluster is config.cluster
    assert changed.nodes[NODE1] is config.nodes[NODE1]


def test_what_is_derived_is_computed_once_for_each_snapshot(config: ConfigSnapshot) -> None:
    def names(snapshot: ConfigSnapshot) -> list[str]:
        return sorted(node.name for node in snapshot.nodes.values())

    assert config.derived(names) is config.derived(names)
    changed = with_node(config, NODE4, name="a")
    assert changed.derived(names)[0] == "a"


def test_candidates_include_the_master_even_without_its_flag(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE1, master_candidate=False)
    assert config.nodes[NODE1] in config.master_candidates()
    assert changed.nodes[NODE1] in changed.master_candidates()
    assert [node.uuid for node in changed.queue_replicas()] == sorted(
        uuid for uuid in config.nodes if uuid != NODE1
    )


def test_offline_nodes_are_not_online(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE4, offline=True)
    assert changed.nodes[NODE4] not in changed.online_nodes()
    assert changed.nodes[NODE4] in changed.queue_replicas()


def test_node_parameters_come_from_the_nearest_layer(config: ConfigSnapshot) -> None:
    changed = with_node(config, NODE4, ndparams=PartialNdParams(ssh_port=2222))
    assert changed.node_params(changed.nodes[NODE4]).ssh_port == 2222
    assert changed.node_params(changed.nodes[NODE1]).ssh_port == 22
    assert changed.node_params(changed.nodes[NODE4]).ovs_name == "switch1"


def test_free_parameters_of_later_layers_win() -> None:
    assert fill_free({"a": 1, "b": 1}, {"b": 2}, {"c": None}) == {"a": 1, "b": 2, "c": None}


def test_a_node_is_told_how_to_hold_the_master_ip(config: ConfigSnapshot) -> None:
    assert write(config.master_network) == {
        "uuid": NODE1,
        "ip": "10.77.0.100",
        "netmask": 32,
        "netdev": "eth0",
        "ip_family": 2,
    }


def test_a_cluster_whose_master_is_no_node_says_so(config: ConfigSnapshot) -> None:
    changed = config.changed([(NODE, NODE1, None)], serial_no=1, mtime=1.0)
    with pytest.raises(ConfigurationError, match="is not a node"):
        _ = changed.master


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, b"0"),
        (5000000.0, b"5000000"),
        (1795415095.4302356, b"1.7954150954302356e9"),
        (0.1, b"0.1"),
        (0.05, b"5.0e-2"),
        (1234567.5, b"1234567.5"),
        (12345678.5, b"1.23456785e7"),
        (-12345678.5, b"-1.23456785e7"),
        (-0.25, b"-0.25"),
    ],
)
def test_numbers_have_the_form_the_reference_writes(value: float, text: bytes) -> None:
    assert bytes(number(value)) == text


def test_text_beyond_ascii_is_written_as_escapes(config: ConfigSnapshot) -> None:
    text = render(with_node(config, NODE4, name="\u00e4\u20ac\U0001f600"))
    assert b'"name":"\\u00e4\\u20ac\\ud83d\\ude00"' in text
    assert json.loads(text)["nodes"][NODE4]["name"] == "\u00e4\u20ac\U0001f600"


def test_names_sort_with_numbers_as_numbers() -> None:
    names = ["inst20.x", "inst3.x", "a", "inst3", "7", "inst10.x"]
    assert sorted(names, key=natural_key) == ["7", "a", "inst3", "inst3.x", "inst10.x", "inst20.x"]


def test_simple_files_follow_the_configuration(config: ConfigSnapshot) -> None:
    changed = with_node(
        config, NODE4, offline=True, vm_capable=False, ndparams=PartialNdParams(ssh_port=2222)
    )
    values = ssconf_values(changed)
    assert values["offline_nodes"] == ["node4.lab.example"]
    assert "node4.lab.example" not in values["online_nodes"]
    assert "node4.lab.example=False" in values["node_vm_capable"]
    assert "node4.lab.example=2222" in values["ssh_ports"]


def test_users_and_tags_have_one_line_each(config: ConfigSnapshot) -> None:
    cluster = msgspec.structs.replace(
        config.cluster, uid_pool=((5, 5), (10, 20)), tags=("b", "a"), file_storage_dir=""
    )
    changed = config.changed([(CLUSTER, cluster.uuid, cluster)], serial_no=1, mtime=1.0)
    files = ssconf_files(changed)
    assert files["uid_pool"] == b"5\n10-20\n"
    assert files["cluster_tags"] == b"a\nb\n"
    assert files["file_storage_dir"] == b""
