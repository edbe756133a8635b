"""One TLS connection to one node daemon, once it is there.

Real node daemons close after each answer; others keep the connection, and then it is used again.
"""

import ssl
from typing import Any, Final

import gevent
from gevent import monkey

from masterd.limits import RPC_READ_BYTES
from masterd.rpc.errors import ConnectionLostError, HandshakeError
from masterd.rpc.http import Exchange

#: The kernel's poll, which never switches, also where gevent has put its own in its place.
_poll: Final = monkey.get_original("select", "poll")


class Connection:
    """A connection that has agreed on TLS.

    Attributes:
        generation: of the credentials with which it was made.
        idle_since_s: when it was last given back, on the monotonic clock.
        used: answers received over it.
    """

    __slots__ = ("_exchange", "_poller", "_socket", "generation", "idle_since_s", "used")

    def __init__(self, tls: Any, exchange: Exchange, generation: int) -> None:
        self._socket = tls
        self._exchange = exchange
        self._poller = _poll()
        self._poller.register(tls.fileno())
        self.generation = generation
        self.idle_since_s = 0.0
        self.used = 0

    @property
    def session(self) -> ssl.SSLSession | None:
        """The TLS session, with which the next handshake is cheap; known after an answer."""
        session: ssl.SSLSession | None = self._socket.session
        return session

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was taken up."""
        return bool(self._socket.session_reused)

    def disturbed(self) -> bool:
        """Tell whether an idle connection has something to read: the peer has closed it."""
        return any(events & ~_WRITABLE for _, events in self._poller.poll(0))

    def ask(self, path: str, body: bytes, answer_bytes_max: int) -> bytes:
        """Send a request and return the body of the answer. Switches.

        Between two parts of an answer everybody else gets a turn, also when the peer sends faster
        than it is read: only then do deadlines pass.

        Raises:
            TransportError: no usable answer; the connection is of no further use.
        """
        fresh = self.used == 0
        try:
            self._socket.sendall(self._exchange.request(path, body, answer_bytes_max))
            answer = self._exchange.receive(self._socket.recv(RPC_READ_BYTES))
            while answer is None:
                gevent.sleep(0)
                answer = self._exchange.receive(self._socket.recv(RPC_READ_BYTES))
        except ssl.SSLError as error:
            if fresh and self._exchange.untouched and "ALERT" in (error.reason or ""):
                # TLS 1.3: the peer judges our certificate after we have begun to send.
                text = f"The node refuses our certificate: {reason(error)}"
                raise HandshakeError(text) from error
            raise self._lost(reason(error)) from error
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        except ConnectionLostError as error:
            error.stale = self._exchange.untouched and not fresh
            raise
        self.used += 1
        return answer

    def again(self) -> bool:
        """Make ready for the next request; return False if there can be none."""
        return self._exchange.again()

    def close(self) -> None:
        """End it at once."""
        self._socket.close()

    def _lost(self, reason: str) -> ConnectionLostError:
        stale = self._exchange.untouched and self.used > 0
        return ConnectionLostError(f"The connection to the node broke: {reason}", stale=stale)


_WRITABLE: Final = 4  # POLLOUT


def reason(error: ssl.SSLError) -> str:
    """Return what OpenSSL says, in words."""
    text = getattr(error, "verify_message", "") or error.reason or str(error)
    return str(text).lower().replace("_", " ")
