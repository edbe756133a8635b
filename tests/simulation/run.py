"""One simulation: a seed decides what happens to the daemon, step by step."""

import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest import mock

import gevent
from msgspec import structs

from exporter import plan
from exporter.layout import Layout, number_content
from masterd.config.kinds import FILTER
from masterd.config.transaction import Draft
from masterd.job.model import Job
from masterd.testing.faults import Fault, FaultKind, FaultPlan
from masterd.testing.node_calls import SimulatedNode
from store import failpoints, serials
from store.check import check
from store.schema import ARCHIVE, CONFIG, JOBS
from store.txn import ReadTxn
from tests.simulation.clients import Clients
from tests.simulation.daemon import Daemon, Transport, fast_folder, new_store, template
from tests.simulation.loop import VirtualLoop, virtual_loop
from tests.simulation.oracle import Oracle, ViolationError
from tests.simulation.plants import Plant
from tests.simulation.wishes import Wishes

#: Steps of one seed, before everything is left to come to its end.
STEPS: Final = 50
#: Turns in which everything must have ended once nothing hinders it any more.
TURNS_MAX: Final = 5_000

_FAULTS: Final = (
    Fault(FaultKind.REFUSE),
    Fault(FaultKind.HANG, times=1),
    Fault(FaultKind.FAIL, times=2),
    Fault(FaultKind.LOSE_ANSWER, times=1),
    Fault(FaultKind.GARBAGE, times=1),
    Fault(FaultKind.DELAY, times=3, delay_s=0.5),
)
_STORE_FAULTS: Final = (
    "store.before-commit=error:ENOSPC:1-2",
    "store.before-flush=error:ENOSPC:1",
    "exporter.before-rename=error:EIO:2",
    "exporter.before-sync=error:EIO:1",
)
_RUNNING_MAX: Final = (1, 2, 3, 20)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a seed.

    Attributes:
        digest: Of the trace; the same seed has the same.
        violation: What must be true and was not; empty when all was well.
    """

    seed: int
    digest: str
    steps: int
    jobs: int
    lives: int
    violation: str
    trace: tuple[str, ...] = field(repr=False)


class _World:
    """The daemon of one seed, in all its lives, and what happens to it."""

    def __init__(
        self, base: Path, loop: VirtualLoop, oracle: Oracle, seed: int, plant: Plant | None
    ) -> None:
        self.chance = random.Random(seed)
        self.trace: list[str] = []
        self.oracle = oracle
        self.lives = 0
        self._base = base
        self._loop = loop
        self._plant = plant
        self._faults = FaultPlan()
        config = new_store(base)
        self.wishes = Wishes(self.chance, config)
        self._names = sorted(node.name for node in config.nodes.values())
        self._nodes = {
            node.primary_ip: SimulatedNode(node.name, base / node.name)
            for node in config.nodes.values()
        }
        self._live()
        self._steps: tuple[tuple[int, Callable[[], None]], ...] = (
            (14, lambda: self.clients.submit()),
            (5, lambda: self.clients.cancel()),
            (3, lambda: self.clients.change_priority()),
            (3, lambda: self.clients.archive()),
            (1, lambda: self.clients.drain()),
            (3, lambda: self.clients.change_rules()),
            (3, lambda: self.clients.watch()),
            (30, self._commit),
            (24, lambda: self.daemon.writer.tell()),
            (16, self._let_time_pass),
            (4, self._mirror),
            (3, self._fault),
            (1, self._change_running_max),
            (1, lambda: failpoints.configure(self.chance.choice(_STORE_FAULTS))),
            (1, self._drain),
            (3, self._crash),
        )

    # --- one life after the other ---------------------------------------------------------------

    def _live(self) -> None:
        """Start a daemon on what the last one left."""
        self.lives += 1
        transport = Transport(self._nodes, self._faults, self.chance)
        self.daemon = Daemon(self._base, self._loop, transport, self._told)
        self.oracle.attach(self.daemon)
        self.clients = Clients(
            self.chance, self.wishes, self.oracle, self.daemon, self.trace.append
        )
        if self._plant is not None:
            self._plant(self.daemon)
        self.oracle.look_at_all()
        gevent.spawn(self.daemon.start)

    def _told(self, job: Job) -> None:
        statuses = " ".join(op.status for op in job.ops)
        self.trace.append(f"told {job.job_id} {job.revision} {statuses}")
        self.oracle.job_told(job)

    def _crash(self) -> None:
        """Let the daemon die, in the middle of whatever it does, and start another."""
        part = self.chance.randrange(3)
        if part == 0:
            self._loop.settle(self.chance.randrange(1, 20))
        elif part == 1:
            self._commit()  # durable, and nobody is told
        failpoints.clear()
        self.daemon.crash()
        self._live()

    # --- steps ----------------------------------------------------------------------------------

    def step(self) -> None:
        """Do something, and see what comes of it."""
        steps = self._steps if self.daemon.started else self._steps[7:10]
        weights = [weight for weight, _ in steps]
        [(_, act)] = self.chance.choices(steps, weights)
        act()
        self.settle()

    def settle(self) -> None:
        """Let everything run that can, and compare."""
        self._loop.settle()
        writer = self.daemon.writer
        self.trace.append(
            f"{self._loop.now():.6f} waiting {writer.waiting} untold {writer.untold}"
            f" running {sorted(self.daemon.jobs._crew.job_ids)}"
        )
        self.oracle.check()

    def _commit(self) -> None:
        count = self.daemon.writer.commit(self.chance.choice((1, 2, 64)))
        self.trace.append(f"commit {count}")

    def _let_time_pass(self) -> None:
        for _ in range(self.chance.choice((1, 1, 3))):
            if self.chance.random() < 0.8:
                self.daemon.writer.tell()
                self._loop.settle()
            self._loop.fire_next()
            self._loop.settle()

    def _mirror(self) -> None:
        try:
            self.daemon.mirror_step()
        except OSError as error:
            self.trace.append(f"mirror: {error}")

    def _fault(self) -> None:
        """Let a node fail, or be well again."""
        node = self.chance.choice(self._names)
        faults = () if self.chance.random() < 0.5 else (self.chance.choice(_FAULTS),)
        self._faults.set(node, *faults)

    def _change_running_max(self) -> None:
        most = self.chance.choice(_RUNNING_MAX)

        def change(draft: Draft) -> None:
            draft.put(structs.replace(draft.cluster, max_running_jobs=most))

        self.clients.ask(f"at most {most}", lambda: self.daemon.config.update(change))

    def _drain(self) -> None:
        """Stop as the daemon does when it is asked to, cut off by its end."""
        gevent.spawn(self.daemon.jobs.drain, 5.0)
        for _ in range(self.chance.randrange(6)):
            self.settle()
            self._commit()
            self._let_time_pass()
        self._crash()

    # --- the end --------------------------------------------------------------------------------

    def end(self) -> None:
        """Take every hindrance away; everything must come to its end, and leave nothing behind.

        Raises:
            ViolationError: it does not.
        """
        self._faults.clear()
        failpoints.clear()
        self._until(lambda: self.daemon.started, "the daemon does not start")
        gevent.spawn(self._free)
        self._until(lambda: not self.daemon.jobs.live_count, "jobs never end")
        self._until(lambda: not self.daemon.mirror_step(), "the mirror never ends")
        self.oracle.look_at_all()
        self.oracle.check()
        self._say(not self.daemon.locks.owners(), "locks are left over")
        self._say(not self.daemon.context.reservations.owners, "reservations are left over")
        with self.daemon.store.snapshot() as txn:
            self._compare_files(txn)
            found = check(txn)
            self._say(not found, f"the store: {found}")
            rows = [list(table.scan(txn)) for table in (JOBS, ARCHIVE, CONFIG)]
            self.trace.append(f"store {hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}")
        self.daemon.crash()

    def _free(self) -> None:
        config, jobs = self.daemon.config, self.daemon.jobs
        for uuid in sorted(config.snapshot().filters):
            config.update(lambda draft, uuid=uuid: draft.remove(FILTER, uuid))  # type: ignore[misc]
        jobs.set_drained(False)

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        writer = self.daemon.writer
        for _ in range(TURNS_MAX):
            while writer.waiting or writer.untold:
                writer.commit(64)
                writer.tell()
                self.settle()
            if condition() and not writer.waiting:
                return
            self._loop.fire_next()
            self._loop.settle()
        live = self.daemon.jobs._live
        raise ViolationError(f"{otherwise}: {[live.get(job_id) for job_id in live.job_ids]}")

    def _compare_files(self, txn: ReadTxn) -> None:
        """The mirror shows what the store has, and nothing else."""
        layout = Layout(self._base / "queue")
        for job_id, row in JOBS.scan(txn):
            content = plan.render_live(txn, job_id, row)
            self._say(_read(layout.job(job_id)) == content, f"the file of job {job_id} is old")
        for job_id, row in ARCHIVE.scan(txn):
            content = plan.render_archived(job_id, row)
            path = layout.archived_job(job_id)
            self._say(_read(path) == content, f"the archived file of job {job_id} is old")
            self._say(not layout.job(job_id).exists(), f"job {job_id} has its live file still")
        last = serials.last(txn, "job")
        if last:
            self._say(_read(layout.serial) == number_content(last), "the serial file is old")

    def _say(self, is_true: bool, text: str) -> None:
        if not is_true:
            raise ViolationError(text)


def simulate(seed: int, *, steps: int = STEPS, plant: Plant | None = None) -> Report:
    """Run one seed. The process must have been started with a fixed PYTHONHASHSEED.

    Args:
        plant: breaks something in each daemon, to see that it is found.
    """
    template()  # draws by chance too, in the first simulation of a process only
    with ExitStack() as stack:
        folder = TemporaryDirectory(prefix="gm-simulation-", dir=fast_folder())
        base = Path(stack.enter_context(folder))
        loop = stack.enter_context(virtual_loop())
        stack.enter_context(_fixed_chance(seed))
        oracle = Oracle()
        stack.enter_context(_listening(oracle))
        world = _World(base, loop, oracle, seed, plant)
        done = 0
        violation = ""
        try:
            for done in range(1, steps + 1):  # noqa: B007 # told in the report
                world.step()
            world.end()
        except Exception as error:  # noqa: BLE001 # whatever goes wrong is what was looked for
            violation = f"{type(error).__name__}: {error}"
            world.daemon.crash()
        finally:
            failpoints.clear()
        trace = tuple(world.trace)
        digest = hashlib.sha256("\n".join(trace).encode()).hexdigest()[:16]
        return Report(seed, digest, done, len(oracle.promised), world.lives, violation, trace)


@contextmanager
def _fixed_chance(seed: int) -> Iterator[None]:
    """Let uuids and secrets be the same for the same seed."""
    source = random.Random(seed).randbytes
    with mock.patch("os.urandom", source), mock.patch("random._urandom", source):
        yield


@contextmanager
def _listening(oracle: Oracle) -> Iterator[None]:
    """Let the oracle hear the log, and nobody else."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:] = [oracle]
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.handlers[:], level = before
        root.setLevel(level)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
