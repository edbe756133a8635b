"""Opening the store: the one that is there, or a new one made from the files of another master.

A new store is built beside, configuration and queue, and moves into its place only when it is
whole: of a first start that is refused, or cut off, nothing counts. A store that is there is
compared with the files first (`masterd.standing`), and where another master has worked meanwhile
the administrator decides. Until then nothing is written and nothing is sent. Only where this node
itself let Debian's configuration daemon in (`masterd.wconfd.stock`), and the files hold all that
the store holds, they are taken over at once; and those of another cluster are where the store's own
has been destroyed.

The queue is locked before: what it holds would change otherwise while it is looked at.
"""

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gevent

from exporter import standing as queue_standing
from exporter.layout import Layout
from exporter.plan import EPOCH
from masterd import freshness
from masterd import standing as standings
from masterd.cli import Options
from masterd.clock import Clock
from masterd.dialect import Dialect
from masterd.errors import EXIT_FAILURE, ConfigurationError, StartError
from masterd.freshness import Numbers, Seen
from masterd.job import job_rows
from masterd.job.status import JobStatus, OpStatus
from masterd.lu import registry
from masterd.opcodes.cluster import OpClusterDestroy
from masterd.paths import Paths
from masterd.queue_lock import QueueInUseError, QueueLock
from masterd.standing import Standing
from masterd.wconf import standing as config_standing
from masterd.wconf import takeover
from masterd.wconf.repository import ConfigRepository
from migrations.legacy import queue_dir, queue_lock
from migrations.legacy.config_versions import version_text
from store import outbox, reading, schema, serials, traces
from store.env import DATA_FILE, DIRECTORY_MODE, lock_writer
from store.errors import RECOVERY, SchemaMismatch, StoreBusy, StoreDamaged, StoreError
from store.files import Owner, own_directory
from store.store import Store
from store.threads import in_thread
from store.txn import WriteTxn

_log = logging.getLogger(__name__)

#: Begins the name of the directory that files of another master are put aside in.
ASIDE: Final = "masterd-files"
_ASIDE_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Opened:
    """The store with its configuration, loaded.

    Attributes:
        notice: What the administrator is to be told; empty where there is nothing.
    """

    store: Store
    config: ConfigRepository
    notice: str = ""


_RAN: Final = frozenset({JobStatus.SUCCESS, JobStatus.ERROR})

