"""The core that carries out opcodes, on a store and simulated nodes, without threads or waiting.

Several jobs are on their way at once: one that calls a node may be held there, while others go on.
All greenlets run on a virtual loop, so that what happens depends on nothing but what is asked for.
A crash forgets everything but the store and the nodes.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

import gevent
import greenlet
from gevent.event import Event

from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0
from masterd.errors import GanetiError
from masterd.lock.manager import LockManager
from masterd.lu import registry
from masterd.opcodes.base import OpCode
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.rpc.errors import ConnectionLostError
from masterd.rpc.runner import RpcRunner
from masterd.testing import node_devices
from masterd.testing.faults import FaultPlan
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.transport import MemoryTransport
from masterd.wconf.repository import ConfigRepository
from masterd.wconf.reservations import Reservations
from masterd.work.context import ClusterContext
from masterd.work.hook_runner import NodeHooks
from masterd.work.processor import Processor
from store.store import Store
from tests.lu_support import MemoryJobs, MemoryProbe, Run
from tests.property.lives_config import document
from tests.simulation.daemon import fast_folder
from tests.simulation.loop import LoopClock, VirtualLoop, virtual_loop
from tests.simulation.writer import SteppedWriter

#: Timers after which jobs are taken to wait for ever.
TIMERS_MAX: Final = 2000


class Interruption(StrEnum):
    """What becomes of a call to a node."""

    #: The node fails.
    FAIL = "fail"
    #: The node never hears of it.
    DROP = "drop"
    #: The node does it, and its answer is lost.
    LOSE = "lose"
    #: It waits on its way to the node.
    HOLD_BEFORE = "hold-before"
    #: The node does it, and its answer waits.
    HOLD_AFTER = "hold-after"


#: What happens at which of the next calls: the n-th of a name, from 0, or of `ANY` name.
Interruptions = dict[tuple[str, int], Interruption]
ANY: Final = ""


@dataclass(eq=False)
class Held:
    """A call that waits."""

    node: str
    call: str
    go_on: Event = field(default_factory=Event)
    lost: bool = False


class Gate(MemoryTransport):
    """Nodes in this process, calls to whom are interrupted as is asked for."""

    def __init__(self, nodes: dict[str, SimulatedNode]) -> None:
        super().__init__(nodes, FaultPlan())
        self.held: list[Held] = []
        self.dead = False
        self._planned: Interruptions = {}
        self._calls: Counter[str] = Counter()

    def interrupt(self, planned: Interruptions) -> None:
        """Say what becomes of the next calls; what was said before is forgotten."""
        self._planned = dict(planned)
        self._calls.clear()

    def _answer(self, node: SimulatedNode, call: str, body: bytes) -> bytes:
        if self.dead:
            raise greenlet.GreenletExit
        gevent.sleep(0)
        interruption = self._met(call)
        match interruption:
            case Interruption.FAIL:
                return b'[false,"The node was told to fail"]'
            case Interruption.DROP:
                raise ConnectionLostError("The node closed the connection without an answer")
            case Interruption.HOLD_BEFORE:
                self._hold(node, call)
        answer = super()._answer(node, call, body)
        match interruption:
            case Interruption.LOSE:
                raise ConnectionLostError("The node closed the connection without an answer")
            case Interruption.HOLD_AFTER:
                self._hold(node, call)
        return answer

    def _met(self, call: str) -> Interruption | None:
        met = None
        for name in (ANY, call):
            met = self._planned.get((name, self._calls[name])) or met
            self._calls[name] += 1
        return met

    def _hold(self, node: SimulatedNode, call: str) -> None:
        held = Held(node.name, call)
        self.held.append(held)
        try:
            held.go_on.wait()
        finally:
            self.held.remove(held)
        if held.lost:
            raise ConnectionLostError("The node closed the connection without an answer")


class JobRun(Run):
    """A run that knows which of its calls to nodes were answered."""

    def sent(self) -> list[tuple[str, str]]:
        """Return calls and names of nodes, of those that change nodes."""
        calls: list[Any] = [pair for note in self.noted for pair in note if isinstance(pair, tuple)]
        return calls

    def text(self) -> str:
        """Return all that its log says."""
        return "\n".join(map(str, self.log))


@dataclass(eq=False)
class Job:
    """A job of one opcode."""

    op: OpCode
    run: JobRun
    greenlet: Any
    #: The configuration when it got its locks, the last time.
    before: ConfigSnapshot | None = None
    error: BaseException | None = None
    result: object = None

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return bool(self.greenlet.dead)


class Life:
    """One life of the core: opened on a store, ended by a crash."""

    def __init__(self, world: "World") -> None:
        """Open the store; all but it and the nodes is new."""
        self.greenlets: list[Any] = []
        gevent.Greenlet.add_spawn_callback(self.greenlets.append)
        self.clock = LoopClock(world.loop)
        self.store = Store.open(world.base / "store", writer=SteppedWriter)
        self.writer = SteppedWriter.opened
        self.config = ConfigRepository(self.store, self.clock)
        self.config.load()
        self.locks = LockManager(clock=self.clock)
        self.gate = Gate(world.by_address)
        self.reservations = Reservations(self.config.snapshot, Random(0))
        self.context = self._context(world)
        self.processor = Processor(self.context, find=registry.find)

    def _context(self, world: "World") -> ClusterContext:
        snapshot = self.config.snapshot
        rpc = RpcRunner(self.gate, calls=DIALECT_3_0.calls)
        queries = Resources(
            snapshot,
            Collector(rpc),
            self.locks.states,
            lambda: None,
            dialect=DIALECT_3_0,
            watcher_pause=lambda: None,
        )
        return ClusterContext(
            config=_Settled(self.config),
            rpc=rpc,
            jobs=MemoryJobs(),
            locks=self.locks,
            reservations=self.reservations,
            queries=queries,
            dialect=DIALECT_3_0,
            clock=self.clock,
            paths=Paths(world.base, world.base.name),
            sleep=gevent.sleep,
            drained=lambda: False,
            watcher_pause=lambda: None,
            in_thread=lambda work: work(),
            hooks=NodeHooks(snapshot, str(Paths(world.base).data_dir)),
            probe=MemoryProbe(),
            new_uuid=lambda: str(UUID(int=next(world.uuids))),
        )

    def end(self, loop: VirtualLoop) -> None:
        """End at once: nothing more is committed, and no node hears of anything."""
        self.writer.dead = self.gate.dead = True
        loop.clear()
        while alive := [each for each in self.greenlets if not each.dead]:
            for each in alive:
                each.kill(block=False)
            loop.settle()
        gevent.Greenlet.remove_spawn_callback(self.greenlets.append)
        loop.clear()
        self.store.close()


class _Settled:
    """Obeys `masterd.work.context.Config`: there are no copies to wait for."""

    def __init__(self, config: ConfigRepository) -> None:
        self.snapshot = config.snapshot
        self.update = config.update

    def settle(self) -> None:
        """Return."""


class World:
    """The cluster over all lives of its core."""

    def __init__(self, base: Path, loop: VirtualLoop) -> None:
        self.base = base
        self.loop = loop
        self.uuids = count(1)
        self._ids = count(1)
        shutil.copytree(Path(_template().name) / "store", base / "store")
        (base / "store" / "writer.lock").unlink()
        config = _configuration()
        self.nodes = {
            node.uuid: SimulatedNode(node.name, base / node.name, sleep=gevent.sleep)
            for node in config.nodes.values()
        }
        self.by_address = {node.primary_ip: self.nodes[node.uuid] for node in config.nodes.values()}
        for node in self.nodes.values():
            node_devices.be_strict(node.root)
        self.jobs: list[Job] = []
        self.life = Life(self)

    @property
    def config(self) -> ConfigSnapshot:
        """The configuration as it is now."""
        return self.life.config.snapshot()

    @property
    def held(self) -> list[Held]:
        """The calls that wait."""
        return self.life.gate.held

    def submit(self, op: OpCode, interruptions: Interruptions) -> Job:
        """Begin a job, and let everything go on as far as it can."""
        self.life.gate.interrupt(interruptions)
        run = JobRun(next(self._ids))
        job = Job(op, run, None)

        def begin() -> None:
            job.before = self.config

        run.at_locks_held = begin
        job.greenlet = gevent.spawn(self._carry_out, self.life, job)
        self.jobs.append(job)
        self.settle()
        return job

    @staticmethod
    def _carry_out(life: Life, job: Job) -> None:
        try:
            job.result = life.processor.run(job.op, job.run)
        except BaseException as error:  # it is looked at by whoever asked for it
            job.error = error
            if not isinstance(error, GanetiError):
                raise

    def settle(self) -> None:
        """Let everything happen, until jobs wait for nothing but calls that are held, and locks."""
        self.loop.settle()
        for _ in range(TIMERS_MAX):
            alive = [job for job in self.jobs if not job.ended]
            waiting = sum(self.life.locks.wait(job.run.job_id) is not None for job in alive)
            if len(alive) - waiting <= len(self.held) and (self.held or not alive):
                return
            self.loop.fire_next()
            self.loop.settle()
        raise AssertionError(f"jobs do not go on: {[job.op for job in self.jobs]}")

    def ended(self) -> list[Job]:
        """Return the jobs that have ended, and forget them."""
        ended = [job for job in self.jobs if job.ended]
        self.jobs = [job for job in self.jobs if not job.ended]
        return ended

    def kill(self, job: Job) -> None:
        """End a job's greenlet."""
        job.greenlet.kill(block=False)
        self.settle()

    def crash(self) -> list[Job]:
        """Forget everything but store and nodes, and go on; return the jobs that were cut off."""
        lost, self.jobs = self.jobs, []
        self.life.end(self.loop)
        self.life = Life(self)
        return lost


@cache
def _template() -> "TemporaryDirectory[str]":
    """Make a store with the configuration, once for the process."""
    folder = TemporaryDirectory(prefix="gm-lives-", dir=fast_folder())
    store = Store.open(Path(folder.name) / "store", writer=SteppedWriter)
    config = ConfigRepository(store, LoopClock(VirtualLoop()))
    config.import_document(document(), source="the tests")
    store.close()
    return folder


@cache
def _configuration() -> ConfigSnapshot:
    store = Store.open(Path(_template().name) / "store", writer=SteppedWriter)
    try:
        return ConfigRepository(store, LoopClock(VirtualLoop())).load()
    finally:
        store.close()


@contextmanager
def world() -> Iterator[World]:
    """Give a world that has just begun."""
    with TemporaryDirectory(prefix="gm-lives-", dir=fast_folder()) as base, virtual_loop() as loop:
        made = World(Path(base), loop)
        try:
            yield made
        finally:
            made.life.end(loop)
