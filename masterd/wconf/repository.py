"""The configuration in the store: one row per object, and the snapshot everybody reads.

Invariants:

* The snapshot is what the store held after the last change that was published; changes are
  published in the order of their commits, after the commit, on the hub.
* A change, the names index, the serial number of the whole and the outbox entry are one
  transaction.
* `stage` only puts rows into the caller's transaction, so that a job's record and the change of the
  configuration it belongs to are one commit; whoever calls it calls `publish` after the commit.

Rows (all in the table CONFIG): `(kind, uuid)` holds the object's document; `("config", "top")`
holds `{"version": int, "ctime": seconds, "mtime": seconds}` of the whole, whose serial number is
the store serial "config". META "config_file" says what was last written to `config.data`
(`FileRecord`), META "simple_files" what each simple file may contain (`masterd.wconf.authorship`),
META "config_import" where the configuration was taken from.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol, TypeVar

from masterd.clock import Clock
from masterd.config import document
from masterd.config.cluster import Cluster
from masterd.config.kinds import BY_NAME, CLUSTER, KINDS, Configured, Kind
from masterd.config.objects import ConfigObject, write
from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot, Objects
from masterd.config.transaction import Draft, Staged
from masterd.config.uses import uses
from masterd.errors import ConfigurationError
from store import config_uses, outbox, schema, serials
from store.errors import StoreError
from store.store import Store
from store.txn import ReadTxn, WriteTxn

T = TypeVar("T", bound=ConfigObject)
R = TypeVar("R")
K = TypeVar("K")

_SERIAL: Final = "config"
_TOP: Final = ("config", "top")
_FILE_RECORD: Final = "config_file"
_SIMPLE_RECORD: Final = "simple_files"
_IMPORT_RECORD: Final = "config_import"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What `config.data` may contain without anybody having edited it: hex SHA-256 digests.

    Attributes:
        written: Of the content last written, or about to be.
        previous: Of the content before that, which is there until the new one is in its place.
    """

    written: str
    previous: str | None


class Record(Protocol[K]):
    """What whoever changes the configuration writes about it, in the same transaction."""

    def put(self, txn: WriteTxn, serial_no: int) -> K:
        """Put rows; `serial_no` is that of the configuration after the change."""
        ...

    def told(self, put: K) -> None:
        """Do what follows the commit, given what `put` returned; called on the hub."""
        ...


