"""A node that answers badly over a real connection costs its own call and nobody else's time."""

import socket as system_socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer

from masterd.rpc.errors import BadAnswerError, ConnectionLostError, DeadlineError
from masterd.rpc.transport import TlsTransport
from masterd.testing.clock import ManualClock
from masterd.testing.cluster import SimulatedCluster
from tests.rpc_support import small_cluster

#: Seconds after which a call to a peer that stalls is given up in these tests.
SHORT_S = 0.1

#: Seconds within which everything else ends.
PATIENCE_S = 60

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n[true,1]"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n[true,1]\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCluster:
    return small_cluster(tmp_path_factory.mktemp("peers") / "cluster")


@pytest.fixture
def transport(cluster: SimulatedCluster) -> Iterator[TlsTransport]:
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, ManualClock())
    yield transport
    transport.close()


def server_context(pem: Path) -> ssl.SSLContext:
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pem))
    return context


@pytest.fixture(params=[ANSWER, CHUNKS], ids=["length", "chunks"])
def answer(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data


@pytest.fixture
def cutting(cluster: SimulatedCluster, answer: bytes) -> Iterator[Callable[[bool], int]]:
    """Start peers that cut the answer where the request says, and then close or stall."""
    context = server_context(cluster.server_pem)
    servers: list[StreamServer] = []

    def start(stalls: bool) -> int:
        def serve(plain: socket.socket, _: object) -> None:
            try:
                with context.wrap_socket(plain, server_side=True) as secure:
                    cut = int(secure.recv(1000).split(b" ")[1][1:])
                    secure.sendall(answer[:cut])
                    if stalls:
                        secure.recv(1000)  # until the master gives up
            except OSError:
                plain.close()

        server = StreamServer(("127.0.0.1", 0), serve)
        server.start()
        servers.append(server)
        return int(server.server_port)

    yield start
    for server in servers:
        server.stop()


def outcome(transport: TlsTransport, port: int, cut: int, timeout_s: float) -> object:
    """Return the body of an answer cut there, or the kind of error."""
    try:
        return transport.request(
            "127.0.0.1", port, f"/{cut}", b"[]", timeout_s, answer_bytes_max=1000
        )
    except (BadAnswerError, ConnectionLostError, DeadlineError) as error:
        return type(error)


def test_an_answer_that_ends_at_any_byte_is_a_lost_connection(
    transport: TlsTransport, cutting: Callable[[bool], int], answer: bytes
) -> None:
    port = cutting(False)
    for cut in range(len(answer)):
        assert outcome(transport, port, cut, PATIENCE_S) is ConnectionLostError
    assert outcome(transport, port, len(answer), PATIENCE_S) == b"[true,1]"


def test_an_answer_that_stalls_at_any_byte_is_given_up_at_its_deadline(
    transport: TlsTransport, cutting: Callable[[bool], int], answer: bytes
) -> None:
    port = cutting(True)
    pool = Pool(16)
    outcomes = pool.map(lambda cut: outcome(transport, port, cut, SHORT_S), range(len(answer)))
    assert set(outcomes) == {DeadlineError}
    assert outcome(transport, port, len(answer), PATIENCE_S) == b"[true,1]"


FLOODS = {
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "one long body": b"HTTP/1.1 200 OK\r\n\r\n" + b"[]," * 10_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_peer_that_sends_for_ever_stops_nobody_else(
    cluster: SimulatedCluster, transport: TlsTransport, flood: bytes
) -> None:
    """The peer is a thread: it sends whether this thread's loop turns or not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(cluster.server_pem))
    listener = system_socket.create_server(("127.0.0.1", 0))

    def send_for_ever() -> None:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(1000)
                while True:
                    secure.sendall(flood)
        except OSError:
            plain.close()

    peer = threading.Thread(target=send_for_ever, daemon=True)
    peer.start()
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    other = gevent.spawn(others)
    port = listener.getsockname()[1]
    with pytest.raises(BadAnswerError):
        transport.request(
            "127.0.0.1", port, "/version", b"[]", PATIENCE_S, answer_bytes_max=1_000_000
        )
    other.kill()
    peer.join()
    listener.close()
    assert turns > 1
