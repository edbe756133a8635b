"""One life of the daemon's core: opened on a store, carried on in steps, ended by a crash.

What `app` wires together is wired here too, without what waits for files and sockets: locks, queue,
configuration, logical units, calls to nodes; and the mirror, carried on step by step.
"""

import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import gevent
import greenlet
import msgspec

from exporter.layout import Layout
from exporter.mirror import CURSOR, Mirror
from masterd.config import document
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import DIALECT_3_0
from masterd.job.model import Job
from masterd.job.service import JobService
from masterd.lock.manager import LockManager
from masterd.lu import registry
from masterd.lu.queue_tests import LUTestDummy
from masterd.opcodes.base import OpCode
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.rpc.runner import RpcRunner
from masterd.testing.faults import FaultPlan
from masterd.testing.node_calls import SimulatedNode
from masterd.testing.transport import MemoryTransport
from masterd.wconf.filter_rules import FilterRules
from masterd.wconf.repository import ConfigRepository
from masterd.wconf.reservations import Reservations
from masterd.wconf.shown import ShownConfig
from masterd.work.base import LogicalUnit
from masterd.work.context import ClusterContext, OpRun
from masterd.work.hook_runner import NodeHooks
from masterd.work.processor import Processor
from store import outbox
from store.store import Store
from store.txn import WriteTxn
from tests.lu_support import CONFIG_DATA
from tests.simulation.loop import LoopClock, VirtualLoop
from tests.simulation.writer import SteppedWriter

#: Unfinished jobs above which no more are taken in; low, so that it is met.
LIVE_MAX: Final = 40
#: Seconds that a node may take to answer.
LATENCIES_S: Final = (0.0, 0.001, 0.01, 0.2)
#: Rounds of killing in which the greenlets of a daemon that died must have ended.
KILLS_MAX: Final = 20


class Transport(MemoryTransport):
    """Nodes in this process that take their time; nobody hears them once the daemon is dead."""

    def __init__(self, nodes: dict[str, SimulatedNode], faults: FaultPlan, chance: Random) -> None:
        super().__init__(nodes, faults)
        self._chance = chance
        self.dead = False

    def _answer(self, node: SimulatedNode, call: str, body: bytes) -> bytes:
        if self.dead:
            raise greenlet.GreenletExit
        gevent.sleep(self._chance.choice(LATENCIES_S))
        return super()._answer(node, call, body)


class _Dummy(LUTestDummy):
    """Puts things aside besides, and takes a moment."""

    def execute(self, plan: None) -> object:
        self.work.reserve.new_port()
        self.work.reserve.new_mac()
        self.work.sleep(0.01)
        return super().execute(plan)


class Hands:
    """Carries opcodes out as the daemon does, and tells which of a job's begins its work."""

    def __init__(self, context: ClusterContext) -> None:
        self._context = context
        self.told: Callable[[int, int], None] = lambda _job_id, _index: None

    def run(self, op: OpCode, run: OpRun) -> object:
        """Carry one out; see `Processor.run`."""

        def find(op_id: str) -> type[LogicalUnit[Any, Any]] | None:
            found = _Dummy if op_id == "OP_TEST_DUMMY" else registry.find(op_id)
            told = partial(self.told, run.job_id, run.op_index)
            return None if found is None else _telling(found, told)

        return Processor(self._context, find=find).run(op, run)


def _telling(
    unit: type[LogicalUnit[Any, Any]], told: Callable[[], None]
) -> type[LogicalUnit[Any, Any]]:
    class Telling(unit):  # type: ignore[misc, valid-type]  # a class that is known at run time only
        def execute(self, plan: object) -> object:
            told()
            return super().execute(plan)

    return Telling


