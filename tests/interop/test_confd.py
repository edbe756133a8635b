"""Debian's `ganeti-confd` answers from the configuration files that our daemon writes.

On the master it reads the file that the daemon keeps there; on a master candidate, the copy that
it sent. It is asked with Ganeti's own client.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.clock import SystemClock
from masterd.confd.client import ConfdClient, ConfdError
from masterd.config import document
from masterd.config.node import Node
from masterd.config.params import fill
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.luxi.client import Client
from masterd.paths import Paths
from tests import system
from tests.interop import debian, live, luxid, masters
from tests.interop.confd import Confd, confd, needs_confd
from tests.interop.live import Roots
from tests.sample_config import sample

pytestmark = [debian.needs_ganeti, luxid.needs_luxid, needs_confd]

#: Kinds of requests. Source: constants CONFD_REQ_*.
PING: Final = 0
NODE_ROLE: Final = 1
MASTER: Final = 3
NODE_ADDRESSES: Final = 4
CANDIDATE_ADDRESSES: Final = 5
INSTANCE_ADDRESSES: Final = 6
NODE_MINORS: Final = 7
INSTANCE_DISKS: Final = 9
CONFIG_QUERY: Final = 10
DATA_COLLECTORS: Final = 11
#: Seconds by which the reference's own arithmetic may move a time.
_TIME_EXACT_S: Final = 1e-5


@dataclass(frozen=True, slots=True)
class World:
    """Our daemon has changed the configuration; `config` is what it wrote, read again."""

    roots: Roots
    client: Client
    config: ConfigSnapshot
    confd: Confd


def set_tags(client: Client, *tags: str) -> None:
    job_id = client.call(
        "SubmitJob",
        [{"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": None, "tags": tags, "reason": []}],
    )
    assert isinstance(job_id, int)
    assert system.wait_for_end(client, job_id) == "success"


def written(root: Path) -> ConfigSnapshot:
    """Read the configuration that stands in a node's data directory."""
    return document.split(json.loads((root / "var/lib/ganeti/config.data").read_bytes()))


