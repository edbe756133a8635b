"""The process around the application: from the command line to the last signal.

The order matters, and each step relies on the ones before it:

 1. options, settings, paths; the checks that need no other node; the question of `--no-voting`, as
    long as there is a terminal to ask at;
 2. two forks (`masterd.detach`), unless in the foreground. Nothing that cannot cross a fork exists
    yet: no event loop, no thread, no store. The entry point has patched the standard library, but
    patching alone makes no event loop;
 3. process name, file creation mask, directories, pid file with its lock, log file;
 4. signal handlers, which make the event loop; the application with its store, votes and sockets;
 5. the report to whoever started us: serving, or why not;
 6. signals: SIGHUP reopens the log, the first SIGTERM or SIGINT drains (running opcodes get
    `drain_timeout_s`), the second ends now. Either way what was told to a client is on disk.

The application is what `masterd.app` wires; this module knows only the protocol below.
"""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import gevent
from gevent._hub_local import get_hub_if_exists
from gevent.event import Event

from masterd import cli, detach, settings, startup
from masterd.errors import EXIT_FAILURE, EXIT_SUCCESS, ConfigurationError
from masterd.limits import DAEMON_OTHER_DESCRIPTORS, DAEMON_STOP_S
from masterd.log import LogSetup
from masterd.paths import DAEMON_NAME, Paths
from masterd.pidfile import AlreadyRunningError, PidFile
from masterd.startup import Identity, StartError
from masterd.users import Owners, ensure_directory

_logger = logging.getLogger(__name__)

#: What others get of a file whose creator names no mode: nothing.
UMASK: Final = 0o077

_PR_SET_NAME: Final = 15

RUN_DIR_MODE: Final = 0o775
SOCKET_DIR_MODE: Final = 0o770
LOG_DIR_MODE: Final = 0o770


class Application(Protocol):
    """What the daemon runs. `start` is called once, then `drain` at most once, then `stop` once."""

    def start(self) -> None:
        """Return when clients are served. Switches; may be killed while it waits.

        Raises:
            StartError: this node may not serve, or cannot.
        """
        ...

    def drain(self, timeout_s: float) -> bool:
        """Take no new work, let running opcodes finish; tell whether they did. Switches."""
        ...

    def stop(self) -> None:
        """Close everything; what runs is cut off. Works after a failed `start` too. Switches."""
        ...


#: Builds the application in the daemon process, after the forks.
Factory = Callable[[Paths, settings.Settings, cli.Options, Identity], Application]


def main(arguments: Sequence[str], environment: Mapping[str, str], factory: Factory) -> int:
    """Run the daemon; return its exit code, in the daemon and in the process that started it."""
    options = cli.parse(arguments)
    try:
        paths = Paths.from_environment(environment)
        values = settings.load(paths.settings_file)
        identity = startup.identify(paths, startup.own_name(paths))
        if options.no_voting and not options.yes_do_it:
            startup.confirm_no_voting(sys.stdin, sys.stdout)
    except ConfigurationError as error:
        return _refuse(EXIT_FAILURE, error.message)
    except StartError as error:
        return _refuse(error.exit_code, error.text)

    if get_hub_if_exists() is not None:
        raise RuntimeError("an event loop exists before the fork")
    report = detach.StartReport(None) if options.foreground else detach.detach(paths.log_file)
    try:
        process = Process(paths, options, values.luxi_connections_max + DAEMON_OTHER_DESCRIPTORS)
    except (AlreadyRunningError, OSError) as error:
        report.send(EXIT_FAILURE, f"{DAEMON_NAME}: {error}")
        return EXIT_FAILURE
    with process:
        lifetime = Lifetime(process, values.drain_timeout_s, on_serving=report.send_success)
        outcome = lifetime.run(lambda: factory(paths, values, options, identity))
    # After the pid file is gone, so that whoever hears of a failure may start again at once. In
    # the foreground the log's copy on the terminal has said it.
    report.send(outcome.exit_code, "" if options.foreground else outcome.text)
    return outcome.exit_code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the daemon's life ended."""

    exit_code: int
    text: str = ""


