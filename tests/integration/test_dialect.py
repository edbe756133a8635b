"""The daemon as one of Ganeti 3.1: what clients, nodes and files are told."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from masterd.errors import EXIT_FAILURE
from masterd.testing import cluster as clusters
from tests import system
from tests.migration.old_configs import of_3_1
from tests.sample_config import HOST, Document, sample

ALONE = ["--no-voting", "--yes-do-it"]


def speak(root: Path, dialect: str) -> None:
    (root / "etc/ganeti").mkdir(parents=True, exist_ok=True)
    (root / "etc/ganeti/masterd.toml").write_text(f'dialect = "{dialect}"\n')


def written(path: Path) -> Any:
    return json.loads(path.read_bytes())


def config_3_1() -> Document:
    """Return a configuration with what only 3.1 can say."""
    config = of_3_1(sample(1, nodes=1, groups=1, instances=9))
    config["cluster"]["hvparams"]["kvm"]["disk_discard"] = "ignore"
    config["cluster"]["hvparams"]["kvm"]["disk_aio"] = "io_uring"
    config["filters"] = {}  # A rule would hold the jobs.
    return config


def test_a_configuration_of_3_1_is_kept_and_written_in_its_form() -> None:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        speak(cluster.master_root, "3.1")
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(config_3_1()))
        with system.running(cluster, arguments=ALONE) as daemon, daemon.client() as client:
            info = client.call("QueryClusterInfo")
            assert isinstance(info, dict)
            assert info["software_version"] == "3.1.0"
            assert info["config_version"] == info["protocol_version"] == 3_010_000
            assert info["hvparams"]["kvm"]["disk_aio"] == "io_uring"
            assert "xen_cmd" not in info["hvparams"]["xen-pvm"]
            op = {"OP_ID": "OP_TAGS_SET", "kind": "cluster", "name": "", "tags": ["new"],
                  "reason": []}  # fmt: skip
            job_id = client.call("SubmitJob", [op])
            assert isinstance(job_id, int)
            assert system.wait_for_end(client, job_id) == "success"
            delay = client.call("SubmitJob", [system.delay_op(0.001)])
            assert client.call("QueryJobs", [delay], ["summary"]) == [[["TEST_DELAY(1000000 ns)"]]]
        kept = written(path)
        assert kept["version"] == 3_010_000
        assert "new" in kept["cluster"]["tags"]
        assert "xen_cmd" not in kept["cluster"]["hvparams"]["xen-pvm"]
        assert not path.with_name("config.data.3.1").exists()


def test_a_configuration_of_3_0_is_brought_to_the_form_of_3_1() -> None:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        speak(cluster.master_root, "3.1")
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(sample(1, nodes=1, groups=1, instances=9)))
        before = path.read_bytes()
        with system.running(cluster, arguments=ALONE) as daemon:
            assert "from the form of Ganeti 3.0" in daemon.log()
        assert written(path)["version"] == 3_010_000
        assert "xen_cmd" not in written(path)["cluster"]["hvparams"]["xen-hvm"]
        assert written(path)["cluster"]["hvparams"]["kvm"]["disk_discard"] == "ignore"
        assert path.with_name("config.data.3.0").read_bytes() == before


def test_a_store_of_another_release_is_not_served() -> None:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(sample(1, nodes=1, groups=1, instances=9)))
        with system.running(cluster, arguments=ALONE):
            pass
        speak(cluster.master_root, "3.1")
        refused = system.start(cluster, arguments=ALONE)
        assert refused.process.wait(system.END_S) == EXIT_FAILURE
        assert "has the form of Ganeti 3.0, and as Ganeti 3.1 is spoken" in refused.log()
        assert written(path)["version"] == 3_000_000
        speak(cluster.master_root, "3.0")
        with system.running(cluster, arguments=ALONE) as daemon, daemon.client() as client:
            info = client.call("QueryClusterInfo")
            assert isinstance(info, dict)
            assert info["config_version"] == 3_000_000


def test_a_store_of_another_release_goes_on_by_the_way_that_the_refusal_names() -> None:
    with system.short_directory() as base:
        cluster = clusters.build(base, nodes=1, home=base / HOST)
        path = cluster.data(cluster.master) / "config.data"
        path.write_text(json.dumps(sample(1, nodes=1, groups=1, instances=9)))
        with system.running(cluster, arguments=ALONE):
            pass
        speak(cluster.master_root, "3.1")
        refused = system.start(cluster, arguments=ALONE)
        assert refused.process.wait(system.END_S) == EXIT_FAILURE
        named = re.search(
            r"ganeti-masterd-migrate (config --form 3\.1 --output) FILE", refused.log()
        )
        assert named
        converted = base / "converted"
        place = ["--data-dir", str(path.parent)]
        command = [sys.executable, "-m", "migrations", *named[1].split(), str(converted), *place]
        subprocess.run(command, check=True, timeout=system.END_S)
        path.write_bytes(converted.read_bytes())
        with system.running(cluster, arguments=[*ALONE, "--adopt-config"]):
            pass
        with system.running(cluster, arguments=ALONE) as daemon, daemon.client() as client:
            info = client.call("QueryClusterInfo")
            assert isinstance(info, dict)
            assert info["config_version"] == 3_010_000
