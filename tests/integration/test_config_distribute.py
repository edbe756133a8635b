"""Other nodes get the configuration: candidates the file, everybody the simple files."""

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from masterd.config.distribute import Distributor
from masterd.config.kinds import CLUSTER
from masterd.config.render import render
from masterd.config.shown import ShownConfig
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_files
from masterd.rpc.virtual_path import VirtualPaths
from masterd.testing.faults import Fault, FaultKind
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


@pytest.fixture
def distributor(world: World, config: Published) -> Iterator[Distributor]:
    made = Distributor(
        config,
        world.context.rpc,
        render,
        file_name=VirtualPaths(Path("/node")).virtual(Path("/node/var/lib/ganeti/config.data")),
        owner=(0, 0),
        now_s=lambda: 1_800_000_000.0,
        retry_s=0.05,
    )
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
