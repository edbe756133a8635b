"""Debian's balancing tools load the cluster over our socket, and see in it what luxid shows them.

Nodes answer, so that there are live values to compute with.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.interop import live, luxid, masters
from tests.interop.debian import Commands, Outcome
from tests.interop.live import Roots
from tests.interop.luxid import needs_luxid
from tests.sample_config import Document, sample

pytestmark = [
    needs_luxid,
    pytest.mark.skipif(
        shutil.which("hbal") is None, reason="package ganeti-htools-3.0 is not installed"
    ),
]

#: Tags of the two configurations: of the first, the tools find nothing wrong.
GOOD: Final = "all-nodes-well"
MIXED: Final = "two-groups"

#: Arguments with which `hspace` does not begin at sizes that take it seconds to give up.
SMALL: Final = ("-l", "3", "--tiered-alloc=20000,4096,2", "--standard-alloc=10000,2048,1")


def well() -> Document:
    """Return a configuration in which instances may be put anywhere."""
    made = sample(5, nodes=8, groups=1, instances=40)
    made["cluster"]["enabled_disk_templates"] = ["plain", "drbd", "file"]
    for node in made["nodes"].values():
        node |= {"vm_capable": True, "offline": False, "drained": False}
        node["ndparams"] = {"spindle_count": 64}
    for group in made["nodegroups"].values():
        group |= {"alloc_policy": "preferred", "ipolicy": {}}
    # hspace counts planned instances in one place and not in another, and gives up over it.
    real = {uuid: each for uuid, each in made["instances"].items() if "forthcoming" not in each}
    return {**made, "instances": real}


def mixed() -> Document:
    """Return a configuration of two groups, with nodes in all roles."""
    made = sample(2, nodes=6, groups=2, instances=30)
    # Mirrors have their halves in both groups, over which hbal breaks down.
    mirrors = {uuid for uuid, disk in made["disks"].items() if disk["dev_type"] == "drbd"}
    kept = {
        uuid: each for uuid, each in made["instances"].items() if mirrors.isdisjoint(each["disks"])
    }
    disks = {uuid: disk for uuid, disk in made["disks"].items() if uuid not in mirrors}
    return {**made, "instances": kept, "disks": disks}


@dataclass(frozen=True, slots=True)
class Pair:
    """Both masters, and a directory for what each makes the tools write."""

    roots: Roots
    base: Path

    def run(self, root: Path, tool: str, *arguments: str) -> Outcome:
        """Run a tool on the master of a root, in a directory of its own."""
        directory = self.directory(root)
        directory.mkdir(exist_ok=True)
        commands: Commands = masters.commands(root)
        # The socket's name is not in the output, so that it is the same for both.
        return commands.run("env", "-C", str(directory), tool, "-L", *arguments)

    def directory(self, root: Path) -> Path:
        return self.base / root.parent.name

    def same(self, tool: str, *arguments: str) -> Outcome:
        """Run a tool on both; it must do the same. Returns what it did."""
        theirs, ours = (
            self.run(root, tool, *arguments) for root in (self.roots.theirs, self.roots.ours)
        )
        assert ours == theirs
        return ours


@pytest.fixture(scope="module", params=[GOOD, MIXED])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with (
        live.roots(well() if request.param == GOOD else mixed()) as roots,
        luxid.luxid(roots.theirs, config_serial=roots.config.serial_no),
        masters.ours(roots.ours),
    ):
        yield Pair(roots, tmp_path_factory.mktemp("htools"))


def test_hbal_loads_all_nodes_and_instances(pair: Pair) -> None:
    outcome = pair.same("hbal", "-G", "default", "--print-nodes", "--print-instances")
    assert outcome.code == 0
    config = pair.roots.config
    assert f"Loaded {len(config.nodes)} nodes, {len(config.instances)} instances" in outcome.output
    (group,) = [each for each in config.nodegroups.values() if each.name == "default"]
    names = {node.name.removesuffix(".example.com") for node in config.group_nodes(group.uuid)}
    assert names <= set(outcome.errors.split())


def test_hbal_wants_one_group(pair: Pair) -> None:
    outcome = pair.same("hbal")
    assert (outcome.code == 0) is (len(pair.roots.config.nodegroups) == 1)


def test_hbal_saves_the_state_of_the_configuration(pair: Pair) -> None:
    assert pair.same("hbal", "-G", "default", "-S", "state").code == 0
    theirs, ours = (
        pair.directory(root) / "state.original" for root in (pair.roots.theirs, pair.roots.ours)
    )
    assert ours.read_text() == theirs.read_text()
    # Groups, nodes, instances, tags of the cluster, and policies, with a blank line between them.
    groups, nodes, instances, tags, *_ = (
        [line.split("|") for line in part.splitlines()] for part in ours.read_text().split("\n\n")
    )
    config = pair.roots.config
    assert {row[1]: row[0] for row in groups} == {
        uuid: group.name for uuid, group in config.nodegroups.items()
    }
    assert {row[0] for row in nodes} == {node.name for node in config.nodes.values()}
    assert sorted(row[0] for row in instances) == sorted(
        each.name for each in config.instances.values() if each.name
    )
    assert [row[0] for row in tags] == sorted(config.cluster.tags)


def test_the_saved_state_has_what_nodes_say(pair: Pair) -> None:
    assert pair.same("hbal", "-G", "default", "-S", "said").code == 0
    parts = (pair.directory(pair.roots.ours) / "said.original").read_text().split("\n\n")
    nodes = {row[0]: row for row in (line.split("|") for line in parts[1].splitlines())}
    config, seen = pair.roots.config, 0
    for number, each in enumerate(pair.roots.cluster.nodes):
        node = config.nodes.named(each.name)
        # Those that are not for instances count as offline there.
        if node is None or node.offline or not node.vm_capable:
            continue
        memory, disk, processors = (nodes[node.name][column] for column in (1, 4, 6))
        assert (int(memory), int(disk), int(processors)) == (
            131_072 + 4096 * number,
            2_000_000 + 1000 * number,
            32 + number,
        )
        seen += 1
    assert seen >= 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("hspace", *SMALL),
        ("hspace", *SMALL, "--machine-readable"),
        ("hinfo",),
        ("hinfo", "--print-nodes", "--print-instances"),
        ("hcheck",),
        ("hroller", "-G", "default", "--ignore-non-redundant"),
        ("hbal", "-G", "default", "-v", "-v", "-C"),
        ("hbal", "-G", "default", "--evac-mode"),
        ("hbal", "-G", "nosuchgroup"),
    ],
    ids=" ".join,
)
def test_other_tools_print_the_same(pair: Pair, arguments: tuple[str, ...]) -> None:
    outcome = pair.same(*arguments)
    assert outcome.output or outcome.errors


@pytest.mark.parametrize("pair", [GOOD], indirect=True)
def test_hspace_counts_what_nodes_say_and_finds_room(pair: Pair) -> None:
    # Without spare nodes for what is not mirrored, the checks leave no room.
    outcome = pair.same("hspace", *SMALL, "--machine-readable", "--no-capacity-checks")
    assert outcome.code == 0
    told = dict(line.split("=", 1) for line in outcome.lines)
    count = len(pair.roots.cluster.nodes)
    assert int(told["HTS_CLUSTER_NODES"]) == count
    assert int(told["HTS_CLUSTER_MEM"]) == sum(131_072 + 4096 * each for each in range(count))
    assert int(told["HTS_CLUSTER_CPU"]) == sum(32 + each for each in range(count))
    assert int(told["HTS_INI_INST_CNT"]) == len(pair.roots.config.instances)
    assert int(told["HTS_ALLOC_INSTANCES"]) == 3
    assert told["HTS_OK"] == "1"
