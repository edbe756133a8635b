"""Debian's `ganeti-rapi` in front of a master, and Debian's own client of it.

It runs as its own user, with TLS as on a real cluster, since its client speaks nothing else.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.interop import debian

_PROGRAM: Final = "/usr/sbin/ganeti-rapi"
_CLIENT: Final = Path("/usr/lib/python3/dist-packages/ganeti/rapi/client.py")
_CURL: Final = Path("/usr/lib/python3/dist-packages/pycurl.cpython-311-x86_64-linux-gnu.so")
_USER: Final = "gnt-rapi"

#: Seconds it may take to start, and to answer: it waits 10 s for changes of a job.
PATIENCE_S: Final = 60


def _hindrance() -> str | None:
    if not Path(_PROGRAM).exists():
        return "package ganeti is not installed (no /usr/sbin/ganeti-rapi)"
    if not _CLIENT.exists():
        return "package python3-ganeti-rapi is not installed"
    if not list(_CURL.parent.glob("pycurl.*.so")):
        return "package python3-pycurl is not installed, which Debian's RAPI client needs"
    if os.geteuid() != 0:
        return "ganeti-rapi is started as its own user, by root"
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        return f"Ganeti's user {_USER} is missing"
    return None


needs_rapi = pytest.mark.skipif(_hindrance() is not None, reason=str(_hindrance()))

#: Calls the client for each line of its input, `[method, arguments]`; prints what went over HTTP:
#: the path without the query, whether it went well, and the decoded answer or [code, message].
_CALLER: Final = """
import json, sys
from ganeti.rapi import client

class Client(client.GanetiRapiClient):
    def _SendRequest(self, method, path, query, content):
        self.seen = [path, False, None]
        try:
            answer = client.GanetiRapiClient._SendRequest(self, method, path, query, content)
        except client.GanetiApiError as error:
            self.seen[2] = [error.code, str(error)]
            raise
        self.seen = [path, True, answer]
        return answer

rapi = Client("127.0.0.1", port=int(sys.argv[1]), username="tester", password="secret")
for line in sys.stdin:
    method, arguments = json.loads(line)
    try:
        getattr(rapi, method)(*arguments)
    except client.GanetiApiError:
        pass
    print(json.dumps(rapi.seen), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over HTTP.

    Attributes:
        path: of the resource.
        good: it was a success.
        value: the decoded answer, or [HTTP code, message].
    """

    path: str
    good: bool
    value: Any


class Rapi:
    """Debian's client of a running ganeti-rapi."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def call(self, method: str, *arguments: object) -> Answer:
        """Call a method of the client."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client ended in {method}{arguments}"
        path, good, value = json.loads(line)
        return Answer(path, good, value)

    def value(self, method: str, *arguments: object) -> Any:
        """Call a method that must go well; return the answer."""
        answer = self.call(method, *arguments)
        assert answer.good, (method, arguments, answer)
        return answer.value


@contextmanager
def rapi(root: Path) -> Iterator[Rapi]:
    """Run ganeti-rapi on the master of a root, with a user who may do everything."""
    _prepare(root)
    port = _free_port()
    with subprocess.Popen(
        ["setpriv", "--reuid", _USER, "--regid", _USER, "--groups", "gnt-daemons",
         _PROGRAM, "-f", "-b", "127.0.0.1", "-p", str(port)],
        env={"PATH": os.environ["PATH"], "GANETI_ROOTDIR": str(root), "GANETI_HOSTNAME": root.name,
             # It makes lists of sets, which come in the same order from all then.
             "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            _wait_until_it_listens(server, port, root)
            with _client(port) as client:
                yield client
        finally:
            server.terminate()


@contextmanager
def _client(port: int) -> Iterator[Rapi]:
    with subprocess.Popen(
        # Ganeti's own library stays out of its way: this one is Debian's package of its own.
        ["timeout", str(PATIENCE_S), debian.PYTHON, "-W", "ignore", "-c", _CALLER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Rapi(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def _prepare(root: Path) -> None:
    """Write what it reads; let it write where all daemons may."""
    data = root / "var/lib/ganeti"
    for name in ("var/run/ganeti", "var/run/ganeti/socket", "var/log/ganeti"):
        shutil.chown(root / name, group="gnt-daemons")
        (root / name).chmod(0o775)
    (data / "rapi").mkdir(exist_ok=True)
    (data / "rapi/users").write_text("tester secret write\n")
    (data / "rapi.pem").write_bytes((data / "server.pem").read_bytes())
    for path in (data / "rapi", data / "rapi/users", data / "rapi.pem"):
        shutil.chown(path, _USER, _USER)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_listens(server: "subprocess.Popen[bytes]", port: int, root: Path) -> None:
    """Nothing tells that it listens, except that it takes connections."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
        except ConnectionRefusedError:
            if server.poll() is not None:
                log = root / "var/log/ganeti/rapi-daemon.log"
                pytest.fail("ganeti-rapi ended:\n" + (log.read_text() if log.exists() else ""))
        else:
            return
