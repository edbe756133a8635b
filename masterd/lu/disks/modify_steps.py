"""The disks of an instance changed, one after the other.

A disk that comes is made before the configuration names it, and one that goes is forgotten before
it is removed. Changes that no node hears of enter together, with what comes next.

Source: Ganeti 3.0.2 lib/cmdlib/instance_set_params.py (_CreateNewDisk, _AttachDisk, _DetachDisk,
_RemoveDisk, _PostAddDisk: order, texts, rows of the result).
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from masterd.config import ports
from masterd.config.disk import Disk
from masterd.config.instance import Instance
from masterd.config.kinds import DISK, AnyDisk
from masterd.config.params import DiskTemplate
from masterd.config.relations import relations
from masterd.config.transaction import Draft
from masterd.errors import GanetiError, OpExecError
from masterd.instance import disk_changes, disk_trees, disks, list_changes
from masterd.instance.disk_changes import Step
from masterd.instance.disk_trees import Place
from masterd.instance.new_disks import NewDisk
from masterd.lu.disks import assembly as instance_disks
from masterd.lu.disks import creation as disk_creation
from masterd.lu.disks import sync as disk_sync
from masterd.lu.disks.creation import Made
from masterd.lu.instance import guest as guests
from masterd.lu.instance import hotplug as plugs
from masterd.lu.instance import record
from masterd.lu.instance.guest import Guest
from masterd.lu.instance.modified import Modified, Row
from masterd.node import disks as nodes_disks
from masterd.node.instances import HotplugAction
from masterd.work.work import Work

#: Templates whose disks are in a directory of their instance.
IN_OWN_DIRECTORY: Final = frozenset({"file", "sharedfile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How disks are made that come.

    Attributes:
        template: of the instance's disks, to which others are added; None of a diskless one.
        directories: of the files of disks, by template; None where they are no files.
        driver: by which those are reached.
        wait_for_sync: whether mirrors are waited for.
    """

    template: DiskTemplate | None
    directories: Mapping[str, str | None]
    driver: str
    wait_for_sync: bool


