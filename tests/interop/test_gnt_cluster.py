"""Debian's `gnt-cluster`, as far as this release's methods and opcodes carry it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import system
from tests.interop import debian
from tests.interop.debian import Commands, Outcome

pytestmark = debian.needs_ganeti


@pytest.fixture(scope="module")
def daemon() -> Iterator[system.Daemon]:
    with system.simulated_cluster(nodes=3) as (cluster, _), system.running(cluster) as started:
        yield started


@pytest.fixture
def commands(daemon: system.Daemon) -> Commands:
    return Commands(daemon.cluster.environment())


def test_the_master_is_named_and_answers(commands: Commands) -> None:
    assert commands.ok("gnt-cluster", "getmaster").output == "node1.example.com\n"
    assert commands.ok("gnt-cluster", "master-ping").output == ""


def test_the_versions_are_told(commands: Commands) -> None:
    assert "Software version: 3.0.2" in commands.ok("gnt-cluster", "version").lines


def test_info_describes_the_whole_cluster(commands: Commands) -> None:
    output = commands.ok("gnt-cluster", "info").output
    assert output.startswith("Cluster name: cluster.example.com\n")
    for line in (
        "Master node: node1.example.com",
        "Default hypervisor: fake",
        "maximal number of jobs running simultaneously: 20",
        "enabled disk templates: file, sharedfile, diskless",
    ):
        assert line in output
    shown = commands.ok("gnt-cluster", "show-ispecs-cmd").output
    assert shown.startswith("gnt-cluster init --ipolicy-std-specs ")


def test_a_drained_queue_takes_no_jobs(commands: Commands) -> None:
    assert commands.ok("gnt-cluster", "queue", "info").output == "The drain flag is unset\n"
    commands.ok("gnt-cluster", "queue", "drain")
    try:
        assert commands.ok("gnt-cluster", "queue", "info").output == "The drain flag is set\n"
        refused = commands.run("gnt-debug", "delay", "0.01")
        assert refused == Outcome(1, "", "Unhandled Ganeti error: Queue drained\n")
    finally:
        commands.ok("gnt-cluster", "queue", "undrain")
    assert commands.ok("gnt-cluster", "queue", "info").output == "The drain flag is unset\n"
    commands.ok("gnt-debug", "delay", "0.01")


def test_the_watcher_is_paused_and_continued(commands: Commands) -> None:
    assert commands.ok("gnt-cluster", "watcher", "info").output == "The watcher is not paused.\n"
    paused = commands.ok("gnt-cluster", "watcher", "pause", "1h").output
    assert re.fullmatch(r"The watcher is paused until .*\d\d:\d\d:\d\d \d{4}\.\n", paused)
    assert commands.ok("gnt-cluster", "watcher", "info").output == paused
    commands.ok("gnt-cluster", "watcher", "continue")
    assert commands.ok("gnt-cluster", "watcher", "info").output == "The watcher is not paused.\n"


def test_tags_are_added_found_and_removed(commands: Commands) -> None:
    commands.ok("gnt-cluster", "add-tags", "site:north", "b", "c")
    found = commands.ok("gnt-cluster", "search-tags", "^(site|b)").lines
    assert found == ["/cluster b", "/cluster site:north"]
    assert "Tags: b, c, site:north" in commands.ok("gnt-cluster", "info").lines
    commands.ok("gnt-cluster", "remove-tags", "b", "c")
    assert "Tags: site:north" in commands.ok("gnt-cluster", "info").lines
    assert commands.run("gnt-cluster", "search-tags", "^b$") == Outcome(1, "", "")
    missing = commands.run("gnt-cluster", "remove-tags", "b")
    assert missing.code == 1
    assert "Tag(s) 'b' not found" in missing.errors
    bad = commands.run("gnt-cluster", "add-tags", "not allowed")
    assert bad.code == 1
    assert "Tag contains invalid characters" in bad.errors


def test_tags_are_in_the_configuration_file_and_stay_over_a_restart() -> None:
    with system.simulated_cluster(nodes=2) as (cluster, _):
        commands = Commands(cluster.environment())
        with system.running(cluster):
            commands.ok("gnt-cluster", "add-tags", "kept")
        script = """
from ganeti import objects, pathutils, serializer, ssconf, utils
text = utils.ReadFile(pathutils.CLUSTER_CONF_FILE)
config = objects.ConfigData.FromDict(serializer.LoadJson(text))
print(*config.cluster.GetTags())
"""
        assert commands.ganeti_python(script).output == "kept\n"
        with system.running(cluster):
            assert commands.ok("gnt-cluster", "search-tags", ".").output == "/cluster kept\n"


def test_parameters_are_changed(commands: Commands) -> None:
    commands.ok(
        "gnt-cluster", "modify", "--max-running-jobs", "15", "--reserved-lvs", "xenvg/root",
        "-B", "vcpus=2", "--ipolicy-vcpu-ratio", "2.5", "--uid-pool", "1000-1010,2000",
        "-H", "fake:migration_mode=live", "--user-shutdown", "yes",
    )  # fmt: skip
    output = commands.ok("gnt-cluster", "info").output
    for line in (
        "maximal number of jobs running simultaneously: 15",
        "lvm reserved volumes: xenvg/root",
        "vcpus: 2",
        "vcpu-ratio: 2.5",
        "uid pool: 1000-1010, 2000",
    ):
        assert line in output
    refused = commands.run("gnt-cluster", "modify", "-B", "nothing=2")
    assert refused.code == 1
    assert "Unknown parameter 'nothing'" in refused.errors


def test_the_cluster_is_not_renamed_to_a_host_that_is_there(commands: Commands) -> None:
    refused = commands.run("gnt-cluster", "rename", "-f", "localhost")
    assert refused.code == 1
    assert "is reachable on the network" in refused.errors


def test_a_cluster_that_has_nodes_is_not_destroyed(commands: Commands) -> None:
    refused = commands.run("gnt-cluster", "destroy", "--yes-do-it")
    assert refused.code == 1
    assert "There are still 2 node(s) in this cluster" in refused.errors


def test_after_the_end_of_the_cluster_no_job_begins(tmp_path: Path) -> None:
    path = tmp_path / "ops.json"
    path.write_text(json.dumps([{"OP_ID": "OP_CLUSTER_DESTROY"}]))
    with system.simulated_cluster(nodes=1) as (cluster, _), system.running(cluster):
        commands = Commands(cluster.environment())
        commands.ok("gnt-debug", "submit-job", str(path))
        assert commands.run("gnt-debug", "delay", "--submit", "0.001").code == 0
        locks = commands.ok("gnt-debug", "locks", "-o", "name,mode,owner,pending").output
        assert re.search(r"cluster/BGL\s+exclusive\s+1\s+\S*:2", locks)
        jobs = commands.ok("gnt-job", "list", "--no-headers", "-o", "id,status").lines
        assert [line.split() for line in jobs] == [["1", "success"], ["2", "waiting"]]
