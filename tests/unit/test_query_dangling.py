"""A reference that points nowhere costs its own cells, and never moves others.

Which cells these are is compared with luxid in `tests/interop/test_dangling_references.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0
from masterd.query.collect import Collector
from masterd.query.resources import TABLES, Resources
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget
from tests import query_world
from tests.dangling_configs import DANGLING, NEVER_ANSWERED, NOWHERE, dangling, intact
from tests.nodes_in_memory import OneByOne

NODATA = [2, None]


class TellingNodes(OneByOne):
    """Obeys `masterd.node.target.Nodes`; every node says that its instances run."""

    def __init__(self, config: ConfigSnapshot) -> None:
        self._config = config
        self.asked: list[tuple[str, list[str], Sequence[Any]]] = []

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[Any],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        self.asked.append((call_name, [node.uuid for node in nodes], args))
        return {
            node.uuid: RpcResult(
                call_name, node.name, node.uuid, ok=True, payload=self._told(call_name, node.uuid)
            )
            for node in nodes
        }

    def _told(self, call_name: str, node: str) -> object:
        if call_name == "node_info":
            return ["boot", [], [{"memory_free": 1}]]
        data: object = {"memory": 1, "vcpus": 1, "state": 0}
        if call_name == "instance_console_info":
            data = {"kind": "vnc"}
        instances = self._config.instances.values()
        return {each.name: data for each in instances if each.name and each.primary_node == node}


def cells(config: ConfigSnapshot, resource: str) -> dict[object, dict[str, Any]]:
    """Return all cells of a resource by uuid and field, where nodes answer."""
    collector = Collector(TellingNodes(config))
    answering = Resources(lambda: config, collector, list, lambda: None, dialect=DIALECT_3_0)
    fields = list(TABLES[resource].fields)
    answer = query_world.ask(answering, "Query", [resource, fields, None])
    rows = [dict(zip(fields, row, strict=True)) for row in answer["data"]]
    return {row["uuid"][1]: row for row in rows}


def changed(kind: str, resource: str) -> dict[object, set[str]]:
    """Return which fields of which rows, by uuid, differ from those of the intact configuration."""
    before = cells(document.split(intact()), resource)
    after = cells(document.split(dangling(kind)), resource)
    assert before.keys() == after.keys()
    return {
        uuid: {name for name, cell in row.items() if cell != before[uuid][name]}
        for uuid, row in after.items()
        if row != before[uuid]
    }


@pytest.mark.parametrize("kind", DANGLING)
@pytest.mark.parametrize("resource", ["group", "instance", "network", "node"])
def test_all_that_is_there_is_told(kind: str, resource: str) -> None:
    config = document.split(dangling(kind))
    objects: dict[str, Mapping[str, object]] = {
        "group": config.nodegroups,
        "instance": config.instances,
        "network": config.networks,
        "node": config.nodes,
    }
    assert cells(config, resource).keys() == set(objects[resource])


@pytest.mark.parametrize("kind", ["first disk", "middle disk", "last disk"])
def test_a_disk_costs_its_own_instance_only(kind: str) -> None:
    config = document.split(dangling(kind))
    [instance] = [each.uuid for each in config.instances.values() if NOWHERE in each.disks]
    assert changed(kind, "instance").keys() == {instance}
    for resource in ("group", "network", "node"):
        assert changed(kind, resource) == {}


def test_a_network_costs_its_name_only() -> None:
    config = document.split(dangling("network of a nic"))
    [instance] = [
        each for each in config.instances.values() for nic in each.nics if nic.network == NOWHERE
    ]
    [(uuid, fields)] = changed("network of a nic", "instance").items()
    assert uuid == instance.uuid
    assert fields <= {
        "nic_network", "nic.networks", "nic.network/0", "nic.networks.names", "nic.network.name/0"
    }  # fmt: skip


def test_a_group_costs_its_node_and_what_is_on_it_only() -> None:
    config = document.split(dangling("group of a node"))
    [node] = [each.uuid for each in config.nodes.values() if each.group == NOWHERE]
    assert changed("group of a node", "node").keys() == {node}
    there = cells(config, "node")[node]
    names = {*there["pinst_list"][1], *there["sinst_list"][1]}
    told = cells(config, "instance")
    assert {told[uuid]["name"][1] for uuid in changed("group of a node", "instance")} == names


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_disk_that_is_not_there_is_not_taken_for_another(place: str) -> None:
    config = document.split(dangling(f"{place} disk"))
    found = next(each for each in config.instances.values() if NOWHERE in each.disks)
    row = cells(config, "instance")[found.uuid]
    assert row["disk.count"] == [0, 3]
    before = cells(document.split(intact()), "instance")[found.uuid]
    unknown = {name for name, cell in row.items() if cell == NODATA != before[name]}
    disks = {name for name in row if name.startswith("disk.")} - {"disk.count"}
    others = {"disk_template", "disk_usage", "sda_size", "sdb_size"}
    assert unknown == disks | others | {"snodes", "snodes.group", "snodes.group.uuid"}


def test_a_node_without_its_group_leaves_the_consoles_of_other_nodes() -> None:
    config = document.split(dangling("group of a node"))
    lonely = next(node.uuid for node in config.nodes.values() if node.group == NOWHERE)
    for row in cells(config, "instance").values():
        instance = config.instances[row["uuid"][1]]
        node = config.nodes[str(instance.primary_node)]
        if not instance.name or node.offline or node.uuid == lonely:
            continue
        assert row["console"] == [0, {"kind": "vnc"}]


def test_a_hypervisor_that_no_node_has_costs_no_other_instance_its_state() -> None:
    config = document.split(dangling("hypervisor"))
    nodes = TellingNodes(config)
    collector = Collector(nodes)
    answering = Resources(lambda: config, collector, list, lambda: None, dialect=DIALECT_3_0)
    query_world.ask(answering, "Query", ["instance", ["name", "status"], None])
    [(_, _, (used, params))] = nodes.asked
    assert "lxc" not in used
    assert params.keys() == set(used)


def test_what_luxid_never_answers_is_answered() -> None:
    assert NEVER_ANSWERED.keys() <= DANGLING.keys()
    config = document.split(dangling("primary node"))
    [row] = [
        each
        for each in cells(config, "instance").values()
        if each["pnode"] == NODATA and each["name"][0] == 0
    ]
    assert row["status"] == [0, "ERROR_nodedown"]
    config = document.split(dangling("network of a nic"))
    [row] = [
        each for each in cells(config, "instance").values() if NOWHERE in each["nic.networks"][1]
    ]
    place = row["nic.networks"][1].index(NOWHERE)
    assert row[f"nic.network.name/{place}"] == [3, None]
    assert row["nic.networks.names"][1][place] is None
