"""Builds the parts and wires them: the one place that knows all of them.

The order of `start` is the order of the conditions: only the master may go on, only one may have
the queue, store and files must not contradict each other, the configuration comes before whatever
reads it, the queue is put in order before jobs run, and clients are served last. `stop` goes the
other way.
"""

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

import gevent

from exporter.entrance import Entrance
from exporter.layout import Layout
from exporter.service import Exporter
from masterd import admission, collector, dialect_choice, installed, startup
from masterd.candidates import Candidates
from masterd.cli import Options
from masterd.clock import Clock, SystemClock, boottime_s
from masterd.errors import EXIT_FAILURE, GanetiError, StartError
from masterd.freshness import Numbers
from masterd.job.model import Holder
from masterd.job.service import JobService
from masterd.keeper import Keeper
from masterd.lease import Lease
from masterd.limits import (
    APP_CLOSE_S,
    APP_CONFIG_WRITTEN_S,
    APP_MIRROR_STOP_S,
    LEASE_ADDRESS_S,
    LEASE_MIRROR_STOP_S,
    LEASE_VOTE_S,
)
from masterd.livelock import LiveLock
from masterd.lock.manager import LockManager
from masterd.lock.open_table import OpenTable
from masterd.lu import registry
from masterd.luxi.dispatch import Dispatcher
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec
from masterd.master_node import MasterNode
from masterd.opening import Opened, Opening, begin_epoch, leave_queue, numbers, read_archive, settle
from masterd.paths import Paths
from masterd.query.collect import Collector
from masterd.query.resources import Resources
from masterd.queue_lock import QueueInUseError, QueueLock
from masterd.rpc.runner import NodeTarget, RpcRunner
from masterd.rpc.transport import TlsTransport
from masterd.rpc.virtual_path import VirtualPaths
from masterd.settings import Settings
from masterd.ssconf import SimpleConfig
from masterd.standing import WAYS_ON
from masterd.startup import Identity
from masterd.state_survey import StateSurvey
from masterd.status_file import StatusFile
from masterd.users import Owners
from masterd.voting import Tally
from masterd.watch import MasterWatch
from masterd.wconf.copies import ConfigCopies
from masterd.wconf.filter_rules import FilterRules
from masterd.wconf.gate import GatedConfig
from masterd.wconf.repository import ConfigRepository
from masterd.wconf.reservations import Reservations
from masterd.wconf.shown import ShownConfig
from masterd.wconf.writer import FileState
from masterd.wconfd.beside import Beside
from masterd.wconfd.service import SOCKET_MODE
from masterd.work.context import ClusterContext
from masterd.work.hook_runner import NodeHooks
from masterd.work.processor import Processor
from store.errors import StoreError
from store.store import Store
from store.threads import in_thread

_log = logging.getLogger(__name__)

