"""Waiting until both sides of DRBD disks are the same.

Source: Ganeti 3.0.2 lib/cmdlib/instance_storage.py (pauses, patience, texts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from masterd.config.kinds import AnyDisk
from masterd.errors import RpcError
from masterd.instance import disks
from masterd.limits import (
    LU_SYNC_DEGRADED_MAX,
    LU_SYNC_DEGRADED_S,
    LU_SYNC_PAUSE_MAX_S,
    LU_SYNC_PAUSE_S,
    LU_SYNC_SILENCES_MAX,
    LU_SYNC_SILENT_S,
)
from masterd.node import disks as nodes_disks
from masterd.work.feedback import Feedback
from masterd.work.work import Work

_MIRRORED: Final = "drbd"
#: Seconds until the next look at least, whatever is estimated.
_LEAST_S: Final = 1.0
_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60))


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far disks are.

    Attributes:
        done: None of them copies anything.
        degraded: One lacks its other side, and is not about to get it.
        left_s: Seconds until the next look is worth it.
    """

    done: bool
    degraded: bool
    left_s: float


def wait(work: Work, uuid: str) -> bool:
    """Wait for the mirrors of an instance; return whether all are whole. Switches.

    As long as they copy it goes on: how long that takes is up to size and speed. One that is
    degraded but does not copy may be about to begin, so it is looked at some more.

    Raises:
        RpcError: the primary node did not tell anything, again and again.
    """
    config = work.config.snapshot()
    instance = config.instances[uuid]
    whole = disks.of(config, instance)
    if not whole:
        return True
    mirrored = [disk for disk in whole if disk.dev_type == _MIRRORED]
    node = config.nodes[instance.primary_node or ""]
    work.say.info(f"Waiting for instance {instance.name} to sync disks")
    silences = looks = 0
    while True:
        result = nodes_disks.mirror_status(work.rpc, config, node, instance, mirrored)
        if not result.ok:
            work.say.warning(f"Can't get any data from node {node.name}: {result.error}")
            silences += 1
            if silences >= LU_SYNC_SILENCES_MAX:
                raise RpcError(f"Can't contact node {node.name} for mirror data, aborting.")
            work.sleep(LU_SYNC_SILENT_S)
            continue
        silences = 0
        progress = _progress(work.say, node.name, mirrored, result.payload)
        if not progress.done:
            work.sleep(min(LU_SYNC_PAUSE_MAX_S, progress.left_s))
        elif progress.degraded and looks < LU_SYNC_DEGRADED_MAX:
            looks += 1
            work.sleep(LU_SYNC_DEGRADED_S)
        else:
            work.say.info(f"Instance {instance.name}'s disks are in sync")
            return not progress.degraded


def _progress(say: Feedback, node: str, those: Sequence[AnyDisk], told: Any) -> _Progress:
    """Read how far disks are off what their node tells, and tell it on."""
    done, degraded, left_s = True, False, _LEAST_S
    for disk, state in zip(those, told, strict=False):
        if state is None:
            say.warning(f"Can't compute data for node {node}/{disk.iv_name}")
            continue
        percent = state["sync_percent"]
        if percent is None:
            degraded = degraded or bool(state["is_degraded"])
            continue
        done = False
        left_s = max(left_s, _left(say, disk, percent, state))
    return _Progress(done, degraded, left_s)


def _left(say: Feedback, disk: AnyDisk, percent: float, state: Mapping[str, Any]) -> float:
    """Tell how far a disk that copies is; return the seconds that it needs."""
    estimated_s = state["estimated_time"]
    rest = (
        "no time estimate"
        if estimated_s is None
        else f"{_readable(estimated_s)} remaining (estimated)"
    )
    say.info(f"- device {disk.iv_name}: {percent:5.2f}% done, {rest}")
    return LU_SYNC_PAUSE_S if estimated_s is None else float(estimated_s)


def _readable(seconds: float) -> str:
    """Return a duration in days, hours, minutes and seconds."""
    left = round(seconds)
    parts: list[str] = []
    for unit, one in _UNITS:
        count, left = divmod(left, one) if left > 0 else (0, left)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join([*parts, f"{left}s"])
