"""How a request reaches a node: the protocol, and the real form over TLS.

The real form keeps connections where the peer allows it, takes up TLS sessions where it does not,
and bounds everything: connections per node, bytes of an answer, time to connect, time to answer.

Facts: node daemons of Ganeti 3.0 want POST (older ones wanted PUT, which these answer with status
400), accept any Content-type but are sent JSON's, and close after each answer.
"""

import ssl
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gevent
from gevent import socket
from gevent.lock import Semaphore
from gevent.ssl import SSLContext

from masterd.clock import Clock
from masterd.limits import (
    RPC_CONNECT_S,
    RPC_IDLE_S,
    RPC_NODE_IDLE_MAX,
    RPC_NODE_REQUESTS_MAX,
    RPC_PEERS_MAX,
)
from masterd.rpc.connection import Connection, reason
from masterd.rpc.credentials import Credentials
from masterd.rpc.errors import (
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    HandshakeError,
    TransportError,
    UnreachableError,
)
from masterd.rpc.http import Exchange


class Transport(Protocol):
    """Brings one request to one node and its answer back."""

    def request(
        self,
        address: str,
        port: int,
        path: str,
        body: bytes,
        timeout_s: float,
        *,
        answer_bytes_max: int,
    ) -> bytes:
        """POST `body` to `path` ("/version") and return the body of the answer. Switches.

        Args:
            address: IP address, or a name that resolves to one.
            timeout_s: seconds for everything together.
            answer_bytes_max: a longer answer is a failure.

        Raises:
            TransportError: there was no answer with status 200; see its attributes.
        """
        ...

    def close(self) -> None:
        """Close what is kept; later requests fail."""
        ...


@dataclass(slots=True)
class TransportStats:
    """Counts since the start."""

    requests: int = 0
    failures: int = 0
    connections: int = 0
    resumed: int = 0
    reused: int = 0


@dataclass(slots=True)
class _Peer:
    """What is remembered of one node daemon."""

    slots: Semaphore = field(default_factory=lambda: Semaphore(RPC_NODE_REQUESTS_MAX))
    idle: deque[Connection] = field(default_factory=deque)
    session: ssl.SSLSession | None = None
    session_generation: int = 0
    resumes: bool = True

    def forget(self) -> None:
        """Close the idle connections."""
        while self.idle:
            self.idle.pop().close()


