"""The LUXI calls as typed values: one class per method, in the words of this project.

`masterd/luxi/methods.py` makes them from requests; the daemon dispatches on their class. Documents
that other parts check (opcodes) are handed on as they came. Source: luxi.json, methods.
"""

from dataclasses import dataclass
from typing import Literal

from masterd.filter.language import Filter

#: Document of one opcode: the parts between LUXI and the opcode's declaration do not look into it.
OpDocument = dict[str, object]


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of a resource with a status per cell."""

    resource: str
    fields: tuple[str, ...]
    filter: Filter


@dataclass(frozen=True, slots=True)
class QueryFields:
    """Descriptions of a resource's fields; no names mean all."""

    resource: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassicQuery:
    """Bare values for items by name; no names mean all; `lock` is refused by the reference."""

    names: tuple[str, ...]
    fields: tuple[str, ...]
    lock: bool


class QueryNodes(ClassicQuery):
    """Bare values for nodes."""

    __slots__ = ()


class QueryGroups(ClassicQuery):
    """Bare values for node groups."""

    __slots__ = ()


class QueryNetworks(ClassicQuery):
    """Bare values for networks."""

    __slots__ = ()


class QueryInstances(ClassicQuery):
    """Bare values for instances."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class QueryLocks:
    """Bare values for locks, as clients of the 2.x line ask."""

    fields: tuple[str, ...]
    sync: bool


@dataclass(frozen=True, slots=True)
class QueryFilters:
    """Bare values for job filter rules; None means all."""

    uuids: tuple[str, ...] | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilterPredicate:
    """One condition of a job filter rule."""

    name: Literal["jobid", "opcode", "reason"]
    filter: Filter
    #: The filter in the form in which it is stored and shown.
    document: object


@dataclass(frozen=True, slots=True)
class ReplaceFilter:
    """Add or change a job filter rule."""

    #: None: a new rule.
    uuid: str | None
    priority: int
    predicates: tuple[FilterPredicate, ...]
    action: Literal["ACCEPT", "PAUSE", "REJECT", "CONTINUE", "RATE_LIMIT"]
    #: How many jobs may run at once, for RATE_LIMIT.
    rate_limit: int | None
    #: Entries (source, reason, time in ns).
    reason: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class DeleteFilter:
    """Remove a job filter rule."""

    uuid: str


@dataclass(frozen=True, slots=True)
class QueryJobs:
    """Bare values for jobs; no ids mean all."""

    job_ids: tuple[int, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryExports:
    """Backups per node."""

    nodes: tuple[str, ...]
    lock: bool


@dataclass(frozen=True, slots=True)
class QueryConfigValues:
    """Some values of the cluster by name."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryClusterInfo:
    """The cluster's settings."""


@dataclass(frozen=True, slots=True)
class QueryTags:
    """Tags of one object; the name is ignored for the cluster."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """One new job."""

    ops: tuple[OpDocument, ...]


@dataclass(frozen=True, slots=True)
class SubmitJobToDrainedQueue:
    """One new job even if the queue is drained."""

    ops: tuple[OpDocument, ...]


@dataclass(frozen=True, slots=True)
class SubmitManyJobs:
    """Several new jobs."""

    jobs: tuple[tuple[OpDocument, ...], ...]


@dataclass(frozen=True, slots=True)
class WaitForJobChange:
    """Wait until a job's values differ from what the client knows, or there are new log entries."""

    job_id: int
    fields: tuple[str, ...]
    #: Values the client has; anything that is no list of values differs from everything.
    previous: object
    #: Serial of the newest log entry the client has; None: none.
    previous_log_serial: int | None
    timeout_s: int


@dataclass(frozen=True, slots=True)
class PickupJob:
    """Internal to the reference; always refused."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """Move one finished job to the archive."""

    job_id: int


@dataclass(frozen=True, slots=True)
class AutoArchiveJobs:
    """Move finished jobs older than `age_s` (-1: any) to the archive, for at most `timeout_s`."""

    age_s: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Cancel a job; `kill` also ends a running one."""

    job_id: int
    kill: bool = False


@dataclass(frozen=True, slots=True)
class ChangeJobPriority:
    """Give a job's opcodes that have not ended another priority."""

    job_id: int
    priority: int


@dataclass(frozen=True, slots=True)
class SetDrainFlag:
    """Drain the queue, or stop that."""

    drain: bool


@dataclass(frozen=True, slots=True)
class SetWatcherPause:
    """Let the watcher do nothing until then (seconds since the epoch); None ends the pause."""

    until_s: float | None


Call = (
    Query
    | QueryFields
    | QueryNodes
    | QueryGroups
    | QueryNetworks
    | QueryInstances
    | QueryLocks
    | QueryFilters
    | ReplaceFilter
    | DeleteFilter
    | QueryJobs
    | QueryExports
    | QueryConfigValues
    | QueryClusterInfo
    | QueryTags
    | SubmitJob
    | SubmitJobToDrainedQueue
    | SubmitManyJobs
    | WaitForJobChange
    | PickupJob
    | ArchiveJob
    | AutoArchiveJobs
    | CancelJob
    | ChangeJobPriority
    | SetDrainFlag
    | SetWatcherPause
)