class ConfigRepository:
    """Reads and changes the configuration. One for each store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._snapshot: ConfigSnapshot | None = None
        self._listeners: list[Callable[[ConfigSnapshot], None]] = []

    # --- reading --------------------------------------------------------------------------------

    def is_empty(self) -> bool:
        """Tell whether the store has no configuration yet."""
        with _reading(self._store) as txn:
            return schema.CONFIG.get(txn, _TOP) is None

    def load(self) -> ConfigSnapshot:
        """Read everything from the store; done once, at the start.

        Raises:
            ConfigurationError: there is no configuration, or a row is not what it must be.
        """
        with _reading(self._store) as txn:
            self._snapshot = _read_all(txn)
        return self._snapshot

    def snapshot(self) -> ConfigSnapshot:
        """Return the newest committed configuration.

        Raises:
            ConfigurationError: there is none.
        """
        return self._snapshot if self._snapshot is not None else self.load()

    def render(self) -> bytes:
        """Return the bytes of `config.data`."""
        return render(self.snapshot())

    def on_publish(self, listener: Callable[[ConfigSnapshot], None]) -> None:
        """Have `listener` called on the hub with each new snapshot. It must not switch."""
        self._listeners.append(listener)

    # --- changing -------------------------------------------------------------------------------

    def update(self, change: Callable[[Draft], R], record: Record[K] | None = None) -> R:
        """Carry out a change; return its result once it is durable and published. Switches.

        Args:
            change: See `transaction`; may run twice, and on another thread.
            record: What to write beside it; nothing when nothing changed.

        Raises:
            ConfigurationError: the draft or the store refused it. What `change` raises is raised as
                well. Nothing was changed then.
        """
        now_us = self._clock.now_us()

        def body(txn: WriteTxn) -> tuple[Staged[R], K | None]:
            staged = self.stage(txn, change, now_us)
            if record is None or not staged.changes:
                return staged, None
            return staged, record.put(txn, staged.serial_no)

        def after(done: tuple[Staged[R], K | None]) -> None:
            staged, put = done
            self.publish(staged)
            if record is not None and put is not None:
                record.told(put)

        with _store_errors_told():
            staged, _ = self._store.update(body, after)
        return staged.result

    def stage(self, txn: WriteTxn, change: Callable[[Draft], R], now_us: int) -> Staged[R]:
        """Carry out a change inside the caller's transaction.

        The caller hands what is returned to `publish` after the commit (`after` of the store).

        Args:
            now_us: Time of the change, microseconds since the epoch.

        Raises:
            ConfigurationError: the draft refused something; what `change` raises comes through too.
        """
        draft = Draft(_TxnRows(txn), now_us / 1e6)
        staged = draft.finish(change(draft))
        if staged.changes:
            _put_changes(txn, staged)
        return staged

    def publish(self, staged: Staged[R]) -> None:
        """Make a committed change visible. Called on the hub in commit order; does not switch."""
        current = self.snapshot()
        if staged.serial_no <= current.serial_no:
            return
        if staged.serial_no == current.serial_no + 1:
            self._snapshot = current.changed(
                ((change.kind, change.uuid, change.after) for change in staged.changes),
                serial_no=staged.serial_no,
                mtime=staged.mtime,
            )
        else:
            _log.error(
                "Configuration %d was published after %d; reading all of it again",
                staged.serial_no,
                current.serial_no,
            )
            self.load()
        self._tell()

    def import_document(
        self, config: object, *, source: str, digest: str | None = None
    ) -> ConfigSnapshot:
        """Take over a whole `config.data` document into an empty store. Switches.

        Args:
            config: The parsed document.
            source: Where it comes from, kept for the record.
            digest: Hex SHA-256 of the file it was read from, so that the file counts as our own.

        Raises:
            DocumentError: it is not a configuration; names every problem. Nothing was changed.
            ConfigurationError: the store has a configuration already, or refused it.
        """

        def body(txn: WriteTxn, snapshot: ConfigSnapshot) -> ConfigSnapshot:
            if schema.CONFIG.get(txn, _TOP) is not None:
                raise ConfigurationError("The store has a configuration already")
            serials.raise_to(txn, _SERIAL, snapshot.serial_no)
            return snapshot

        return self._take_in(config, source, digest, body)

    def adopt_document(
        self, config: object, *, source: str, digest: str | None = None, above: int = 0
    ) -> ConfigSnapshot:
        """Put a whole `config.data` document in the place of the configuration. Switches.

        Its serial number becomes higher than any before, and than `above`, so that everybody takes
        it for newer. Other arguments and errors as `import_document`, except that there may be a
        configuration.
        """

        def body(txn: WriteTxn, snapshot: ConfigSnapshot) -> ConfigSnapshot:
            schema.CONFIG.clear(txn)
            schema.CONFIG_NAMES.clear(txn)
            schema.CONFIG_USES.clear(txn)
            serials.raise_to(txn, _SERIAL, max(snapshot.serial_no, above))
            return replace(snapshot, serial_no=serials.next(txn, _SERIAL))

        return self._take_in(config, source, digest, body)

    def rise_above(self, serial_no: int) -> ConfigSnapshot:
        """Give the configuration a serial number above another's; it stays as it is. Switches.

        Raises:
            ConfigurationError: the store refused it.
        """

        def body(txn: WriteTxn) -> ConfigSnapshot:
            serials.raise_to(txn, _SERIAL, serial_no)
            raised = replace(_read_all(txn), serial_no=serials.next(txn, _SERIAL))
            outbox.append(txn, outbox.CONFIG, raised.serial_no)
            return raised

        with _store_errors_told():
            return self._store.update(body, self._imported)

    def _take_in(
        self,
        config: object,
        source: str,
        digest: str | None,
        begin: Callable[[WriteTxn, ConfigSnapshot], ConfigSnapshot],
    ) -> ConfigSnapshot:
        """Write all rows of a document, behind what `begin` does in the same transaction."""
        read = document.split(config)
        rows = list(document.rows(read))
        top = {"version": read.version, "ctime": read.ctime, "mtime": read.mtime}
        record = {"source": source, "digest": digest, "at_us": self._clock.now_us()}

        def body(txn: WriteTxn) -> ConfigSnapshot:
            snapshot = begin(txn, read)
            schema.CONFIG.put(txn, _TOP, top)
            for kind, uuid, row in rows:
                schema.CONFIG.put(txn, (kind.name, uuid), row)
                name = row.get("name")
                if kind.has_name and name is not None:
                    schema.CONFIG_NAMES.put(txn, (kind.name, str(name)), uuid)
                _put_uses(txn, kind, uuid, frozenset(), config_uses.uses(kind.name, row))
            schema.META.put(txn, _IMPORT_RECORD, record)
            if digest is not None:
                file_record = FileRecord(written=digest, previous=None)
                schema.META.put(txn, _FILE_RECORD, asdict(file_record))
            outbox.append(txn, outbox.CONFIG, snapshot.serial_no)
            return snapshot

        with _store_errors_told():
            return self._store.update(body, self._imported)

    # --- the file -------------------------------------------------------------------------------

    def file_record(self) -> FileRecord | None:
        """Return what was last written to `config.data`, None if nothing ever was."""
        with _reading(self._store) as txn:
            row = schema.META.get(txn, _FILE_RECORD)
        return FileRecord(**row) if isinstance(row, dict) else None

    def record_file(self, record: FileRecord) -> None:
        """Keep what is about to be written to `config.data`. Switches.

        Raises:
            ConfigurationError: the store refused it.
        """
        with _store_errors_told():
            self._store.update(lambda txn: schema.META.put(txn, _FILE_RECORD, asdict(record)))

    # --- the simple files -----------------------------------------------------------------------

    def simple_versions(self) -> Mapping[str, Sequence[str]] | None:
        """Return what each simple file may contain; None if none was ever written."""
        with self._store.snapshot() as txn:
            row = schema.META.get(txn, _SIMPLE_RECORD)
        return row if isinstance(row, dict) else None

    def keep_simple_versions(self, versions: Mapping[str, Sequence[str]]) -> None:
        """Keep what is about to be written to the simple files, and what may be there. Switches.

        Raises:
            ConfigurationError: the store refused it.
        """
        row = {key: list(digests) for key, digests in versions.items()}
        with _store_errors_told():
            self._store.update(lambda txn: schema.META.put(txn, _SIMPLE_RECORD, row))

    # --- inside ---------------------------------------------------------------------------------

    def _imported(self, snapshot: ConfigSnapshot) -> None:
        self._snapshot = snapshot
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener(self.snapshot())


@contextmanager
def _store_errors_told() -> Iterator[None]:
    """Tell the store's refusals in the terms of a client."""
    try:
        yield
    except StoreError as error:
        raise ConfigurationError(f"The store did not keep the configuration: {error}") from error