class TlsTransport:
    """Requests over HTTPS with certificates on both sides."""

    def __init__(
        self,
        server_pem: Path,
        client_pem: Path,
        clock: Clock,
        *,
        connect_s: float = RPC_CONNECT_S,
        keep_alive: bool = True,
        resume: bool = True,
    ) -> None:
        """Prepare; certificates are loaded at the first request.

        Args:
            server_pem: key and certificate shared by the cluster; what is trusted.
            client_pem: key and certificate of this node.
            clock: for the age of connections and certificates.
            connect_s: seconds to connect and agree on TLS.
            keep_alive: use connections again that the peer keeps open.
            resume: take up TLS sessions.
        """
        self._credentials = Credentials(server_pem, client_pem, clock)
        self._clock = clock
        self._connect_s = connect_s
        self._keep_alive = keep_alive
        self._resume = resume
        self._peers: OrderedDict[tuple[str, int], _Peer] = OrderedDict()
        self._closed = False
        self.stats = TransportStats()

    def request(
        self,
        address: str,
        port: int,
        path: str,
        body: bytes,
        timeout_s: float,
        *,
        answer_bytes_max: int,
    ) -> bytes:
        """See `Transport.request`. Switches."""
        peer = self._peer(address, port)
        self.stats.requests += 1
        timeout = gevent.Timeout.start_new(timeout_s)
        try:
            with peer.slots:
                return self._ask(peer, address, port, path, body, answer_bytes_max)
        except gevent.Timeout as expired:
            if expired is not timeout:
                raise
            self.stats.failures += 1
            raise DeadlineError(f"No answer within {timeout_s:g} seconds") from None
        except TransportError:
            self.stats.failures += 1
            raise
        finally:
            timeout.close()

    def close(self) -> None:
        """Close the idle connections; requests under way finish, later ones fail."""
        self._closed = True
        for peer in self._peers.values():
            peer.forget()
        self._peers.clear()

    def _peer(self, address: str, port: int) -> _Peer:
        if self._closed:
            raise ConnectError("The transport is closed")
        key = (address, port)
        peer = self._peers.get(key)
        if peer is not None:
            self._peers.move_to_end(key)
            return peer
        if len(self._peers) >= RPC_PEERS_MAX:
            _, longest_unused = self._peers.popitem(last=False)
            longest_unused.forget()
        peer = self._peers[key] = _Peer()
        return peer

    def _ask(
        self, peer: _Peer, address: str, port: int, path: str, body: bytes, answer_bytes_max: int
    ) -> bytes:
        context = self._credentials.context()
        connection = self._kept(peer)
        if connection is None:
            connection = self._open(peer, address, port, context)
        else:
            self.stats.reused += 1
        keep = False
        try:
            answer = connection.ask(path, body, answer_bytes_max)
            keep = self._keep_alive and not self._closed and connection.again()
        except ConnectionLostError as error:
            if error.stale:
                peer.forget()  # the node daemon was restarted: the others are dead too
            raise
        finally:
            if keep and len(peer.idle) < RPC_NODE_IDLE_MAX:
                connection.idle_since_s = self._clock.monotonic_s()
                peer.idle.append(connection)
            else:
                if self._resume and peer.resumes and connection.used:
                    peer.session = connection.session
                    peer.session_generation = connection.generation
                connection.close()
        return answer

    def _kept(self, peer: _Peer) -> Connection | None:
        """Take the connection used last, if one is still good."""
        oldest_s = self._clock.monotonic_s() - RPC_IDLE_S
        while peer.idle:
            connection = peer.idle.pop()
            if (
                connection.idle_since_s >= oldest_s
                and connection.generation == self._credentials.generation
                and not connection.disturbed()
            ):
                return connection
            connection.close()
        return None

    def _open(self, peer: _Peer, address: str, port: int, context: SSLContext) -> Connection:
        generation = self._credentials.generation
        session = peer.session if peer.session_generation == generation else None
        timeout = gevent.Timeout.start_new(self._connect_s)
        host = _host(address, port)
        plain = None
        try:
            plain = _dial(address, port)
            try:
                tls = _agree(plain, host, context, session)
            except HandshakeError:
                if session is None:
                    raise
                peer.session = None
                plain = _dial(address, port)
                tls = _agree(plain, host, context, None)
                # Ganeti's node daemon breaks off when a session is taken up, because it checks
                # certificates without a session context: never offer it one again.
                peer.resumes = False
        except gevent.Timeout as expired:
            if expired is not timeout:
                raise
            if plain is None:
                text = f"No connection to {host} within {self._connect_s:g} seconds"
                raise UnreachableError(text) from None
            raise HandshakeError(f"No TLS with {host} within {self._connect_s:g} seconds") from None
        finally:
            timeout.close()
        connection = Connection(tls, Exchange(host), generation)
        self.stats.connections += 1
        self.stats.resumed += connection.resumed
        return connection


def _host(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _agree(plain: Any, host: str, context: SSLContext, session: ssl.SSLSession | None) -> Any:
    """Agree on TLS over a connected socket, taking up `session` if the peer likes. Switches.

    Returns:
        The TLS socket.

    Raises:
        HandshakeError: no agreement.
    """
    tls = context.wrap_socket(plain, do_handshake_on_connect=False, session=session)
    try:
        tls.do_handshake()
    except OSError as error:
        tls.close()
        text = reason(error) if isinstance(error, ssl.SSLError) else str(error)
        raise HandshakeError(f"No TLS with {host}: {text}") from error
    except BaseException:
        tls.close()
        raise
    return tls


def _dial(address: str, port: int) -> Any:
    """Return a connected socket. Switches.

    Raises:
        UnreachableError: refused or out of reach.
    """
    try:
        return _connected(address, port)
    except OSError as error:
        text = f"Can't connect to {_host(address, port)}: {error.strerror or error}"
        raise UnreachableError(text) from error


def _connected(address: str, port: int) -> Any:
    """Return a connected socket. Only names go to the resolver, which works in a thread."""
    if ":" in address:
        plain = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    elif address.replace(".", "").isdigit():
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    else:
        plain = socket.create_connection((address, port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.connect((address, port))
    except BaseException:
        plain.close()
        raise
    return plain
