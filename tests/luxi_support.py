"""A LUXI server in this process, and raw clients that see exactly what is on the wire."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
from gevent import socket as green_socket

from masterd.clock import SystemClock
from masterd.job.model import Peer
from masterd.luxi.client import Client
from masterd.luxi.framing import Decoder, encode
from masterd.luxi.messages import Request, encode_request, parse_answer
from masterd.luxi.reply import Reply
from masterd.luxi.server import Server, ServerLimits
from masterd.luxi.sockets import SocketSpec

#: Seconds after which a test gives up; never reached when all is well.
PATIENCE_S = 20


class SteppingClock:
    """A clock on which only pauses take time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now_us(self) -> int:
        return int(self.now_s * 1_000_000)

    def monotonic_s(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


class Echo:
    """A handler that answers by method name, and keeps the replies it was told to park."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.peers: list[Peer] = []
        self.parked: list[Reply] = []
        self.gone = 0
        self.release = gevent.event.Event()

    def __call__(self, request: Request, peer: Peer, reply: Reply) -> None:
        self.requests.append(request)
        self.peers.append(peer)
        match request.method:
            case "Park":
                reply.on_gone(self._note_gone)
                self.parked.append(reply)
            case "Block":
                self.release.wait()
                reply.success(request.args)
            case "Fail":
                raise ZeroDivisionError("no reason")
            case "Big":
                assert isinstance(request.args, int)
                reply.success("x" * request.args)
            case _:
                reply.success(request.args)

    def _note_gone(self) -> None:
        self.gone += 1


@contextmanager
def serving(
    directory: Path,
    handler: Callable[[Request, Peer, Reply], None],
    bounds: ServerLimits | None = None,
) -> Iterator[tuple[Server, Path]]:
    """Serve on `directory/query` while the block runs."""
    path = directory / "query"
    server = Server([SocketSpec(path, 0o660)], handler, clock=SystemClock(), bounds=bounds)
    server.start()
    try:
        yield server, path
    finally:
        server.close()


class RawClient:
    """A connection that sends and receives bytes as told."""

    def __init__(self, path: Path) -> None:
        self.socket = green_socket_of()
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(os.fspath(path))
        self._decoder = Decoder(1 << 30)
        self._answers: list[bytes] = []

    def send(self, method: str, args: object = ()) -> None:
        """Send one request."""
        self.socket.sendall(encode(encode_request(method, args, None)))

    def send_all(self, method: str, every_args: Iterable[object]) -> None:
        """Send one request for each of the arguments."""
        for args in every_args:
            self.send(method, args)

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def answer(self) -> tuple[bool, object]:
        """Wait for the next answer."""
        while not self._answers:
            data = self.socket.recv(65536)
            assert data, "the server closed the connection"
            self._answers += self._decoder.feed(data)
        return parse_answer(self._answers.pop(0))

    def at_end(self) -> bool:
        """Wait for the server to close; True when it sent nothing before."""
        try:
            data: bytes = self.socket.recv(1)
        except ConnectionError:
            return True
        return data == b""

    def close(self) -> None:
        """Close."""
        self.socket.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def green_socket_of() -> green_socket.socket:
    """Return one of gevent's Unix sockets."""
    return green_socket.socket(green_socket.AF_UNIX, green_socket.SOCK_STREAM)


def green_client(path: Path) -> Client:
    """Return our own client on one of gevent's sockets."""
    return Client(
        os.fspath(path),
        answer_s=PATIENCE_S,
        make_socket=green_socket_of,
        pause=gevent.sleep,
    )


def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until the condition holds."""
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.idle()
