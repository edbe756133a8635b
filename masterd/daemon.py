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
 6. systemd, where it has started us, hears of each of these steps (`masterd.sd_notify`);
 7. signals: SIGHUP reopens the log, the first SIGTERM or SIGINT drains (running opcodes get
    `drain_timeout_s`), the second ends now. Either way what was told to a client is on disk. Where
    another node has become master, the daemon ends at once, with the code of "not the master".

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import gevent
from gevent._hub_local import get_hub_if_exists
from gevent.event import Event

from masterd import cli, detach, settings, startup
from masterd.errors import (
    EXIT_FAILURE,
    EXIT_NOTMASTER,
    EXIT_SUCCESS,
    ConfigurationError,
    GanetiError,
    StartError,
)
from masterd.keeper import Keeper
from masterd.limits import (
    DAEMON_OTHER_DESCRIPTORS,
    DAEMON_STALE_LOOK_S,
    DAEMON_STOP_S,
    LUXI_CONNECTIONS_MIN,
    LUXI_DESCRIPTORS_RESERVED,
)
from masterd.log import LogSetup
from masterd.paths import Paths
from masterd.pidfile import AlreadyRunningError, PidFiles, remove_stale
from masterd.programs import Program
from masterd.sd_notify import Notifier
from masterd.startup import Identity
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

    def report_to(self, lost: Callable[[str], None], busy: Callable[[str], None]) -> None:
        """Have these called; is called itself before `start`.

        Args:
            lost: is told the reason when this node may not serve any more; no `drain` follows then.
            busy: is told what the start is busy with, in a few words for people.
        """
        ...

    def start(self) -> str:
        """Return when clients are served. Switches; may be killed while it waits.

        Returns:
            What whoever started the daemon is to be told; empty where there is nothing.

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


def main(
    program: Program, options: cli.Options, environment: Mapping[str, str], factory: Factory
) -> int:
    """Run the daemon; return its exit code, in the daemon and in the process that started it."""
    try:
        paths = Paths.from_environment(environment)
        values = settings.load(paths.settings_file)
        identity = startup.identify(paths, startup.own_name(paths))
        if options.no_voting and not (options.yes_do_it or program.is_companion):
            startup.confirm_no_voting(sys.stdin, sys.stdout)
        descriptors = values.luxi_connections_max + DAEMON_OTHER_DESCRIPTORS
        refuse_without_descriptors(values.luxi_connections_max, raise_descriptor_limit(descriptors))
    except ConfigurationError as error:
        return _refuse(program, EXIT_FAILURE, error.message)
    except StartError as error:
        return _refuse(program, error.exit_code, error.text)

    if get_hub_if_exists() is not None:
        raise RuntimeError("an event loop exists before the fork")
    log_file = paths.log_file_of(program.log_name)
    report = detach.StartReport(None) if options.foreground else detach.detach(log_file)
    try:
        process = Process(program, paths, options, descriptors)
    except (AlreadyRunningError, OSError) as error:
        report.send(EXIT_FAILURE, f"{program.name}: {error}")
        return EXIT_FAILURE
    with process:
        lifetime = Lifetime(
            process,
            values.drain_timeout_s,
            on_serving=report.send_success,
            notifier=Notifier.from_environment(environment),
        )
        outcome = lifetime.run(lambda: factory(paths, values, options, identity))
    # After the pid file is gone, so that whoever hears of a failure may start again at once. In
    # the foreground the log's copy on the terminal has said it.
    is_told = options.foreground or not outcome.text
    report.send(outcome.exit_code, "" if is_told else f"{program.name}: {outcome.text}")
    return outcome.exit_code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the daemon's life ended."""

    exit_code: int
    text: str = ""


class Process:
    """What makes this process the daemon: name, directories, log, pid files. A context manager.

    `descriptors` is how many files and sockets it may have to hold open at once.

    Raises:
        AlreadyRunningError: another one runs.
        OSError: a directory or file cannot be made.
    """

    def __init__(
        self, program: Program, paths: Paths, options: cli.Options, descriptors: int
    ) -> None:
        self.name = program.name
        self._others = [paths.pid_file_of(name) for name in program.tolerates]
        self._detached = not options.foreground
        set_process_name(program.name)
        os.umask(UMASK)
        owners = Owners.of_this_machine()
        self._directories = {
            paths.run_dir: (RUN_DIR_MODE, owners.daemons),
            paths.socket_dir: (SOCKET_DIR_MODE, owners.daemons),
            paths.log_dir: (LOG_DIR_MODE, owners.daemons),
        }
        self._make_directories()
        # First the locks: a second daemon must not write into the first one's log.
        self._pid_files = PidFiles.take(
            map(paths.pid_file_of, program.holds),
            owners.private,
            not_foreign=self._others,
        )
        try:
            self.log = LogSetup(
                program.name,
                paths.log_file_of(program.log_name),
                owner=owners.private,
                debug=options.debug,
                syslog_use=options.syslog,
                standard_error=options.foreground,
            )
        except OSError:
            self._pid_files.release()
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

    def tidy(self) -> None:
        """Remove what a killed program of ours left and would keep it from being started again."""
        for path in self._others:
            if remove_stale(path):
                _logger.warning("Removed %s of a program that was killed", path)

    def _make_directories(self) -> None:
        for path, (mode, owner) in self._directories.items():
            ensure_directory(path, mode, owner)

    def keeper(self) -> Keeper:
        """Return what keeps the directories, pid files and log of this process."""
        return Keeper(
            {
                "directories": self._make_directories,
                "pid file": self._pid_files.keep,
                "log": self._keep_log,
            }
        )

    def _keep_log(self) -> str | None:
        if not self.log.keep():
            return None
        self._redirect()
        return "The log was another file, and is reopened"

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pid_files.release()
        self.log.close()

    def end_now(self, exit_code: int) -> None:
        """Leave without waiting for anything; the store survives that."""
        self._pid_files.release()
        os._exit(exit_code)

    def _redirect(self) -> None:
        # What bypasses logging (a crash of the interpreter) must not go to a lost terminal.
        if self._detached:
            detach.redirect_output(self.log.file_descriptor)


