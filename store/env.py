"""The LMDB environment: one directory, one writing process, a map that grows.

Files in the directory: `data.mdb` and `lock.mdb` are LMDB's, `writer.lock` is held (flock) by the
process that may write. Opened after the last fork and closed by the process that opened it.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import lmdb

from store import verify
from store.errors import (
    RECOVERY,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreGone,
    StoreMissing,
    from_lmdb,
)
from store.files import heir, open_kept, own_directory, refuse_link, sync_directory
from store.gate import ReaderGate

_log = logging.getLogger(__name__)

#: Damages told and remembered; a page can hold as many rows.
DAMAGE_MAX: Final = 20

DIRECTORY_MODE: Final = 0o750
FILE_MODE: Final = 0o640

WRITER_LOCK: Final = "writer.lock"
DATA_FILE: Final = "data.mdb"
LOCK_FILE: Final = "lock.mdb"

#: Room for tables that later schema versions add.
TABLES_MAX: Final = 64

#: Share of the map in use at which it grows.
GROW_AT: Final = 0.75

#: Seconds to wait for readers of this process to leave before the map can grow. Snapshots are
#: short; one that is held longer than this is a fault, and only new work is refused for it.
GROW_WAIT_S: Final = 5.0


class Environment:
    """An open LMDB environment with the handles of its tables."""

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool,
        make: bool,
        walk_all: bool,
        map_bytes: int,
        map_bytes_max: int,
        readers_max: int,
    ) -> None:
        """Open the environment; with `read_only`, or without `make`, it must exist.

        Raises:
            StoreMissing: it does not.
            StoreBusy: somebody has it open for writing (or, in this process, at all).
                StoreDamaged: its pages are not consistent.
            StoreError: the operating system or LMDB refuses.
        """
        self.path = path
        self.read_only = read_only
        self.gate = ReaderGate()
        self.handles: dict[str, lmdb._Database] = {}
        self.grown = 0
        #: What was found damaged while it was open, each thing once.
        self.damage: list[str] = []
        #: Whether rows have a seal (see `seal`); known once the version was read.
        self.sealed = True
        self._map_bytes_max = map_bytes_max
        self._readers_max = readers_max
        self._pid = os.getpid()
        self._lock_fd = -1
        if (read_only or not make) and not (path / DATA_FILE).exists():
            raise StoreMissing(f"there is no store in {path}")
        if not read_only:
            _make_directory(path)
            self._lock_fd = lock_writer(path)
        try:
            for name in (DATA_FILE, LOCK_FILE):
                refuse_link(path / name)
            self.walked = _look(path, sys.maxsize if walk_all else verify.WALK_BYTES_MAX)
            self._map_bytes = 0 if read_only else _starting_map(path, map_bytes)
            self._env = self._open(create=not read_only)
        except BaseException:
            self._unlock()
            raise

    def _open(self, *, create: bool) -> lmdb.Environment:
        try:
            env = lmdb.open(
                str(self.path),
                # 0 adopts the size recorded in the file.
                map_size=self._map_bytes,
                readonly=self.read_only,
                create=create,
                mode=FILE_MODE,
                max_dbs=TABLES_MAX,
                max_readers=self._readers_max,
                max_spare_txns=8,
            )
        except (lmdb.Error, OSError) as error:
            if "already open in this process" in str(error):
                raise StoreBusy(f"{self.path} is open in this process already") from error
            raise StoreError(f"cannot open the store in {self.path}: {error}") from error
        status = (self.path / DATA_FILE).stat()
        #: Device and inode of the file that is open.
        self._file = status.st_dev, status.st_ino
        if not self.read_only:
            self._give_files()
            env.reader_check()  # a reader that was killed would keep old pages for ever
        return env

    def _give_files(self) -> None:
        """Let the files belong to whom the directory belongs to, whoever opens the store.

        By their names: opening and closing a file of LMDB's would end its locks on it.
        """
        owner = heir(self.path)
        if owner is None:
            return
        for name in (DATA_FILE, LOCK_FILE, WRITER_LOCK):
            status = (self.path / name).lstat()
            if (status.st_uid, status.st_gid) != owner:
                os.chown(self.path / name, *owner, follow_symlinks=False)

    def open_tables(self, names: Iterable[str]) -> list[str]:
        """Take the handles of the tables that exist; return the names of those that do not."""
        missing = []
        self.check_owner()
        for name in names:
            try:
                handle = self._env.open_db(name.encode(), create=False)
                flags = [flag for flag, is_set in handle.flags().items() if is_set]
                if flags:
                    # No table that was made here has any: LMDB would sort its keys otherwise.
                    raise StoreDamaged(f"{name}: the table is marked {', '.join(flags)}")
                self.handles[name] = handle
            except lmdb.NotFoundError:
                missing.append(name)
            except lmdb.Error as error:
                raise from_lmdb(error) from error
        return missing

    def create_tables(self, names: Iterable[str]) -> None:
        """Make tables; for the first opening and for migrations, before a writer runs."""
        for name in names:
            self.handles[name] = self._env.open_db(name.encode())

    def check_there(self) -> None:
        """Make sure that what is written now is found by the next start.

        Raises:
            StoreGone: the file has no name any more, or another file has it.
        """
        data = self.path / DATA_FILE
        try:
            status = data.stat()
        except OSError as error:
            raise StoreGone(f"{data} was removed while the store was open: {error}") from error
        if (status.st_dev, status.st_ino) != self._file:
            raise StoreGone(f"{data} was replaced while the store was open")

    def note_damage(self, error: StoreDamaged) -> None:
        """Tell the log of something that cannot be read, once, and remember it."""
        text = str(error)
        if text in self.damage or len(self.damage) >= DAMAGE_MAX:
            return
        self.damage.append(text)
        _log.error("the store is damaged: %s; %s", text, RECOVERY)

    # --- transactions -------------------------------------------------------------------------

    def begin_read(self) -> "lmdb.Transaction[bytes]":
        """Begin a read transaction; end it with `end_read`."""
        self.check_owner()
        self.gate.enter()
        try:
            try:
                return self._env.begin()
            except lmdb.MapResizedError:
                self.gate.leave()
                self._adopt_map()
                self.gate.enter()
                return self._env.begin()
        except lmdb.Error as error:
            self.gate.leave()
            raise from_lmdb(error) from error

    def end_read(self, raw: "lmdb.Transaction[bytes]") -> None:
        """End a read transaction."""
        raw.abort()
        self.gate.leave()

    def begin_write(self) -> "lmdb.Transaction[bytes]":
        """Begin the write transaction; only the writer does, and ends it on the same thread."""
        return self._env.begin(write=True)

    # --- the map ------------------------------------------------------------------------------

    def used_bytes(self) -> int:
        """Return how much of the map has ever been used; it never shrinks."""
        page_bytes = self._env.stat()["psize"]
        return (self._env.info()["last_pgno"] + 1) * page_bytes

    def map_bytes(self) -> int:
        """Return the size of the map."""
        return self._env.info()["map_size"]

    def nearly_full(self) -> bool:
        """Return whether the map should grow, and can, before more is written."""
        size = self.map_bytes()
        return size < self._map_bytes_max and self.used_bytes() > size * GROW_AT

    def grow(self) -> bool:
        """Double the map, up to its bound; return whether it is larger now.

        Waits for the readers of this process (at most `GROW_WAIT_S`). The caller has no write
        transaction open.
        """
        size = self.map_bytes()
        wanted = min(max(size * 2, self.used_bytes() * 2), self._map_bytes_max)
        if wanted <= size:
            return False
        with self._no_readers() as alone:
            if not alone:
                return False
            self._env.reader_check()
            self._env.set_mapsize(wanted)
            self._map_bytes = wanted
            self.grown += 1
        return True

    def reopen(self) -> bool:
        """Open the files again after LMDB gave up on them; return whether that was possible.

        LMDB refuses everything once it failed to write its meta page and to take that back.
        """
        with self._no_readers() as alone:
            if not alone:
                return False
            self._env.close()
            self._env = self._open(create=False)
            return not self.open_tables(list(self.handles))

    def _adopt_map(self) -> None:
        """Follow a map that the writing process has grown; for read-only openings."""
        with self._no_readers() as alone:
            if not alone:
                raise StoreBusy("the map has grown, and a snapshot that is held keeps the old one")
            self._env.set_mapsize(0)

    @contextmanager
    def _no_readers(self) -> Iterator[bool]:
        alone = self.gate.exclusive(GROW_WAIT_S)
        try:
            yield alone
        finally:
            if alone:
                self.gate.reopen()

    def copy(self, directory: Path) -> None:
        """Write a compact copy into an empty directory and make it durable.

        Raises:
            StoreFull, StoreDamaged: as the disk has it.
        """
        self.check_owner()
        try:
            self._env.copy(str(directory), compact=True)
            data = directory / DATA_FILE
            data.chmod(FILE_MODE)
            fd = os.open(data, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            sync_directory(directory)
        except (lmdb.Error, OSError) as error:
            raise from_lmdb(error) from error

    # --- the end ------------------------------------------------------------------------------

    def check_owner(self) -> None:
        """Refuse use from a forked child: LMDB must not be used there, not even closed."""
        if os.getpid() != self._pid:
            raise StoreClosed("the store was opened by another process; open it after the fork")

    def close(self) -> None:
        """Close the environment and give up the right to write."""
        self.check_owner()
        self._env.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def _look(path: Path, bytes_max: int) -> bool:
    """Walk a data file before LMDB trusts it, unless it is too large; return whether it was.

    Raises:
        StoreDamaged: it is not as LMDB leaves one.
    """
    data = path / DATA_FILE
    size = data.stat().st_size if data.exists() else 0
    # An empty one is what a first opening leaves that was killed at once.
    if size == 0:
        return True
    if size > bytes_max:
        return False
    flaws = verify.structure(data)
    if flaws:
        more = f" (and {len(flaws) - 1} things more)" if len(flaws) > 1 else ""
        raise StoreDamaged(f"the store in {path} is damaged: {flaws[0]}{more}")
    return True


def lock_writer(path: Path) -> int:
    """Take the right to write the store in `path`; return the descriptor that holds it.

    Raises:
        StoreBusy: another process has it; the message says which.
        OSError: the lock's file cannot be opened.
    """
    fd = open_kept(path / WRITER_LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(fd, 20).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise StoreBusy(f"process {holder} has the store in {path} open for writing") from error
    os.fchmod(fd, FILE_MODE)
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return
    own_directory(path, DIRECTORY_MODE, heir(path.parent))
    sync_directory(path.parent)


def _starting_map(path: Path, map_bytes: int) -> int:
    """Return a map size that leaves room beside what the file holds, in whole pages."""
    data = path / DATA_FILE
    used = data.stat().st_size if data.exists() else 0
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    wanted = max(map_bytes, int(used / GROW_AT) + 1)
    return (wanted + page_bytes - 1) // page_bytes * page_bytes
