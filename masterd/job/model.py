"""A job and its opcodes as frozen values.

What the daemon does not look into (an opcode's input, its result, a log message) is kept as JSON
text in UTF-8 from the moment it was checked: it goes to clients and into the mirror without being
parsed again, and without losing the difference between 1 and 1.0.
"""

from dataclasses import dataclass

from masterd.job.status import FINAL, JobStatus, OpStatus, job_status

#: JSON text in UTF-8, checked when it came in.
Json = bytes


@dataclass(frozen=True, slots=True)
class Peer:
    """Who sent a request, as the kernel tells it."""

    uid: int
    gid: int
    pid: int


@dataclass(frozen=True, slots=True)
class Holder:
    """What shows in a job's file that the process that carries it out is alive.

    Attributes:
        livelock: Path of a file that the process keeps locked.
    """

    livelock: str
    process_id: int


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another job that has to end first, in one of these statuses (empty: success or error)."""

    job_id: int
    statuses: frozenset[JobStatus]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of feedback; `serial` counts from 1 over the whole job."""

    serial: int
    op_index: int
    time_us: int
    kind: str
    message: Json


@dataclass(frozen=True, slots=True)
class Op:
    """One opcode of a job, with its progress."""

    op_id: str
    #: The opcode as submitted, defaults filled, reason trail extended; secrets redacted.
    input: Json
    #: What lists show, such as `TEST_DELAY(1.0)`.
    summary: str
    priority: int
    depends: tuple[Dependency, ...] = ()
    status: OpStatus = OpStatus.QUEUED
    #: Result or `[class, [args]]`; None before the end.
    result: Json | None = None
    start_us: int | None = None
    exec_us: int | None = None
    end_us: int | None = None
    #: Serial number of the configuration after the last change this opcode made; None without one.
    config_serial: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job; log entries are kept beside it (`Job.log_serial` is the last one's serial)."""

    job_id: int
    ops: tuple[Op, ...]
    received_us: int | None
    start_us: int | None = None
    end_us: int | None = None
    #: Serial of the newest log entry; 0 while there is none.
    log_serial: int = 0
    #: Counts the changes of this job; a higher one is newer.
    revision: int = 0
    peer: Peer | None = None
    #: Who carries the job out or did so (see `Holder`); None before and while it is queued.
    livelock: str | None = None
    process_id: int | None = None
    archived: bool = False

    @property
    def status(self) -> JobStatus:
        return job_status(op.status for op in self.ops)

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def priority(self) -> int:
        """Smallest number among the opcodes that are not final; 0 when all are."""
        return min((op.priority for op in self.ops if op.status not in FINAL), default=0)
