"""A private luxid of the reference, on a configuration of ours.

It runs as its own user below a directory of the test, with GANETI_ROOTDIR, and is asked over its
socket. Its one node on loopback has no node daemon, so that live data is never there.
"""

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from masterd.config.render import render
from masterd.config.snapshot import ConfigSnapshot
from masterd.config.ssconf_files import ssconf_files
from tests.interop import luxid

HOST: Final = "master"


class LuxidError(Exception):
    """luxid answered with an error: class name and arguments."""


class Luxid:
    """A running luxid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(luxid.PATIENCE_S)
        self._socket.connect(str(path))

    def ask(self, method: str, arguments: object) -> Any:
        """Call a method.

        Raises:
            LuxidError: it answered with an error.
        """
        request = {"method": method, "args": arguments, "version": 3000000}
        self._socket.sendall(json.dumps(request).encode() + b"\x03")
        answer = bytearray()
        while not answer.endswith(b"\x03"):
            received = self._socket.recv(1 << 20)
            if not received:
                raise ConnectionError("luxid closed the connection")
            answer += received
        decoded = json.loads(answer[:-1])
        if not decoded["success"]:
            raise LuxidError(decoded["result"])
        return decoded["result"]

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running(config: ConfigSnapshot) -> Iterator[Luxid]:
    """Run a luxid that has read a configuration whose master is HOST on loopback."""
    # Not under pytest's own directory, which luxid's user may not enter.
    base = Path(tempfile.mkdtemp(prefix="luxid-"))
    try:
        base.chmod(0o755)
        root = base / HOST
        for folder in ("lib/ganeti/queue/archive", "run/ganeti/socket", "run/ganeti/livelocks",
                       "log/ganeti"):  # fmt: skip
            (root / "var" / folder).mkdir(parents=True)
        fill(root, config)
        with luxid.luxid(root, config_serial=config.serial_no) as path:
            asked = Luxid(path)
            try:
                yield asked
            finally:
                asked.close()
    finally:
        shutil.rmtree(base)


def fill(root: Path, config: ConfigSnapshot) -> None:
    """Write what a master's data directory holds, owned by luxid's user."""
    write_configuration(root, config)
    data = root / "var/lib/ganeti"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=ganeti.example.com", "-keyout", data / "key.pem", "-out", data / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("server.pem", "client.pem"):
        (data / name).write_bytes(
            (data / "key.pem").read_bytes() + (data / "cert.pem").read_bytes()
        )
    luxid.give(root)


def write_configuration(root: Path, config: ConfigSnapshot) -> None:
    """Write a configuration, and an empty queue, into a master's data directory."""
    data = root / "var/lib/ganeti"
    (data / "config.data").write_bytes(render(config))
    for key, content in ssconf_files(config).items():
        (data / f"ssconf_{key}").write_bytes(content)
    (data / "queue/serial").write_text("0\n")
    (data / "queue/version").write_text("1\n")