class Daemon:
    """The core. Whoever drives commits its changes and lets time pass."""

    def __init__(
        self,
        base: Path,
        loop: VirtualLoop,
        transport: Transport,
        watch_job: Callable[[Job], None],
    ) -> None:
        """Open the store; nothing runs before `start`."""
        self.loop = loop
        self.clock = LoopClock(loop)
        self.greenlets: list[gevent.Greenlet[..., object]] = []
        #: Whether `start` has come to its end.
        self.started = False
        self._transport = transport
        gevent.Greenlet.add_spawn_callback(self.greenlets.append)
        self.store = Store.open(base / "store", writer=SteppedWriter)
        self.writer = SteppedWriter.opened
        self.config = ConfigRepository(self.store, self.clock)
        self.config.load()
        self.writer.at_once = False
        self.locks = LockManager(clock=self.clock)
        self.rpc = RpcRunner(transport, calls=DIALECT_3_0.calls)
        self.mirror = Mirror(self.store, Layout(base / "queue"))
        self.mirror.prepare()
        with self.store.snapshot() as txn:
            self._mirrored = outbox.get_cursor(txn, CURSOR)
        self.jobs = JobService(
            self.store,
            self.clock,
            running_max=lambda: self.config.snapshot().cluster.max_running_jobs,
            live_max=LIVE_MAX,
            interrupt=self.locks.cancel,
            reprioritize=self.locks.set_priority,
            mirror=lambda _seq, _new: None,
            load=DIALECT_3_0.opcodes.load,
            rules=lambda: self.config.snapshot().filters.values(),
        )
        self.config.on_publish(lambda _now: self.jobs.reconsider())
        self.rules = FilterRules(self.config, self.clock, self.jobs.repository.last_id)
        self.context = self._make_context(base)
        self.hands = Hands(self.context)
        self._watch(watch_job)

    def _make_context(self, base: Path) -> ClusterContext:
        snapshot = self.config.snapshot
        queries = Resources(
            snapshot,
            Collector(self.rpc),
            self.locks.states,
            lambda: gevent.sleep(0),
            dialect=DIALECT_3_0,
            drained=lambda: self.jobs.drained,
            watcher_pause=lambda: None,
        )
        return ClusterContext(
            # No copies are simulated, so there is nothing to wait for.
            config=ShownConfig(self.config, {}, 0.0),
            rpc=self.rpc,
            jobs=self.jobs,
            locks=self.locks,
            reservations=Reservations(snapshot, Random(0)),
            queries=queries,
            dialect=DIALECT_3_0,
            clock=self.clock,
            paths=Paths(base),
            sleep=gevent.sleep,
            drained=lambda: self.jobs.drained,
            watcher_pause=lambda: None,
            in_thread=lambda work: work(),
            hooks=NodeHooks(snapshot, str(Paths(base).data_dir)),
        )

    def _watch(self, watch_job: Callable[[Job], None]) -> None:
        """Have every job that is told to anybody told here too, first."""
        tell = self.jobs.waiters.tell

        def told(job: Job) -> None:
            watch_job(job)
            tell(job)

        self.jobs.waiters.tell = told  # type: ignore[method-assign]

    def start(self) -> None:
        """Put the queue in order and begin to run jobs. Switches."""
        self.jobs.recover()
        self.jobs.start(self.hands)
        self.started = True

    def mirror_step(self) -> bool:
        """Bring the files nearer to the store; the cursor follows with the next commit."""
        before = self._mirrored
        self._mirrored = through = self.mirror.step(before)
        if through == before:
            return False

        def body(txn: WriteTxn) -> None:
            outbox.set_cursor(txn, CURSOR, through)
            outbox.prune(txn)

        self.store.update_soon(body)
        return True

    def crash(self) -> None:
        """End at once: nothing more is committed, told or asked of nodes."""
        self.writer.dead = self._transport.dead = True
        self.loop.clear()
        for _ in range(KILLS_MAX):
            alive = [each for each in self.greenlets if not each.dead]
            if not alive:
                break
            for each in alive:
                each.kill(block=False)
            self.loop.settle()
        gevent.Greenlet.remove_spawn_callback(self.greenlets.append)
        self.loop.clear()
        self.store.close()


@cache
def template() -> "TemporaryDirectory[str]":
    """Make a store with a configuration, once for the process."""
    folder = TemporaryDirectory(prefix="gm-simulation-", dir=fast_folder())
    store = Store.open(Path(folder.name) / "store", writer=SteppedWriter)
    config = ConfigRepository(store, LoopClock(VirtualLoop()))
    config.import_document(msgspec.json.decode(CONFIG_DATA.read_bytes()), source="the tests")
    store.close()
    return folder


def new_store(base: Path) -> ConfigSnapshot:
    """Put a store with a configuration into a folder; return the configuration."""
    shutil.copytree(Path(template().name) / "store", base / "store")
    (base / "store" / "writer.lock").unlink()
    return _configuration()


@cache
def _configuration() -> ConfigSnapshot:
    return document.split(msgspec.json.decode(CONFIG_DATA.read_bytes()))


def fast_folder() -> str | None:
    """Return a folder in memory, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
