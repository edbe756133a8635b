"""Keeps the file `config.data` equal to the store.

After each published change the newest snapshot is rendered and written in a native thread; changes
that come meanwhile are written together next. The file is replaced at once (written beside, synced,
renamed), never partly written. `wait_written` lets a job's end be told only after the file shows
what the job changed.

The store is the truth and the file its image, but an administrator may have edited the file. So the
digest of what is about to be written is kept in the store first, together with the one before: a
file with neither digest is not ours. Such a file is reported and saved beside under a name of its
own before it is replaced; it is never believed.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import gevent
from gevent.event import Event

from masterd.config.render import Renderer
from masterd.config.snapshot import ConfigSnapshot
from masterd.errors import GanetiError
from masterd.limits import CONFIG_WRITE_RETRY_S
from masterd.wconf.repository import ConfigRepository, FileRecord
from store.files import own_file, replacing
from store.threads import in_thread

R = TypeVar("R")

#: Readable by the group of the daemons that read it. Source: Ganeti 3.0.2 (files.json).
FILE_MODE: Final = 0o640

_log = logging.getLogger(__name__)


class FileState(StrEnum):
    """What was found in the place of `config.data`."""

    MISSING = "missing"
    CURRENT = "current"  # what the store holds
    BEHIND = "behind"  # an older content that we wrote
    EDITED = "edited"  # something that we did not write


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """The file as found. `saved` is where a copy of an edited one was put."""

    state: FileState
    path: Path
    saved: Path | None = None


class ConfigWriter:
    """Writes the file whenever the configuration changes. One for each file."""

    def __init__(
        self,
        repository: ConfigRepository,
        path: Path,
        *,
        owner: tuple[int, int] | None = None,
        retry_s: float = CONFIG_WRITE_RETRY_S,
    ) -> None:
        """Prepare; nothing is written before `start`.

        Args:
            owner: User and group id the file is given; None leaves it to the process.
            retry_s: Seconds until a failed write is tried again.
        """
        self._repository = repository
        self._path = path
        self._owner = owner
        self._retry_s = retry_s
        self._renderer = Renderer()
        self._written_serial = -1
        #: (inode, size, mtime in ns) of the file after our last write, to notice somebody else's.
        self._stamp: tuple[int, int, int] | None = None
        self._changed = Event()
        self._stop = Event()
        self._waiters: dict[Event, int] = {}
        self._greenlet: gevent.Greenlet[..., None] | None = None

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> FileReport:
        """Look at the file, save it if it was edited, and begin to keep it. Switches.

        Raises:
            OSError: the file is there but cannot be read, or no copy of an edited one can be made.
        """
        report = self._examine()
        self._repository.on_publish(self._published)
        self._greenlet = gevent.spawn(self._run)
        if report.state is not FileState.CURRENT:
            self._changed.set()
        return report

    def stop(self, timeout_s: float) -> bool:
        """Write what is not written yet and end; tell whether it came to that in time. Switches."""
        self._stop.set()
        self._changed.set()
        if self._greenlet is not None:
            self._greenlet.join(timeout_s)
            self._greenlet.kill()
        return self._written_serial >= self._repository.snapshot().serial_no

    def wait_written(self, serial_no: int, timeout_s: float) -> bool:
        """Wait until the file shows a configuration at least that new; tell if so. Switches."""
        if self._written_serial >= serial_no:
            return True
        written = Event()
        self._waiters[written] = serial_no
        try:
            return bool(written.wait(timeout_s))
        finally:
            self._waiters.pop(written, None)

    @property
    def written_serial(self) -> int:
        """Serial number of the configuration the file shows; -1 while that is not known."""
        return self._written_serial

    # --- inside ---------------------------------------------------------------------------------

    def _published(self, _snapshot: ConfigSnapshot) -> None:
        self._changed.set()

    def _run(self) -> None:
        """Write whenever something changed, until told to stop."""
        while True:
            self._changed.wait()
            self._changed.clear()
            last = self._stop.is_set()
            if not self._brought_up_to_date() and not last:
                self._stop.wait(self._retry_s)
                self._changed.set()
            if last:
                return

    def _brought_up_to_date(self) -> bool:
        """Write the newest snapshot if the file does not show it; tell if it now does. Switches."""
        snapshot = self._repository.snapshot()
        if snapshot.serial_no > self._written_serial:
            try:
                self._write(snapshot)
            except (OSError, GanetiError) as error:
                _log.error("Cannot write %s: %s", self._path, error)
                return False
        return True

    def _write(self, snapshot: ConfigSnapshot) -> None:
        """Bring the file to the state of a snapshot. Switches."""
        record = self._repository.file_record()
        content, digest, present = _in_thread(lambda: self._compared(snapshot, record))
        if present is not None and not _is_ours(present, record) and present != digest:
            saved = _in_thread(self._save_copy)
            _log.error("%s was edited by somebody else; a copy is %s", self._path, saved)
            present = None if record is None else record.written
        self._repository.record_file(FileRecord(written=digest, previous=present))
        _in_thread(lambda: _replace(self._path, content, self._owner))
        self._stamp = _stamp(self._path)
        self._note_written(snapshot.serial_no)

    def _examine(self) -> FileReport:
        """Find out what the file is; save it if it is not ours. Switches."""
        snapshot = self._repository.snapshot()
        record = self._repository.file_record()
        _in_thread(lambda: own_file(self._path, FILE_MODE, self._owner))
        present = _in_thread(lambda: self._present(None))
        if present is None:
            return FileReport(state=FileState.MISSING, path=self._path)
        _, digest = _in_thread(lambda: self._rendered(snapshot))
        if present == digest:
            self._stamp = _stamp(self._path)
            self._written_serial = snapshot.serial_no
            return FileReport(state=FileState.CURRENT, path=self._path)
        if _is_ours(present, record):
            return FileReport(state=FileState.BEHIND, path=self._path)
        saved = _in_thread(self._save_copy)
        _log.error("%s is not what was last written; a copy is %s", self._path, saved)
        # What somebody else wrote is never counted as ours, so that it can still be adopted.
        previous = None if record is None else record.written
        self._repository.record_file(FileRecord(written=digest, previous=previous))
        return FileReport(state=FileState.EDITED, path=self._path, saved=saved)

    def _note_written(self, serial_no: int) -> None:
        self._written_serial = serial_no
        for written, wanted in list(self._waiters.items()):
            if wanted <= serial_no:
                written.set()

    # --- in a native thread ---------------------------------------------------------------------

    def _rendered(self, snapshot: ConfigSnapshot) -> tuple[bytes, str]:
        content = self._renderer.render(snapshot)
        return content, _digest(content)

    def _compared(
        self, snapshot: ConfigSnapshot, record: FileRecord | None
    ) -> tuple[bytes, str, str | None]:
        """Return content and digest for a snapshot, and the digest of what is there."""
        return (*self._rendered(snapshot), self._present(record))

    def _present(self, record: FileRecord | None) -> str | None:
        """Return the digest of the file, None if there is none; unread if nobody touched it."""
        try:
            if record is not None and self._stamp is not None and self._stamp == _stamp(self._path):
                return record.written
            return _digest(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def _save_copy(self) -> Path:
        """Keep the present content beside the file, under a name made of its digest."""
        content = self._path.read_bytes()
        copy = self._path.with_name(f"{self._path.name}.edited-{_digest(content)[:12]}")
        _replace(copy, content, self._owner)
        return copy


def _in_thread(work: Callable[[], R]) -> R:
    """Do `work` in a native thread. Switches."""
    return in_thread(gevent.get_hub().threadpool, work)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_ours(digest: str, record: FileRecord | None) -> bool:
    return record is not None and digest in (record.written, record.previous)


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _replace(path: Path, content: bytes, owner: tuple[int, int] | None) -> None:
    """Put a whole new file in the place of `path`, safe against a crash at any moment."""
    with replacing(path, FILE_MODE, owner=owner) as file:
        file.write(content)