class Lifetime:
    """Start, serve until a signal, drain, stop."""

    def __init__(
        self,
        process: Process,
        drain_timeout_s: float,
        on_serving: Callable[[str], None],
        notifier: Notifier,
    ) -> None:
        self._process = process
        self._drain_timeout_s = drain_timeout_s
        self._on_serving = on_serving
        self._notifier = notifier
        self._end_asked = Event()
        self._end_demanded = Event()
        self._stopping = False
        self._lost: str | None = None

    def run(self, build: Callable[[], Application]) -> Outcome:
        """Live from start to end. Switches; call from the main greenlet."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # Counted by the loop: an application without any watcher of its own still waits.
            gevent.signal_handler(number, self._on_end, number).ref = True
        gevent.signal_handler(signal.SIGHUP, self._on_reload)
        _logger.info("%s starts", self._process.name)
        self._notifier.starting()
        try:
            outcome = self._live(build)
        finally:
            self._notifier.close()
        return outcome

    def _live(self, build: Callable[[], Application]) -> Outcome:
        try:
            application = build()
        except Exception as error:  # noqa: BLE001 (told to the administrator, logged in full)
            return _failure(error)
        keeper = self._process.keeper()
        try:
            application.report_to(self._on_lost, self._notifier.status)
            started = self._start(application)
            if isinstance(started, Outcome):
                self._notifier.refused(started.text)
                return started
            self._on_serving(started)
            self._notifier.ready()
            _logger.info("Serving")
            keeper.start()
            while not self._end_asked.wait(DAEMON_STALE_LOOK_S):
                self._process.tidy()
            if self._lost is None:
                self._notifier.stopping("Letting running opcodes end")
                self._drain(application)
            return Outcome(EXIT_SUCCESS) if self._lost is None else _not_master(self._lost)
        finally:
            keeper.stop()
            self._notifier.stopping("Ending" if self._lost is None else "Not the master any more")
            self._stop(application)
            _logger.info("%s ends", self._process.name)

    def _start(self, application: Application) -> Outcome | str:
        """Start; return what is to be told when serving, and how it ended otherwise."""
        starter = gevent.spawn(_outcome_of, application.start)
        gevent.wait([starter, self._end_asked], count=1)
        if not starter.ready():
            starter.kill()
            if self._lost is not None:
                return _not_master(self._lost)
            _logger.warning("Told to end before serving")
            return Outcome(EXIT_FAILURE, "told to end before serving")
        started: str | Exception = starter.value
        return started if isinstance(started, str) else _failure(started)

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
            self._process.end_now(EXIT_FAILURE if self._lost is None else EXIT_NOTMASTER)
        if stopper.exception is not None:
            _logger.error("Stopping failed: %r", stopper.exception)

    def _on_reload(self) -> None:
        self._notifier.reloading()
        self._process.reopen_log()
        self._notifier.reloaded()

    def _on_lost(self, reason: str) -> None:
        """This node may not serve any more: running opcodes get no time either."""
        _logger.critical("Not the master any more: %s; what was acknowledged is kept", reason)
        self._lost = reason
        self._end_asked.set()
        self._end_demanded.set()

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


def _outcome_of(start: Callable[[], str]) -> str | Exception:
    """Return what a start told, or why it failed: what a greenlet raises the event loop prints."""
    try:
        return start()
    except Exception as error:  # noqa: BLE001 (told by `_failure`)
        return error


def _not_master(reason: str) -> Outcome:
    return Outcome(EXIT_NOTMASTER, f"not the master any more: {reason}")


def _failure(error: BaseException) -> Outcome:
    """Log why the start failed; a fault that is nobody's refusal with its traceback."""
    if isinstance(error, StartError):
        _logger.critical("Not started: %s", error.text)
        return Outcome(error.exit_code, error.text)
    if isinstance(error, GanetiError):
        _logger.critical("Not started: %s", error.message)
        return Outcome(EXIT_FAILURE, error.message)
    _logger.critical("Not started: %r", error, exc_info=error)
    return Outcome(EXIT_FAILURE, f"{type(error).__name__}: {error}")


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


def refuse_without_descriptors(connections_max: int, allowed: int) -> None:
    """Do nothing if a daemon can serve with that many file descriptors.

    Args:
        connections_max: clients at once, at most.
        allowed: files and sockets that the system lets this process open.

    Raises:
        StartError: they do not even suffice for a few clients.
    """
    needed = LUXI_DESCRIPTORS_RESERVED + min(LUXI_CONNECTIONS_MIN, connections_max)
    if allowed < needed:
        raise StartError(
            EXIT_FAILURE,
            f"this process may open only {allowed} files and sockets, at least {needed} are needed:"
            " raise the limit (ulimit -n, LimitNOFILE= of a systemd unit)",
        )


def _refuse(program: Program, exit_code: int, text: str) -> int:
    print(f"{program.name}: {text}", file=sys.stderr)
    return exit_code