QUERY_SOCKET_MODE: Final = 0o660
MASTER_SOCKET_MODE: Final = 0o660


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
        self._dialect = dialect_choice.choose(settings.dialect, installed.find())
        self._clock: Clock = SystemClock()
        self._owners = Owners.of_this_machine()
        self._transport = TlsTransport(
            paths.server_certificate, paths.client_certificate, self._clock
        )
        ssconf = SimpleConfig(paths.data_dir)
        self._lease = Lease(identity.myself, ssconf, boottime_s)
        calls = self._dialect.calls
        self._rpc = RpcRunner(
            self._transport,
            port=settings.node_port,
            calls=calls,
            permit=self._lease.await_permit,
        )
        # Who is master, and the address of whom is not any more, are asked for without permission.
        self._free_rpc = RpcRunner(self._transport, port=settings.node_port, calls=calls)
        self._node = MasterNode(self._free_rpc, paths, self._clock)
        self._lost: Callable[[str], None] = lambda _reason: None
        self._busy: Callable[[str], None] = lambda _what: None
        #: What `stop` has to close, the newest last.
        self._closing: list[tuple[str, Callable[[], object]]] = [
            ("node connections", self._transport.close)
        ]
        self._jobs: JobService | None = None
        self._server: Server | None = None
        self._beside: Beside | None = None

    # --- life ---------------------------------------------------------------------------------

    def report_to(self, lost: Callable[[str], None], busy: Callable[[str], None]) -> None:
        """Have `lost` told why this node may not be the master any more; see the protocol."""
        self._lost, self._busy = lost, busy

    def start(self) -> str:
        """Return when clients are served, with what the administrator is to be told. Switches.

        Raises:
            StartError: this node may not be the master, or something is not as it must be.
        """
        votes = None
        if not self._options.no_voting:
            self._busy("Asking all nodes who is master")
            votes = startup.win_votes(
                self._identity,
                self._node.ask_votes,
                sleep=gevent.sleep,
                tries=self._settings.vote_tries,
                pause_s=self._settings.vote_pause_s,
            )
        queue_lock = self._lock_queue()
        self._busy("Reading the store")
        opened = self._open_store(queue_lock)
        store, config = opened.store, opened.config
        self._closing.append(("queue", partial(leave_queue, store, queue_lock)))
        self._busy("Comparing the store with what other nodes have")
        highest, stale = self._compare_with_nodes(opened, votes)
        self._watch(config)
        store.ask_before_commits(self._lease.permit)
        _log.info("epoch %d begins", begin_epoch(store, highest.epoch))
        holder = self._show_life()
        shown = self._keep_copies(config)
        table = OpenTable()
        locks = LockManager(table)
        reservations = Reservations(config.snapshot)
        beside = Beside(locks, table, shown, reservations, holder, self._clock)
        entrance = admission.make_entrance(self._settings, self._clock)
        exporter = self._make_exporter(store, config, entrance)
        jobs = self._jobs = JobService(
            store,
            self._clock,
            running_max=lambda: config.snapshot().cluster.max_running_jobs,
            live_max=self._settings.jobs_live_max,
            interrupt=locks.cancel,
            reprioritize=locks.set_priority,
            mirror=exporter.poke,
            replicated=admission.replicated(self._settings, exporter),
            load=self._dialect.opcodes.load,
            rules=lambda: config.snapshot().filters.values(),
            holder=holder,
        )
        config.on_publish(lambda _now: jobs.reconsider())
        self._closing.append(("look at the queue", jobs.stop))
        changed = jobs.recover()
        _log.info("%d unfinished jobs, %d changed by the restart", jobs.live_count, changed)
        exporter.start()
        self._closing.append(("mirror", lambda: exporter.stop(self._mirror_stop_s())))
        queries = Resources(
            config.snapshot,
            Collector(self._rpc),
            beside.locks.states,
            gevent.idle,
            dialect=self._dialect,
            drained=lambda: jobs.drained,
            watcher_pause=self._node.watcher_pause,
        )
        self._run_jobs(jobs, beside.config, locks, reservations, queries)
        server = self._serve(jobs, beside, queries, admission.room_for(entrance))
        self._tell_status(jobs, server, store, exporter)
        self._keep(server, beside, queue_lock, exporter, store)
        self._closing.append(("reader of the archive", read_archive(store)))
        collector.calm()
        self._bring_up_master_ip(config)
        return "\n".join(filter(None, (opened.notice, stale)))

    def drain(self, timeout_s: float) -> bool:
        """Take no new work, let running opcodes finish; tell whether they did. Switches."""
        self._stop_accepting()
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

    def _watch(self, config: ConfigRepository) -> None:
        """Watch whether another node becomes the master; from here on nothing is taken for sure."""
        self._lease.confirm()
        self._closing.append(
            ("master IP address of another node", lambda: self._give_up_master_ip(config))
        )
        watch = MasterWatch(
            self._lease,
            self._identity.myself,
            nodes=lambda: [node.name for node in config.snapshot().nodes.values()],
            ask=lambda names: self._node.ask_votes(names, LEASE_VOTE_S),
            lost=self._step_down,
        )
        watch.start()
        self._closing.append(("watch over the mastership", watch.stop))

    def _step_down(self, reason: str) -> None:
        """Another node is the master: take no more work; the daemon ends. Does not switch."""
        self._stop_accepting()
        self._lost(reason)

    def _stop_accepting(self) -> None:
        for each in (self._server, self._beside):
            if each is not None:
                each.stop_accepting()

    def _mirror_stop_s(self) -> float:
        """Return how long the mirror may go on: it may not where the files are another's by now."""
        return APP_MIRROR_STOP_S if self._lease.lost is None else LEASE_MIRROR_STOP_S

    def _give_up_master_ip(self, config: ConfigRepository) -> None:
        """Take the cluster's address down where another node needs it. Switches."""
        if self._lease.lost is None:
            return
        if problem := self._node.deactivate_ip(config.snapshot(), LEASE_ADDRESS_S):
            _log.error("Cannot deactivate the master IP address: %s", problem)

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

    def _open_store(self, lock: QueueLock) -> Opened:
        """Open the store, or make it from what the master before us left. Switches."""
        opened = Opening(
            self._paths,
            self._options,
            self._clock,
            self._identity.myself,
            self._dialect,
            self._settings.store_map_bytes_max,
            self._owners.private,
            lock,
        ).open()
        self._closing.append(("store", lambda: opened.store.close(APP_CLOSE_S)))
        return opened

    def _compare_with_nodes(self, opened: Opened, votes: Tally | None) -> tuple[Numbers, str]:
        """Let no state be served that other nodes know to be old, unless that is wanted. Switches.

        Returns the numbers that nobody has seen higher, and what the administrator is to be told.
        Nobody votes in a cluster of one node, and nobody is asked where that was forbidden.
        """
        if votes is None:
            return numbers(opened), ""
        silent = {name for name, vote in votes.silent if vote.unreachable}
        asked = [
            NodeTarget(node.name, node.uuid, node.primary_ip)
            for node in opened.config.snapshot().nodes.values()
            if node.name not in silent and node.name != self._identity.myself
        ]
        survey = StateSurvey(
            self._free_rpc,
            self._paths,
            self._virtual_paths(),
            confd_port=self._settings.confd_port,
            now_s=lambda: self._clock.now_us() // 1_000_000,
        )
        own = numbers(opened)
        return settle(opened, own, survey.ask(asked, own), self._options.accept_stale_state)

    def _lock_queue(self) -> QueueLock:
        try:
            lock = QueueLock.take(self._paths.queue_dir, self._owners.daemons)
        except (QueueInUseError, OSError) as error:
            raise StartError(EXIT_FAILURE, str(error)) from error
        self._closing.append(("lock of the queue", lock.release))
        return lock

    def _show_life(self) -> Holder:
        """Hold a livelock, which says to other masters that our jobs are alive."""
        try:
            lock = LiveLock.take(
                self._paths.livelock_dir,
                self._clock.now_us() // 1_000_000,
                owner=self._owners.private,
                directory_owner=self._owners.daemons,
            )
        except OSError as error:
            raise StartError(EXIT_FAILURE, f"cannot make a livelock: {error}") from error
        self._closing.append(("livelock", lock.release))
        return Holder(str(lock.path), os.getpid())

    def _keep_copies(self, config: ConfigRepository) -> ShownConfig:
        """Keep `config.data` here and the other nodes' copies equal to the store."""
        options = self._options
        copies = ConfigCopies(
            config,
            self._rpc,
            self._paths.config_file,
            sent_as=self._virtual_paths().virtual(self._paths.config_file),
            owner=self._owners.confd,
            now_s=lambda: self._clock.now_us() / 1_000_000,
            release_version=self._dialect.release_version,
            trusted=options.adopt_files or options.keep_store or options.adopt_config,
        )
        if (refusal := copies.refusal()) is not None:
            raise StartError(
                EXIT_FAILURE,
                f"{refusal}.\nNothing was sent to any node. {WAYS_ON}\n"
                "  --adopt-files: take everything over from the files anew\n"
                "  --keep-store: write these files anew from the store",
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
        return VirtualPaths(self._paths.virtual_root)

    # --- the mirror ---------------------------------------------------------------------------

    def _make_exporter(
        self, store: Store, config: ConfigRepository, entrance: Entrance
    ) -> Exporter:
        candidates = Candidates(self._rpc, self._virtual_paths())
        exporter = Exporter(
            store,
            Layout(self._paths.queue_dir, owner=self._owners.daemons),
            replicas=candidates.replicas(config.snapshot()),
            parked=candidates.parked(config.snapshot()),
            entrance=entrance,
            now_s=self._clock.monotonic_s,
            permit=self._lease.permit,
            keep_archive_since_s=self._settings.archive_kept_since_s(self._clock.now_us),
        )
        config.on_publish(
            lambda now: exporter.follow(candidates.replicas(now), candidates.parked(now))
        )
        return exporter

    # --- jobs and clients ---------------------------------------------------------------------

    def _run_jobs(
        self,
        jobs: JobService,
        config: GatedConfig,
        locks: LockManager,
        reservations: Reservations,
        queries: Resources,
    ) -> None:
        context = ClusterContext(
            config=config,
            rpc=self._rpc,
            jobs=jobs,
            locks=locks,
            reservations=reservations,
            queries=queries,
            dialect=self._dialect,
            clock=self._clock,
            paths=self._paths,
            sleep=gevent.sleep,
            drained=lambda: jobs.drained,
            watcher_pause=self._node.watcher_pause,
            in_thread=partial(in_thread, gevent.get_hub().threadpool),
            hooks=NodeHooks(config.snapshot, str(self._paths.data_dir)),
        )
        jobs.start(Processor(context, find=registry.find))

    def _serve(
        self,
        jobs: JobService,
        beside: Beside,
        queries: Resources,
        room_for: Callable[[int], AbstractContextManager[None]],
    ) -> Server:
        config = beside.config
        dispatcher = Dispatcher(
            jobs,
            config.snapshot,
            self._clock,
            resources=queries,
            dialect=self._dialect,
            filter_rules=FilterRules(config, self._clock, jobs.repository.last_id),
            supported=lambda op_id: registry.find(op_id) is not None,
            room_for=room_for,
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
            bounds=self._bounds(),
        )
        self._beside = beside
        self._closing += [("sockets", server.close), ("companion's socket", beside.stop)]
        companions = SocketSpec(self._paths.config_socket, SOCKET_MODE, self._owners.private)
        try:
            server.start()
            beside.start(companions, self._bounds())
        except OSError as error:
            raise StartError(EXIT_FAILURE, f"cannot listen for clients: {error}") from error
        return server

    def _bounds(self) -> ServerLimits:
        return ServerLimits(
            connections_max=self._settings.luxi_connections_max,
            message_bytes_max=self._settings.luxi_message_bytes_max,
        )

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

    def _keep(
        self,
        server: Server,
        beside: Beside,
        queue_lock: QueueLock,
        exporter: Exporter,
        store: Store,
    ) -> None:
        """Notice what others remove under the running daemon."""
        keeper = Keeper(
            {
                "sockets": server.keep,
                "companion's socket": beside.keep,
                "lock of the queue": queue_lock.keep,
                "mirror": exporter.look,
                "store": store.check_there,
            }
        )
        keeper.start()
        self._closing.append(("keeper", keeper.stop))
