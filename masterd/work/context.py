"""What the processor is given, once for all runs; `work.Work` is what one run gets of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from masterd.clock import Clock
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.dialect import Dialect
from masterd.filter.language import Filter
from masterd.job.model import Job, Peer
from masterd.lock.manager import LockManager
from masterd.node.journal import Journal
from masterd.node.probe import NetworkProbe, Probe
from masterd.node.target import Nodes
from masterd.opcodes.base import OpCode
from masterd.paths import Paths
from masterd.wconf.repository import Record
from masterd.wconf.reservations import Reservations
from masterd.work.hooks import HookRunner, NoHooks

R = TypeVar("R")


class Config(Protocol):
    """The configuration; see `masterd.wconf.repository`."""

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        ...

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change and return its result once it is durable. Switches.

        Args:
            record: Is written in the same transaction. The processor hands logical units a
                configuration that records each change in their job by itself.
        """
        ...

    def settle(self) -> None:
        """Wait until what was committed is on all nodes that take it. Switches."""
        ...


class RecordedConfig:
    """Obeys `Config`; records each change in the job that makes it."""

    def __init__(self, config: Config, record: Record[Any]) -> None:
        self._config = config
        self._record = record
        #: Whether anything was changed through this, but quietly.
        self.changed = False

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        return self._config.snapshot()

    def update(
        self,
        change: Callable[[Draft], R],
        record: Record[Any] | None = None,
        *,
        quietly: bool = False,
    ) -> R:
        """Carry out a change, recorded; see `Config`. Switches.

        Args:
            quietly: It is none that scripts for changes of the configuration follow.
        """
        kept: Record[Any] = self._record if record is None else record
        return self._config.update(change, kept if quietly else _Noticed(kept, self._notice))

    def settle(self) -> None:
        """Wait until what was committed is on all nodes that take it. Switches."""
        self._config.settle()

    def _notice(self) -> None:
        self.changed = True


class _Noticed:
    """Obeys `Record`, whatever the transaction; tells besides that there was a change at all."""

    def __init__(self, record: Record[Any], notice: Callable[[], None]) -> None:
        self._record = record
        self._notice = notice

    def put(self, txn: Any, serial_no: int) -> object:
        return self._record.put(txn, serial_no)

    def told(self, put: object) -> None:
        self._notice()
        self._record.told(put)


class Jobs(Protocol):
    """The queue; see `masterd.job.service`."""

    def get(self, job_id: int) -> Job | None:
        """Return a job."""
        ...

    def submit_many(
        self, jobs: Sequence[Sequence[OpCode]], peer: Peer | None
    ) -> Sequence[tuple[bool, int | str]]:
        """Submit jobs; return for each whether it was taken, and its id or why not. Switches."""
        ...


class Queries(Protocol):
    """Answers to queries; see `masterd.query.resources`. All methods may switch."""

    def query_by_opcode(
        self, resource: str, fields: Sequence[str], wanted: Filter
    ) -> dict[str, object]:
        """Return fields and rows."""
        ...

    def fields_by_opcode(self, resource: str, names: Sequence[str] | None) -> dict[str, object]:
        """Return descriptions of fields."""
        ...

    def bare_by_opcode(
        self, resource: str, fields: Sequence[str], wanted: Filter
    ) -> list[list[object]]:
        """Return bare values."""
        ...


class InThread(Protocol):
    """Does work on a native thread."""

    def __call__(self, work: Callable[[], R]) -> R:
        """Return what `work` returns, or raise what it raises. Switches."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterContext:
    """The daemon as opcodes are carried out in it; see `Work` for the parts it passes on."""

    config: Config
    rpc: Nodes
    jobs: Jobs
    locks: LockManager
    reservations: Reservations
    queries: Queries
    dialect: Dialect
    clock: Clock
    paths: Paths
    sleep: Callable[[float], None]
    drained: Callable[[], bool]
    watcher_pause: Callable[[], int | None]
    in_thread: InThread
    hooks: HookRunner = field(default_factory=NoHooks)
    probe: Probe = field(default_factory=NetworkProbe)
    new_uuid: Callable[[], str] = lambda: str(uuid4())


class OpRun(Protocol):
    """One run of one opcode, as the job's worker offers it."""

    @property
    def job_id(self) -> int: ...

    @property
    def op_index(self) -> int: ...

    def priority(self) -> int:
        """Return the opcode's priority as it is now."""
        ...

    def locks_held(self) -> None:
        """Make the opcode running. Switches.

        Raises:
            JobCanceled: the job was canceled before this.
        """
        ...

    def wait_again(self) -> None:
        """Make the opcode, which has changed nothing, waiting again. Switches."""
        ...

    def feedback(self, kind: str, message: object) -> None:
        """Add a line to the job's log. May switch."""
        ...

    def config_record(self) -> Record[Any]:
        """Return what records the opcode's changes of the configuration in the job."""
        ...

    def journal(self) -> Journal:
        """Return what notes the opcode's calls that change nodes."""
        ...

    def check_canceled(self) -> None:
        """Do nothing unless the job was canceled.

        Raises:
            JobCanceled: it was.
        """
        ...