class Process:
    """What makes this process the daemon: name, directories, log, pid file. A context manager.

    `descriptors` is how many files and sockets it may have to hold open at once.

    Raises:
        AlreadyRunningError: another one runs.
        OSError: a directory or file cannot be made.
    """

    def __init__(self, paths: Paths, options: cli.Options, descriptors: int) -> None:
        self._detached = not options.foreground
        set_process_name(DAEMON_NAME)
        os.umask(UMASK)
        owners = Owners.of_this_machine()
        ensure_directory(paths.run_dir, RUN_DIR_MODE, owners.daemons)
        ensure_directory(paths.socket_dir, SOCKET_DIR_MODE, owners.daemons)
        ensure_directory(paths.log_dir, LOG_DIR_MODE, owners.daemons)
        # First the lock: a second daemon must not write into the first one's log.
        self._pid_file = PidFile.take(paths.pid_file, owners.private)
        try:
            self.log = LogSetup(
                DAEMON_NAME,
                paths.log_file,
                owner=owners.private,
                debug=options.debug,
                syslog_use=options.syslog,
                standard_error=options.foreground,
            )
        except OSError:
            self._pid_file.release()
            raise
        self._redirect()
        faulthandler.enable()
        allowed = raise_descriptor_limit(descriptors)
        if allowed < descriptors:
            _logger.warning("Only %d file descriptors, %d may be needed", allowed, descriptors)

    def reopen_log(self) -> None:
        """Go on in a new log file, after the old one was rotated away."""
        self.log.reopen()
        self._redirect()
        _logger.info("Log reopened")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pid_file.release()
        self.log.close()

    def end_now(self, exit_code: int) -> None:
        """Leave without waiting for anything; the store survives that."""
        self._pid_file.release()
        os._exit(exit_code)

    def _redirect(self) -> None:
        # What bypasses logging (a crash of the interpreter) must not go to a lost terminal.
        if self._detached:
            detach.redirect_output(self.log.file_descriptor)


class Lifetime:
    """Start, serve until a signal, drain, stop."""

    def __init__(
        self, process: Process, drain_timeout_s: float, on_serving: Callable[[], None]
    ) -> None:
        self._process = process
        self._drain_timeout_s = drain_timeout_s
        self._on_serving = on_serving
        self._end_asked = Event()
        self._end_demanded = Event()
        self._stopping = False

    def run(self, build: Callable[[], Application]) -> Outcome:
        """Live from start to end. Switches; call from the main greenlet."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # Counted by the loop: an application without any watcher of its own still waits.
            gevent.signal_handler(number, self._on_end, number).ref = True
        gevent.signal_handler(signal.SIGHUP, self._process.reopen_log)
        _logger.info("%s starts", DAEMON_NAME)
        try:
            application = build()
        except Exception as error:  # noqa: BLE001 (told to the administrator, logged in full)
            return _failure(error)
        try:
            failure = self._start(application)
            if failure is not None:
                return failure
            self._on_serving()
            _logger.info("Serving")
            self._end_asked.wait()
            self._drain(application)
            return Outcome(EXIT_SUCCESS)
        finally:
            self._stop(application)
            _logger.info("%s ends", DAEMON_NAME)

    def _start(self, application: Application) -> Outcome | None:
        """Start; return None when serving."""
        starter = gevent.spawn(application.start)
        gevent.wait([starter, self._end_asked], count=1)
        if not starter.ready():
            starter.kill()
            _logger.warning("Told to end before serving")
            return Outcome(EXIT_FAILURE, f"{DAEMON_NAME}: told to end before serving")
        return None if starter.exception is None else _failure(starter.exception)

    def _drain(self, application: Application) -> None:
        _logger.info("Draining, running opcodes have %g s", self._drain_timeout_s)
        drainer = gevent.spawn(application.drain, self._drain_timeout_s)
        gevent.wait([drainer, self._end_demanded], count=1)
        if not drainer.ready():
            drainer.kill()
            _logger.warning("Not drained: told to end now")
        elif drainer.exception is not None:
            _logger.error("Draining failed: %r", drainer.exception)
        elif not drainer.value:
            _logger.warning("Not drained within %g s", self._drain_timeout_s)

    def _stop(self, application: Application) -> None:
        self._stopping = True
        stopper = gevent.spawn(application.stop)
        stopper.join(DAEMON_STOP_S)
        if not stopper.ready():
            _logger.error("Not stopped within %g s, ending regardless", DAEMON_STOP_S)
            self._process.end_now(EXIT_FAILURE)
        if stopper.exception is not None:
            _logger.error("Stopping failed: %r", stopper.exception)

    def _on_end(self, number: int) -> None:
        name = signal.Signals(number).name
        if self._stopping:
            _logger.warning("%s while stopping, ending at once", name)
            self._process.end_now(EXIT_FAILURE)
        elif self._end_asked.is_set():
            _logger.warning("%s again, ending now", name)
            self._end_demanded.set()
        else:
            _logger.info("%s received", name)
            self._end_asked.set()


def _failure(error: BaseException) -> Outcome:
    """Log why the start failed; a fault that is nobody's refusal with its traceback."""
    if isinstance(error, StartError):
        _logger.critical("Not started: %s", error.text)
        return Outcome(error.exit_code, f"{DAEMON_NAME}: {error.text}")
    _logger.critical("Not started: %r", error, exc_info=error)
    return Outcome(EXIT_FAILURE, f"{DAEMON_NAME}: {type(error).__name__}: {error}")


def set_process_name(name: str) -> None:
    """Set the name that `start-stop-daemon --name` and `ps` see; at most 15 bytes count."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot set the process name")


def raise_descriptor_limit(wanted: int) -> int:
    """Let this process open that many files, as far as it may; return how many it can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        soft = wanted
    else:
        soft = hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def _refuse(exit_code: int, text: str) -> int:
    print(f"{DAEMON_NAME}: {text}", file=sys.stderr)
    return exit_code
