"""OP_CLUSTER_REDIST_CONF: which nodes get which files."""

from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from masterd.opcodes.cluster import OpClusterRedistConf
from masterd.testing.faults import Fault, FaultKind
from tests.lu_support import Run, World, make_world

MASTER = "node1.lab.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    for name in ("hmac.key", "rapi.pem"):
        path = made.context.paths.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    script = made.context.paths.etc_dir / "kvm-vif-bridge"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\n")
    cluster = msgspec.structs.replace(
        made.config.snapshot().cluster, enabled_hypervisors=("kvm", "fake"), modify_etc_hosts=False
    )
    made.config.update(lambda draft: draft.put(cluster))
    return made


def change(world: World, name: str, **fields: object) -> None:
    node = world.config.snapshot().nodes.named(name)
    assert node is not None
    changed = msgspec.structs.replace(node, **fields)
    world.config.update(lambda draft: draft.put(changed))


def sent(world: World) -> dict[str, list[str]]:
    """Return the names of the files that each node got."""
    found = defaultdict(list)
    for node, call, arguments in world.asked:
        if call == "upload_file":
            ((path, *_),) = arguments
            found[node].append(path.rpartition("/")[2])
    return found


def test_files_that_are_there_go_to_the_nodes_that_need_them(world: World) -> None:
    change(world, "node3.lab.example", vm_capable=False)
    change(world, "node4.lab.example", offline=True, master_candidate=False)
    before = world.config.snapshot()
    assert world.run(OpClusterRedistConf()) is None
    assert sent(world) == {
        "node2.lab.example": ["hmac.key", "rapi.pem", "kvm-vif-bridge"],
        "node3.lab.example": ["hmac.key", "rapi.pem"],
    }
    after = world.config.snapshot()
    assert after.serial_no == before.serial_no + 1
    assert after.cluster.serial_no == before.cluster.serial_no + 1


def test_a_node_that_does_not_take_a_file_is_warned_about(world: World) -> None:
    world.faults.set("node2.lab.example", Fault(FaultKind.FAIL, ("upload_file",)))
    run = Run()
    assert world.run(OpClusterRedistConf(), run) is None
    warnings = [str(text) for text in run.messages() if "told to fail" in str(text)]
    assert len(warnings) == 3
    assert all("WARNING: Node node2.lab.example" in text for text in warnings)
