"""Disks of another template made anew, filled from those there are, and put in their place.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_ConvertInstanceDisks: order, texts).
"""

from collections.abc import Sequence

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.errors import GanetiError, OpExecError
from masterd.instance import disks
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import convert_plan
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks.convert_plan import Conversion
from masterd.lu.instance import guest
from masterd.node import disks as nodes_disks
from masterd.work.work import Work


def convert(work: Work, instance: Instance, plan: Conversion) -> None:
    """Make new disks, copy the old ones onto them on the primary node, and remove these. Switches.

    Raises:
        GanetiError: it failed; before the instance has its new disks, they are removed again.
        OpPrereqError: an allocator finds no node for mirrors.
    """
    config = work.config.snapshot()
    old = [disk for disk in disks.of(config, instance) if isinstance(disk, Disk)]
    work.say(f"Generating new '{plan.told}' disk template...")
    new = convert_plan.draw(work, instance, plan)
    work.say(f"Creating new empty disks of type '{plan.told}'...")
    try:
        disk_creation.create(work, instance, new)
    except OpExecError:
        work.say.warning("Device creation failed")
        raise
    work.say(f"Populating the new empty disks of type '{plan.told}'...")
    try:
        for index, (source, target) in enumerate(zip(old, new, strict=True)):
            size = disks.shown_mib(target.size)
            work.say(f" - copying data from disk {index} ({source.dev_type}), size {size}")
            _copy(work, instance, source, target)
        work.say(f"Taking the old disks ({plan.source}) out of the cluster config")
        work.say(f"Giving the instance its new disks ({plan.told})")
        convert_plan.exchange(work, instance, old, new)
    except GanetiError:
        _take_back(work, instance, plan, new)
        raise
    instance = guest.now(work.config, instance.uuid)
    convert_plan.await_sync(work, instance, plan)
    work.say(f"Removing old block devices of type '{plan.source}'...")
    instance_disks.remove_some(work, instance, old)


def _copy(work: Work, instance: Instance, source: Disk, target: Disk) -> None:
    """Copy a disk onto another one; of mirrors, which are down, the data below are read."""
    config = work.config.snapshot()
    node = config.nodes[instance.primary_node]
    below = source.children[0] if source.dev_type == "drbd" else source
    result = nodes_disks.convert(work.rpc, config, node, (below, instance), (target, instance))
    if not result.ok:
        work.say(f" - ERROR: Could not copy disk '{disks.shown(below)}' to '{disks.shown(target)}'")
    result.raise_("Error while converting disks")


def _take_back(work: Work, instance: Instance, plan: Conversion, new: Sequence[Disk]) -> None:
    """Remove the new disks again; those there are remain the instance's."""
    work.say.info("Some disks failed to copy, or could not be given to the instance")
    work.say.info("The instance will not be affected, aborting operation")
    work.say.info(f"Removing newly created disks of type '{plan.told}'...")
    if instance_disks.remove_some(work, instance, new):
        work.say.info("Newly created disks removed successfully")
    else:
        work.say.warning("Some of the newly created disks are still there")
