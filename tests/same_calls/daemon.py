"""Our daemon, whose configuration a test can read and put back while it serves.

`python -m tests.same_calls.daemon` takes the daemon's own arguments. On the Unix socket that the
environment names it answers one JSON value a line: `null` with the configuration, a whole
`config.data` document with null, once that stands in the configuration's place.
"""

import os
import sys
from functools import partial
from typing import Any, Final

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import msgspec
from gevent import socket
from gevent.server import StreamServer

from masterd import __main__ as entry
from masterd import app
from masterd.lu.backup import transfer
from masterd.opening import Opened, Opening
from masterd.wconf.repository import ConfigRepository
from masterd.work.work import HeldLocks
from tests.same_calls.job_process import TRANSFER_PAUSE_S

#: Environment variable with the path of the socket.
SOCKET: Final = "GANETI_MASTERD_TEST_CONFIG_SOCKET"

#: Bytes of a document.
DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024


class ServedOpening(Opening):
    """Opens the store, and serves the configuration in it on the socket."""

    def open(self) -> Opened:
        opened = super().open()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(os.environ[SOCKET])
        listener.listen(1)
        StreamServer(listener, partial(_serve, opened.config)).start()
        return opened


def _serve(config: ConfigRepository, connection: Any, _: object) -> None:
    with connection, connection.makefile("rb") as lines:
        while line := lines.readline(DOCUMENT_BYTES_MAX):
            wanted = msgspec.json.decode(line)
            answer = b"null"
            if wanted is None:
                answer = config.render().replace(b"\n", b" ")
            else:
                config.adopt_document(wanted, source="a test")
            connection.sendall(answer + b"\n")


if __name__ == "__main__":
    # The end of a cluster must not be the end of the tests: what comes later needs its locks.
    HeldLocks.keep_for_good = lambda self: None  # type: ignore[method-assign]
    for bound in ("_SHORTEST_S", "_LONGEST_S"):
        transfer.__dict__[bound] = TRANSFER_PAUSE_S
    app.__dict__["Opening"] = ServedOpening
    sys.argv[0] = "ganeti-masterd"
    sys.exit(entry.main())
