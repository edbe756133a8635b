"""What is measured on boxes, with Debian's daemons as with ours."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.boxes.box import Box
from tests.boxes.cluster import Cluster

_DELAYS: Final = 200
_DELAY_S: Final = 0.1
_GUESTS: Final = 20
_CHANGES: Final = 10
#: Seconds one of them may take.
_LIMIT_S: Final = 600.0

_DIRECTORY: Final = "/root/jobs"
#: Kilobytes of memory, shared pages counted in part, of the processes that make up the master.
_MEMORY: Final = (
    "for pid in $(pgrep -f 'ganeti-(luxid|wconfd)|jqueue/exec'); do"
    " awk '/^Pss:/ {print $2}' /proc/$pid/smaps_rollup; done"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured; less is better."""

    name: str
    value: float
    unit: str


def measure(cluster: Cluster, say: Callable[[str], None]) -> list[Figure]:
    """Measure all on a cluster of three candidates that has nothing else to do.

    Raises:
        BoxError: a command failed.
    """
    say("figures ...")
    box = cluster.nodes[0]
    box.ok("mkdir", "-p", _DIRECTORY)
    found = [
        _timed("gnt-cluster verify", lambda: box.ok("gnt-cluster", "verify")),
        _timed(f"{_DELAYS} jobs that wait {_DELAY_S:g} s", lambda: _run_delays(box)),
        _timed(f"{_GUESTS} diskless instances at once", lambda: _add_guests(box)),
        _timed(f"{_CHANGES} changes of the configuration, one by one", lambda: _change(box)),
        Figure("memory of the master's processes", _memory_mib(box), "MiB"),
    ]
    _submit(box, [_removal(number) for number in range(_GUESTS)])
    return found


def _timed(name: str, work: Callable[[], object]) -> Figure:
    began = time.monotonic()
    work()
    return Figure(name, time.monotonic() - began, "s")


def _submit(box: Box, jobs: list[dict[str, object]]) -> None:
    """Submit a job for each opcode at once, and wait for all."""
    paths = [f"{_DIRECTORY}/{number}.json" for number in range(len(jobs))]
    for path, op in zip(paths, jobs, strict=True):
        box.path(path).write_text(json.dumps([op]))
    box.ok("gnt-debug", "submit-job", *paths, limit_s=_LIMIT_S)


def _run_delays(box: Box) -> None:
    delay = {"OP_ID": "OP_TEST_DELAY", "duration": _DELAY_S, "on_master": True, "on_nodes": []}
    path = f"{_DIRECTORY}/delay.json"
    box.path(path).write_text(json.dumps([delay]))
    box.ok("gnt-debug", "submit-job", f"--job-repeat={_DELAYS}", path, limit_s=_LIMIT_S)


def _add_guests(box: Box) -> None:
    _submit(box, [_guest(number) for number in range(_GUESTS)])


def _guest(number: int) -> dict[str, object]:
    return {
        "OP_ID": "OP_INSTANCE_CREATE", "mode": "create", "instance_name": f"many{number}",
        "disk_template": "diskless", "disks": [], "nics": [], "os_type": "noop",
        "pnode": f"node{number % 3 + 1}.boxes.example", "name_check": False, "ip_check": False,
        "start": True, "hypervisor": "fake", "beparams": {}, "hvparams": {}, "osparams": {},
    }  # fmt: skip


def _removal(number: int) -> dict[str, object]:
    return {
        "OP_ID": "OP_INSTANCE_REMOVE",
        "instance_name": f"many{number}",
        "ignore_failures": True,
    }


def _change(box: Box) -> None:
    for number in range(_CHANGES):
        box.ok("gnt-cluster", "add-tags", f"change-{number}")


def _memory_mib(box: Box) -> float:
    return sum(map(int, box.ok("sh", "-c", _MEMORY).split())) / 1024
