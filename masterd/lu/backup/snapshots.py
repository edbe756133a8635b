"""Snapshots of an instance's disks, from which an export reads while the instance runs on.

Source: Ganeti 3.0.2 lib/masterd/instance.py, ExportInstanceHelper (order, texts); constants
DTS_SNAPSHOT_CAPABLE, DISK_LD_DEFAULTS.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from masterd.config.disk import Disk
from masterd.config.objects import FreeParams
from masterd.config.params import DiskTemplate
from masterd.lu.instance.guest import Guest
from masterd.node import disks as nodes_disks
from masterd.work.work import Work

#: Of which template the snapshot of a disk is, and the parameters that it has anyway. Of a DRBD
#: disk the volume below it gets one.
_MADE: Final[Mapping[str, DiskTemplate]] = {"drbd": "plain", "ext": "ext", "plain": "plain"}
_PARAMS: Final[Mapping[str, FreeParams]] = {
    "ext": {"access": "kernelspace"},
    "plain": {"stripes": 1},
}


class Snapshots:
    """The snapshots of one export. All methods switch."""

    def __init__(self, work: Work, guest: Guest, disks: Sequence[Disk]) -> None:
        """Prepare; nothing is made yet."""
        self._work = work
        self._guest = guest
        self._disks = disks
        self._made: dict[int, Disk] = {}

    def make(self) -> list[Disk] | None:
        """Make a snapshot of each disk; return them, None where there are none.

        Where one cannot be made, those that were are removed again.
        """
        if any(disk.dev_type not in _MADE for disk in self._disks):
            return None
        for index, disk in enumerate(self._disks):
            made = self._snapshot(index, disk)
            if made is not None:
                self._made[index] = made
        if len(self._made) == len(self._disks):
            return list(self._made.values())
        self.remove_all()
        return None

    def _snapshot(self, index: int, disk: Disk) -> Disk | None:
        """Return the snapshot of a disk; None where its node makes none."""
        work, node = self._work, self._guest.node
        work.say(f"Creating a snapshot of disk/{index} on node {node.name}")
        config = work.config.snapshot()
        result = nodes_disks.snapshot(work.rpc, config, node, (disk, self._guest.instance))
        failed = f"Could not snapshot disk/{index} on node {node.name}"
        if result.warn(failed, work.say.warning):
            return None
        told: Any = result.payload
        template = _MADE[disk.dev_type]
        try:
            return Disk(
                logical_id=tuple(told),
                dev_type=template,
                iv_name=disk.iv_name,
                size=disk.size,
                params={**_PARAMS[template], **(disk.params or {})},
                uuid=work.new_uuid(),
                serial_no=1,
            )
        except (TypeError, ValueError):
            work.say.warning(f"{failed}: invalid result '{told}'")
            return None

    def remove(self, index: int) -> None:
        """Remove the snapshot of a disk, if it is there."""
        made = self._made.get(index)
        if made is None:
            return
        work, node = self._work, self._guest.node
        work.say(f"Removing snapshot of disk/{index} on node {node.name}")
        owned = (made, self._guest.instance)
        result = nodes_disks.remove(work.rpc, work.config.snapshot(), node, owned)
        failed = f"Could not remove snapshot for disk/{index} from node {node.name}"
        if not result.warn(failed, work.say.warning):
            del self._made[index]

    def remove_all(self) -> None:
        """Remove all snapshots that are still there."""
        for index in sorted(self._made):
            self.remove(index)
