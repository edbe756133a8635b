"""How the disks of an instance are to get another template, and what all ways have in common.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (order, texts).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from masterd.config import ports
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, INSTANCE, AnyDisk
from masterd.config.node import Node
from masterd.config.params import DiskTemplate
from masterd.config.transaction import Draft
from masterd.errors import ECode, OpExecError, OpPrereqError
from masterd.iallocator.request import AllocateSecondary
from masterd.iallocator.run import Allocators
from masterd.instance import disks
from masterd.instance.disk_trees import Place
from masterd.instance.new_disks import MIRRORED_INSIDE, NewDisk
from masterd.lock.levels import LockLevel
from masterd.lu import names
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks import sync as disk_sync
from masterd.lu.instance import record
from masterd.work.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How the disks get another template.

    Attributes:
        source: the template they have.
        template: the one they get.
        wanted: what is asked for in the place of each.
        directory: of the files of disks that are files.
        driver: by which those are reached.
        secondary: where the other copies of mirrors go; None where there are none, or
        allocator: finds the node.
        wait_for_sync: whether mirrors are waited for.
    """

    source: str
    template: DiskTemplate
    wanted: Sequence[NewDisk]
    directory: str | None
    driver: str | None
    secondary: Node | None
    allocator: str | None
    wait_for_sync: bool

    @property
    def told(self) -> str:
        """What the template is called in messages."""
        provider = self.wanted[0].provider if self.wanted else None
        return self.template if provider is None else f"{self.template}:{provider}"


def draw(work: Work, instance: Instance, plan: Conversion) -> list[Disk]:
    """Return the objects of the new disks; an allocator may have to be asked. Switches.

    Raises:
        OpPrereqError: it finds no node.
    """
    secondary = plan.secondary
    if secondary is None and plan.template in MIRRORED_INSIDE:
        secondary = _allocated(work, instance, plan.allocator or "")
    place = Place(
        template=plan.template,
        instance=instance.uuid,
        primary=instance.primary_node,
        secondary=None if secondary is None else secondary.uuid,
        directory=plan.directory,
        driver=plan.driver,
        made_s=work.clock.now_us() / 1e6,
    )
    return disk_creation.draw(work, place, plan.wanted)


def _allocated(work: Work, instance: Instance, allocator: str) -> Node:
    """Return the node that an allocator finds for the other copies of disks. Switches."""
    config = work.config.snapshot()
    work.say(f"Using {allocator} to choose new secondary")
    request = AllocateSecondary(name=instance.name)
    answer = Allocators(work.rpc, work.in_thread).run(config, allocator, request)
    if not answer.success:
        raise OpPrereqError(
            f"Can't find secondary node using iallocator {allocator}: {answer.info}", ECode.NORES
        )
    work.say(f"{allocator} chose {answer.result} as new secondary")
    return names.node(config, str(answer.result))


def exchange(work: Work, instance: Instance, old: Sequence[AnyDisk], new: Sequence[Disk]) -> None:
    """Give an instance other disks in the place of all it has. Switches."""

    def change(draft: Draft) -> None:
        for disk in new:
            draft.put(disk)
        present = draft.require(INSTANCE, instance.uuid)
        record.put_disks(draft, present, tuple(disk.uuid for disk in new))
        for gone in old:
            draft.remove(DISK, gone.uuid)
        freed, used = disks.ports(old), disks.ports(new)
        if freed:
            draft.put(ports.given_back(draft.cluster, freed))
        if used:
            draft.put(ports.taken(draft.cluster, used))

    work.config.update(change)


def await_sync(work: Work, instance: Instance, plan: Conversion) -> None:
    """Wait for mirrors, if that is wanted, and let others have the nodes meanwhile. Switches.

    Raises:
        OpExecError: one is broken.
    """
    work.locks.release(LockLevel.NODE)
    if not disk_sync.wait(work, instance, until_same=plan.wait_for_sync):
        raise OpExecError("Some disks are degraded, please clean up by hand")
