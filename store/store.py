"""The store as everybody else sees it: open, update, snapshot, close."""

import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self, TypeVar

from gevent import monkey

from store import schema
from store.commit import Ticket, Writer
from store.env import DATA_FILE, FILE_MODE, Environment
from store.errors import SchemaMismatch, StoreClosed, StoreDamaged, StoreError, StoreOverloaded
from store.files import sync_directory
from store.snapshot import Snapshot
from store.stats import Meter, StoreStats
from store.txn import ReadTxn, WriteTxn

T = TypeVar("T")

_log = logging.getLogger(__name__)
_get_ident = monkey.get_original("_thread", "get_ident")

#: First size of the map; address space only, the file grows with what is written.
MAP_BYTES: Final = 256 * 1024 * 1024

#: Where growing ends: some 20 million archived jobs.
MAP_BYTES_MAX: Final = 64 * 1024 * 1024 * 1024

#: Bodies of one commit. Above 64 the sync is no longer what costs, and neighbours wait longer.
BATCH_MAX: Final = 64

#: Bodies that may wait; at 6,000 a second this is under three seconds of work.
PENDING_MAX: Final = 16384

#: Read transactions of all processes at once.
READERS_MAX: Final = 512

#: Seconds `close` waits for pending bodies.
CLOSE_WAIT_S: Final = 30.0


