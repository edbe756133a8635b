"""A cluster for logical units, in memory: configuration, nodes, queue, and the run of one opcode.

Everything works as the real parts do; only nothing is on disk and time passes when told.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import gevent
import msgspec
from gevent.event import Event

from masterd.clock import Clock, SystemClock
from masterd.config import document
from masterd.config.cluster import IpFamily
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.dialect import DIALECT_3_0, Dialect
from masterd.errors import ECode, JobCanceled, OpExecError, OpPrereqError
from masterd.job.model import Job, Op, Peer
from masterd.job.new import WithJobs, inherited
from masterd.lock.manager import LockManager
from masterd.lock.monitor import problems
from masterd.lu import registry
from masterd.node.probe import Host, normal_name
from masterd.opcodes.base import OpCode, load
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.rpc.runner import RpcRunner
from masterd.testing.faults import FaultPlan
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.transport import MemoryTransport
from masterd.wconf.repository import Record
from masterd.wconf.reservations import Reservations
from masterd.work.context import ClusterContext
from masterd.work.hook_runner import NodeHooks
from masterd.work.processor import Processor
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
    """Obeys `masterd.work.context.Config`."""

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

    def settle(self) -> None:
        """Return: there are no copies."""


class MemoryJobs:
    """Obeys `masterd.work.context.Jobs`; refuses jobs once `room` is used up."""

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


class _Recorded(MemoryTransport):
    """Simulated nodes in this process; what arrives is written down."""

    def __init__(
        self,
        nodes: Mapping[str, SimulatedNode],
        faults: FaultPlan,
        asked: list[tuple[str, str, Any]],
    ) -> None:
        super().__init__(nodes, faults)
        self._asked = asked

    def _answer(self, node: SimulatedNode, call: str, body: bytes) -> bytes:
        self._asked.append((node.name, call, json.loads(body)))
        return super()._answer(node, call, body)


class MemoryProbe:
    """Obeys `masterd.node.probe.Probe`; knows the hosts that it was told of."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        #: Addresses at which a host answers.
        self.there: set[str] = set()
        #: Bytes of what can be fetched, by URL.
        self.sizes: dict[str, int] = {}

    def host(self, name: str, family: IpFamily) -> Host:
        whole = normal_name(name)
        if whole not in self.addresses:
            raise OpPrereqError(f"The name '{name}' does not resolve", ECode.RESOLVER)
        return Host(whole, self.addresses[whole])

    def is_there(
        self, address: str, port: int, *, listening: bool, source: str | None = None
    ) -> bool:
        return address in self.there

    def size_bytes(self, url: str) -> int:
        if url not in self.sizes:
            raise OpExecError(f"'{url}' cannot be fetched")
        return self.sizes[url]


class Run:
    """Obeys `masterd.work.context.OpRun`; keeps what it is told."""

    def __init__(self, job_id: int = 1, *, priority: int = 0) -> None:
        self.job_id = job_id
        self.op_index = 0
        self.running = 0
        self.canceled = False
        self.log: list[tuple[str, object]] = []
        self.config_serial: int | None = None
        #: Calls about to be sent, and whether each was done, in turn.
        self.noted: list[tuple[object, ...]] = []
        self.at_locks_held: Callable[[], None] = lambda: None
        self._priority = priority
        self._logged = Event()

    def priority(self) -> int:
        return self._priority

    def locks_held(self) -> None:
        self.check_canceled()
        self.running += 1
        self.at_locks_held()

    def wait_again(self) -> None:
        self.running -= 1

    def feedback(self, kind: str, message: object) -> None:
        self.log.append((kind, json.loads(json.dumps(message))))
        self._logged.set()

    def check_canceled(self) -> None:
        if self.canceled:
            raise JobCanceled("Job canceled by request")

    def config_record(self) -> "Run":
        return self

    def journal(self) -> "Run":
        return self

    def sending(self, calls: Sequence[tuple[str, str]]) -> Callable[[Sequence[bool]], None]:
        self.noted.append(tuple(calls))
        return lambda done: self.noted.append(tuple(done))

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
    rpc: RpcRunner
    faults: FaultPlan
    nodes: dict[str, SimulatedNode]
    probe: MemoryProbe
    #: Who slept, and how many seconds; "" is the master daemon itself.
    slept: list[tuple[str, float]] = field(default_factory=list)
    #: Node, call and arguments of what was asked of nodes, in the order in which it arrived.
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def run(self, op: OpCode, run: Run | None = None) -> object:
        """Carry out an opcode; jobs of its result are submitted, as a worker does it. Switches."""
        run = Run() if run is None else run
        parent = Op(op.OP_ID, msgspec.json.encode(op.to_input()), op.summary(), op.priority)
        parent = self.jobs.jobs.setdefault(run.job_id, Job(run.job_id, (parent,), 0)).ops[0]
        result = Processor(self.context, find=registry.find).run(op, run)
        if not isinstance(result, WithJobs):
            return result
        jobs = [[inherited(each, parent) for each in ops] for ops in result.jobs]
        return result.result(self.context.jobs.submit_many(jobs, None))

    def close(self) -> None:
        """Check that nothing was left behind."""
        assert problems(self.locks.states()) == []
        assert self.locks.owners() == set(), "a lock outlived its job"
        assert self.context.reservations.owners == set(), "a reservation outlived its job"


def op(op_id: str, /, **parameters: object) -> OpCode:
    """Return an opcode as a client's job has it."""
    return load({"OP_ID": op_id, "reason": [], **parameters})


def make_world(
    base: Path,
    *,
    clock: Clock | None = None,
    config: ConfigSnapshot | None = None,
    dialect: Dialect = DIALECT_3_0,
) -> World:
    """Make a cluster, its nodes with roots below `base`.

    Args:
        config: Its configuration; otherwise that of the recorded `config.data`.
        dialect: The release of Ganeti that is spoken.
    """
    if config is None:
        config = document.split(json.loads(CONFIG_DATA.read_bytes()))
    clock = SystemClock() if clock is None else clock
    return _make_world(base, clock, MemoryConfig(config), dialect)


def _make_world(base: Path, clock: Clock, config: MemoryConfig, dialect: Dialect) -> World:
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
    asked: list[tuple[str, str, Any]] = []
    uuids = count(1)
    probe = MemoryProbe()
    rpc = RpcRunner(_Recorded(nodes, faults, asked), calls=dialect.calls)
    context = ClusterContext(
        config=config,
        rpc=rpc,
        reservations=Reservations(config.snapshot),
        queries=Resources(
            config.snapshot,
            Collector(rpc),
            locks.states,
            lambda: None,
            dialect=dialect,
            watcher_pause=lambda: WATCHER_PAUSE_S,
        ),
        jobs=jobs,
        locks=locks,
        dialect=dialect,
        clock=clock,
        # With a host name of its own, as each of the nodes has one.
        paths=Paths(base, base.name),
        sleep=lambda seconds: slept.append(("", seconds)),
        drained=lambda: False,
        watcher_pause=lambda: WATCHER_PAUSE_S,
        in_thread=lambda work: work(),
        new_uuid=lambda: str(UUID(int=next(uuids))),
        hooks=NodeHooks(config.snapshot, str(Paths(base).data_dir)),
        probe=probe,
    )
    by_name = {node.name: node for node in nodes.values()}
    return World(context, config, jobs, locks, rpc, faults, by_name, probe, slept, asked)
