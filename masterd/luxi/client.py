"""A small LUXI client for our own commands and tests.

It uses ordinary sockets: in a process whose entry point has patched them, a call switches
greenlets; elsewhere it blocks the process. Source: luxi.json, transport (connect rules, timeouts).
"""

import errno
import socket
import threading
from collections.abc import Callable
from typing import Final

from masterd import errors
from masterd.clock import Clock, SystemClock
from masterd.errors import GanetiError, LuxiParseError
from masterd.limits import (
    LUXI_ANSWER_BYTES_MAX,
    LUXI_CLIENT_ANSWER_S,
    LUXI_CLIENT_CONNECT_S,
    LUXI_READ_BYTES,
)
from masterd.luxi.framing import Decoder, encode
from masterd.luxi.messages import encode_request, parse_answer

#: Sent with every request. Source: luxi.json, version_number_3_0.
VERSION: Final = 3_000_000

#: Seconds between attempts to reach a master daemon that should run.
_RETRY_S: Final = 1.0


class ClientError(GanetiError):
    """The call could not be made or its answer not be read; arguments: text."""


class NoMasterError(ClientError):
    """No master daemon serves this socket."""

    wire_name = "NoMasterError"


class AccessError(ClientError):
    """This user may not connect to the socket."""

    wire_name = "PermissionError"


class CallTimeoutError(ClientError):
    """Connecting or answering took too long."""

    wire_name = "TimeoutError"


class UnreachedError(CallTimeoutError):
    """Nobody accepted a connection in time, so that nothing was sent."""

    wire_name = "UnreachedError"


class ConnectionClosedError(ClientError):
    """The daemon closed the connection before it answered."""

    wire_name = "ConnectionClosedError"

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the master daemon closed the connection")
        #: Whether the request had been sent, so that it may have been carried out.
        self.sent = sent


class RequestError(ClientError):
    """The daemon refused the request, or failed with an error this client does not know."""

    wire_name = "RequestError"


def _classes() -> dict[str, type[GanetiError]]:
    found = (value for value in vars(errors).values() if isinstance(value, type))
    known = [cls for cls in found if issubclass(cls, GanetiError) and cls is not GanetiError]
    # A subclass that only differs on our side (RpcError) must not hide the class of that name.
    return {cls.wire_name: cls for cls in known if cls.__name__ == cls.wire_name}


_CLASSES: Final = _classes()


def rebuild_error(result: object) -> GanetiError:
    """Return the error an unsuccessful answer means: its class by name, or RequestError."""
    match result:
        case [str(name), [*arguments]] if name in _CLASSES:
            cls = _CLASSES[name]
            error = cls.__new__(cls)
            error.args = tuple(arguments)
            return error
        case [str(name), [*arguments]]:
            return RequestError(f"{name}: {', '.join(map(str, arguments))}")
        case _:
            return RequestError(str(result))


class Client:
    """One connection to a master daemon; made when first needed, and again after it broke."""

    def __init__(
        self,
        path: str,
        *,
        connect_s: float = LUXI_CLIENT_CONNECT_S,
        answer_s: float = LUXI_CLIENT_ANSWER_S,
        should_serve: Callable[[], bool] = lambda: True,
        make_socket: Callable[[], socket.socket] | None = None,
        clock: Clock | None = None,
        pause: Callable[[float], object] | None = None,
        waiting: Callable[[str], object] | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            path: socket file.
            connect_s: how long to try to reach a daemon.
            answer_s: how long to wait for the next bytes of an answer.
            should_serve: whether a master daemon ought to run here; when not, a missing one is an
                error at once.
            make_socket: gives the Unix socket to use (tests: one of gevent's).
            pause: waits so many seconds between two attempts.
            waiting: is told once, after the first pause, that nobody answers yet.
        """
        self._path = path
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._should_serve = should_serve
        self._make_socket = make_socket or _unix_socket
        self._clock = clock or SystemClock()
        self._pause = pause or threading.Event().wait
        self._waiting = waiting or _unheard
        self._socket: socket.socket | None = None

    def call(self, method: str, *args: object) -> object:
        """Call a method and return its result (decoded JSON).

        Raises:
            ClientError: the daemon was not reached, did not answer, or refused to read the request.
            GanetiError: what the daemon answered, in its class.
        """
        success, result = self.ask(method, list(args))
        if not success:
            raise rebuild_error(result)
        return result

    def ask(self, method: str, arguments: object) -> tuple[bool, object]:
        """Call a method; return whether it succeeded, and its result or its error as answered.

        Raises:
            ClientError: the daemon was not reached, did not answer, or refused to read the request.
        """
        return parse_answer(self._exchange(encode(encode_request(method, arguments, VERSION))))

    def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _exchange(self, message: bytes) -> bytes:
        fresh = self._socket is None
        try:
            return self._send_and_receive(message)
        except ConnectionClosedError as err:
            # A kept connection may have been dropped while it was idle. A part of a message does
            # nothing, so a message that could not be sent may be sent again; one that was sent may
            # not.
            if fresh or err.sent:
                raise
            return self._send_and_receive(message)

    def _send_and_receive(self, message: bytes) -> bytes:
        try:
            connection = self._connected()
            try:
                connection.sendall(message)
            except ConnectionError:
                raise ConnectionClosedError(sent=False) from None
            return self._receive(connection)
        except TimeoutError:
            self.close()
            raise CallTimeoutError(f"no answer within {self._answer_s:g} s") from None
        except (ClientError, LuxiParseError):
            self.close()
            raise

    def _receive(self, connection: socket.socket) -> bytes:
        decoder = Decoder(LUXI_ANSWER_BYTES_MAX + 100)
        while True:
            try:
                data = connection.recv(LUXI_READ_BYTES)
            except ConnectionError:
                data = b""
            if not data:
                raise ConnectionClosedError(sent=True)
            answers = decoder.feed(data)
            if answers:
                return answers[0]

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._connect()
            self._socket.settimeout(self._answer_s)
        return self._socket

    def _connect(self) -> socket.socket:
        begun_s = self._clock.monotonic_s()
        told = False
        while True:
            candidate = self._make_socket()
            candidate.settimeout(self._connect_s)
            try:
                candidate.connect(self._path)
                return candidate
            except OSError as err:
                candidate.close()
                error = self._explain(err)
                if error is not None:
                    raise error from None
            waited_s = self._clock.monotonic_s() - begun_s
            if waited_s + _RETRY_S > self._connect_s:
                text = f"cannot connect to {self._path} within {self._connect_s:g} s"
                raise UnreachedError(text) from None
            if not told and waited_s >= _RETRY_S:
                told = True
                self._waiting(
                    f"No master daemon answers at {self._path} yet; trying for"
                    f" {self._connect_s - waited_s:.0f} s more."
                )
            self._pause(_RETRY_S)

    def _explain(self, err: OSError) -> ClientError | None:
        """Return the error to give up with, or None when trying again may help."""
        if err.errno in (errno.EACCES, errno.EPERM):
            return AccessError(f"this user may not connect to {self._path}")
        if err.errno in (errno.ENOENT, errno.ECONNREFUSED):
            if self._should_serve():
                return None
            return NoMasterError(f"no master daemon serves {self._path}")
        if isinstance(err, TimeoutError) or err.errno == errno.EAGAIN:
            return None
        return ClientError(f"cannot connect to {self._path}: {err.strerror or err}")


def _unheard(_text: str) -> None:
    """Tell nobody."""


def _unix_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