class Store:
    """One open store. Made by `open`; used by the thread that opened it (snapshots by any)."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        make: bool = True,
        walk_all: bool = False,
        map_bytes: int = MAP_BYTES,
        map_bytes_max: int = MAP_BYTES_MAX,
        batch_max: int = BATCH_MAX,
        pending_max: int = PENDING_MAX,
        readers_max: int = READERS_MAX,
        schema_version: int | None = schema.SCHEMA_VERSION,
        writer: type[Writer] = Writer,
    ) -> Self:
        """Open the store in the directory `path`; made on the first opening.

        The pages of a file of ordinary size are walked first (`verify`), 9 ms a MiB; no row is
        read.

        Args:
            read_only: beside a process that writes, or for a look; must exist.
            walk_all: look at the pages of a large file too, which takes seconds for each GiB.
            make: make one where there is none; without it, that is refused.
            schema_version: refuse any other; None takes what is there (for migrations).
            writer: what carries out changes; another one only for tests.

        Raises:
            StoreBusy: another process has it open for writing.
            StoreMissing: there is none, and none is made.
            SchemaMismatch: it has another schema version.
            StoreDamaged: it is not a store, or not a whole one.
        """
        environment = Environment(
            path,
            read_only=read_only,
            make=make,
            walk_all=walk_all,
            map_bytes=map_bytes,
            map_bytes_max=map_bytes_max,
            readers_max=readers_max,
        )
        try:
            missing = environment.open_tables(table.name for table in schema.TABLES)
            store = cls(environment, writer, batch_max=batch_max, pending_max=pending_max)
        except BaseException:
            environment.close()
            raise
        try:
            store._prepare(missing, schema_version)
        except BaseException:
            store.close()
            raise
        return store

    def __init__(
        self, environment: Environment, writer: type[Writer], *, batch_max: int, pending_max: int
    ) -> None:
        self._environment = environment
        self._thread = _get_ident()
        self._pending_max = pending_max
        self._pending_most = 0
        self._closed = False
        self._writer: Writer | None = None
        if not environment.read_only:
            self._writer = writer(environment, batch_max=batch_max)
            self._writer.start()

    # --- writing ------------------------------------------------------------------------------

    def update(self, body: Callable[[WriteTxn], T], after: Callable[[T], None] | None = None) -> T:
        """Run `body` in a write transaction; return its result once it is durable. Switches.

        Args:
            body: free of I/O, clock, greenlets and shared memory; runs on the writer's thread and
                may run twice. What it raises is raised here, and its changes are undone.
            after: called on the hub with the result, in commit order, before anybody who waits for
                this or a later commit goes on. Must not switch; its errors are logged.

        Raises:
            StoreOverloaded: too many bodies wait; nothing was done.
            StoreFull: no room; nothing was done.
            StoreDamaged: the disk failed; whether it was done shows when the store is opened again.
            StoreClosed: the store is closed, read only, or another thread's.
        """
        return self.update_soon(body, after).result()

    def update_soon(
        self, body: Callable[[WriteTxn], T], after: Callable[[T], None] | None = None
    ) -> Ticket[T]:
        """Do as `update`, but return at once what the result can be waited for with.

        Bodies run in the order in which they were given in.
        """
        writer = self._writer
        if writer is None:
            raise StoreClosed("the store is open for reading only")
        if _get_ident() != self._thread:
            raise StoreClosed("only the thread that opened the store may update it")
        if writer.pending >= self._pending_max:
            raise StoreOverloaded(f"{writer.pending} changes wait for the disk already")
        self._environment.check_owner()
        ticket = Ticket(body, after)
        writer.give(ticket)
        if writer.pending > self._pending_most:
            self._pending_most = writer.pending
        return ticket

    def ask_before_commits(self, permit: Callable[[], None]) -> None:
        """Have `permit` called before each commit from now on, on the writer's thread.

        It may block; a StoreError that it raises refuses the changes of that commit.
        """
        if self._writer is not None:
            self._writer.permit = permit

    # --- reading ------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return a context manager for reading the last commit's state; see `snapshot`.

        Raises (on entry):
            StoreClosed: the store is closed.
        """
        if self._closed:
            raise StoreClosed("the store is closed")
        return Snapshot(self._environment)

    # --- the rest -----------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The directory of the store."""
        return self._environment.path

    def check_there(self) -> None:
        """Make sure that its file is still there; every change is refused without it.

        Raises:
            StoreGone: it was removed or replaced.
        """
        self._environment.check_there()

    @property
    def walked(self) -> bool:
        """Whether its pages were looked at before it was opened; larger ones are not."""
        return self._environment.walked

    def note_damage(self, text: str) -> None:
        """Tell the log, and whoever looks at `stats`, of something that cannot be read."""
        self._environment.note_damage(StoreDamaged(text))

    @property
    def stats(self) -> StoreStats:
        """What was done so far; costs a few microseconds."""
        writer = self._writer
        meter = Meter() if writer is None else writer.meter
        environment = self._environment
        return StoreStats(
            commits=meter.commits,
            bodies=meter.bodies,
            bodies_failed=meter.failed,
            bodies_refused=meter.refused,
            batch_largest=meter.largest,
            batches=tuple(meter.batches),
            commit_s=meter.commit_s,
            commit_s_max=meter.commit_s_max,
            map_bytes=environment.map_bytes(),
            map_bytes_used=environment.used_bytes(),
            map_grown=environment.grown,
            damage=tuple(environment.damage),
            queue_length=0 if writer is None else writer.pending,
            queue_length_max=self._pending_most,
        )

    def close(self, timeout_s: float = CLOSE_WAIT_S) -> None:
        """Finish the bodies given in and close. Switches. Closing twice does nothing.

        Raises:
            StoreError: the writer was not done in time; the store stays open and refuses bodies.
        """
        if self._closed:
            return
        if self._writer is not None and not self._writer.stop(timeout_s):
            raise StoreError(f"bodies were still waiting for the disk after {timeout_s} s")
        self._closed = True
        self._environment.close()

    # --- opening ------------------------------------------------------------------------------

    def _prepare(self, missing: list[str], expected: int | None) -> None:
        """Check what was opened; make the tables of a new store."""
        version = self._version(missing)
        if version is None:
            if self._environment.read_only:
                raise StoreDamaged(f"{self.path} was never a whole store")
            self._create(missing)
        elif expected is not None and version != expected:
            raise SchemaMismatch(
                f"the store in {self.path} has schema {version}, this program needs {expected}"
            )
        elif missing and expected is not None:
            raise StoreDamaged(f"{self.path} lacks the tables {', '.join(missing)}")

    def _version(self, missing: list[str]) -> int | None:
        """Return the schema version; None where the first opening never came to its end."""
        with self.snapshot() as txn:
            if schema.META.name not in missing:
                raw = txn.get_raw(schema.META.name, schema.META.key.encode("version"))
                # The versions without seals are numbers of one byte.
                self._environment.sealed = txn.sealed = raw is None or len(raw) > 1
                version = schema.META.get(txn, "version")
                if isinstance(version, int):
                    return version
            for table in schema.TABLES:
                if table.name not in missing and table.count(txn) > 0:
                    raise StoreDamaged(f"{self.path} holds {table.name} but no schema version")
        return None

    def _create(self, missing: list[str]) -> None:
        self._environment.create_tables(missing)
        identity = uuid.uuid4().hex

        def body(txn: WriteTxn) -> None:
            schema.META.put(txn, "store_id", identity)
            schema.META.put(txn, "version", schema.SCHEMA_VERSION)

        self.update(body)
        (self.path / DATA_FILE).chmod(FILE_MODE)
        sync_directory(self.path)
        _log.info("made a new store in %s", self.path)

    def copy(self, directory: Path) -> None:
        """Copy all tables as the last commit left them into an empty directory, durably.

        Blocks the thread: for migrations and scripts. The copy is a store like this one.

        Raises:
            StoreFull: no room for it.
            StoreDamaged: the store cannot be read.
        """
        self._environment.copy(directory)

    def create_tables(self, *names: str) -> None:
        """Make tables that do not exist yet; for migrations, while no body is pending."""
        self._environment.create_tables(names)


def store_id(txn: ReadTxn) -> str:
    """Return the random name that a store gets when it is made."""
    return str(schema.META.get(txn, "store_id"))
