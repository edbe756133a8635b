"""A cluster for logical units, in memory: configuration, nodes, queue, and the run of one opcode.

Everything works as the real parts do; only nothing is on disk and time passes when told.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import gevent
from gevent.event import Event

from masterd.clock import Clock, SystemClock
from masterd.config import document
from masterd.config.repository import Record
from masterd.config.reservations import Reservations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.errors import JobCanceled
from masterd.job.model import Job, Peer
from masterd.lock.manager import LockManager
from masterd.lock.monitor import problems
from masterd.lu.context import ClusterContext
from masterd.lu.processor import Processor
from masterd.opcodes.base import OpCode, load
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.rpc.runner import RpcRunner
from masterd.testing.faults import FaultPlan
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.transport import MemoryTransport
from tests.config_support import SnapshotRows

R = TypeVar("R")

CONFIG_DATA: Final = Path(__file__).parent / "conformance" / "data" / "config.data"
#: Until when the watcher pauses, in seconds since the epoch.
WATCHER_PAUSE_S: Final = 1_800_000_123
#: Seconds after which a test that waits for something gives up.
PATIENCE_S: Final = 10.0


#: What stands for a transaction where nothing is stored.
_NO_TXN: Final[Any] = None


class MemoryConfig:
    """Obeys `masterd.lu.context.Config`."""

    def __init__(self, snapshot: ConfigSnapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> ConfigSnapshot:
        return self._snapshot

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        draft = Draft(SnapshotRows(self._snapshot), now_s=1_800_000_000.0)
        staged = draft.finish(change(draft))
        if staged.changes:
            self._snapshot = self._snapshot.changed(
                ((item.kind, item.uuid, item.after) for item in staged.changes),
                serial_no=staged.serial_no,
                mtime=staged.mtime,
            )
            if record is not None:
                record.told(record.put(_NO_TXN, staged.serial_no))
        return staged.result


class MemoryJobs:
    """Obeys `masterd.lu.context.Jobs`; refuses jobs once `room` is used up."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.submitted: list[tuple[list[OpCode], Peer | None]] = []
        self.room = 1000

    def get(self, job_id: int) -> Job | None:
        return self.jobs.get(job_id)

    def submit_many(
        self, jobs: Sequence[Sequence[OpCode]], peer: Peer | None
    ) -> list[tuple[bool, int | str]]:
        answers: list[tuple[bool, int | str]] = []
        for ops in jobs:
            if len(self.submitted) < self.room:
                self.submitted.append((list(ops), peer))
                answers.append((True, 100 + len(self.submitted)))
            else:
                answers.append((False, "The queue is full"))
        return answers


class Run:
    """Obeys `masterd.lu.context.OpRun`; keeps what it is told."""

    def __init__(self, job_id: int = 1, *, priority: int = 0) -> None:
        self.job_id = job_id
        self.op_index = 0
        self.running = 0
        self.canceled = False
        self.log: list[tuple[str, object]] = []
        self.config_serial: int | None = None
        self.at_locks_held: Callable[[], None] = lambda: None
        self._priority = priority
        self._logged = Event()

    def priority(self) -> int:
        return self._priority

    def locks_held(self) -> None:
        self.check_canceled()
        self.running += 1
        self.at_locks_held()

    def feedback(self, kind: str, message: object) -> None:
        self.log.append((kind, json.loads(json.dumps(message))))
        self._logged.set()

    def check_canceled(self) -> None:
        if self.canceled:
            raise JobCanceled("Job canceled by request")

    def config_record(self) -> "Run":
        return self

    def put(self, _txn: object, serial_no: int) -> int:
        self.config_serial = serial_no
        return serial_no

    def told(self, put: int) -> None:
        assert put == self.config_serial

    def messages(self) -> list[object]:
        """Return the texts told to people."""
        return [message for kind, message in self.log if kind == "message"]

    def wait_logged(self, kind: str, count: int = 1) -> object:
        """Return the message of the entry that is number `count` of its kind. Switches."""
        with gevent.Timeout(PATIENCE_S):
            while True:
                found = [message for each, message in self.log if each == kind]
                if len(found) >= count:
                    return found[count - 1]
                self._logged.clear()
                self._logged.wait()


@dataclass
class World:
    """The whole cluster."""

    context: ClusterContext
    config: MemoryConfig
    jobs: MemoryJobs
    locks: LockManager
    faults: FaultPlan
    nodes: dict[str, SimulatedNode]
    #: Who slept, and how many seconds; "" is the master daemon itself.
    slept: list[tuple[str, float]] = field(default_factory=list)

    def run(self, op: OpCode, run: Run | None = None) -> object:
        """Carry out an opcode. Switches."""
        return Processor(self.context).run(op, Run() if run is None else run)

    def close(self) -> None:
        """Check that nothing was left behind."""
        assert problems(self.locks.states()) == []
        assert self.locks.owners() == set(), "a lock outlived its job"
        assert self.context.reservations.owners == set(), "a reservation outlived its job"


def op(op_id: str, /, **parameters: object) -> OpCode:
    """Return an opcode as a client's job has it."""
    return load({"OP_ID": op_id, "reason": [], **parameters})


def make_world(
    base: Path, *, clock: Clock | None = None, config: ConfigSnapshot | None = None
) -> World:
    """Make a cluster, its nodes with roots below `base`.

    Args:
        config: Its configuration; otherwise that of the recorded `config.data`.
    """
    if config is None:
        config = document.split(json.loads(CONFIG_DATA.read_bytes()))
    return _make_world(base, SystemClock() if clock is None else clock, MemoryConfig(config))


def _make_world(base: Path, clock: Clock, config: MemoryConfig) -> World:
    slept: list[tuple[str, float]] = []
    nodes = {}
    for node in config.snapshot().nodes.values():
        name = node.name
        nodes[node.primary_ip] = SimulatedNode(
            name,
            base / name,
            sleep=lambda seconds, name=name: slept.append((name, seconds)),  # type: ignore[misc]
        )
    faults, jobs, locks = FaultPlan(), MemoryJobs(), LockManager()
    rpc = RpcRunner(MemoryTransport(nodes, faults))
    context = ClusterContext(
        config=config,
        rpc=rpc,
        reservations=Reservations(config.snapshot),
        queries=Resources(
            config.snapshot,
            Collector(rpc),
            locks.states,
            lambda: None,
            watcher_pause=lambda: WATCHER_PAUSE_S,
        ),
        jobs=jobs,
        locks=locks,
        clock=clock,
        paths=Paths(base),
        sleep=lambda seconds: slept.append(("", seconds)),
        drained=lambda: False,
        watcher_pause=lambda: WATCHER_PAUSE_S,
        in_thread=lambda work: work(),
    )
    by_name = {node.name: node for node in nodes.values()}
    return World(context, config, jobs, locks, faults, by_name, slept)
