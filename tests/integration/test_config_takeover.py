"""The first start on the configuration of an older release."""

import json

import pytest

from masterd.testing import cluster as clusters
from tests import system
from tests.broken_configs import BREAKAGES, sound
from tests.migration.old_configs import expressible, of_3_1, old
from tests.sample_config import HOST

ALONE = ["--no-voting", "--yes-do-it"]


def test_what_is_inconsistent_is_taken_over_and_told() -> None:
    config = sound()
    BREAKAGES["a port twice"].change(config)
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        (cluster.data(cluster.master) / "config.data").write_text(json.dumps(config))
        with system.running(cluster, arguments=ALONE) as daemon:
            assert "the configuration is not consistent: TCP port 11000 belongs" in daemon.log()
            with daemon.client() as client:
                assert client.call("QueryInstances", ["inst0.example.com"], ["name"], False)


@pytest.mark.parametrize("release", ["2.7", "2.11", "2.16", "3.1"])
def test_an_old_configuration_is_taken_over_and_stays_beside(release: str) -> None:
    minor = 17 if release == "3.1" else int(release.partition(".")[2])
    config = expressible(1, minor)
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(of_3_1(config) if release == "3.1" else old(config, minor)))
        before = path.read_bytes()
        with system.running(cluster, arguments=ALONE) as daemon:
            with daemon.client() as client:
                told = client.call("QueryInstances", [], ["name"], False)
            assert isinstance(told, list)
            names = sorted(each.get("name") or "" for each in config["instances"].values())
            assert sorted(name or "" for (name,) in told) == names
            assert f"from the form of Ganeti {release}" in daemon.log()
        assert json.loads(path.read_bytes())["version"] == 3_000_000
        assert path.with_name(f"config.data.{release}").read_bytes() == before
        with system.running(cluster, arguments=ALONE) as daemon:
            assert daemon.log().count("from the form of Ganeti") == 1


def test_what_stays_refused_is_told_once_with_its_place_and_what_to_do() -> None:
    config = sound()
    config["cluster"]["serial_no"] = None
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(config))
        daemon = system.start(cluster, arguments=ALONE)
        assert daemon.process.wait(system.START_S) == 1
        log = daemon.log()
        assert f"cannot take over {path}:\n  cluster.serial_no: expected `int`, got `null`" in log
        assert "mend it there" in log
        assert log.count("cluster.serial_no") == 1
        assert "Traceback" not in log
        assert not daemon.paths.store_dir.exists()
