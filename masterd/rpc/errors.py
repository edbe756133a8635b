"""What can go wrong between the master and a node, below the level of answers.

They never leave this package: the runner makes an `RpcResult` of each.
"""


class TransportError(Exception):
    """A request brought no usable answer.

    Attributes:
        unsent: the node certainly did not carry it out.
        stale: a kept connection turned out closed before a byte of the answer came; the node most
            likely never saw the request, but that is not certain.
        unreachable: nobody accepted a connection there.
    """

    unsent = False
    stale = False
    unreachable = False


class ConnectError(TransportError):
    """No connection that can be used."""

    unsent = True


class UnreachableError(ConnectError):
    """Nobody accepted a connection."""

    unreachable = True


class HandshakeError(ConnectError):
    """Connected, but no agreement on TLS or certificates."""


class OverloadError(TransportError):
    """Too much is waiting for this node already, or the turn did not come in time."""

    unsent = True


class DeadlineError(TransportError):
    """The answer did not come in time; the node may still be working."""


class ConnectionLostError(TransportError):
    """The connection ended before the answer was complete."""

    def __init__(self, text: str, *, stale: bool = False) -> None:
        super().__init__(text)
        self.stale = stale


class BadAnswerError(TransportError):
    """What came is not an HTTP answer, or is longer than allowed."""


class StatusError(TransportError):
    """The node answered with another HTTP status than 200.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP status {status}: {text}" if text else f"HTTP status {status}")
        self.status = status
