"""Asking a node's configuration server, `ganeti-confd`, what its copy of the configuration says.

One datagram each way: magic, then a JSON object with the message, a salt and an HMAC-SHA1 of both
under the cluster's key. The salt of a request is the time, so that nobody repeats an old one; that
of an answer is the salt which the request asked for.

Source: Ganeti 3.0.2 lib/confd/client.py, lib/serializer.py; constants CONFD_*.
"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Final

import msgspec
from gevent import Timeout, socket

from masterd.limits import CONFD_ANSWER_S, CONFD_DATAGRAM_BYTES_MAX, CONFD_TRIES

MAGIC: Final = b"plj0"
_PROTOCOL: Final = 1
#: Asks for what stands at a path of the configuration.
_CONFIG_QUERY: Final = 10
_OK: Final = 0


class ConfdError(Exception):
    """A configuration server did not answer, or not what it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What a datagram holds behind its magic."""

    msg: str
    salt: str
    hmac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    protocol: int
    status: int
    answer: object
    serial: int


class ConfdClient:
    """Asks the configuration servers of a cluster. The key is the content of `hmac.key`."""

    def __init__(self, key: bytes, port: int) -> None:
        self._key = key
        self._port = port

    def at_path(self, address: str, path: str, now_s: int) -> object:
        """Return what stands at a path such as `/serial_no` in a node's copy. Switches.

        Args:
            address: The node's primary address.
            now_s: Seconds since the epoch; the server refuses times far from its own.

        Raises:
            ConfdError: there was no answer that could be believed, or the server has none.
        """
        wanted = str(uuid.uuid4())
        request = msgspec.json.encode(
            {"protocol": _PROTOCOL, "type": _CONFIG_QUERY, "query": path, "rsalt": wanted}
        )
        datagram = MAGIC + msgspec.json.encode(self._signed(request.decode(), str(now_s)))
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            try:
                channel.connect((address, self._port))
                answer = self._exchange(channel, datagram, wanted)
            except OSError as error:
                raise ConfdError(f"ganeti-confd cannot be asked: {error}") from error
        if answer.status != _OK:
            raise ConfdError(f"ganeti-confd refuses to tell {path}: {answer.answer!r}")
        return answer.answer

    def _exchange(self, channel: socket.socket, datagram: bytes, wanted: str) -> _Answer:
        for _ in range(CONFD_TRIES):
            channel.send(datagram)
            with Timeout(CONFD_ANSWER_S, exception=False):
                # Datagrams of others and late ones are passed over until the time is up.
                while True:
                    answer = self._believed(channel.recv(CONFD_DATAGRAM_BYTES_MAX), wanted)
                    if answer is not None:
                        return answer
        raise ConfdError(f"ganeti-confd did not answer within {CONFD_TRIES * CONFD_ANSWER_S:g} s")

    def _believed(self, datagram: bytes, wanted: str) -> _Answer | None:
        """Return the answer in a datagram; None where it is not one to this request."""
        if not datagram.startswith(MAGIC):
            return None
        try:
            signed = msgspec.json.decode(datagram[len(MAGIC) :], type=_Signed)
            if signed.salt != wanted or not hmac.compare_digest(
                signed.hmac.encode(), self._hmac(signed.msg, wanted).encode()
            ):
                return None
            return msgspec.json.decode(signed.msg, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _signed(self, message: str, salt: str) -> _Signed:
        return _Signed(msg=message, salt=salt, hmac=self._hmac(message, salt))

    def _hmac(self, message: str, salt: str) -> str:
        return hmac.new(self._key, (salt + message).encode(), hashlib.sha1).hexdigest()
