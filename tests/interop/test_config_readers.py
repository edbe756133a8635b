"""The reference's own readers load the configuration we render, and see in it what we see.

Needs Debian's packages `ganeti` and `ganeti-haskell-3.0`; luxid is run as its user, so that test
needs root too. Skipped, saying why, where they are not there.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from masterd.config import document
from masterd.config.kinds import CLUSTER, GROUP, NODE
from masterd.config.params import PartialNdParams
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0
from masterd.query.cluster_info import cluster_info
from masterd.query.config_values import ClusterState, config_values
from tests.interop.luxid import needs_luxid
from tests.interop.luxid_support import HOST, Luxid, running
from tests.property.config_documents import Document, configs

CONFIG_DATA = (Path(__file__).parent.parent / "conformance" / "data" / "config.data").read_bytes()
PYTHON = "/usr/bin/python3"
GANETI = Path("/usr/share/ganeti/3.0")
PATIENCE_S = 30.0

needs_python = pytest.mark.skipif(
    not (GANETI / "ganeti" / "objects.py").exists(), reason="package ganeti is not installed"
)

READER = """
import json, sys
from ganeti import objects
def plain(value):
    return value.Get() if hasattr(value, "Get") else list(value)
for line in sys.stdin:
    config = objects.ConfigData.FromDict(json.loads(line))
    print(json.dumps(config.ToDict(_with_private=True), default=plain), flush=True)
"""


def kept(value: Any, key: str = "") -> Any:
    """Return what the Python reader keeps: tags and ports as sets, no members of a group."""
    if isinstance(value, dict):
        return {name: kept(item, name) for name, item in value.items() if name != "members"}
    if isinstance(value, list):
        return (
            sorted(value) if key in ("tags", "tcpudp_port_pool") else [kept(item) for item in value]
        )
    return value


@pytest.fixture(scope="module")
def python_reader() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [PYTHON, "-c", READER],
        env={"PYTHONPATH": str(GANETI), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def loaded_by_python(reader: subprocess.Popen[str], rendered: bytes) -> Any:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(rendered.decode() + "\n")
    reader.stdin.flush()
    return json.loads(reader.stdout.readline())


@needs_python
def test_the_python_reader_gives_back_the_recorded_configuration(
    python_reader: subprocess.Popen[str],
) -> None:
    rendered = render(document.split(json.loads(CONFIG_DATA)))
    loaded = loaded_by_python(python_reader, rendered)
    assert kept(loaded) == kept(json.loads(CONFIG_DATA))


@needs_python
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(configs())
def test_the_python_reader_gives_back_any_configuration(
    python_reader: subprocess.Popen[str], config: Document
) -> None:
    rendered = render(document.split(config))
    loaded = loaded_by_python(python_reader, rendered)
    for instance in config["instances"].values():
        instance.setdefault("admin_state", "down")  # The reader fills in this one key.
    assert kept(loaded) == kept(config)


def rich_configuration() -> ConfigSnapshot:
    """Return the recorded configuration with more of everything, for a master on loopback."""
    config = document.split(json.loads(CONFIG_DATA))
    cluster = msgspec.structs.replace(
        config.cluster,
        master_ip="127.0.0.1",
        tags=("b:c", "a"),
        uid_pool=((5, 5), (10, 20)),
        reserved_lvs=("xenvg/b", "xenvg/a"),
        volume_group_name="xenvg",
        enabled_hypervisors=("kvm", "fake"),
        os_hvp={"noop": {"fake": {}, "kvm": {"acpi": False, "kernel_args": "ro"}}},
        osparams={"noop": {"key": "value"}},
        osparams_private_cluster={"noop": {"secret": "\u00e4\u20ac\U0001f600"}},
        ndparams=msgspec.structs.replace(config.cluster.ndparams, cpu_speed=1.5),
    )
    (group,) = config.nodegroups.values()
    nodes = [
        msgspec.structs.replace(
            node,
            name=HOST if node.uuid == cluster.master_node else node.name,
            primary_ip=f"127.0.0.{10 + number}",
            offline=node.uuid != cluster.master_node,
        )
        for number, node in enumerate(config.nodes.sorted())
    ]
    return config.changed(
        [
            (CLUSTER, cluster.uuid, cluster),
            (GROUP, group.uuid, msgspec.structs.replace(group, ndparams=PartialNdParams(ovs=True))),
            *((NODE, node.uuid, node) for node in nodes),
        ],
        serial_no=config.serial_no + 1,
        mtime=1795459999.25,
    )


@pytest.fixture
def reference() -> Iterator[Luxid]:
    """A luxid that has read our rendering."""
    with running(rich_configuration()) as luxid:
        yield luxid


@needs_luxid
def test_luxid_answers_from_our_rendering_what_we_answer(reference: Luxid) -> None:
    config = rich_configuration()
    assert reference.ask("QueryClusterInfo", []) == cluster_info(config, DIALECT_3_0)
    names = ["cluster_name", "watcher_pause", "master_node", "drain_flag", "modify_ssh_setup",
             "ssh_key_type", "ssh_key_bits", "no_such_name"]  # fmt: skip
    state = ClusterState(config=config, drained=False, watcher_pause=None)
    assert reference.ask("QueryConfigValues", [names]) == config_values(state, names)