#: Where no earlier store has given out a number.
_NOTHING_GIVEN_OUT: Final = Numbers(config=0, job=0, epoch=0)


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens the store of this node.

    Attributes:
        myself: This node's name, which ssconf names as master.
        dialect: The release of Ganeti that is spoken.
        map_bytes_max: Size that the store may grow to.
        owner: To whom the store belongs; None leaves it as it is.
        lock: That of the queue.
    """

    paths: Paths
    options: Options
    clock: Clock
    myself: str
    dialect: Dialect
    map_bytes_max: int
    owner: Owner
    lock: QueueLock

    def open(self) -> Opened:
        """Open the store. Switches.

        Raises:
            StartError: it cannot be opened, another master was here, or its files are refused;
                the store is as it was.
        """
        try:
            opened = self._open()
        except StoreBusy as error:
            raise StartError(EXIT_FAILURE, str(error)) from error
        except SchemaMismatch as error:
            raise StartError(EXIT_FAILURE, f"{error}; see ganeti-masterd-migrate") from error
        except StoreDamaged as error:
            raise StartError(EXIT_FAILURE, f"{error}; {RECOVERY}") from error
        except (StoreError, OSError) as error:
            raise StartError(EXIT_FAILURE, f"cannot open the store: {error}") from error
        except ConfigurationError as error:
            raise StartError(
                EXIT_FAILURE, f"cannot use the configuration: {error.message}"
            ) from error
        found = opened.config.snapshot().version
        if found != self._version:
            opened.store.close()
            raise StartError(EXIT_FAILURE, self._other_form(found))
        # Whatever was lent is settled now.
        self.paths.lent_file.unlink(missing_ok=True)
        return opened

    @property
    def _version(self) -> int:
        """That of the form in which the configuration is kept and written."""
        return self.dialect.config_version

    def _other_form(self, found: int) -> str:
        name, wanted = version_text(found), self.dialect.name
        return (
            f"the configuration in the store has the form of Ganeti {name}, and as Ganeti"
            f" {wanted} is spoken it cannot be used: bring config.data to the form of {wanted}"
            f" (ganeti-masterd-migrate config --form {wanted} --output FILE; cp FILE config.data)"
            f" and start with --adopt-config, or go on as Ganeti {name} with the setting"
            f' dialect = "{name}"'
        )

    def _open(self) -> Opened:
        path, options = self.paths.store_dir, self.options
        if not (path / DATA_FILE).exists():
            self._refuse_traces()
            self._build(_NOTHING_GIVEN_OUT)
            return self._loaded(self._store(path))
        try:
            store = self._whole_store(path)
        except StoreBusy:
            raise
        except StoreError as error:
            if not options.adopt_files:
                raise
            _log.error("the store cannot be read, and is put aside: %s", error)
            return self._adopted(_NOTHING_GIVEN_OUT)
        try:
            return self._compared(self._finished(store))
        except BaseException:
            store.close()
            raise

    def _store(self, path: Path) -> Store:
        if path.exists():
            own_directory(path, DIRECTORY_MODE, self.owner)
        return Store.open(path, map_bytes_max=self.map_bytes_max)

    def _whole_store(self, path: Path) -> Store:
        """Open a store that is there; nothing is served of one in which a row cannot be read."""
        store = self._store(path)
        try:
            flaws = reading.flaws(store)
            if flaws:
                more = f" (and {len(flaws) - 1} rows more)" if len(flaws) > 1 else ""
                raise StoreDamaged(f"the store in {path} is damaged: {flaws[0]}{more}")
        except BaseException:
            store.close()
            raise
        return store

    def _loaded(self, store: Store, notice: str = "") -> Opened:
        try:
            config = ConfigRepository(store, self.clock)
            config.load()
        except BaseException:
            store.close()
            raise
        return Opened(store, config, notice)

    # --- a store that is there ------------------------------------------------------------------

    def _finished(self, store: Store) -> Opened:
        """Take over what a store lacks that `scripts/migrate take-over` has made."""
        config = ConfigRepository(store, self.clock)
        with store.snapshot() as txn:
            begun = schema.META.get(txn, queue_dir.MARK) is not None
        if begun or config.is_empty():
            self._take_over_queue(store)
        if config.is_empty():
            takeover.take_over(config, self.paths.config_file, version=self._version)
        config.load()
        return Opened(store, config)

    def _compared(self, opened: Opened) -> Opened:
        """Let the administrator's decision count, where another master was here."""
        options, path = self.options, self.paths.config_file
        standing = self._standing(opened)
        config_only = standing.queue.is_ours and standing.is_own_store
        if standing.is_ours or (options.adopt_config and config_only):
            for option in ("adopt_files", "keep_store"):
                if getattr(options, option):
                    _log.info("nobody else has written: --%s has nothing to do", option)
            if options.adopt_config:
                takeover.adopt(opened.config, path, version=self._version)
            self._follow_drain(opened, standing)
            return opened
        if standing.config.other_cluster and _has_ended(opened.store):
            opened.store.close()
            return self._adopted(_NOTHING_GIVEN_OUT)
        if options.keep_store and standing.is_own_store:
            self._follow_drain(opened, standing)
            return self._kept(opened, standing)
        if options.adopt_files or self._was_lent(opened, standing):
            above = numbers(opened)
            opened.store.close()
            return self._adopted(above)
        raise StartError(EXIT_FAILURE, standings.refusal(standing, self.paths.store_dir))

    def _was_lent(self, opened: Opened, standing: Standing) -> bool:
        """Tell whether others wrote with this node's knowledge, and nothing of the store is lost.

        That is how a failover to this node ends, and new certificates for the cluster: nobody is
        there to be asked then.
        """
        if not self.paths.lent_file.exists():
            return False
        layout = Layout(self.paths.queue_dir)
        missing = in_thread(
            gevent.get_hub().threadpool, lambda: queue_standing.missing(opened.store, layout)
        )
        if not standings.is_continued(standing, missing):
            _log.warning("the files do not hold all that the store holds; jobs: %s", missing)
            return False
        return True

    def _standing(self, opened: Opened) -> Standing:
        snapshot = opened.config.snapshot()
        pool, path = gevent.get_hub().threadpool, self.paths.config_file
        layout = Layout(self.paths.queue_dir)
        master = snapshot.nodes.get(snapshot.cluster.master_node)
        return Standing(
            config=in_thread(pool, lambda: config_standing.look(opened.config, path)),
            queue=in_thread(pool, lambda: queue_standing.look(opened.store, layout)),
            master="no node" if master is None else master.name,
            myself=self.myself,
        )

    def _follow_drain(self, opened: Opened, standing: Standing) -> None:
        """Take the drain flag from its file: whoever sets it there loses nothing by that."""
        drained = standing.queue.drained
        if drained is None:
            return

        def body(txn: WriteTxn) -> None:
            if drained:
                schema.FLAGS.put(txn, "drain", True)
            else:
                schema.FLAGS.delete(txn, "drain")
            outbox.append(txn, outbox.DRAIN, int(drained))

        opened.store.update(body)
        _log.warning("the queue was %s meanwhile", "drained" if drained else "undrained")

    def _kept(self, opened: Opened, standing: Standing) -> Opened:
        """Put the files of the other master aside, and go on above all its numbers."""
        layout = Layout(self.paths.queue_dir)
        queue = standing.queue
        files = [layout.job(job_id) for job_id in (*queue.unknown, *queue.further)]
        running = queue_lock.still_running(files)
        if running:
            # Its process would go on changing what this master believes to be its own alone.
            raise StartError(EXIT_FAILURE, f"{running[0]}: it is still being run; wait for its end")
        # First the store: cut off after that, the next start finds the same files again.
        if standing.config.file_serials is not None:
            opened.config.rise_above(standing.config.file_serials[0])
        opened.store.update(lambda txn: queue_standing.keep_store(txn, standing.queue))
        aside = traces.aside_of(self.paths.data_dir / ASIDE, self.clock.now_us())
        aside.mkdir(mode=_ASIDE_MODE)
        if not standing.config.is_ours:
            self.paths.config_file.rename(aside / self.paths.config_file.name)
        queue_standing.put_aside(layout, standing.queue, aside / layout.directory.name)
        notice = standings.kept(standing, aside)
        _log.warning("%s", notice)
        return Opened(opened.store, opened.config, notice)

    # --- a new store ----------------------------------------------------------------------------

    def _refuse_traces(self) -> None:
        """Refuse to be the first where something says that there was a store.

        Raises:
            StartError: it does, and nobody said that the files count.
        """
        path = self.paths.store_dir
        if self.options.keep_store:
            raise StartError(EXIT_FAILURE, f"there is no store in {path} to keep")
        found = traces.traces(path)
        if found and not self.options.adopt_files:
            raise StartError(
                EXIT_FAILURE,
                f"there is no store in {path}, but there was one:\n  "
                + "\n  ".join(map(str, found))
                + "\nput it back, or bring back a dump with scripts/restore; or start with"
                " --adopt-files, which takes configuration and jobs over from the files",
            )

    def _adopted(self, above: Numbers) -> Opened:
        """Put a store made from the files in the place of the one that is there."""
        path = self.paths.store_dir
        lock = lock_writer(path)
        try:
            aside = self._build(above)
        finally:
            os.close(lock)
        notice = f"configuration and jobs were taken over from the files; the store is in {aside}"
        _log.warning("%s", notice)
        return self._loaded(self._store(path), notice)

    def _build(self, above: Numbers) -> Path | None:
        """Build a store from the files and move it into its place; return where the old one is."""
        built = traces.taking(self.paths.store_dir)
        if built.exists():
            shutil.rmtree(built)
        try:
            store = self._store(built)
            try:
                self._take_over_queue(store)
                config = ConfigRepository(store, self.clock)
                takeover.take_over(
                    config, self.paths.config_file, version=self._version, above=above.config
                )
                if above.job:
                    store.update(lambda txn: _raise_job_id(txn, above.job))
                epoch = max(above.epoch, self._epoch_of_files())
                if epoch:
                    store.update(lambda txn: serials.raise_to(txn, EPOCH, epoch))
            finally:
                store.close()
        except BaseException:
            shutil.rmtree(built, ignore_errors=True)
            raise
        return traces.put_in_place(built, self.paths.store_dir, self.clock.now_us())

    def _epoch_of_files(self) -> int:
        """Return the newest start of a master that this node's files know of; 0 for none."""
        path = Layout(self.paths.queue_dir).epoch
        try:
            text = path.read_bytes().strip()
        except FileNotFoundError:
            return 0
        if not re.fullmatch(rb"\d{1,15}", text):
            _log.warning("%s holds no number, and is passed over", path)
            return 0
        return int(text)

    def _take_over_queue(self, store: Store) -> None:
        """Take over the jobs of the master before us, where there are any."""
        try:
            self.lock.look_for_older()
            report = queue_dir.takeover_if_first_start(
                store,
                self.paths.queue_dir,
                now_us=self.clock.now_us(),
                summary=self.dialect.opcodes.summary_of,
                locked=True,
                told=lambda note: _log.warning("in the queue taken over: %s", note),
                supported=lambda op_id: registry.find(op_id) is not None,
            )
        except queue_dir.QueueRefusedError as error:
            reasons = "\n  ".join(error.reasons)
            raise StartError(EXIT_FAILURE, f"cannot take over the queue:\n  {reasons}") from error
        except QueueInUseError as error:
            raise StartError(EXIT_FAILURE, str(error)) from error
        if report is not None:
            _log.info("took the queue over from %s: %s", self.paths.queue_dir, report)


