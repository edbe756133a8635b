"""Logging: where lines go, and which job they belong to.

A line reads `2026-11-23 16:39:49,832: ganeti-masterd pid=1 job=17 op=0 INFO text`; job and opcode
are there where the line was written on behalf of one. They are kept in a context variable, which
under greenlets is local to each greenlet and inherited by none: whoever works for a job enters
`job_context`.

Lines are written with one `write` to a file opened for appending, so that lines of threads never
mix. The handler's lock is the native one even where the program is monkey-patched: threads of the
store and of the exporter log too, and must never meet a lock that waits by switching greenlets. It
is held over that one call only.

A full disk must not end the daemon: lines that could not be written are counted, and the number is
told as soon as there is room again.
"""

from __future__ import annotations

import logging
import os
import sys
import syslog
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from gevent import monkey

from masterd.cli import Syslog
from masterd.limits import LOG_LINE_CHARS_MAX, LOG_RECORD_LINES_MAX
from store.files import give, open_kept

_CONTEXT: ContextVar[str] = ContextVar("masterd_log_context", default="")

#: Mode of the log file; lines may name what not everybody shall see.
LOG_FILE_MODE: Final = 0o600


@contextmanager
def job_context(job_id: int, op_index: int | None = None) -> Iterator[None]:
    """Mark the lines of this greenlet as written for a job, and an opcode of it if given."""
    text = f" job={job_id}" if op_index is None else f" job={job_id} op={op_index}"
    token = _CONTEXT.set(text)
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def context_text() -> str:
    """Return the part ` job=17 op=0` of this greenlet's lines, or nothing."""
    return _CONTEXT.get()


class LineFormatter(logging.Formatter):
    """One record as one line; tracebacks follow on lines of their own."""

    def __init__(self, program: str, *, debug: bool, for_syslog: bool = False) -> None:
        place = " %(module)s:%(lineno)s" if debug and not for_syslog else ""
        # Syslog writes time and process itself.
        head = "" if for_syslog else f"%(asctime)s: {program} pid=%(process)d"
        super().__init__(f"{head}%(context)s{place} %(levelname)s %(message)s".lstrip())

    def format(self, record: logging.LogRecord) -> str:
        record.context = context_text()
        return bounded(super().format(record).lstrip())


def bounded(text: str) -> str:
    """Return a record's text with the middle of long lines, and of very many lines, left out."""
    lines = text.split("\n")
    if len(lines) > LOG_RECORD_LINES_MAX:
        half = LOG_RECORD_LINES_MAX // 2
        left = len(lines) - 2 * half
        lines = [*lines[:half], f"({left} lines left out)", *lines[-half:]]
    return "\n".join(map(_bounded_line, lines))


def _bounded_line(line: str) -> str:
    if len(line) <= LOG_LINE_CHARS_MAX:
        return line
    half = LOG_LINE_CHARS_MAX // 2
    left = len(line) - 2 * half
    return f"{line[:half]} ({left} characters left out) {line[-half:]}"


class _NativeLockHandler(logging.Handler):
    """A handler whose lock never switches greenlets."""

    def createLock(self) -> None:  # noqa: N802 (the name is the standard library's)
        self.lock = monkey.get_original("threading", "RLock")()


class FileHandler(_NativeLockHandler):
    """Appends lines to a file; reopens it on demand, after the log was rotated away.

    Raises:
        OSError: at creation, if the file cannot be opened.
    """

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        super().__init__()
        self._path = path
        self._owner = owner
        self._lost = 0
        self._descriptor = -1
        self._descriptor = self._open()

    @property
    def descriptor(self) -> int:
        """The open file, for output that does not pass through logging."""
        return self._descriptor

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        try:
            if self._lost:
                notice = f"({self._lost} log lines could not be written)\n"
                _write_all(self._descriptor, notice.encode())
                self._lost = 0
            _write_all(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))
        except OSError:
            self._lost += 1

    def reopen(self) -> None:
        """Go on in a new file of the same name; keep the old one if there cannot be a new one."""
        fresh = self._open()
        self.acquire()
        try:
            old, self._descriptor = self._descriptor, fresh
        finally:
            self.release()
        os.close(old)

    def is_there(self) -> bool:
        """Tell whether the file of that name is the one that is written to."""
        try:
            return os.path.samestat(self._path.lstat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def close(self) -> None:
        super().close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = open_kept(self._path, flags, LOG_FILE_MODE, owner=self._owner)
        give(descriptor, LOG_FILE_MODE, self._owner)
        return descriptor


class SyslogHandler(_NativeLockHandler):
    """Hands lines, except debugging ones, to the system's log.

    Uses the C library's function: a patched socket could switch greenlets in places that must not.
    """

    def __init__(self, send: Callable[[int, str], None] = syslog.syslog) -> None:
        super().__init__(logging.INFO)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send(_syslog_priority(record.levelno), self.format(record))


class LogSetup:
    """The handlers of this process, installed on the root logger.

    Args:
        standard_error: lines from WARNING on (with `debug`: all) go there too.

    Raises:
        OSError: the log file cannot be opened.
    """

    def __init__(
        self,
        program: str,
        path: Path,
        *,
        owner: tuple[int, int] | None = None,
        debug: bool = False,
        syslog_use: Syslog = Syslog.NO,
        standard_error: bool = False,
    ) -> None:
        self._handlers: list[logging.Handler] = []
        self._file: FileHandler | None = None
        if syslog_use is not Syslog.ONLY:
            self._file = FileHandler(path, owner)
            self._add(self._file, LineFormatter(program, debug=debug))
        if syslog_use is not Syslog.NO:
            syslog.openlog(program, syslog.LOG_PID, syslog.LOG_DAEMON)
            handler = SyslogHandler()
            self._add(handler, LineFormatter(program, debug=debug, for_syslog=True))
        if standard_error:
            stream = _StandardErrorHandler(logging.DEBUG if debug else logging.WARNING)
            self._add(stream, LineFormatter(program, debug=debug))
        root = logging.getLogger()
        root.setLevel(logging.DEBUG if debug else logging.INFO)
        for handler_ in self._handlers:
            root.addHandler(handler_)

    @property
    def file_descriptor(self) -> int | None:
        """The open log file, None if everything goes to syslog."""
        return None if self._file is None else self._file.descriptor

    def reopen(self) -> None:
        """Reopen the log file; what goes wrong is logged to the old one."""
        if self._file is None:
            return
        try:
            self._file.reopen()
        except OSError as error:
            logging.getLogger(__name__).error("Cannot reopen the log file: %s", error)

    def keep(self) -> bool:
        """Go on in a new file where the old one was rotated away; tell whether that was so.

        Raises:
            OSError: there cannot be a new one.
        """
        if self._file is None or self._file.is_there():
            return False
        self._file.reopen()
        return True

    def close(self) -> None:
        """Remove the handlers and close what they hold."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()
        self._handlers.clear()

    def _add(self, handler: logging.Handler, formatter: LineFormatter) -> None:
        handler.setFormatter(formatter)
        self._handlers.append(handler)


class _StandardErrorHandler(_NativeLockHandler):
    """Writes to the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _syslog_priority(level: int) -> int:
    if level >= logging.CRITICAL:
        return syslog.LOG_CRIT
    if level >= logging.ERROR:
        return syslog.LOG_ERR
    if level >= logging.WARNING:
        return syslog.LOG_WARNING
    return syslog.LOG_INFO
