"""The socket files: made complete under another name, then renamed into place.

A client therefore finds either no socket, or one that listens and has its final owner and mode.
"""

import os
import struct

# The plain C class: one descriptor, no buffers, and not replaced by monkey patching.
from _socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET, socket
from dataclasses import dataclass
from pathlib import Path

from masterd.job.model import Peer
from store.files import give_socket

#: Bytes of a socket's path. Source: unix(7), sun_path.
PATH_BYTES_MAX = 107

_UCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """Where to listen, and who may connect."""

    path: Path
    #: Permission bits; connecting needs the right to write.
    mode: int
    #: (uid, gid); None leaves the process's own.
    owner: tuple[int, int] | None = None


class Listener:
    """A listening socket and the file that leads to it."""

    def __init__(self, spec: SocketSpec, backlog: int) -> None:
        """Listen; replaces whatever socket file was there, such as a dead process's.

        Raises:
            ValueError: the path is too long for a socket.
            OSError: the directory is missing or not writable, or the owner cannot be set.
        """
        self.path = spec.path
        self.spec = spec
        if len(os.fsencode(spec.path)) > PATH_BYTES_MAX:
            raise ValueError(f"socket path exceeds {PATH_BYTES_MAX} bytes: {spec.path}")
        #: Short, so that any path that fits can be made.
        temporary = spec.path.with_name(f".{os.getpid():x}")
        temporary.unlink(missing_ok=True)
        self.socket = socket(AF_UNIX, SOCK_STREAM)
        try:
            self.socket.setblocking(False)
            # The file takes its mode from the socket; nobody else may connect before the final one
            # is set.
            os.fchmod(self.socket.fileno(), 0o600)
            self.socket.bind(os.fspath(temporary))
            self.socket.listen(backlog)
            status = give_socket(temporary, spec.mode, spec.owner)
            self._identity = status.st_dev, status.st_ino
            temporary.replace(spec.path)
        except BaseException:
            self.socket.close()
            temporary.unlink(missing_ok=True)
            raise

    def accept(self) -> socket:
        """Return the next client's socket, not blocking.

        Raises:
            BlockingIOError: nobody waits.
            OSError: the process is out of descriptors or memory, or the client has gone again.
        """
        fd, _ = self.socket._accept()  # type: ignore[attr-defined] # not in the stubs
        client = socket(AF_UNIX, SOCK_STREAM, 0, fd)
        client.setblocking(False)
        return client

    def is_gone(self) -> bool:
        """Tell whether the file was removed.

        Raises:
            OSError: there is another one in its place.
        """
        try:
            there = _identity(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        if there != self._identity:
            raise OSError(f"{self.path} is not the socket that was made")
        return False

    def close(self) -> None:
        """Stop listening; remove the file unless another process has put its own there."""
        self.socket.close()
        try:
            if _identity(self.path) == self._identity:
                self.path.unlink()
        except FileNotFoundError:
            return


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def peer_of(client: socket) -> Peer:
    """Return who connected, as the kernel recorded it at that time."""
    pid, uid, gid = _UCRED.unpack(client.getsockopt(SOL_SOCKET, SO_PEERCRED, _UCRED.size))
    return Peer(uid=uid, gid=gid, pid=pid)
