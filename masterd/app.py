"""Builds the parts and wires them: the one place that knows all of them.

The order of `start` is the order of the conditions: only the master may go on, only one process may
have the store, the configuration comes before whatever reads it, the queue is put in order before
jobs run, and clients are served last. `stop` goes the other way.
"""

import gc
import logging
from collections.abc import Callable
from typing import Final

import gevent

from exporter.layout import Layout
from exporter.service import Exporter
from masterd import startup
from masterd.cli import Options
from masterd.clock import Clock, SystemClock
from masterd.config import takeover
from masterd.config.copies import ConfigCopies
from masterd.config.repository import ConfigRepository
from masterd.config.reservations import Reservations
from masterd.config.shown import ShownConfig
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.writer import FileState
from masterd.errors import EXIT_FAILURE, GanetiError, GenericError
from masterd.job.filter_rules import FilterRules
from masterd.job.service import JobService
from masterd.limits import (
    APP_CLOSE_S,
    APP_COLLECTOR_THRESHOLDS,
    APP_CONFIG_WRITTEN_S,
    APP_MIRROR_STOP_S,
)
from masterd.lock.manager import LockManager
from masterd.lu import registry
from masterd.lu.context import ClusterContext
from masterd.lu.processor import Processor
from masterd.luxi.dispatch import Dispatcher
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec
from masterd.master_node import MasterNode
from masterd.opcodes.base import summary_of
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.queue_lock import QueueInUseError, QueueLock
from masterd.rpc.replica import NodeReplica, ReplicaBodies
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.rpc.virtual_path import VirtualPaths
from masterd.settings import Settings
from masterd.startup import Identity, StartError
from masterd.status_file import StatusFile
from masterd.users import Owners
from migrations.legacy import queue_dir
from store.errors import SchemaMismatch, StoreBusy, StoreError
from store.store import Store

_log = logging.getLogger(__name__)

QUERY_SOCKET_MODE: Final = 0o660
MASTER_SOCKET_MODE: Final = 0o770