@contextmanager
def _reading(store: Store) -> Iterator[ReadTxn]:
    """Give a snapshot; what cannot be read in it is told as clients are told."""
    try:
        with store.snapshot() as txn:
            yield txn
    except StoreError as error:
        raise ConfigurationError(f"The store cannot be read: {error}") from error


class _TxnRows:
    """The configuration's rows in a transaction, as a draft reads them."""

    def __init__(self, txn: ReadTxn) -> None:
        self._txn = txn

    def serial_no(self) -> int:
        return serials.last(self._txn, _SERIAL)

    def cluster(self) -> Cluster:
        for (_, uuid), row in _scan(self._txn, CLUSTER.name):
            return CLUSTER.read(row, f"cluster.{uuid}")
        raise ConfigurationError("The store has no cluster object")

    def get(self, kind: Kind[T], uuid: str) -> T | None:
        row = schema.CONFIG.get(self._txn, (kind.name, uuid))
        return None if row is None else kind.read(row, f"{kind.section}.{uuid}")

    def uuid_of(self, kind: Kind[Configured], name: str) -> str | None:
        uuid = schema.CONFIG_NAMES.get(self._txn, (kind.name, name))
        return None if uuid is None else str(uuid)

    def users(self, use: str) -> list[tuple[str, str]]:
        found = schema.CONFIG_USES.keys(self._txn, (use, ""), (use + "\0", ""))
        return [_kind_and_uuid(user) for _, user in found]

    def uuids(self, kind: Kind[Configured]) -> list[str]:
        keys = schema.CONFIG.keys(self._txn, (kind.name, ""), (kind.name + "\0", ""))
        return [uuid for _, uuid in keys]


