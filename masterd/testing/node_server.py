"""The HTTPS side of simulated node daemons.

Like the real one it wants a client certificate signed by `server.pem` whose digest is in
`ssconf_master_candidates_certs`, and POST. Unlike it, it keeps connections open, if told so, and
serves all of them in one process: what is measured is the master, so the HTTP here is no more than
what a master sends.

Source: Ganeti 3.0.2 lib/http/server.py, lib/server/noded.py, SSLVerifyPeer.
"""

import re
import ssl
from pathlib import Path
from typing import Any, Final

import gevent
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.ssl import SSLContext

from masterd.limits import RPC_LISTING_BYTES_MAX
from masterd.rpc.credentials import CIPHERS
from masterd.testing.certificates import digest, read_digest
from masterd.testing.faults import LONG_ERROR_CHARS, FaultKind, FaultPlan
from masterd.testing.node_calls import DATA_DIR, SimulatedNode
from masterd.testing.script import NodeScript

#: Bytes of a request: start line and headers (source: http/server.py), and body.
HEAD_BYTES_MAX: Final = 12 * 1024
BODY_BYTES_MAX: Final = 64 * 1024 * 1024

#: Seconds for the handshake. Source: http/server.py, WRITE_TIMEOUT.
HANDSHAKE_S: Final = 10

#: Seconds a kept connection may be silent.
SILENCE_S: Final = 60

#: Connections to one node at once.
CONNECTIONS_MAX: Final = 1024

