"""LUXI framing: bytes on the socket to messages and back, apart from any socket.

A message is JSON text followed by byte 3, which no JSON text contains. Source: luxi.json,
transport.
"""

from typing import Final

from masterd.errors import LuxiParseError

#: Ends a message.
END: Final = b"\x03"


class MessageTooLargeError(LuxiParseError):
    """The peer sent more than a message may have; the rest of its stream is worthless."""


class Decoder:
    """Cut a LUXI byte stream into messages; keeps the unfinished tail.

    Work and memory are linear in the bytes fed, however they are cut.
    """

    __slots__ = ("_message_bytes_max", "_tail")

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        #: None while no message is unfinished: an idle connection pays nothing for it.
        self._tail: bytearray | None = None

    @property
    def pending_bytes(self) -> int:
        """Bytes of the unfinished message."""
        return 0 if self._tail is None else len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages completed by `data`, oldest first, without their end bytes.

        Raises:
            MessageTooLargeError: a message, finished or not, exceeds `message_bytes_max`. Messages
                completed by the same `data` are lost with it; the stream cannot be used any
                further.
        """
        pieces = data.split(END)
        rest = pieces.pop()
        if pieces and self._tail is not None:
            self._tail += pieces[0]
            pieces[0] = bytes(self._tail)
            self._tail = None
        if rest:
            if self._tail is None:
                self._tail = bytearray(rest)
            else:
                self._tail += rest
        longest = max(max(map(len, pieces), default=0), self.pending_bytes)
        if longest > self._message_bytes_max:
            self._tail = None
            raise MessageTooLargeError(f"message exceeds {self._message_bytes_max} bytes")
        return pieces


def encode(payload: bytes) -> bytes:
    """Return `payload` as a message on the wire.

    Raises:
        ValueError: the payload contains the end byte and would become two messages.
    """
    if END in payload:
        raise ValueError("a LUXI payload may not contain the end-of-message byte")
    return payload + END
