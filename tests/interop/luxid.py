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
from typing import Any, Final

import pytest

_USER: Final = "gnt-masterd"

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
    name: str, root: Path, groups: tuple[str, str], *, until: str, hopeless: str = "\0"
) -> Iterator[str]:
    """Run a daemon of Debian's on a virtual node until the end of the block.

    Gives what it told until a line with `until` in it. A line with `hopeless` ends it.
    """
    group, others = groups
    with subprocess.Popen(
        ["setpriv", "--reuid", _USER, "--regid", group, "--groups", others,
         name, "-f", "--no-voting", "--yes-do-it"],
        env={"PATH": os.environ["PATH"], "GANETI_ROOTDIR": str(root), "GANETI_HOSTNAME": root.name},
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        guard = threading.Timer(PATIENCE_S, process.kill)
        guard.start()
        assert process.stderr is not None
        told: list[str] = []
        try:
            for line in process.stderr:
                told.append(line)
                if hopeless in line:
                    process.kill()
                if until in line:
                    break
            else:
                pytest.fail(f"{name} did not start: " + "".join(told))
            guard.cancel()
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield "".join(told)
        finally:
            guard.cancel()
            process.terminate()


@contextmanager
def luxid(root: Path, *, config_serial: int) -> Iterator[Path]:
    """Run luxid on a virtual node until the end of the block; give its socket.

    It has read the configuration and the queue when the block begins.
    """
    with _daemon(
        "ganeti-luxid",
        root,
        ("gnt-luxid", "gnt-daemons"),
        # The last thing it does, and it has looked at the jobs by then.
        until="Starting time-based job queue watcher",
        hopeless="Configuration unavailable",
    ) as told:
        if f"Loaded new config, serial {config_serial}" not in told:
            pytest.fail("luxid could not read the configuration: " + told)
        yield root / "var/run/ganeti/socket/ganeti-query"


@contextmanager
def wconfd(root: Path) -> Iterator[None]:
    """Run `ganeti-wconfd` beside luxid until the end of the block, so that jobs are carried out."""
    with _daemon(
        "ganeti-wconfd",
        root,
        ("gnt-confd", "gnt-admin,gnt-daemons,gnt-luxid"),
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