def leave_queue(store: Store, lock: QueueLock) -> None:
    """Leave no file of ours in the queue of a cluster that was destroyed: another may begin there.

    `gnt-cluster init` refuses a queue directory that has one.
    """
    if _has_ended(store):
        lock.remove()


def _has_ended(store: Store) -> bool:
    """Tell whether the last opcode that ran in this store was the one that ends a cluster."""
    with store.snapshot() as txn:
        for job_id in range(serials.last(txn, job_rows.JOB_SERIAL), 0, -1):
            job = job_rows.find(txn, job_id)
            # None begins after it: the big lock is kept. Those that waited may have been canceled.
            if job is not None and job.status in _RAN:
                last = job.ops[-1]
                return last.op_id == OpClusterDestroy.OP_ID and last.status is OpStatus.SUCCESS
    return False


def settle(
    opened: Opened, own: Numbers, seen: Iterable[Seen], accept_stale: bool
) -> tuple[Numbers, str]:
    """Go on only if no other node has seen a newer state, or if that is wanted. Switches.

    Returns the numbers that nobody has seen higher, which none will be given out below, and what
    the administrator is to be told.

    Raises:
        StartError: another node has seen a newer state; or the store failed.
    """
    fresher = freshness.newer(own, seen)
    if not fresher:
        return own, ""
    if not accept_stale:
        raise StartError(EXIT_FAILURE, freshness.refusal(own, fresher, standings.WAYS_ON))
    notice = freshness.accepted(own, fresher)
    _log.warning("%s", notice)
    highest = freshness.above(own, fresher)
    try:
        if highest.config > own.config:
            opened.config.rise_above(highest.config)
        opened.store.update(lambda txn: _raise_job_id(txn, highest.job))
    except (StoreError, ConfigurationError) as error:
        raise StartError(EXIT_FAILURE, f"cannot rise above the other nodes: {error}") from error
    return highest, notice


