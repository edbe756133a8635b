"""Waiting until the mirrors of an instance's disks are the same.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (WaitForSync: pauses, tries, texts).
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from masterd.config.instance import Instance
from masterd.config.kinds import AnyDisk
from masterd.config.node import Node
from masterd.errors import OpExecError
from masterd.instance import disks
from masterd.limits_beside import DISK_SYNC_DEGRADED_TRIES_MAX, DISK_SYNC_SILENT_TRIES_MAX
from masterd.node import disks as nodes_disks
from masterd.work.work import Work

#: Seconds before the next look: at a node that does not answer, at a mirror that is broken, at one
#: that cannot tell how long it takes, at least and at most.
_SILENT_S: Final = 6.0
_DEGRADED_S: Final = 1.0
_UNKNOWN_S: Final = 5.0
_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 60.0

_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60))

#: What a node tells of each mirror, None where it tells nothing.
Told = Sequence[dict[str, Any] | None]


def wait(
    work: Work,
    instance: Instance,
    *,
    until_same: bool = True,
    those: Collection[str] | None = None,
) -> bool:
    """Wait until all mirrors are the same; return whether none is broken in the end. Switches.

    How long that takes is up to the nodes: there is no bound but on how often one is silent.

    Args:
        until_same: otherwise it is enough that they are being made the same.
        those: uuids of the disks that are looked at; None for all.

    Raises:
        OpExecError: the primary node does not answer.
    """
    config = work.config.snapshot()
    there = [disk for disk in disks.of(config, instance) if those is None or disk.uuid in those]
    if not there:
        return True
    if until_same:
        work.say.info(f"Waiting for instance {instance.name} to sync disks")
    node = config.nodes[instance.primary_node]
    mirrors = [disk for disk in there if disk.dev_type == "drbd"]
    looks_left = DISK_SYNC_DEGRADED_TRIES_MAX
    while True:
        told = _ask(work, instance, node, mirrors)
        pause_s = _told_of(work, node, mirrors, told)
        degraded = any(
            each is not None and each["is_degraded"] and each.get("sync_percent") is None
            for each in told
        )
        if pause_s is not None and until_same:
            work.sleep(min(_LONGEST_S, pause_s))
        elif degraded and looks_left > 0:
            # It may have been only for a moment.
            looks_left -= 1
            work.sleep(_DEGRADED_S)
        else:
            if pause_s is None:
                work.say.info(f"Instance {instance.name}'s disks are in sync")
            return not degraded


def _ask(work: Work, instance: Instance, node: Node, mirrors: Sequence[AnyDisk]) -> Told:
    """Return what the primary node tells of mirrors. Switches."""
    for left in reversed(range(DISK_SYNC_SILENT_TRIES_MAX)):
        config = work.config.snapshot()
        result = nodes_disks.mirror_status(work.rpc, config, node, instance, mirrors)
        if result.ok:
            payload: Any = result.payload
            told: Told = payload
            return told
        work.say.warning(f"Can't get any data from node {node.name}: {result.error}")
        if left:
            work.sleep(_SILENT_S)
    raise OpExecError(f"Can't contact node {node.name} for mirror data, aborting.")


def _told_of(work: Work, node: Node, mirrors: Sequence[AnyDisk], told: Told) -> float | None:
    """Tell how far mirrors are; return the seconds to wait for those not done, None for none."""
    pause_s: float | None = None
    for disk, state in zip(mirrors, told, strict=False):
        if state is None:
            work.say.warning(f"Can't compute data for node {node.name}/{disk.iv_name}")
        # Nodes leave out what is not so: a mirror that is whole has no percentage.
        elif state.get("sync_percent") is not None:
            left_s = state.get("estimated_time")
            rest = "no time estimate"
            if left_s is not None:
                rest = f"{readable(left_s)} remaining (estimated)"
            work.say.info(f"- device {disk.iv_name}: {state['sync_percent']:5.2f}% done, {rest}")
            wanted_s = _UNKNOWN_S if left_s is None else left_s
            pause_s = max(_SHORTEST_S, pause_s or 0.0, wanted_s)
    return pause_s


def readable(seconds: float) -> str:
    """Return a duration in days, hours, minutes and seconds."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, one in _UNITS:
        count, left = divmod(left, one)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join([*parts, f"{left}s"])
