"""From a request to the part that answers it.

`Dispatcher.handle` runs in a greenlet lent by the server for one request. What a call means is
decided here in a few lines each; how it is done stands in `job`, `query`, `config`. A call that
waits (WaitForJobChange) keeps its `Reply` and gives the greenlet back.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NoReturn

import gevent

from masterd.clock import Clock
from masterd.config.snapshot import ConfigSnapshot
from masterd.dialect import Dialect
from masterd.errors import GenericError, JobLost, LuxiParseError, OpPrereqError
from masterd.job.model import Job, LogEntry, Peer
from masterd.job.service import JobService
from masterd.job.watch import JobWatch
from masterd.limits import LUXI_PIECES_PER_PAUSE, LUXI_WAIT_S_MAX
from masterd.luxi import calls, methods
from masterd.luxi.calls import OpDocument
from masterd.luxi.messages import Request
from masterd.luxi.renewal import refuse_half
from masterd.luxi.reply import Reply
from masterd.opcodes.base import OpCode
from masterd.opcodes.errors import OpCodeError
from masterd.query import engine
from masterd.query.cluster_info import cluster_info_json
from masterd.query.config_values import ClusterState, config_values
from masterd.query.job_fields import JOB_TABLE, JobRow, job_values, log_line
from masterd.query.job_source import JobSource
from masterd.query.resources import Resources
from masterd.turns import Turns
from masterd.wconf.filter_rules import FilterRules

_log = logging.getLogger(__name__)

#: The resource of each old-style query.
_CLASSIC: Final[dict[type[calls.ClassicQuery], str]] = {
    calls.QueryGroups: "group",
    calls.QueryInstances: "instance",
    calls.QueryNetworks: "network",
    calls.QueryNodes: "node",
}


class Dispatcher:
    """Answers LUXI requests. One for the daemon."""

    def __init__(
        self,
        jobs: JobService,
        config: Callable[[], ConfigSnapshot],
        clock: Clock,
        *,
        resources: Resources,
        dialect: Dialect,
        filter_rules: FilterRules,
        supported: Callable[[str], bool],
        room_for: Callable[[int], AbstractContextManager[None]],
        watcher_pause: Callable[[], int | None],
        set_watcher_pause: Callable[[float | None], None],
    ) -> None:
        """Prepare.

        Args:
            config: returns the newest configuration.
            resources: answers queries about everything but jobs.
            dialect: the release of Ganeti that is spoken.
            filter_rules: changes the rules that say which jobs may start.
            supported: whether there is a logical unit for an OP_ID.
            room_for: lets so many new jobs in; entering it switches, or refuses them.
            watcher_pause: until when the watcher pauses, in seconds since the epoch.
            set_watcher_pause: tells the nodes; switches.
        """
        self._jobs = jobs
        self._source = JobSource(jobs.repository)
        self._config = config
        self._clock = clock
        self._resources = resources
        self._dialect = dialect
        self._cluster_info = cluster_info_json(dialect)
        self._filter_rules = filter_rules
        self._supported = supported
        self._room_for = room_for
        self._watcher_pause = watcher_pause
        self._set_watcher_pause = set_watcher_pause

    def handle(self, request: Request, peer: Peer, reply: Reply) -> None:
        """Answer a request, or see to it that it will be answered. Switches.

        Raises:
            GanetiError: becomes the answer.
        """
        call = methods.check(request)
        match call:
            case calls.WaitForJobChange():
                self._wait_for_job_change(call, reply)
            case calls.QueryClusterInfo():
                reply.success_raw(self._cluster_info(self._config()))
            case calls.QueryConfigValues():
                refuse_half(call.fields, peer)
                reply.success(self._config_values(call.fields))
            case calls.Query(resource="job") | calls.QueryFields(resource="job"):
                reply.success(self._query_jobs(call))
            case calls.QueryJobs():
                reply.success(self._query_jobs(call))
            case calls.Query() | calls.QueryFields() | calls.ClassicQuery():
                reply.success(self._query(call))
            case (
                calls.QueryLocks() | calls.QueryFilters() | calls.QueryExports() | calls.QueryTags()
            ):
                reply.success(self._query(call))
            case calls.SubmitJob() | calls.SubmitJobToDrainedQueue() | calls.SubmitManyJobs():
                reply.success(self._submit(call, peer, request.method))
            case _:
                reply.success(self._change(call, request.method))

    # --- queries ------------------------------------------------------------------------------

    def _query_jobs(self, call: calls.Query | calls.QueryFields | calls.QueryJobs) -> object:
        pause = gevent.idle
        match call:
            case calls.QueryJobs():
                return engine.query_classic(
                    JOB_TABLE, self._source, call.job_ids, call.fields, pause
                )
            case calls.Query():
                return engine.query(JOB_TABLE, self._source, call.fields, call.filter, pause)
            case calls.QueryFields():
                return engine.query_fields(JOB_TABLE, call.fields)

    def _query(self, call: calls.Call) -> object:
        resources = self._resources
        match call:
            case calls.Query():
                return resources.query(call.resource, call.fields, call.filter)
            case calls.QueryFields():
                return resources.query_fields(call.resource, call.fields)
            case calls.ClassicQuery():
                resource = _CLASSIC[type(call)]
                return resources.classic(resource, call.names, call.fields, lock=call.lock)
            case calls.QueryLocks():
                return resources.classic("lock", (), call.fields, lock=call.sync)
            case calls.QueryFilters():
                return resources.classic("filter", call.uuids or (), call.fields)
            case calls.QueryExports():
                return resources.exports(call.nodes, lock=call.lock)
            case calls.QueryTags():
                return resources.tags(call.kind, call.name)
        raise AssertionError(f"{call} is no query")

    def _config_values(self, fields: Sequence[str]) -> list[object]:
        state = ClusterState(
            config=self._config(),
            drained=self._jobs.repository.drained(),
            watcher_pause=self._watcher_pause(),
        )
        return config_values(state, fields)

    # --- submissions --------------------------------------------------------------------------

    def _submit(
        self,
        call: calls.SubmitJob | calls.SubmitJobToDrainedQueue | calls.SubmitManyJobs,
        peer: Peer,
        method: str,
    ) -> object:
        """Check every opcode of a submission before any job is taken in."""
        turns = Turns(LUXI_PIECES_PER_PAUSE, gevent.sleep)
        if isinstance(call, calls.SubmitManyJobs):
            jobs = [self._load(job, method, turns) for job in call.jobs]
            with self._room_for(len(jobs)):
                return self._jobs.submit_many(jobs, peer)
        ops = self._load(call.ops, method, turns)
        ignore_drain = isinstance(call, calls.SubmitJobToDrainedQueue)
        with self._room_for(1):
            return self._jobs.submit(ops, peer, ignore_drain=ignore_drain)

    def _load(self, documents: Sequence[OpDocument], method: str, turns: Turns) -> list[OpCode]:
        try:
            load = self._dialect.opcodes.load
            ops = [load(document) for document in turns.over(documents)]
        except OpCodeError as error:
            raise LuxiParseError(f"{method}: {error}") from error
        if not ops:
            raise GenericError("A job needs at least one opcode")
        for op in ops:
            if not self._supported(op.OP_ID):
                # Without a code: the remote API shows more than one argument as a tuple.
                raise OpPrereqError(f"Opcode {op.OP_ID} is not supported yet by this master daemon")
        return ops

    # --- changes of the queue -----------------------------------------------------------------

    def _change(self, call: calls.Call, method: str) -> object:
        jobs = self._jobs
        match call:
            case calls.CancelJob():
                return jobs.cancel(call.job_id, kill=call.kill)
            case calls.ArchiveJob():
                return jobs.archive(call.job_id)
            case calls.AutoArchiveJobs():
                return jobs.auto_archive(call.age_s, call.timeout_s)
            case calls.ChangeJobPriority():
                return jobs.change_priority(call.job_id, call.priority)
            case calls.SetDrainFlag():
                jobs.set_drained(call.drain)
                return True
            case calls.SetWatcherPause():
                self._set_watcher_pause(call.until_s)
                return call.until_s
            case calls.ReplaceFilter():
                return self._filter_rules.replace(
                    call.uuid,
                    priority=call.priority,
                    predicates=tuple((each.name, each.document) for each in call.predicates),
                    action=call.action,
                    rate_limit=call.rate_limit,
                    reason=call.reason,
                )
            case calls.DeleteFilter():
                self._filter_rules.delete(call.uuid)
                return None
            case calls.PickupJob():
                raise GenericError("Luxi call 'PickupJob' is for internal use only")
            case _:
                return self._refuse(method)

    def _refuse(self, method: str) -> NoReturn:
        raise GenericError(f"LUXI call {method} is not supported yet by this master daemon")

    # --- waiting ------------------------------------------------------------------------------

    def _wait_for_job_change(self, call: calls.WaitForJobChange, reply: Reply) -> None:
        """Answer at once when there is news, else when a commit brings some or time is up."""
        job = self._jobs.get(call.job_id)
        if job is None:
            raise JobLost("Can't load job file")
        watch = JobWatch(
            self._jobs,
            call.job_id,
            _Told(call.fields, self._jobs, reply),
            previous=call.previous,
            seen=call.previous_log_serial or 0,
        )
        waiter = watch.begin(job, max(0, min(call.timeout_s, LUXI_WAIT_S_MAX)))
        if waiter is not None:
            reply.on_gone(waiter.forget)


class _Told:
    """A client that waits for a job, as `masterd.job.watch` wants it."""

    __slots__ = ("_jobs", "_reply", "_values")

    def __init__(self, fields: Sequence[str], jobs: JobService, reply: Reply) -> None:
        self._values = job_values(fields)
        self._jobs = jobs
        self._reply = reply

    def values(self, job: Job) -> object:
        """Return the fields that were asked for."""
        return self._values(JobRow.of(job, lambda: self._jobs.logs(job.job_id)))

    def tell(self, values: object, entries: Sequence[LogEntry]) -> None:
        """Answer."""
        self._reply.success([values, [log_line(entry) for entry in entries]])
