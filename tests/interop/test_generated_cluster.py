"""Ganeti's own readers take the configuration of a generated cluster."""

import os
import subprocess
from pathlib import Path

import pytest

from masterd.testing import cluster as clusters

LIBRARY = Path("/usr/share/ganeti/3.0")
CONFD = Path("/usr/sbin/ganeti-confd")

#: Seconds the reference's programs get.
PATIENCE_S = 30

_READ = """
from ganeti import objects, pathutils, serializer, ssconf, utils
text = utils.ReadFile(pathutils.CLUSTER_CONF_FILE)
config = objects.ConfigData.FromDict(serializer.LoadJson(text))
config.UpgradeConfig()
simple = ssconf.SimpleStore()
print(config.cluster.cluster_name, simple.GetClusterName())
print(*sorted(node.name for node in config.nodes.values()))
print(*simple.GetNodeList())
print(simple.GetMasterNode(), *ssconf.GetMasterAndMyself())
print(len(simple.GetMasterCandidatesCertMap()))
"""


@pytest.mark.skipif(not LIBRARY.exists(), reason="Debian's ganeti package is not installed")
def test_the_python_library_reads_configuration_and_ssconf(tmp_path: Path) -> None:
    cluster = clusters.build(tmp_path, nodes=3)
    output = subprocess.run(
        ["/usr/bin/python3", "-c", _READ],
        env={**os.environ, **cluster.environment(), "PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    names = "node1.example.com node2.example.com node3.example.com"
    assert output.splitlines() == [
        "cluster.example.com cluster.example.com",
        names,
        names,
        "node1.example.com node1.example.com node1.example.com",
        "3",
    ]


@pytest.mark.skipif(not CONFD.exists(), reason="Debian's ganeti package is not installed")
def test_the_haskell_confd_reads_the_configuration(tmp_path: Path) -> None:
    cluster = clusters.build(tmp_path, nodes=3)
    command = [str(CONFD), "-f", "-d", "--no-user-checks", "-b", cluster.master.address]
    process = subprocess.Popen(
        ["timeout", str(PATIENCE_S), *command],
        env={**os.environ, **cluster.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if "oaded new config" in line or "rror" in line or "ailed" in line:
                break
        process.terminate()
    assert "Loaded new config, serial 3" in seen[-1]