_READ_BYTES: Final = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_HOST = re.compile(rb"\r\nhost:", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_REASONS: Final = {200: b"OK", 400: b"Bad Request", 404: b"Not Found", 500: b"Internal Error"}


class NodeServer:
    """One node daemon, listening on an address of its own."""

    def __init__(
        self,
        node: SimulatedNode,
        address: str,
        port: int,
        faults: FaultPlan,
        *,
        script: NodeScript | None = None,
        keep_alive: bool = True,
    ) -> None:
        """Prepare; `start` listens.

        Args:
            node: carries the calls out; its root holds `server.pem`.
            address: IPv4 loopback address.
            port: 0 for any.
            faults: what goes wrong, shared by all nodes.
            script: answers told in advance, and the recording; shared by all nodes.
            keep_alive: the real node daemon closes after each answer.
        """
        self.node = node
        self.address = address
        self.port = port
        self._faults = faults
        self._script = script or NodeScript()
        self._keep_alive = keep_alive
        self._server: StreamServer | None = None
        self._open: set[Any] = set()
        #: Calls that hang, or whose answers are withheld, as long as the master waits for them.
        self.held: list[str] = []
        server_pem = node.root / DATA_DIR / "server.pem"
        self._context = _context(server_pem)
        self._server_digest = read_digest(server_pem)

    def start(self) -> None:
        """Listen, unless it does already.

        Raises:
            OSError: the address is taken or not this machine's.
        """
        if self._server is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.address, self.port))
            listener.listen(1024)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        server = StreamServer(listener, self._serve, spawn=Pool(CONNECTIONS_MAX))
        server.start()
        self._server = server

    def stop(self) -> None:
        """Listen no longer and cut all connections. Switches."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.stop(timeout=0)
        for tls in list(self._open):
            tls.close()

    def apply_faults(self) -> None:
        """Listen or stop listening, as the plan says. Switches."""
        if self._faults.refuses(self.node.name):
            self.stop()
        else:
            self.start()

    # --- one connection -------------------------------------------------------------------------

    def _serve(self, plain: Any, _: object) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._open.add(tls)
        try:
            with gevent.Timeout(HANDSHAKE_S):
                tls.do_handshake()
            if self._may_call(tls):
                self._converse(tls)
        except (OSError, gevent.Timeout):
            return  # the master went away or is silent: nothing is owed to it
        finally:
            self._open.discard(tls)
            tls.close()

    def _may_call(self, tls: Any) -> bool:
        """Compare the caller's certificate with the list of master candidates'.

        While there is no list (a cluster is being made), the caller must show `server.pem`.
        """
        shown = digest(tls.getpeercert(binary_form=True))
        return shown in (self.node.digests() or {self._server_digest})

    def _converse(self, tls: Any) -> None:
        buffer = b""
        tls.settimeout(SILENCE_S)
        while True:
            end = buffer.find(b"\r\n\r\n")
            while end < 0:
                if len(buffer) > HEAD_BYTES_MAX:
                    return
                data = tls.recv(_READ_BYTES)
                if not data:
                    return
                buffer += data
                end = buffer.find(b"\r\n\r\n")
            head, buffer = buffer[: end + 4], buffer[end + 4 :]
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if length > BODY_BYTES_MAX:
                return
            if len(buffer) < length:
                buffer = _read_on(tls, buffer, length)
                if len(buffer) < length:
                    return
            body, buffer = buffer[:length], buffer[length:]
            if not self._respond(tls, head, body) or not self._keep_alive:
                return

    def _respond(self, tls: Any, head: bytes, body: bytes) -> bool:
        """Answer one request; return False if the connection is to be closed."""
        method, _, rest = head.partition(b" ")
        target, _, version = rest.partition(b"\r\n")[0].partition(b" ")
        close = _CLOSE.search(head) is not None
        if method != b"POST" or version != b"HTTP/1.1" or _HOST.search(head) is None:
            tls.sendall(self._page(400, b"Only the POST method is supported"))
            return False
        if not body.isascii():
            return False  # the real node daemon cannot read it and dies over it
        call = target.removeprefix(b"/").decode("latin-1")
        self._script.note(self.node.name, call, body)
        fault = self._faults.take(self.node.name, call, body)
        if fault is not None and not self._misbehave(tls, call, fault.kind):
            return False
        if fault is not None and fault.kind is FaultKind.DELAY:
            gevent.sleep(fault.delay_s)
        if fault is not None and fault.kind is FaultKind.FAIL:
            answer: bytes | None = b'[false,"The node was told to fail"]'
        else:
            answer = self._script.answer(self.node.name, call)
            if answer is None:
                own = self.node.answer(call, body)
                answer = self._script.changed(self.node.name, call, own)
        if fault is not None and fault.kind is FaultKind.WITHHOLD:
            self._hold(tls, call)
            return False
        if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
            return False
        if answer is None:
            tls.sendall(self._page(404, b"Nothing matches the given URI"))
            return False
        page = self._head(200, b"application/json", len(answer)) + answer
        if fault is not None and fault.kind is FaultKind.CUT_ANSWER:
            tls.sendall(page[:-4])
            return False
        tls.sendall(page)
        return not close

    def _hold(self, tls: Any, call: str) -> None:
        """Say nothing until the master gives up."""
        self.held.append(call)
        try:
            while tls.recv(_READ_BYTES):
                pass
        finally:
            self.held.remove(call)

    def _misbehave(self, tls: Any, call: str, kind: FaultKind) -> bool:
        """Do what the fault wants instead of the call; return False if that was all."""
        match kind:
            case FaultKind.HANG:
                self._hold(tls, call)
                return False
            case FaultKind.GARBAGE:
                tls.sendall(b"\x00\xffthis is not HTTP\r\n\r\n")
                return False
            case FaultKind.NO_PAIR:
                body = b'{"not": "a pair"}'
                tls.sendall(self._head(200, b"application/json", len(body)) + body)
                return False
            case FaultKind.STATUS_500:
                tls.sendall(self._page(500, b"The node was told to fail"))
                return False
            case FaultKind.CONTINUE_FOR_EVER:
                while True:  # until the master hangs up
                    tls.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
            case FaultKind.LONG_ANSWER:
                length = RPC_LISTING_BYTES_MAX + 100
                tls.sendall(self._head(200, b"application/json", length) + b"[]," * (length // 3))
                return False
            case FaultKind.LONG_ERROR:
                body = b'[false,"' + b"x" * LONG_ERROR_CHARS + b'"]'
                tls.sendall(self._head(200, b"application/json", len(body)) + body)
                return False
            case FaultKind.DROP:
                return False
            case _:
                return True

    def _head(self, status: int, kind: bytes, length: int) -> bytes:
        connection = b"" if self._keep_alive else b"Connection: close\r\n"
        return (
            b"HTTP/1.1 %d %b\r\nServer: simulated-noded\r\nContent-Type: %b\r\n%b"
            b"Content-Length: %d\r\n\r\n" % (status, _REASONS[status], kind, connection, length)
        )

    def _page(self, status: int, text: bytes) -> bytes:
        body = (
            b"<html><head><title>Error response</title></head><body><p>Error code %d."
            b"<p>Message: %b.</body></html>" % (status, text)
        )
        return self._head(status, b"text/html", len(body)) + body


def _read_on(tls: Any, buffer: bytes, length: int) -> bytes:
    parts, have = [buffer], len(buffer)
    while have < length:
        data = tls.recv(_READ_BYTES)
        if not data:
            break
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def _context(server_pem: Path) -> SSLContext:
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_verify_locations(cafile=str(server_pem))
    context.load_cert_chain(str(server_pem))
    return context
