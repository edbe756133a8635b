"""Other nodes get the configuration: candidates the file, everybody the simple files."""

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from msgspec.structs import replace

from masterd.config.kinds import CLUSTER
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_files
from masterd.limits import CONFIG_COPY_S
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing.faults import Fault, FaultKind
from masterd.wconf.distribute import Distributor
from masterd.wconf.shown import ShownConfig
from tests.lu_support import MemoryConfig, World, make_world

PATIENCE_S = 20.0


class Published(MemoryConfig):
    """Tells of changes, as the repository does."""

    def on_publish(self, listener: object) -> None:
        self.listener = listener

    def publish(self) -> None:
        assert callable(self.listener)
        self.listener(self.snapshot())


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    for node in made.nodes.values():
        (node.root / "var/lib/ganeti").mkdir(parents=True)
    return made


@pytest.fixture
def config(world: World) -> Published:
    return Published(world.config.snapshot())


def make_distributor(
    world: World, config: Published, *, copy_s: float = CONFIG_COPY_S
) -> Distributor:
    return Distributor(
        config,
        world.rpc,
        render,
        file_name=VirtualPaths(Path("/node")).virtual(Path("/node/var/lib/ganeti/config.data")),
        owner=(0, 0),
        release_version="3.0.2",
        now_s=lambda: 1_800_000_000.0,
        retry_s=0.05,
        copy_s=copy_s,
    )


@pytest.fixture
def distributor(world: World, config: Published) -> Iterator[Distributor]:
    made = make_distributor(world, config)
    made.start()
    yield made
    made.stop()


def add_tag(config: Published, tag: str) -> ConfigSnapshot:
    uuid = config.snapshot().cluster.uuid
    config.update(lambda draft: draft.add_tags(CLUSTER, uuid, [tag]))
    config.publish()
    return config.snapshot()


def data(world: World, name: str) -> Path:
    return world.nodes[name].root / "var/lib/ganeti"


def wait_simple(world: World, config: Published) -> None:
    wanted = ssconf_files(config.snapshot())["cluster_tags"]
    with gevent.Timeout(PATIENCE_S):
        for name in world.nodes:
            path = data(world, name) / "ssconf_cluster_tags"
            while not path.exists() or path.read_bytes() != wanted:
                gevent.sleep(0.005)


def test_all_are_told_at_the_start_and_of_every_change(
    world: World, config: Published, distributor: Distributor
) -> None:
    assert distributor.wait_told(config.snapshot().serial_no, PATIENCE_S)
    for serial in range(3):
        snapshot = add_tag(config, f"tag{serial}")
        assert distributor.wait_told(snapshot.serial_no, PATIENCE_S)
        wait_simple(world, config)
        for node in snapshot.queue_replicas():
            content = (data(world, node.name) / "config.data").read_bytes()
            assert json.loads(content) == json.loads(render(snapshot))
    master = data(world, config.snapshot().master.name)
    assert not (master / "config.data").exists(), "the master's own file is not uploaded"


def test_simple_files_that_did_not_change_are_not_sent_again(
    world: World, config: Published, distributor: Distributor
) -> None:
    wait_simple(world, config)
    node = next(iter(world.nodes.values()))
    before = node.counts["write_ssconf_files"]
    config.update(lambda draft: draft.put(draft.cluster))
    config.publish()
    assert distributor.wait_told(config.snapshot().serial_no, PATIENCE_S)
    assert node.counts["write_ssconf_files"] == before


def test_a_candidate_that_is_away_holds_nobody_up_and_is_told_later(
    world: World, config: Published, distributor: Distributor
) -> None:
    assert distributor.wait_told(config.snapshot().serial_no, PATIENCE_S)
    away = config.snapshot().queue_replicas()[0]
    world.faults.set(away.name, Fault(FaultKind.REFUSE))
    shown = ShownConfig(config, {"candidates": distributor.wait_told}, PATIENCE_S)
    snapshot = add_tag(config, "x")
    assert distributor.wait_told(snapshot.serial_no, PATIENCE_S)
    assert distributor.failing == {away.uuid}
    world.faults.clear()
    with gevent.Timeout(PATIENCE_S):
        while distributor.failing:
            gevent.sleep(0.005)
    path = data(world, away.name) / "config.data"
    assert json.loads(path.read_bytes())["serial_no"] == shown.snapshot().serial_no


def test_a_candidate_that_never_answers_holds_nobody_up_and_is_told_later(
    world: World, config: Published
) -> None:
    made = make_distributor(world, config, copy_s=0.5)
    made.start()
    try:
        assert made.wait_told(config.snapshot().serial_no, PATIENCE_S)
        hanging, other = config.snapshot().queue_replicas()[:2]
        world.faults.set(hanging.name, Fault(FaultKind.HANG))
        snapshot = add_tag(config, "first")
        # Everybody else has it although the one hangs all the time, and nobody waits for that one.
        assert made.wait_told(snapshot.serial_no, PATIENCE_S)
        assert made.wait_simple_told(snapshot.serial_no, PATIENCE_S)
        assert made.failing == {hanging.uuid}
        path = data(world, other.name) / "config.data"
        assert json.loads(path.read_bytes())["serial_no"] == snapshot.serial_no
        with gevent.Timeout(PATIENCE_S):
            for serial in range(20):
                # None of these waits for the deadline of the one that hangs.
                snapshot = add_tag(config, f"more{serial}")
                while json.loads(path.read_bytes())["serial_no"] < snapshot.serial_no:
                    gevent.sleep(0.001)
                assert made.wait_told(snapshot.serial_no, 0.0)
        world.faults.clear()
        with gevent.Timeout(PATIENCE_S):
            while made.failing:
                gevent.sleep(0.005)
        path = data(world, hanging.name) / "config.data"
        assert json.loads(path.read_bytes())["serial_no"] == snapshot.serial_no
    finally:
        made.stop()


def test_nodes_that_come_are_told_and_nodes_that_went_offline_are_not(
    world: World, config: Published, distributor: Distributor
) -> None:
    assert distributor.wait_simple_told(config.snapshot().serial_no, PATIENCE_S)
    node = config.snapshot().queue_replicas()[0]
    config.update(lambda draft: draft.put(replace(node, offline=True, master_candidate=False)))
    config.publish()
    before = world.nodes[node.name].counts.total()
    snapshot = add_tag(config, "while_it_is_away")
    assert distributor.wait_simple_told(snapshot.serial_no, PATIENCE_S)
    assert world.nodes[node.name].counts.total() == before
    gone = config.snapshot().nodes[node.uuid]
    config.update(lambda draft: draft.put(replace(gone, offline=False, master_candidate=True)))
    config.publish()
    assert distributor.wait_told(config.snapshot().serial_no, PATIENCE_S)
    path = data(world, node.name) / "config.data"
    assert json.loads(path.read_bytes())["serial_no"] == config.snapshot().serial_no
    wait_simple(world, config)