@pytest.fixture(scope="module", params=["master", "candidate"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = sample(5, nodes=8, groups=2, instances=30)
    with (
        live.roots(made) as roots,
        masters.ours(roots.ours),
        Client(
            str(Paths(roots.ours, roots.ours.name).query_socket), answer_s=system.START_S
        ) as client,
    ):
        set_tags(client, "through:confd")
        where = roots.ours
        if request.param == "candidate":
            (_, candidate, *_) = sorted(
                roots.config.master_candidates(), key=lambda node: node.name
            )
            where = roots.ours.parent / candidate.name
        config = written(where)
        with confd(where) as running:
            running.wait_loaded(config.serial_no)
            yield World(roots, client, config, running)


def test_what_it_reads_is_what_the_daemon_changed(world: World) -> None:
    before = world.roots.config
    assert world.config.serial_no > before.serial_no
    assert set(world.config.cluster.tags) == {*before.cluster.tags, "through:confd"}
    _, _, serial = world.confd.ask(MASTER)
    assert serial == world.config.cluster.serial_no > before.cluster.serial_no


def test_it_is_alive(world: World) -> None:
    assert world.confd.answer(PING) == 3_000_000


def test_a_starting_master_learns_from_it_how_new_its_configuration_is(world: World) -> None:
    key = Paths(world.roots.ours, world.roots.ours.name).confd_key_file.read_bytes()
    asked = ConfdClient(key, world.confd.port)
    now_s = SystemClock().now_us() // 1_000_000
    assert asked.at_path("127.0.0.1", "/serial_no", now_s) == world.config.serial_no
    with pytest.raises(ConfdError, match="did not answer"):
        ConfdClient(key + b"of others", world.confd.port).at_path("127.0.0.1", "/serial_no", now_s)


def test_it_knows_the_role_of_every_node(world: World) -> None:
    def role(node: Node) -> int:
        if node.uuid == world.config.cluster.master_node:
            return 0
        if node.master_candidate:
            return 1
        if node.drained:
            return 3
        return 2 if node.offline else 4

    wanted = {node.name: role(node) for node in world.config.nodes.values()}
    assert {name: world.confd.answer(NODE_ROLE, name) for name in wanted} == wanted
    assert len(set(wanted.values())) >= 3


def test_it_knows_the_master(world: World) -> None:
    config = world.config
    assert world.confd.answer(MASTER) == config.master.name
    told = world.confd.answer(MASTER, {"3": [0, 1, 2]})
    assert told == [config.master.name, config.cluster.master_ip, config.master.primary_ip]


def test_it_lists_addresses(world: World) -> None:
    nodes = world.config.nodes.values()
    assert sorted(world.confd.answer(NODE_ADDRESSES)) == sorted(n.primary_ip for n in nodes)
    assert sorted(world.confd.answer(CANDIDATE_ADDRESSES)) == sorted(
        node.primary_ip for node in nodes if node.master_candidate
    )


def test_it_lists_the_instances_on_the_default_link(world: World) -> None:
    default = world.config.cluster.nicparams["default"]
    addresses = {
        nic.ip
        for each in world.config.instances.values()
        for nic in each.nics
        if nic.ip and fill(default, nic.nicparams).link == default.link
    }
    assert set(world.confd.answer(INSTANCE_ADDRESSES)) == addresses
    assert len(addresses) > 3


def test_it_knows_the_disks_of_instances(world: World) -> None:
    real = [each for each in world.config.instances.values() if each.name and each.disks]
    assert len(real) > 10
    for instance in real[:5]:
        told = world.confd.answer(INSTANCE_DISKS, instance.name)
        assert [disk["uuid"] for disk in told] == list(instance.disks)


def test_it_knows_the_minors_of_mirrors(world: World) -> None:
    seen = 0
    for node in world.config.nodes.values():
        for told in world.confd.answer(NODE_MINORS, node.name):
            name, minor, instance_name, disk_name, role, peer = told
            instance = world.config.instances.named(instance_name)
            assert instance is not None
            disks = [world.config.disks[uuid] for uuid in instance.disks]
            (disk,) = [each for each in disks if each.iv_name == disk_name]
            first, second, _, minor_there, minor_here, _ = disk.logical_id or ()
            primary = instance.primary_node == node.uuid
            assert (name, role) == (node.name, "primary" if primary else "secondary")
            assert minor == (minor_there if first == node.uuid else minor_here)
            other = second if first == node.uuid else first
            assert peer == world.config.nodes[str(other)].name
            seen += 1
    assert seen >= 4


def test_it_knows_what_is_to_be_collected(world: World) -> None:
    told = world.confd.answer(DATA_COLLECTORS)
    assert set(told) == set(world.config.cluster.data_collectors)


def expected(value: Any) -> Any:
    """Return what a part of a configuration must equal: times as the reference keeps them."""
    if isinstance(value, dict):
        return {
            key: pytest.approx(each, abs=_TIME_EXACT_S, rel=0)
            if key in ("ctime", "mtime")
            else expected(each)
            for key, each in value.items()
        }
    return [expected(each) for each in value] if isinstance(value, list) else value


def test_it_has_read_every_object_as_it_was_written(world: World) -> None:
    written_here = json.loads(render(world.config))
    asked = 0
    for section, content in written_here.items():
        # A datagram holds one object, not all of a kind.
        parts = content if isinstance(content, dict) else {}
        for key, value in parts.items():
            told = world.confd.answer(CONFIG_QUERY, f"/{section}/{key}")
            assert {key: told} == expected({key: value}), f"/{section}/{key}"
            asked += 1
        if not parts:
            told = world.confd.answer(CONFIG_QUERY, f"/{section}")
            assert {section: told} == expected({section: content})
    assert asked > 100


@pytest.mark.parametrize("kind", [NODE_ROLE, NODE_MINORS, INSTANCE_DISKS])
def test_it_refuses_what_is_not_there(world: World, kind: int) -> None:
    status, _, _ = world.confd.ask(kind, "nobody.example.com")
    assert status == 1


def test_it_takes_a_change_up_while_it_runs(world: World) -> None:
    before = world.confd.ask(MASTER)[2]
    set_tags(world.client, f"one:more{before}")
    world.confd.wait_loaded(written(world.roots.ours).serial_no)
    assert world.confd.ask(MASTER)[2] == written(world.roots.ours).cluster.serial_no > before
