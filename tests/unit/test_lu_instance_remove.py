"""The removal of instances: what the comparison with the reference cannot show."""

from pathlib import Path

from masterd.config.disk import ForthcomingDisk
from masterd.config.instance import ForthcomingInstance
from masterd.config.transaction import Draft
from masterd.testing.cluster_document import new_uuid
from tests.lu_support import make_world, op

NAME = "planned.lab.example"


def test_a_planned_instance_without_a_node_is_forgotten_and_no_node_asked(tmp_path: Path) -> None:
    # The reference fails, because it looks for the name of no node.
    world = make_world(tmp_path)
    disk = ForthcomingDisk(
        uuid=new_uuid("disk"), serial_no=1, dev_type="file", size=1024, iv_name="disk/0",
        logical_id=("loop", f"/srv/ganeti/file/{NAME}/disk0"), forthcoming=True,
    )  # fmt: skip
    instance = ForthcomingInstance(
        name=NAME, uuid=new_uuid(NAME), serial_no=1, disks=(disk.uuid,), forthcoming=True
    )

    def plan(draft: Draft) -> None:
        draft.put(disk)
        draft.put(instance)

    world.config.update(plan)
    world.run(op("OP_INSTANCE_REMOVE", instance_name=NAME))
    config = world.config.snapshot()
    assert instance.uuid not in config.instances and disk.uuid not in config.disks
    assert {call for _, call, _ in world.asked} <= {"hooks_runner"}
    world.close()
