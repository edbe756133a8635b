"""Volumes that become the data of mirrors, and the other way round; nothing is copied here.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_ConvertPlainToDrbd, _ConvertDrbdToPlain:
order, texts).
"""

from collections.abc import Iterable, Sequence

from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GanetiError
from masterd.instance import conversion, disk_trees, disks
from masterd.lock.levels import LockLevel
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import convert_plan
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks.convert_plan import Conversion
from masterd.lu.disks.creation import Made
from masterd.lu.instance import guest
from masterd.node import disks as nodes_disks
from masterd.work.work import Work


def to_mirrors(work: Work, instance: Instance, plan: Conversion) -> None:
    """Make volumes the data of DRBD disks, whose other copies are made on a second node. Switches.

    Raises:
        GanetiError: it failed; the old volumes have their names again, unless that failed too. New
            ones remain, and are told of.
        OpPrereqError: an allocator finds no node.
    """
    config = work.config.snapshot()
    old = _disks(config, instance)
    new = convert_plan.draw(work, instance, plan)
    made: list[Made] = []
    try:
        work.say("Creating additional volumes...")
        _make_volumes(work, instance, new, made)
        work.say("Renaming original volumes...")
        data = [disk.children[0] for disk in new]
        _rename(work, instance, old, data, "Failed to rename original volumes")
        work.say("Initializing DRBD devices...")
        try:
            _make_mirrors(work, instance, new, made)
            convert_plan.exchange(work, instance, old, new)
        except GanetiError as error:
            work.say("DRBD devices cannot be had; renaming back original volumes...")
            _rename(work, instance, data, old, f"Failed to rename volumes back after: {error}")
            raise
    except GanetiError:
        _tell_left(work, made)
        raise
    convert_plan.await_sync(work, guest.now(work.config, instance.uuid), plan)


def _disks(config: ConfigSnapshot, instance: Instance) -> list[Disk]:
    return [disk for disk in disks.of(config, instance) if isinstance(disk, Disk)]


def _make_volumes(work: Work, instance: Instance, new: Sequence[Disk], made: list[Made]) -> None:
    """Make all volumes of mirrors but those with data on the primary node; note them in `made`."""
    config = work.config.snapshot()
    primary = config.nodes[instance.primary_node]
    for disk in new:
        data, meta = disk_trees.parts(config, disk, primary.uuid)
        secondary = config.nodes[str(disk.logical_id[1])]
        for node, part in ((primary, meta), (secondary, data), (secondary, meta)):
            disk_creation.create_alone(work, (instance, node), part, on_primary=True)
            made.append(Made(node, part))


def _make_mirrors(work: Work, instance: Instance, new: Sequence[Disk], made: list[Made]) -> None:
    config = work.config.snapshot()
    for disk in new:
        for uuid in map(str, disk.logical_id[:2]):
            node, on_primary = config.nodes[uuid], uuid == instance.primary_node
            disk_creation.create_alone(work, (instance, node), disk, on_primary=on_primary)
            made.append(Made(node, disk))


def _rename(
    work: Work, instance: Instance, old: Sequence[Disk], new: Sequence[Disk], failed: str
) -> None:
    """Give volumes on the primary node the names of others."""
    node = work.config.snapshot().nodes[instance.primary_node]
    pairs = [(each, other.logical_id) for each, other in zip(old, new, strict=True)]
    nodes_disks.rename(work.rpc, node, pairs).raise_(failed)


def _tell_left(work: Work, made: Iterable[Made]) -> None:
    """Tell what was made for nothing, for whoever cleans up."""
    left = [f"{each.node.name}: {disks.shown(each.disk)}" for each in made]
    if left:
        work.say.warning(f"These new devices remain on nodes: {', '.join(left)}")


def to_volumes(work: Work, instance: Instance) -> None:
    """Make the data of DRBD disks on the primary node disks themselves. Switches.

    What cannot be removed of the rest is told of, and stays.
    """
    config = work.config.snapshot()
    primary = config.nodes[instance.primary_node]
    old = _disks(config, instance)
    convert_plan.exchange(
        work, instance, old, [conversion.data_of(disk, primary.uuid) for disk in old]
    )
    work.locks.release(LockLevel.NODE)
    instance = guest.now(work.config, instance.uuid)
    work.say("Removing volumes on the secondary node...")
    for disk in old:
        (other,) = {str(uuid) for uuid in disk.logical_id[:2]} - {primary.uuid}
        instance_disks.remove_some(work, instance, [disk], only_at=config.nodes[other])
    work.say("Removing unneeded volumes on the primary node...")
    metas = [disk_trees.parts(config, disk, primary.uuid)[1] for disk in old]
    instance_disks.remove_some(work, instance, metas)