def begin_epoch(store: Store, above: int) -> int:
    """Count this start; return its number, which is higher than `above`. Switches.

    Raises:
        StoreError: the store refused it.
    """

    def body(txn: WriteTxn) -> int:
        serials.raise_to(txn, EPOCH, above)
        # The mirrors write the epoch wherever they write the serial.
        outbox.append(txn, outbox.SERIAL, serials.last(txn, "job"))
        return serials.next(txn, EPOCH)

    return store.update(body)


def numbers(opened: Opened) -> Numbers:
    """Return how new the state in the store is."""
    with opened.store.snapshot() as txn:
        return Numbers(
            config=opened.config.snapshot().serial_no,
            job=serials.last(txn, "job"),
            epoch=serials.last(txn, EPOCH),
        )


def _raise_job_id(txn: WriteTxn, job_id: int) -> None:
    before = serials.last(txn, "job")
    if serials.raise_to(txn, "job", job_id) != before:
        outbox.append(txn, outbox.SERIAL, job_id)


def read_archive(store: Store) -> Callable[[], object]:
    """Look at the archive of a large store while clients are served; return what ends that."""

    def read() -> None:
        try:
            for flaw in reading.flaws_of_archive(store):
                store.note_damage(flaw)
        except OSError as error:
            _log.warning("the archive of the store could not be looked at: %s", error)

    reader = gevent.spawn(read)
    return lambda: reader.kill()