def _kind_and_uuid(user: str) -> tuple[str, str]:
    kind_name, _, uuid = user.partition("/")
    return kind_name, uuid


def _scan(txn: ReadTxn, kind_name: str) -> list[tuple[tuple[str, str], object]]:
    """Return the rows of a kind."""
    # No kind's name begins with another's and a NUL.
    return list(schema.CONFIG.scan(txn, (kind_name, ""), (kind_name + "\0", "")))


def _read_all(txn: ReadTxn) -> ConfigSnapshot:
    """Read the whole configuration.

    Raises:
        ConfigurationError: there is none, or a row is not what it must be.
    """
    top = schema.CONFIG.get(txn, _TOP)
    if not isinstance(top, dict):
        raise ConfigurationError("The store has no configuration")
    objects: dict[Kind[Configured], dict[str, Configured]] = {kind: {} for kind in KINDS}
    for (kind_name, uuid), row in schema.CONFIG.scan(txn):
        kind = BY_NAME.get(kind_name)
        if kind is not None and kind is not CLUSTER:
            objects[kind][uuid] = kind.read(row, f"{kind.section}.{uuid}")
    return ConfigSnapshot.of(
        version=top["version"],
        ctime=top["ctime"],
        mtime=top["mtime"],
        serial_no=serials.last(txn, _SERIAL),
        cluster=_TxnRows(txn).cluster(),
        objects={kind: Objects(found) for kind, found in objects.items()},
    )


def _put_changes(txn: WriteTxn, staged: Staged[R]) -> None:
    """Write what changed, the names index, the whole's serial number and the outbox entry."""
    for change in staged.changes:
        before, after = _name(change.kind, change.before), _name(change.kind, change.after)
        if before is not None and before != after:
            schema.CONFIG_NAMES.delete(txn, (change.kind.name, before))
    for change in staged.changes:
        key = (change.kind.name, change.uuid)
        if change.after is None:
            schema.CONFIG.delete(txn, key)
        else:
            schema.CONFIG.put(txn, key, write(change.after))
        _put_uses(txn, change.kind, change.uuid, uses(change.before), uses(change.after))
        name = _name(change.kind, change.after)
        if name is not None:
            schema.CONFIG_NAMES.put(txn, (change.kind.name, name), change.uuid)
    top = schema.CONFIG.get(txn, _TOP)
    assert isinstance(top, Mapping), "a configuration without its top row cannot be changed"
    schema.CONFIG.put(txn, _TOP, {**top, "mtime": staged.mtime})
    taken = serials.next(txn, _SERIAL)
    assert taken == staged.serial_no, (taken, staged.serial_no)
    outbox.append(txn, outbox.CONFIG, staged.serial_no)


def _put_uses(
    txn: WriteTxn, kind: Kind[Configured], uuid: str, before: frozenset[str], after: frozenset[str]
) -> None:
    """Bring the index of who uses what from one state of an object to the next."""
    user = config_uses.user(kind.name, uuid)
    for use in before - after:
        schema.CONFIG_USES.delete(txn, (use, user))
    for use in after - before:
        schema.CONFIG_USES.put(txn, (use, user), None)


def _name(kind: Kind[Configured], value: Configured | None) -> str | None:
    return getattr(value, "name", None) if kind.has_name and value is not None else None
