"""Sockets by which a test opcode waits for a client to come and go.

The opcode tells the path in the job's log; the client connects to it, and sends a byte or closes
the connection when the opcode may go on. This is the only module of the package with sockets.

Source: Ganeti 3.0.2 lib/cmdlib/test.py (behaviour), lib/client/gnt_debug.py (the client).
"""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gevent import socket

_PREFIX: Final = "ganeti-masterd-"


class NotificationSocket:
    """A Unix socket for one client, in a new directory that only its owner can enter."""

    def __init__(self) -> None:
        """Create it; both are removed by `close`, or at the end of a `with` block.

        Raises:
            OSError: there is no place for it.
        """
        self._directory: str | None = tempfile.mkdtemp(prefix=_PREFIX)
        self.path = str(Path(self._directory) / "sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(self.path)
            self._socket.listen(1)
        except BaseException:
            self.close()
            raise

    def accept(self, timeout_s: float) -> "Visitor | None":
        """Wait for the client; return None if it does not come in time. Switches.

        Raises:
            OSError: the socket fails.
        """
        self._socket.settimeout(timeout_s)
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return None
        return Visitor(connection)

    def close(self) -> None:
        """Remove the socket; a client that has come stays."""
        self._socket.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Visitor:
    """A client that came."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def wait(self, timeout_s: float) -> bool:
        """Wait until the client sends a byte or leaves; tell whether it did. Switches.

        Raises:
            OSError: the connection fails.
        """
        self._connection.settimeout(timeout_s)
        try:
            self._connection.recv(1)
        except (TimeoutError, BlockingIOError):
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