class Steps:
    """Changes disks, for one run of an opcode. Methods switch."""

    def __init__(self, work: Work, guest: Guest, making: Making, *, hotplug: bool) -> None:
        self._work = work
        self._uuid = guest.instance.uuid
        self._making = making
        self._hotplug = hotplug
        #: What is not in the configuration yet.
        self._pending: list[Callable[[Draft], None]] = []

    def carry_out(self, steps: Sequence[Step]) -> Modified:
        """Do all of them.

        Raises:
            OpExecError: one failed.
        """
        rows: list[Row] = []
        for step in steps:
            rows += self._modify(step) if step.action == "modify" else self._change(step)
        return Modified(rows, self._flush)

    def _change(self, step: Step) -> list[Row]:
        if self._pending:
            self._enter(lambda draft: None)
        match step.action:
            case "add":
                return self._add(step)
            case "attach":
                return self._attach(step)
            case "detach":
                return self._detach(step)
        return self._remove(step)

    # --- what comes ---------------------------------------------------------------------------

    def _add(self, step: Step) -> list[Row]:
        instance = self._now()
        index = list_changes.index_of_new("disk", step.which, len(instance.disks))
        template, wanted = self._making.template, step.wanted
        assert template is not None and wanted is not None, "a disk that is added is asked for"
        disk = self._draw(instance, index, template, wanted)
        made = disk_creation.create(self._work, instance, [disk])

        def change(draft: Draft) -> None:
            draft.put(disk)
            record.attach(draft, self._uuid, disk.uuid, index)
            used = disks.ports([disk])
            if used:
                draft.put(ports.taken(draft.cluster, used))

        try:
            self._enter(change)
        except GanetiError:
            disk_creation.undo(self._work, instance, made)
            raise
        disk, instance = self._recorded(disk.uuid), self._now()
        if self._work.config.snapshot().cluster.prealloc_wipe_disks:
            self._wipe(instance, disk, made)
        rows: list[Row] = [(f"disk/{index}", f"add:size={disk.size},mode={disk.mode}")]
        if self._hotplug:
            rows.append((f"disk/{index}", self._brought_up(instance, index, disk)))
        self._settle(instance, disk)
        return rows

    def _draw(
        self, instance: Instance, index: int, template: DiskTemplate, wanted: NewDisk
    ) -> Disk:
        config = self._work.config.snapshot()
        others = config.derived(relations).secondaries.get(instance.uuid, ())
        place = Place(
            template=template,
            instance=instance.uuid,
            primary=instance.primary_node,
            secondary=next(iter(others), None),
            directory=self._making.directories[template],
            driver=self._making.driver,
            first=index,
            made_s=self._work.clock.now_us() / 1e6,
        )
        (disk,) = disk_creation.draw(self._work, place, [wanted])
        return disk

    def _wipe(self, instance: Instance, disk: Disk, made: Sequence[Made]) -> None:
        """Overwrite a new disk; it goes where that fails."""
        try:
            disk_creation.wipe(self._work, instance, [disk])
        except OpExecError:
            self._forget(disk)
            there = [Made(each.node, disk) for each in made]
            disk_creation.undo(self._work, instance, there)
            raise

    def _brought_up(self, instance: Instance, index: int, disk: Disk) -> str:
        """Bring a new disk up for a guest that runs; return what the result tells of that."""
        work, config = self._work, self._work.config.snapshot()
        node = config.nodes[instance.primary_node]
        result = nodes_disks.assemble(
            work.rpc, config, node, (disk, instance), on_primary=True, index=index
        )
        if not result.ok:
            work.say.warning(f"Can't assemble newly created disk {index}: {result.error}")
            return "assemble:failed"
        told: Any = result.payload
        return self._plugged("hotadd", disk, index, extra=list(told[1:]))

    def _attach(self, step: Step) -> list[Row]:
        instance, disk = self._now(), self._free(step.uuid)
        index = list_changes.index_of_new("disk", step.which, len(instance.disks))
        place = disk.logical_id
        if disk.dev_type in IN_OWN_DIRECTORY:
            wanted = NewDisk(size=disk.size, mode=disk.mode)
            place = self._draw(instance, index, disk.dev_type, wanted).logical_id
            # Drawing is told, which may switch: the file of a disk moves only while nobody has it.
            disk = self._free(step.uuid)
            self._move(instance, disk, place, "Failed before attach")

        def change(draft: Draft) -> None:
            draft.put(msgspec.structs.replace(draft.require(DISK, disk.uuid), logical_id=place))
            record.attach(draft, self._uuid, disk.uuid, index)

        try:
            self._enter(change)
        except GanetiError as error:
            if place != disk.logical_id:
                moved, failed = (
                    disk_trees.renamed(disk, place),
                    f"Failed to move back after: {error}",
                )
                self._move(instance, moved, disk.logical_id, failed)
            raise
        disk, instance = self._recorded(disk.uuid), self._now()
        rows: list[Row] = [(f"disk/{index}", f"attach:size={disk.size},mode={disk.mode}")]
        assembled = instance_disks.assemble_some(self._work, instance, [disk.uuid])
        if not assembled.well:
            rows.append((f"disk/{index}", "assemble:failed"))
        elif self._hotplug:
            (links,) = assembled.links
            rows.append((f"disk/{index}", self._plugged("hotadd", disk, index, extra=links)))
        self._settle(instance, disk)
        return rows

    def _free(self, uuid: str) -> Disk:
        """Return a disk that nobody has. Does not switch.

        Where all nodes reach it, no lock keeps another job from attaching it since this one looked.

        Raises:
            OpExecError: some instance has it by now, or it is gone.
        """
        config = self._work.config.snapshot()
        disk, owners = config.disks.get(uuid), config.derived(relations).owners.get(uuid, ())
        if owners:
            names = ", ".join(str(config.instances[owner].name) for owner in owners)
            raise OpExecError(f"Disk {uuid} is attached to instance {names} by now")
        if not isinstance(disk, Disk):
            raise OpExecError(f"Disk {uuid} is gone by now")
        return disk

    def _settle(self, instance: Instance, disk: Disk) -> None:
        """Wait for the copy of a disk that came, and take it down where all others are down.

        Raises:
            OpExecError: it is broken.
        """
        there, uuids = self._now(), [disk.uuid]
        until_same = self._making.wait_for_sync
        if not disk_sync.wait(self._work, there, until_same=until_same, those=uuids):
            raise OpExecError(f"Failed to sync disks of {instance.name}")
        if not instance.disks_active:
            instance_disks.shut_down_some(self._work, there, uuids)

    # --- what changes, and what goes ----------------------------------------------------------

    def _modify(self, step: Step) -> list[Row]:
        index, disk = self._meant(step)

        def change(draft: Draft) -> None:
            draft.put(disk_changes.changed(draft.require(DISK, disk.uuid), step.params))

        self._pending.append(change)
        return disk_changes.rows_of_change(index, step.params)

    def _detach(self, step: Step) -> list[Row]:
        index, disk = self._meant(step)
        rows: list[Row] = [(f"disk/{index}", "detach"), *self._unplugged(index, disk)]
        instance, place = self._now(), disk.logical_id
        instance_disks.shut_down_some(self._work, instance, [disk.uuid])
        if disk.dev_type in IN_OWN_DIRECTORY:
            driver, path = map(str, disk.logical_id)
            own, name = posixpath.split(path)
            place = (driver, posixpath.join(posixpath.dirname(own), name))
            self._move(instance, disk, place, "Failed before detach")

        def change(draft: Draft) -> None:
            draft.put(msgspec.structs.replace(draft.require(DISK, disk.uuid), logical_id=place))
            record.detach(draft, self._uuid, disk.uuid)

        self._enter(change)
        return rows

    def _remove(self, step: Step) -> list[Row]:
        index, disk = self._meant(step)
        rows: list[Row] = [(f"disk/{index}", "remove"), *self._unplugged(index, disk)]
        if self._hotplug:
            instance_disks.shut_down_some(self._work, self._now(), [disk.uuid])
        self._forget(disk)
        instance_disks.remove_some(self._work, self._now(), [disk])
        return rows

    def _forget(self, disk: Disk) -> None:
        """Take a disk from the instance and out of the configuration."""

        def change(draft: Draft) -> None:
            record.detach(draft, self._uuid, disk.uuid)
            draft.remove(DISK, disk.uuid)
            freed = disks.ports([disk])
            if freed:
                draft.put(ports.given_back(draft.cluster, freed))

        self._enter(change)

    def _unplugged(self, index: int, disk: Disk) -> list[Row]:
        if not self._hotplug:
            return []
        return [(f"disk/{index}", self._plugged("hotremove", disk, index))]

    # --- common -------------------------------------------------------------------------------

    def _plugged(
        self, action: HotplugAction, disk: Disk, index: int, *, extra: object = None
    ) -> str:
        config, instance = self._work.config.snapshot(), self._now()
        there = Guest(instance, config.nodes[instance.primary_node])
        return plugs.disk(self._work, config, there, action, disk, index, extra=extra)

    def _move(
        self, instance: Instance, disk: Disk, place: tuple[str | int, ...], failed: str
    ) -> None:
        """Have the primary node move the file of a disk."""
        node = self._work.config.snapshot().nodes[instance.primary_node]
        nodes_disks.rename(self._work.rpc, node, [(disk, place)]).raise_(failed)

    def _enter(self, change: Callable[[Draft], None]) -> None:
        """Change the configuration, with all that was left for later."""

        def whole(draft: Draft) -> None:
            self._flush(draft)
            change(draft)

        self._work.config.update(whole)
        self._pending = []

    def _flush(self, draft: Draft) -> None:
        for each in self._pending:
            each(draft)

    def _now(self) -> Instance:
        return guests.now(self._work.config, self._uuid)

    def _disks(self) -> Sequence[AnyDisk]:
        return disks.of(self._work.config.snapshot(), self._now())

    def _meant(self, step: Step) -> tuple[int, Disk]:
        """Return the number of the disk that is meant, and the disk."""
        there = self._disks()
        index = list_changes.index_of("disk", step.which, there)
        return index, self._recorded(there[index].uuid)

    def _recorded(self, uuid: str) -> Disk:
        disk = self._work.config.snapshot().disks[uuid]
        assert isinstance(disk, Disk), "the disks of an instance that is there are there"
        return disk
