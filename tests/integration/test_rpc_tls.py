"""Connections, sessions and certificates of the real transport."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from masterd.limits import RPC_CREDENTIALS_CHECK_S, RPC_IDLE_S, RPC_NODE_IDLE_MAX
from masterd.rpc.errors import (
    BadAnswerError,
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    HandshakeError,
)
from masterd.rpc.transport import TlsTransport
from masterd.testing import certificates
from masterd.testing.clock import ManualClock
from masterd.testing.cluster import SimulatedCluster
from masterd.testing.faults import Fault, FaultKind
from tests.rpc_support import Nodes, simulated_nodes, small_cluster

NOW_US = 1_700_000_000_000_000


@pytest.fixture
def cluster(tmp_path: Path) -> SimulatedCluster:
    return small_cluster(tmp_path / "cluster")


@pytest.fixture
def nodes(cluster: SimulatedCluster) -> Iterator[Nodes]:
    with simulated_nodes(cluster, "tls") as running:
        yield running


@pytest.fixture
def closing(cluster: SimulatedCluster) -> Iterator[Nodes]:
    with simulated_nodes(cluster, "tls-close") as running:
        yield running


def tls(nodes: Nodes) -> TlsTransport:
    assert isinstance(nodes.transport, TlsTransport)
    return nodes.transport


def ask(nodes: Nodes, call: str = "version") -> bytes:
    node = nodes.cluster.nodes[1]
    port = nodes.cluster.port
    return nodes.transport.request(
        node.address, port, f"/{call}", b"[]", 5, answer_bytes_max=100_000
    )


# --- connections ------------------------------------------------------------------------------


def test_a_kept_connection_is_used_again(nodes: Nodes) -> None:
    for _ in range(5):
        ask(nodes)
    stats = tls(nodes).stats
    assert (stats.requests, stats.connections, stats.reused) == (5, 1, 4)


def test_a_peer_that_closes_gets_a_new_connection_on_the_same_session(closing: Nodes) -> None:
    for _ in range(5):
        ask(closing)
    stats = tls(closing).stats
    assert (stats.connections, stats.reused, stats.resumed) == (5, 0, 4)


def test_few_connections_are_kept_after_a_crowd(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.DELAY, delay_s=0.02))
    crowd = [gevent.spawn(ask, nodes) for _ in range(10)]
    gevent.joinall(crowd, raise_error=True)
    assert tls(nodes).stats.connections == 10
    nodes.disturb(2)
    crowd = [gevent.spawn(ask, nodes) for _ in range(10)]
    gevent.joinall(crowd, raise_error=True)
    assert tls(nodes).stats.reused == RPC_NODE_IDLE_MAX


def test_a_connection_that_lay_unused_too_long_is_not_used_again(nodes: Nodes) -> None:
    ask(nodes)
    nodes.clock.advance(RPC_IDLE_S + 1)
    ask(nodes)
    assert tls(nodes).stats.reused == 0


def test_a_node_daemon_that_was_restarted_is_called_again_at_once(nodes: Nodes) -> None:
    ask(nodes)
    nodes.disturb(2, Fault(FaultKind.REFUSE))
    gevent.idle()
    nodes.disturb(2)
    assert ask(nodes) == b"[true,3000000]"
    assert tls(nodes).stats.connections == 2


def test_a_connection_found_closed_is_stale_and_a_repeatable_call_is_sent_again(
    nodes: Nodes,
) -> None:
    target = nodes.cluster.targets()[1]
    ask(nodes)
    nodes.disturb(2, Fault(FaultKind.DROP, times=1))
    assert nodes.runner.call_one("version", target, []).ok
    nodes.disturb(2, Fault(FaultKind.DROP, times=1))
    renamed = nodes.runner.call_one("jobqueue_rename", target, [[]])
    assert "without an answer" in (renamed.error or "")


# --- peers that are no node daemons -----------------------------------------------------------


def request(transport: TlsTransport, port: int, timeout_s: float = 5) -> bytes:
    return transport.request(
        "127.0.0.1", port, "/version", b"[]", timeout_s, answer_bytes_max=100_000
    )


def test_a_peer_that_never_agrees_on_tls_costs_the_time_to_connect(
    cluster: SimulatedCluster,
) -> None:
    clock = ManualClock()
    transport = TlsTransport(cluster.server_pem, cluster.client_pem, clock, connect_s=0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with pytest.raises(HandshakeError, match=r"within 0\.1 seconds") as caught:
            request(transport, silent.getsockname()[1])
    assert not caught.value.unreachable


def test_only_a_peer_that_accepts_no_connection_is_unreachable(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.REFUSE))
    nodes.disturb(3, Fault(FaultKind.DROP))
    certificates.new_server(NOW_US).write(nodes.cluster.server_pem)
    results = nodes.runner.call("version", nodes.cluster.targets(), [])
    assert [result.ok for result in results.values()] == [False] * 4
    assert [result.unreachable for result in results.values()] == [False, True, False, False]


def test_a_peer_that_does_not_speak_tls_is_no_node(cluster: SimulatedCluster) -> None:
    def plain(connection: socket.socket, _: object) -> None:
        with connection:
            connection.sendall(b"220 mail.example.com ESMTP\r\n")
            connection.recv(1000)

    transport = TlsTransport(cluster.server_pem, cluster.client_pem, ManualClock())
    server = StreamServer(("127.0.0.1", 0), plain)
    server.start()
    try:
        with pytest.raises(HandshakeError, match="No TLS with 127"):
            request(transport, server.server_port)
    finally:
        server.stop()


@pytest.fixture
def talkative(cluster: SimulatedCluster) -> Iterator[tuple[TlsTransport, int]]:
    """A TLS peer whose answer never ends, and a transport."""
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(cluster.server_pem))

    def flood(connection: socket.socket, _: object) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1000)
                secure.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    secure.sendall(b"2000\r\n" + bytes(0x2000) + b"\r\n")
        except OSError:
            connection.close()

    transport = TlsTransport(cluster.server_pem, cluster.client_pem, ManualClock())
    server = StreamServer(("127.0.0.1", 0), flood)
    server.start()
    yield transport, server.server_port
    transport.close()
    server.stop()


def test_an_answer_without_end_is_cut_off(talkative: tuple[TlsTransport, int]) -> None:
    transport, port = talkative
    with pytest.raises(BadAnswerError, match="exceeds 100000 bytes"):
        request(transport, port)


# --- certificates -----------------------------------------------------------------------------


def test_a_certificate_that_is_not_in_the_list_is_turned_away(nodes: Nodes) -> None:
    path = nodes.cluster.data(nodes.cluster.nodes[1]) / "ssconf_master_candidates_certs"
    path.chmod(0o644)
    path.write_text("some-uuid=00:11:22\n")
    with pytest.raises(ConnectionLostError):
        ask(nodes)


def test_while_there_is_no_list_the_clusters_own_certificate_may_call(nodes: Nodes) -> None:
    (nodes.cluster.data(nodes.cluster.nodes[1]) / "ssconf_master_candidates_certs").unlink()
    with pytest.raises(ConnectionLostError):
        ask(nodes)
    nodes.cluster.client_pem.unlink()
    nodes.clock.advance(RPC_CREDENTIALS_CHECK_S)
    assert ask(nodes) == b"[true,3000000]"


def test_a_foreign_client_certificate_is_refused(nodes: Nodes) -> None:
    foreign = certificates.new_server(NOW_US)
    client = certificates.new_client("intruder", foreign, NOW_US, serial=7)
    client.write(nodes.cluster.client_pem)
    with pytest.raises((HandshakeError, ConnectionLostError)):
        ask(nodes)
    assert nodes.count(2, "version") == 0


def test_a_foreign_server_certificate_is_refused(nodes: Nodes) -> None:
    certificates.new_server(NOW_US).write(nodes.cluster.server_pem)
    with pytest.raises(HandshakeError, match="certificate"):
        ask(nodes)
    assert nodes.count(2, "version") == 0


def test_renewed_certificates_are_used_without_a_restart(nodes: Nodes) -> None:
    ask(nodes)
    server, cluster = certificates.new_server(NOW_US), nodes.cluster
    client = certificates.new_client("node1", server, NOW_US, serial=7)
    old_client = cluster.client_pem.read_bytes()
    client.write(cluster.client_pem)
    nodes.clock.advance(RPC_CREDENTIALS_CHECK_S)
    with pytest.raises((HandshakeError, ConnectionLostError)):
        ask(nodes)
    cluster.client_pem.unlink()
    cluster.client_pem.write_bytes(old_client)
    nodes.clock.advance(RPC_CREDENTIALS_CHECK_S)
    assert ask(nodes) == b"[true,3000000]"


def test_a_certificate_file_in_the_middle_of_being_written_changes_nothing(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    ask(nodes)
    nodes.cluster.client_pem.chmod(0o600)
    nodes.cluster.client_pem.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    nodes.clock.advance(RPC_CREDENTIALS_CHECK_S)
    assert ask(nodes) == b"[true,3000000]"
    assert "going on with the former ones" in caplog.text


def test_without_any_certificate_a_call_fails_and_says_why(tmp_path: Path) -> None:
    transport = TlsTransport(tmp_path / "server.pem", tmp_path / "client.pem", ManualClock())
    with pytest.raises(ConnectError, match="Can't load certificates"):
        request(transport, 1)


def test_a_request_that_waits_for_a_connection_gives_up_at_its_deadline(nodes: Nodes) -> None:
    nodes.disturb(2, Fault(FaultKind.HANG))
    crowd = [gevent.spawn(ask, nodes) for _ in range(16)]
    gevent.idle()
    node = nodes.cluster.nodes[1]
    with pytest.raises(DeadlineError):
        port = nodes.cluster.port
        nodes.transport.request(
            node.address, port, "/version", b"[]", 0.05, answer_bytes_max=100_000
        )
    gevent.killall(crowd)
    nodes.disturb(2)
    assert ask(nodes) == b"[true,3000000]"


def test_certificates_have_the_form_of_ganetis(cluster: SimulatedCluster) -> None:
    from cryptography import x509

    server = x509.load_pem_x509_certificate(cluster.server_pem.read_bytes())
    client = x509.load_pem_x509_certificate(cluster.client_pem.read_bytes())
    assert server.version is x509.Version.v1
    assert server.subject.rfc4514_string() == "CN=ganeti.example.com"
    assert client.subject.rfc4514_string() == "CN=node1.example.com"
    client.verify_directly_issued_by(server)
    server.verify_directly_issued_by(server)
    assert cluster.server_pem.stat().st_mode & 0o777 == 0o440
    listed = (cluster.data(cluster.master) / "ssconf_master_candidates_certs").read_text()
    digest = certificates.read_digest(cluster.client_pem)
    assert f"{cluster.master.uuid}={digest}\n" in listed
    assert len(digest.split(":")) == 20
