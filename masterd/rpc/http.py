"""One HTTP request after another over one connection, as bytes in and bytes out.

A thin layer over `h11`, which knows the protocol; here are the headers node daemons expect and the
bounds on what they may answer. Every byte counts: those of the body against the bound of the call,
all others (1xx responses, chunk sizes, trailers) against one of their own, because `h11` reads any
number of them.

Source: Ganeti 3.0.2 lib/rpc/node.py (headers), lib/http/server.py (POST only, Host wanted).
"""

import re
from typing import Final

import h11

from masterd.limits import (
    RPC_ANSWER_FRAME_BYTES_MAX,
    RPC_ANSWER_HEAD_BYTES_MAX,
    RPC_ERROR_PAGE_BYTES_MAX,
    RPC_ERROR_TEXT_CHARS_MAX,
)
from masterd.rpc.errors import BadAnswerError, ConnectionLostError, StatusError

_HEADERS: Final = (
    (b"Content-Type", b"application/json"),
    (b"User-Agent", b"ganeti-masterd"),
)
_OK: Final = 200
_STYLE = re.compile(r"<(head|style)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


class Exchange:
    """The HTTP side of one connection."""

    def __init__(self, host: str) -> None:
        """Prepare for requests to `host` (address and port, as the Host header has them)."""
        self._headers = ((b"Host", host.encode("ascii")), *_HEADERS)
        self._bytes_max = 0
        self._connection = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=RPC_ANSWER_HEAD_BYTES_MAX
        )
        self._status = 0
        self._parts: list[bytes] = []
        self._received = 0
        self._kept = 0

    def request(self, path: str, body: bytes, answer_bytes_max: int) -> bytes:
        """Return the bytes of a POST of `body` to `path`; its answer may be that long."""
        self._bytes_max = answer_bytes_max
        send = self._connection.send
        length = (b"Content-Length", b"%d" % len(body))
        request = h11.Request(method=b"POST", target=path, headers=[*self._headers, length])
        head = send(request)
        data = send(h11.Data(data=body))
        end = send(h11.EndOfMessage())
        assert head is not None and data is not None and end is not None, "Only CLOSED sends None"
        return head + data + end

    def receive(self, data: bytes) -> bytes | None:
        """Take bytes of the answer, b"" for the end of the stream; return its body when complete.

        Raises:
            ConnectionLostError: the stream ended before the answer was complete.
            BadAnswerError: not HTTP, or too long.
            StatusError: complete, but the status is not 200.
        """
        self._received += len(data)
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    if self._received - self._kept > RPC_ANSWER_FRAME_BYTES_MAX:
                        raise BadAnswerError(
                            f"More than {RPC_ANSWER_FRAME_BYTES_MAX} bytes around the answer"
                        )
                    return None
                if isinstance(event, h11.Data):
                    self._keep(event.data)
                elif isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.EndOfMessage):
                    return self._complete()
                elif isinstance(event, h11.ConnectionClosed):
                    raise self._lost()
        except h11.RemoteProtocolError as error:
            if not data:
                raise self._lost() from error
            text = str(error)[:RPC_ERROR_TEXT_CHARS_MAX]
            raise BadAnswerError(f"The answer is not HTTP: {text}") from error

    @property
    def untouched(self) -> bool:
        """Whether not a byte of the current answer has come."""
        return self._received == 0

    def again(self) -> bool:
        """Make ready for the next request; return False if the peer wants the connection closed."""
        if self._connection.our_state is not h11.DONE:
            return False
        if self._connection.their_state is not h11.DONE:
            return False
        if self._connection.trailing_data != (b"", False):
            return False
        self._connection.start_next_cycle()
        self._received = 0
        self._kept = 0
        return True

    def _keep(self, data: bytes | bytearray | memoryview) -> None:
        self._kept += len(data)
        if self._kept > self._bytes_max:
            raise BadAnswerError(f"The answer exceeds {self._bytes_max} bytes")
        self._parts.append(bytes(data))

    def _complete(self) -> bytes:
        parts, self._parts = self._parts, []
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._status != _OK:
            raise StatusError(self._status, readable(body))
        return body

    def _lost(self) -> ConnectionLostError:
        if self.untouched:
            return ConnectionLostError("The node closed the connection without an answer")
        return ConnectionLostError("The node closed the connection in the middle of its answer")


def readable(body: bytes) -> str:
    """Return the text of an error page on one line, without its HTML, shortened."""
    page = body[:RPC_ERROR_PAGE_BYTES_MAX].decode("utf-8", "replace")
    text = _TAG.sub(" ", _STYLE.sub(" ", page))
    return " ".join(text.split())[:RPC_ERROR_TEXT_CHARS_MAX]
