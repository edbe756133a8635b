"""What the daemon hands to logical units. Parts that switch greenlets say so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from masterd.clock import Clock
from masterd.config.repository import Record
from masterd.config.reservations import Reservations
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.transaction import Draft
from masterd.job.model import Job, Peer
from masterd.lock.manager import LockManager
from masterd.opcodes.base import OpCode
from masterd.paths import Paths
from masterd.query.language import Filter
from masterd.rpc.result import RpcResult
from masterd.rpc.runner import NodeTarget, Request

R = TypeVar("R")


class Config(Protocol):
    """The configuration; see `masterd.config.repository`."""

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


class RecordedConfig:
    """Obeys `Config`; records each change in the job that makes it."""

    def __init__(self, config: Config, record: Record[Any]) -> None:
        self._config = config
        self._record = record

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration."""
        return self._config.snapshot()

    def update(self, change: Callable[[Draft], R], record: Record[Any] | None = None) -> R:
        """Carry out a change, recorded; see `Config`. Switches."""
        return self._config.update(change, self._record if record is None else record)


class Rpc(Protocol):
    """Calls to node daemons; see `masterd.rpc.runner`."""

    def call(
        self,
        call_name: str,
        nodes: Sequence[NodeTarget],
        args: Sequence[object],
        *,
        timeout_s: float | None = None,
    ) -> Mapping[str, RpcResult]:
        """Ask nodes at the same time; return results by node uuid. Switches."""
        ...

    def call_each(self, requests: Sequence[Request]) -> Sequence[RpcResult]:
        """Send different calls at the same time; return results in their order. Switches."""
        ...


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
    """Everything a logical unit may touch.

    Attributes:
        sleep: waits for so many seconds; switches, and ends early only when the greenlet is killed.
        drained: tells whether the queue takes no new jobs.
        watcher_pause: tells until when the watcher pauses, in seconds since the epoch.
        in_thread: does pure work that takes long on a native thread, so that clients are served
            meanwhile; switches.
    """

    config: Config
    rpc: Rpc
    jobs: Jobs
    locks: LockManager
    reservations: Reservations
    queries: Queries
    clock: Clock
    paths: Paths
    sleep: Callable[[float], None]
    drained: Callable[[], bool]
    watcher_pause: Callable[[], int | None]
    in_thread: InThread


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

    def feedback(self, kind: str, message: object) -> None:
        """Add a line to the job's log. May switch."""
        ...

    def config_record(self) -> Record[Any]:
        """Return what records the opcode's changes of the configuration in the job."""
        ...

    def check_canceled(self) -> None:
        """Do nothing unless the job was canceled.

        Raises:
            JobCanceled: it was.
        """
        ...
