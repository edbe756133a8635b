"""Old configurations become the same here as with Ganeti's own tool.

The old ones are those of Ganeti's own tests, one for each release from 2.7 to 2.16. Ganeti's
`cfgupgrade` converts them, and its library fills in the rest, as its daemons do when they load the
file. `DIFFERENCES` says where the results may differ, and why.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.config import document
from migrations.legacy.config_upgrade import upgrade
from tests.interop import debian
from tests.interop.library import Library, library

DATA: Final = Path("/usr/share/ganeti/testsuite/test/data")
RELEASES: Final = tuple(f"2.{minor}" for minor in range(7, 17))

pytestmark = [
    debian.needs_ganeti,
    pytest.mark.skipif(not DATA.exists(), reason="package ganeti-testsuite is not installed"),
]

#: Paths whose values may differ, a star for any key; with the reason.
DIFFERENCES: Final = {
    "disks.*.children.*.uuid": "made anew where there was none",
    "disks.*.children.*.ctime": "the library takes the time of loading",
    "disks.*.children.*.mtime": "the library takes the time of loading",
    "instances.*.nics.*.uuid": "made anew; the tool makes none",
    "cluster.tcpudp_port_pool": "a set in the library",
    "cluster.ipolicy.disk-templates": "a set in the library",
}

PROGRAM: Final = """
import logging
from ganeti import objects
from ganeti.tools import cfgupgrade
logging.disable(logging.CRITICAL)

STEPS = ("Networks", "Cluster", "Groups", "Instances", "TopLevelDisks", "NodeIndices",
         "InstanceIndices", "Filters", "DiskNodes", "DiskTemplate")

def answer(config):
    tool = cfgupgrade.CfgUpgrade(None, [])
    tool.config_data = config
    for step in STEPS:
        getattr(tool, "Upgrade" + step)()
    assert not tool.errors, tool.errors
    tool.config_data["version"] = 3000000
    found = objects.ConfigData.FromDict(tool.config_data)
    found.UpgradeConfig()
    return found.ToDict(_with_private=True)
"""


@pytest.fixture(scope="module")
def reference() -> Iterator[Library]:
    with library(PROGRAM) as found:
        yield found


def old(release: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"cluster_config_{release}.json").read_bytes())
    return found


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
    uuids = iter(range(10**6))
    return upgrade(
        config, new_uuid=lambda: f"{next(uuids):08x}-0000-4000-8000-000000000000"
    ).document


def called_by_place(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose disks have made-up uuids: 2.7 had none, so they are new."""
    disks = {}
    for instance in config["instances"].values():
        name = instance["name"].partition(".")[0]
        places = [f"{name}/disk{index}" for index in range(len(instance["disks"]))]
        for place, uuid in zip(places, instance["disks"], strict=True):
            disks[place] = {**config["disks"][uuid], "uuid": place}
        instance["disks"] = places
    assert len(disks) == len(config["disks"])
    return {**config, "disks": disks}


def same(path: str, ours: Any, theirs: Any) -> list[str]:
    """Return the paths where two documents differ, those of `DIFFERENCES` left out."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            each
            for key in sorted({*ours, *theirs})
            for each in same(_below(path, key), ours.get(key), theirs.get(key))
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and _pattern(path) not in DIFFERENCES:
        if path.endswith((".tags", ".nodes")):
            ours, theirs = sorted(ours), sorted(theirs)
        if len(ours) == len(theirs):
            return [
                each
                for index, pair in enumerate(zip(ours, theirs, strict=True))
                for each in same(f"{path}.{index}", *pair)
            ]
    if _pattern(path) in DIFFERENCES:
        if isinstance(ours, list) and isinstance(theirs, list):
            return [] if sorted(ours) == sorted(theirs) else [path]
        return []
    # What is empty may be left out.
    return [] if ours == theirs or not (ours or theirs) else [f"{path}: {ours!r} {theirs!r}"]


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _pattern(path: str) -> str:
    """Return a path with stars for uuids and places."""
    parts = path.split(".")
    wild = [
        "*" if index == 1 and parts[0] in ("nodegroups", "disks", "instances", "networks")
        else "*" if part.isdigit() else part
        for index, part in enumerate(parts)
    ]  # fmt: skip
    return ".".join(wild)


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_configuration_becomes_the_same(reference: Library, release: str) -> None:
    ours, theirs = upgraded(old(release)), reference.ask(old(release))
    assert same("", called_by_place(ours), called_by_place(theirs)) == []


@pytest.mark.parametrize("release", RELEASES)
def test_it_is_then_read_as_one_of_ours(release: str) -> None:
    found = document.split(upgraded(old(release)))
    before = old(release)
    assert found.cluster.cluster_name == before["cluster"]["cluster_name"]
    assert {each.name for each in found.nodes.values()} == {
        each["name"] for each in before["nodes"].values()
    }
    assert {each.name for each in found.instances.values()} == {
        each["name"] for each in before["instances"].values()
    }
    assert found.serial_no == before["serial_no"]
