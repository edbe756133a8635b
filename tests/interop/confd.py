"""Debian's `ganeti-confd`, and Ganeti's own client of it."""

import json
import os
import queue
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from masterd.paths import Paths
from tests.interop import debian

CONFD: Final = Path("/usr/sbin/ganeti-confd")

needs_confd = pytest.mark.skipif(
    not CONFD.exists(), reason="package ganeti-haskell-3.0 is not installed"
)

#: Where ganeti-confd listens unless told otherwise, UDP.
DEFAULT_PORT: Final = 1814
#: Asks for each line of its input, `[kind, query]`; prints status, answer and serial number.
_ASKER: Final = """
import json, sys
from ganeti import pathutils, utils
from ganeti.confd import client
told = []
asked = client.ConfdClient(utils.ReadFile(pathutils.CONFD_HMAC_KEY), [sys.argv[1]], told.append,
                           port=int(sys.argv[2]))
for line in sys.stdin:
    kind, query = json.loads(line)
    request = client.ConfdClientRequest(type=kind, query=query)
    asked.SendRequest(request, async_=False)
    asked.WaitForReply(request.rsalt)
    reply = told.pop().server_reply
    print(json.dumps([reply.status, reply.answer, reply.serial]), flush=True)
"""


class Confd:
    """A running ganeti-confd, and Ganeti's client of it."""

    def __init__(
        self, port: int, server: "subprocess.Popen[str]", client: "subprocess.Popen[str]"
    ) -> None:
        self.port = port
        self._client = client
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(server.stderr,))
        self._reader.start()

    def wait_loaded(self, serial: int) -> None:
        """Return once it has read a configuration that is as new."""
        while True:
            line = self._lines.get(timeout=debian.PATIENCE_S)
            found = re.search(r"Loaded new config, serial (\d+)", line)
            if found is not None and int(found[1]) >= serial:
                return
            assert "onfiguration unavailable" not in line, line

    def ask(self, kind: int, query: object = None) -> tuple[int, Any, int]:
        """Return status, answer and serial number of the cluster."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(json.dumps([kind, query]) + "\n")
        self._client.stdin.flush()
        line = self._client.stdout.readline()
        assert line, f"no answer to {kind} {query}"
        status, answer, serial = json.loads(line)
        return status, answer, serial

    def answer(self, kind: int, query: object = None) -> Any:
        """Return the answer to a request that must go well."""
        status, answer, _ = self.ask(kind, query)
        assert status == 0, (kind, query, answer)
        return answer

    def join(self) -> None:
        """Return when the server has said its last word."""
        self._reader.join(debian.PATIENCE_S)

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)


@contextmanager
def confd(root: Path, address: str = "127.0.0.1", port: int | None = None) -> Iterator[Confd]:
    """Run ganeti-confd on the node of a root; without a port on a free one."""
    if port is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            port = int(probe.getsockname()[1])
    environment = {**os.environ, **Paths(root, root.name).environment()}
    with (
        subprocess.Popen(
            [str(CONFD), "-f", "-d", "--no-user-checks", "-b", address, "-p", str(port)],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as server,
        subprocess.Popen(
            ["timeout", str(debian.PATIENCE_S), debian.PYTHON, "-c", _ASKER, address,
             str(port)],
            env={**environment, "PYTHONPATH": str(debian.LIBRARY)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as client,
    ):  # fmt: skip
        running = Confd(port, server, client)
        try:
            yield running
        finally:
            server.terminate()
            running.join()
