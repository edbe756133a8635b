"""A Debian node with Ganeti, as `masterd.upkeep.exchange` sees it and works on it.

Daemons are started and stopped by Ganeti's own `daemon-util` alone. What belongs to the daemons'
user is touched as that user, so that nothing in the data directory ever becomes root's.

Source: daemon-util (names, users, order), Ganeti 3.0.2 lib/cli.py (the watcher's lock).
"""

import fcntl
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from masterd import startup
from masterd.clock import Clock
from masterd.errors import GanetiError
from masterd.limits import UPKEEP_ANSWER_S, UPKEEP_COMMAND_S, UPKEEP_LOOK_S, UPKEEP_WATCHER_S
from masterd.luxi.client import Client
from masterd.paths import LUXID_NAME, WCONFD_NAME, Paths
from masterd.pidfile import AlreadyRunningError, PidFile, holder, refuse_foreign
from masterd.ssconf import SimpleConfig
from masterd.upkeep.diversion import DiversionError, Diversions
from masterd.upkeep.exchange import ExchangeError, Master, Record
from masterd.upkeep.units import UnitSettings
from masterd.users import MASTERD_USER
from store.traces import traces

DAEMON_UTIL: Final = "/usr/lib/ganeti/daemon-util"
_WATCHER_LOCK: Final = Path("/var/lock/ganeti-watcher.lock")
_BACKUPS: Final = "ganeti-masterd"
_RECORD: Final = "in-progress.json"
_SAVED: Final = "state.tar"
_UNFINISHED: Final = ("queued", "waiting", "canceling", "running")
_DRAIN_FILE: Final = "drain"


