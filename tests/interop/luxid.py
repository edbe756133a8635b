"""A private `ganeti-luxid` of Debian's: what it reads, it can be asked for.

It runs as its own user, so that a test which starts it needs root.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tests.interop.debian import LIBRARY

_USER: Final = "gnt-masterd"
_LUXID_GROUPS: Final = ("gnt-luxid", "gnt-daemons")

#: What a job's process is run by.
PYTHON: Final = "/usr/bin/python3"

#: Seconds it may take to start, and for an answer.
PATIENCE_S: Final = 30.0

needs_luxid = pytest.mark.skipif(
    shutil.which("ganeti-luxid") is None or os.getuid() != 0,
    reason="package ganeti-haskell-3.0 is not installed, or the test does not run as root",
)


def give(*paths: Path) -> None:
    """Make everything below some paths luxid's."""
    user = pwd.getpwnam(_USER)
    for path in paths:
        for folder, _, names in os.walk(path):
            for name in (".", *names):
                os.chown(Path(folder) / name, user.pw_uid, user.pw_gid)


@contextmanager
def _daemon(
    name: str,
    root: Path,
    groups: tuple[str, str],
    through: Sequence[str],
    *,
    until: str,
    hopeless: str = "\0",
) -> Iterator[str]:
    """Run a daemon of Debian's on a virtual node until the end of the block.

    Gives what it told until a line with `until` in it. A line with `hopeless` ends it. A command
    that it is started `through` becomes the daemon.
    """
    command = [*through, *_as_user(*groups), name, "-f", "--no-voting", "--yes-do-it"]
    process = subprocess.Popen(command, env=_environment(root), stderr=subprocess.PIPE, text=True)
    try:
        yield _told(name, process, until, hopeless)
    finally:
        _end(name, process)


def _as_user(group: str, others: str) -> list[str]:
    return ["setpriv", "--reuid", _USER, "--regid", group, "--groups", others]


def _environment(root: Path) -> dict[str, str]:
    # The processes of jobs go through sets in the same order in each run.
    return {
        "PATH": os.environ["PATH"],
        "GANETI_ROOTDIR": str(root),
        "GANETI_HOSTNAME": root.name,
        "PYTHONHASHSEED": "0",
    }


def _told(name: str, process: "subprocess.Popen[str]", until: str, hopeless: str) -> str:
    """Return what a daemon tells until a line with `until` in it."""
    assert process.stderr is not None
    guard = threading.Timer(PATIENCE_S, process.kill)
    guard.start()
    told: list[str] = []
    try:
        for line in process.stderr:
            told.append(line)
            if hopeless in line:
                process.kill()
            if until in line:
                return "".join(told)
    finally:
        guard.cancel()
        # Processes of jobs hold the other end too, and outlive luxid: nobody waits for its end.
        threading.Thread(target=_drain, args=[process.stderr], daemon=True).start()
    pytest.fail(f"{name} did not start: " + "".join(told))


def _drain(stream: IO[str]) -> None:
    with stream:
        stream.read()


def _end(name: str, process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE_S)
        pytest.fail(f"{name} did not end within {PATIENCE_S} s of SIGTERM")


@contextmanager
def beside(root: Path, command: Sequence[str]) -> Iterator[None]:
    """Run a program of Debian's Python as a job's process runs, until the end of the block.

    The block begins when it has printed a line.
    """
    environment = {**_environment(root), "PYTHONPATH": str(LIBRARY), "GNT_DEBUG": "0"}
    through = list(command)
    at = through.index(PYTHON)
    through[at:at] = _as_user(*_LUXID_GROUPS)
    with subprocess.Popen(through, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "a pipe was asked for"
        try:
            if not process.stdout.readline():
                pytest.fail(f"{command[-1]} did not start")
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextmanager
def luxid(root: Path, *, config_serial: int, through: Sequence[str] = ()) -> Iterator[Path]:
    """Run luxid on a virtual node until the end of the block; give its socket.

    It has read the configuration and the queue when the block begins.
    """
    with _daemon(
        "ganeti-luxid",
        root,
        _LUXID_GROUPS,
        through,
        # The last thing it does, and it has looked at the jobs by then.
        until="Starting time-based job queue watcher",
        hopeless="Configuration unavailable",
    ) as told:
        if f"Loaded new config, serial {config_serial}" not in told:
            pytest.fail("luxid could not read the configuration: " + told)
        yield root / "var/run/ganeti/socket/ganeti-query"


@contextmanager
def wconfd(root: Path, through: Sequence[str] = ()) -> Iterator[None]:
    """Run `ganeti-wconfd` beside luxid until the end of the block, so that jobs are carried out."""
    with _daemon(
        "ganeti-wconfd",
        root,
        ("gnt-confd", "gnt-admin,gnt-daemons,gnt-luxid"),
        through,
        # The last thing it looks at before it serves.
        until="temporary reservations",
    ):
        yield


def ask(path: Path, method: str, arguments: Sequence[object]) -> Any:
    """Call a method of a master daemon; return its result."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        client.connect(str(path))
        request = {"method": method, "args": arguments, "version": 3000000}
        client.sendall(json.dumps(request).encode() + b"\x03")
        answer = b""
        while not answer.endswith(b"\x03"):
            received = client.recv(65536)
            assert received, f"the connection was closed after {answer!r}"
            answer += received
    # See `as_luxid_tells`.
    decoded = json.loads(answer[:-1].decode("latin-1"), strict=False)
    assert decoded["success"], decoded
    return decoded["result"]


def as_luxid_tells(value: Any) -> Any:
    """Return a value as `ask` gets it from luxid: of each UTF-16 unit only the lower byte."""
    units = json.dumps(value, ensure_ascii=False).encode("utf-16-le")
    return json.loads(units[::2].decode("latin-1"), strict=False)
