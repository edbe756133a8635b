"""Which jobs OP_CLUSTER_VERIFY and OP_CLUSTER_VERIFY_DISKS hand their work to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from masterd.config import document
from masterd.job.new import NewJob
from masterd.opcodes.base import OpCode
from masterd.opcodes.cluster_verify import (
    OpClusterVerify,
    OpClusterVerifyDisks,
    OpClusterVerifyGroup,
    OpGroupVerifyDisks,
)
from tests.broken_configs import sound
from tests.lu_support import Run, World, make_world
from tests.sample_config import Document

NOW_US: Final = 1_795_456_800_123_456


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(change: Callable[[Document], object] = lambda _: None) -> World:
        config = sound()
        change(config)
        made.append(make_world(tmp_path, config=document.split(config)))
        return made[-1]

    yield make
    for world in made:
        world.close()


def submitted(world: World) -> list[OpCode]:
    return [op for ops, _ in world.jobs.submitted for op in ops]


def keep(*templates: str) -> Callable[[Document], None]:
    """Keep only instances whose disks are all of some templates, those without disks not."""

    def change(config: Document) -> None:
        for uuid, instance in [*config["instances"].items()]:
            kinds = {config["disks"][disk]["dev_type"] for disk in instance["disks"]}
            if not kinds or not kinds <= set(templates):
                for disk in instance["disks"]:
                    del config["disks"][disk]
                del config["instances"][uuid]

    return change


def test_every_group_waits_for_the_configuration_however_that_ends(
    make: Callable[..., World],
) -> None:
    world = make()
    world.run(OpClusterVerify())
    groups = submitted(world)[1:]
    assert [op.depends for op in groups] == [((-1, ()),), ((-2, ()),)]
    named = [op.group_name for op in groups if isinstance(op, OpClusterVerifyGroup)]
    assert named == sorted(world.config.snapshot().nodegroups)


@pytest.mark.parametrize(
    ("templates", "groups"), [(("ext",), 0), (("ext", "rbd"), 2), (("plain",), 2), ((), 0)]
)
def test_disks_are_verified_unless_all_are_in_external_storage(
    make: Callable[..., World], templates: tuple[str, ...], groups: int
) -> None:
    world = make(keep(*templates))
    world.run(OpClusterVerifyDisks())
    assert [type(op) for op in submitted(world)] == [OpGroupVerifyDisks] * groups


def test_the_jobs_tell_from_which_job_they_come(make: Callable[..., World]) -> None:
    world = make()
    op = OpClusterVerifyDisks(group_name="default", reason=(("client", "because", 1),))
    world.jobs.jobs[7] = NewJob.of([op]).job(7, ((),), None, NOW_US)
    world.run(op, Run(job_id=7))
    (group,) = submitted(world)
    own = ("gnt:opcode:cluster_verify_disks", "job=7;index=0", NOW_US * 1000)
    assert group.reason == (("client", "because", 1), own)
    assert group.comment == "Submitted by OP_CLUSTER_VERIFY_DISKS"