class Application:
    """The running daemon. Obeys `daemon.Application`."""

    def __init__(
        self, paths: Paths, settings: Settings, options: Options, identity: Identity
    ) -> None:
        """Build what needs nothing but paths; everything else is made by `start`."""
        self._paths = paths
        self._settings = settings
        self._options = options
        self._identity = identity
        self._clock: Clock = SystemClock()
        self._owners = Owners.of_this_machine()
        self._transport = TlsTransport(
            paths.server_certificate, paths.client_certificate, self._clock
        )
        self._rpc = RpcRunner(self._transport, port=settings.node_port)
        self._node = MasterNode(self._rpc, paths, self._clock)
        #: What `stop` has to close, the newest last.
        self._closing: list[tuple[str, Callable[[], object]]] = [
            ("node connections", self._transport.close)
        ]
        self._jobs: JobService | None = None
        self._server: Server | None = None

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Return when clients are served. Switches.

        Raises:
            StartError: this node may not be the master, or something is not as it must be.
        """
        if not self._options.no_voting:
            startup.win_votes(
                self._identity,
                self._node.ask_votes,
                sleep=gevent.sleep,
                tries=self._settings.vote_tries,
                pause_s=self._settings.vote_pause_s,
            )
        store = self._open_store()
        config = self._load_config(store)
        self._take_over_queue(store)
        self._lock_queue()
        shown = self._keep_copies(config)
        locks = LockManager()
        exporter = self._make_exporter(store, config.snapshot())
        jobs = self._jobs = JobService(
            store,
            self._clock,
            running_max=lambda: config.snapshot().cluster.max_running_jobs,
            live_max=self._settings.jobs_live_max,
            interrupt=locks.cancel,
            mirror=exporter.poke,
            replicated=self._replicated(exporter),
        )
        changed = jobs.recover()
        _log.info("%d unfinished jobs, %d changed by the restart", jobs.live_count, changed)
        exporter.start()
        self._closing.append(("mirror", lambda: exporter.stop(APP_MIRROR_STOP_S)))
        queries = Resources(
            config.snapshot,
            Collector(self._rpc),
            locks.states,
            gevent.idle,
            drained=lambda: jobs.drained,
            watcher_pause=self._node.watcher_pause,
        )
        self._run_jobs(jobs, shown, locks, queries)
        server = self._serve(jobs, config, queries)
        self._tell_status(jobs, server, store, exporter)
        _calm_collector()
        self._bring_up_master_ip(config)

    def drain(self, timeout_s: float) -> bool:
        """Take no new work, let running opcodes finish; tell whether they did. Switches."""
        if self._server is not None:
            self._server.stop_accepting()
        return True if self._jobs is None else self._jobs.drain(timeout_s)

    def stop(self) -> None:
        """Close everything; what runs is cut off. Works after a failed `start` too. Switches."""
        while self._closing:
            name, close = self._closing.pop()
            try:
                close()
            except (OSError, StoreError, GanetiError):
                _log.exception("closing the %s failed", name)

    # --- the master's right to be one ---------------------------------------------------------

    def _bring_up_master_ip(self, config: ConfigRepository) -> None:
        """Activate the cluster's address beside everything else.

        The node daemon takes seconds to announce the address, or does not answer at all; neither
        keeps clients, or whoever waits for the start or asks for the end, waiting.
        """
        activation = gevent.spawn(
            startup.activate_master_ip, lambda: self._node.activate_ip(config.snapshot())
        )
        self._closing.append(("master IP address", activation.kill))

    # --- store and configuration --------------------------------------------------------------

    def _open_store(self) -> Store:
        try:
            store = Store.open(
                self._paths.store_dir, map_bytes_max=self._settings.store_map_bytes_max
            )
        except StoreBusy as error:
            raise StartError(EXIT_FAILURE, str(error)) from error
        except SchemaMismatch as error:
            raise StartError(EXIT_FAILURE, f"{error}; see scripts/migrate") from error
        except (StoreError, OSError) as error:
            raise StartError(EXIT_FAILURE, f"cannot open the store: {error}") from error
        self._closing.append(("store", lambda: store.close(APP_CLOSE_S)))
        return store

    def _load_config(self, store: Store) -> ConfigRepository:
        """Load the configuration; at the first start, take it over from `config.data`."""
        config = ConfigRepository(store, self._clock)
        path = self._paths.config_file
        if config.is_empty():
            takeover.take_over(config, path)
            return config
        config.load()
        if self._options.adopt_config:
            takeover.adopt(config, path)
        return config

    def _take_over_queue(self, store: Store) -> None:
        """At the first start, take over the jobs of the master before us."""
        try:
            report = queue_dir.takeover_if_first_start(
                store,
                self._paths.queue_dir,
                now_us=self._clock.now_us(),
                summary=summary_of,
            )
        except queue_dir.QueueRefusedError as error:
            reasons = "\n  ".join(error.reasons)
            raise StartError(EXIT_FAILURE, f"cannot take over the queue:\n  {reasons}") from error
        if report is not None:
            _log.info("took the queue over from %s: %s", self._paths.queue_dir, report)

    def _lock_queue(self) -> None:
        try:
            lock = QueueLock.take(self._paths.queue_dir, self._owners.daemons)
        except (QueueInUseError, OSError) as error:
            raise StartError(EXIT_FAILURE, str(error)) from error
        self._closing.append(("lock of the queue", lock.release))

    def _keep_copies(self, config: ConfigRepository) -> ShownConfig:
        """Keep `config.data` here and the other nodes' copies equal to the store."""
        copies = ConfigCopies(
            config,
            self._rpc,
            self._paths.config_file,
            sent_as=self._virtual_paths().virtual(self._paths.config_file),
            owner=self._owners.confd,
            now_s=lambda: self._clock.now_us() / 1_000_000,
        )
        try:
            report = copies.start()
        except OSError as error:
            raise StartError(EXIT_FAILURE, f"cannot keep config.data: {error}") from error
        if report.state is FileState.EDITED:
            _log.error(
                "%s was edited while no master ran; it does not count, a copy is in %s",
                report.path,
                report.saved,
            )
        self._closing.append(
            ("copies of the configuration", lambda: copies.stop(APP_CONFIG_WRITTEN_S))
        )
        return copies.shown

    def _virtual_paths(self) -> VirtualPaths:
        return VirtualPaths(None if self._paths.virtual_hostname is None else self._paths.root)

    # --- the mirror ---------------------------------------------------------------------------

    def _make_exporter(self, store: Store, config: ConfigSnapshot) -> Exporter:
        bodies = ReplicaBodies(self._virtual_paths())
        replicas = [
            NodeReplica(self._rpc, NodeTarget(node.name, node.uuid, node.primary_ip), bodies)
            for node in config.queue_replicas()
        ]
        layout = Layout(self._paths.queue_dir, owner=self._owners.daemons)
        return Exporter(store, layout, replicas=replicas, now_s=self._clock.monotonic_s)

    def _replicated(self, exporter: Exporter) -> Callable[[int], None] | None:
        if not self._settings.wait_for_candidates:
            return None

        def wait(seq: int) -> None:
            if not exporter.wait_replicated(seq, self._settings.wait_for_candidates_s):
                raise GenericError(
                    "The job is kept by the master, but not by the master candidates yet"
                )

        return wait

    # --- jobs and clients ---------------------------------------------------------------------

    def _run_jobs(
        self,
        jobs: JobService,
        config: ShownConfig,
        locks: LockManager,
        queries: Resources,
    ) -> None:
        context = ClusterContext(
            config=config,
            rpc=self._rpc,
            jobs=jobs,
            locks=locks,
            reservations=Reservations(config.snapshot),
            queries=queries,
            clock=self._clock,
            paths=self._paths,
            sleep=gevent.sleep,
            drained=lambda: jobs.drained,
            watcher_pause=self._node.watcher_pause,
            in_thread=gevent.get_hub().threadpool.apply,
        )
        jobs.start(Processor(context))

    def _serve(self, jobs: JobService, config: ConfigRepository, queries: Resources) -> Server:
        dispatcher = Dispatcher(
            jobs,
            config.snapshot,
            self._clock,
            resources=queries,
            filter_rules=FilterRules(config, self._clock, jobs.repository.last_id),
            supported=lambda op_id: registry.find(op_id) is not None,
            watcher_pause=self._node.watcher_pause,
            set_watcher_pause=lambda until_s: self._node.set_watcher_pause(
                config.snapshot(), until_s
            ),
        )
        owner = self._owners.daemons
        server = self._server = Server(
            [
                SocketSpec(self._paths.query_socket, QUERY_SOCKET_MODE, owner),
                SocketSpec(self._paths.master_socket, MASTER_SOCKET_MODE, owner),
            ],
            dispatcher.handle,
            clock=self._clock,
            bounds=ServerLimits(
                connections_max=self._settings.luxi_connections_max,
                message_bytes_max=self._settings.luxi_message_bytes_max,
            ),
        )
        try:
            server.start()
        except OSError as error:
            raise StartError(EXIT_FAILURE, f"cannot listen for clients: {error}") from error
        self._closing.append(("sockets", server.close))
        return server

    def _tell_status(
        self, jobs: JobService, server: Server, store: Store, exporter: Exporter
    ) -> None:
        status = StatusFile(
            self._paths.status_file,
            {
                "jobs": lambda: {"live": jobs.live_count, "running": jobs.running_count},
                "clients": lambda: server.stats,
                "store": lambda: store.stats,
                "mirror": exporter.lag,
            },
            self._clock,
            owner=self._owners.daemons,
        )
        status.start()
        self._closing.append(("status file", status.stop))


def _calm_collector() -> None:
    """Let the garbage collector look at everything only rarely.

    What lives long here (jobs, configuration) is freed by reference counts; going through all of it
    again and again would stop the hub for a tenth of a second with some ten thousand jobs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*APP_COLLECTOR_THRESHOLDS)