class DebianNode:
    """This machine. Obeys `exchange.Node`."""

    def __init__(self, paths: Paths, launcher: Path, exporter: Path, clock: Clock) -> None:
        """Look at nothing yet.

        Args:
            launcher: the installed command `ganeti-masterd`.
            exporter: the installed command `ganeti-exporter`.
        """
        self._paths = paths
        self._launcher = launcher
        self._exporter = exporter
        self._clock = clock
        self._diversions = Diversions()
        self._unit_settings = UnitSettings()
        self._ssconf = SimpleConfig(paths.data_dir)
        self._backups = paths.backup_dir / _BACKUPS

    def refuse_unprepared(self) -> None:
        """Look whether this machine is one that can be worked on.

        Raises:
            ExchangeError: not as root, no Ganeti of Debian's, or the daemons' user cannot run our
                launcher.
        """
        if os.geteuid() != 0:
            raise ExchangeError("only root may do that")
        for needed in (Path(DAEMON_UTIL), Path("/usr/bin/dpkg-divert")):
            if not needed.exists():
                raise ExchangeError(f"{needed} is missing: this is for Debian's package ganeti")
        done = self._as_daemon(str(self._launcher), "--version")
        if done.returncode != 0:
            raise ExchangeError(
                f"{MASTERD_USER} cannot run {self._launcher}: {done.stderr.strip()}\n"
                "Install where every user may read, and with an interpreter that every user may run"
                " (PYTHON=/usr/bin/python3 scripts/setup)"
            )

    # --- what is there ------------------------------------------------------------------------

    def is_master(self) -> bool:
        # A machine of no cluster may become a master later: `gnt-cluster init` starts ours there.
        return self._ssconf.exists() and self._ssconf.master_node() == startup.own_name(self._paths)

    def serving(self) -> Master:
        pid_file = self._paths.pid_file_of(LUXID_NAME)
        own = holder(self._paths.pid_file)
        if own is not None:
            raise ExchangeError(
                f"process {own} is a ganeti-masterd that was started by hand: end it first"
            )
        if holder(pid_file) is None:
            return Master.NOBODY
        try:
            refuse_foreign(pid_file)
        except AlreadyRunningError:
            return Master.STOCK
        return Master.OURS

    def are_diverted(self) -> bool:
        return self._diversions.exist()

    def unfinished_jobs(self) -> Sequence[int]:
        wanted = ["|", *(["=", "status", status] for status in _UNFINISHED)]
        return sorted(self._query_jobs(wanted))

    def job_ids(self) -> frozenset[int]:
        return frozenset(self._query_jobs(None))

    def is_drained(self) -> bool:
        return (self._paths.queue_dir / _DRAIN_FILE).exists()

    def problems(self, expected: Master) -> Sequence[str]:
        found = []
        serving = self.serving()
        if serving is not expected:
            found.append(f"{serving.value} serves, not {expected.value}")
        for name in (LUXID_NAME, WCONFD_NAME):
            if self._run(DAEMON_UTIL, "check", name).returncode != 0:
                found.append(f"daemon-util finds no running {name}")
        try:
            cluster, master = self._call("QueryConfigValues", ["cluster_name", "master_node"])
            if (cluster, master) != (self._ssconf.cluster_name(), self._ssconf.master_node()):
                found.append(f"the master daemon names cluster {cluster} and master {master}")
            with self._client(self._paths.wconfd_socket) as client:
                if client.call("echo", _RECORD) != _RECORD:
                    found.append("ganeti-wconfd answers something else than it was told")
        except GanetiError as error:
            found.append(error.message)
        return found

    # --- what is remembered -------------------------------------------------------------------

    def read_record(self) -> Record | None:
        path = self._backups / _RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ExchangeError(f"cannot read {path}: {error}") from error

    def write_record(self, record: Record | None) -> None:
        path = self._backups / _RECORD
        if record is None:
            path.unlink(missing_ok=True)
            return
        self._backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.replace(path)

    def save(self) -> str:
        stamp = self._clock.now_us() // 1_000_000
        directory = self._backups / f"state-{stamp}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = self._paths.data_dir
        fresh = directory / f".{_SAVED}.new"
        with fresh.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for path in (self._paths.config_file, *sorted(data.glob("ssconf_*"))):
                    archive.add(path, path.name)
                archive.add(self._paths.queue_dir, self._paths.queue_dir.name)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(directory / _SAVED)
        return str(directory)

    def put_store_aside(self, backup: str) -> bool:
        store = self._paths.store_dir
        # What takeovers and restores put beside it, too: a start that would make a new store takes
        # each of these for the trace of one that was lost.
        found = {*traces(store), *([store] if store.exists() else [])}
        for each in sorted(found):
            shutil.move(each, Path(backup) / each.name)
        return bool(found)

    # --- what is done -------------------------------------------------------------------------

    @contextmanager
    def without_watcher(self) -> Iterator[None]:
        # Whoever holds this lock alone keeps the watcher away; it ends with this process.
        descriptor = os.open(_WATCHER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._await(lambda: _lock_alone(descriptor), UPKEEP_WATCHER_S, "the watcher to end")
            # Where an earlier run of ours was killed, what it had begun still goes on.
            self._await(_nothing_starts, UPKEEP_COMMAND_S, "daemon-util to end")
            yield
        finally:
            os.close(descriptor)

    def set_drained(self, drained: bool) -> None:
        try:
            self._call("SetDrainFlag", drained)
        except GanetiError as error:
            raise ExchangeError(f"cannot change the drain flag: {error.message}") from error

    def stop_master(self) -> None:
        self._must(DAEMON_UTIL, "stop-master")
        for name in (LUXID_NAME, WCONFD_NAME):
            path = self._paths.pid_file_of(name)
            self._await(partial(_is_free, path), UPKEEP_COMMAND_S, f"{name} to end")
            # A killed daemon leaves its pid file, at which start-stop-daemon would take offence
            # because it does not belong to root.
            if path.exists():
                PidFile.take(path).release()

    def start_master(self) -> None:
        self._must(DAEMON_UTIL, "start-master")

    def divert(self) -> None:
        try:
            self._diversions.make(self._launcher)
            self._unit_settings.make()
        except (DiversionError, OSError) as error:
            raise ExchangeError(str(error)) from error

    def restore(self) -> None:
        try:
            # First these: Debian's daemons do not tell systemd what ours do.
            self._unit_settings.remove()
            self._diversions.remove()
        except (DiversionError, OSError) as error:
            raise ExchangeError(str(error)) from error

    def mirror_problems(self) -> Sequence[str]:
        if not self._paths.store_dir.exists():
            return []
        for action in ("catch-up", "compare"):
            done = self._as_daemon(str(self._exporter), action)
            if done.returncode != 0:
                return (done.stdout + done.stderr).splitlines()
        return []

    # --- the ways to do it --------------------------------------------------------------------

    def _client(self, socket: Path) -> Client:
        return Client(
            str(socket),
            connect_s=UPKEEP_ANSWER_S,
            answer_s=UPKEEP_ANSWER_S,
            # It may just be starting.
            should_serve=lambda: True,
        )

    def _call(self, method: str, *arguments: object) -> Any:
        with self._client(self._paths.query_socket) as client:
            return client.call(method, *arguments)

    def _query_jobs(self, wanted: Sequence[object] | None) -> list[int]:
        try:
            answer = self._call("Query", "job", ["id"], wanted)
        except GanetiError as error:
            raise ExchangeError(f"cannot ask for jobs: {error.message}") from error
        return [int(row[0][1]) for row in answer["data"]]

    def _as_daemon(self, *command: str) -> "subprocess.CompletedProcess[str]":
        become = ("setpriv", "--reuid", MASTERD_USER, "--regid", MASTERD_USER, "--init-groups")
        return self._run(*become, *command)

    def _must(self, *command: str) -> None:
        done = self._run(*command)
        if done.returncode != 0:
            told = (done.stdout + done.stderr).strip()
            raise ExchangeError(f"{' '.join(command)} failed ({done.returncode}): {told}")

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=UPKEEP_COMMAND_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ExchangeError(str(error)) from error

    def _await(self, happened: Callable[[], bool], timeout_s: float, what: str) -> None:
        until_s = self._clock.monotonic_s() + timeout_s
        while not happened():
            if self._clock.monotonic_s() > until_s:
                raise ExchangeError(f"waited {timeout_s:g} s for {what}")
            threading.Event().wait(UPKEEP_LOOK_S)


def _nothing_starts() -> bool:
    """Tell whether no `daemon-util` starts or stops the master daemons."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if DAEMON_UTIL.encode() in line and {b"start-master", b"stop-master"} & set(line):
            return False
    return True


def _is_free(pid_file: Path) -> bool:
    return holder(pid_file) is None


def _lock_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
