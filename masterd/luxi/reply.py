"""The handle with which a request is answered, at once or long after its handler has returned."""

from collections.abc import Callable
from typing import Protocol

from masterd.errors import GenericError, LuxiParseError, ProgrammerError
from masterd.limits import LUXI_ANSWER_BYTES_MAX
from masterd.luxi.framing import encode
from masterd.luxi.messages import encode_error, encode_success, encode_success_raw


class Answerable(Protocol):
    """The side of a connection that takes an answer. Nothing here switches."""

    def answer(self, message: bytes, last: bool) -> None:
        """Send the framed answer of the outstanding request; `last`: then close the connection."""
        ...

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back if the client goes away before the outstanding request is answered."""
        ...

    def lost(self, error: BaseException) -> None:
        """Answer soon with an error; called from any thread, as the garbage collector likes."""
        ...


class Reply:
    """Answers one request, once, from any greenlet or callback of the event loop; never switches.

    An answer for a client that has gone away is dropped. A handle that is lost without an answer
    answers with an error of its own, so that no client waits for ever.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Answerable) -> None:
        self._connection: Answerable | None = connection

    @property
    def answered(self) -> bool:
        """Whether the answer was given."""
        return self._connection is None

    def success(self, result: object) -> None:
        """Answer with a result made of JSON values, tuples and `msgspec.Raw`.

        Raises:
            TypeError: the result holds something else; nothing was sent, the request is still open.
        """
        self._finish(encode_success(result))

    def success_raw(self, result: bytes) -> None:
        """Answer with a result that is JSON text already.

        Raises:
            ValueError: it holds the byte that ends messages, so it is no JSON; nothing was sent.
        """
        self._finish(encode_success_raw(result))

    def failure(self, error: BaseException) -> None:
        """Answer with an error; after a `LuxiParseError` the connection is closed."""
        self._finish(encode_error(error), last=isinstance(error, LuxiParseError))

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back once if the client goes away before it is answered.

        The callback runs in the event loop and must not switch; it is forgotten with the answer.
        """
        if self._connection is not None:
            self._connection.on_gone(callback)

    def _finish(self, payload: bytes, last: bool = False) -> None:
        connection = self._connection
        if connection is None:
            raise ProgrammerError("a request was answered twice")
        if len(payload) > LUXI_ANSWER_BYTES_MAX:
            text = f"The answer has {len(payload)} bytes, more than {LUXI_ANSWER_BYTES_MAX}"
            payload = encode_error(GenericError(text))
        message = encode(payload)
        self._connection = None
        connection.answer(message, last)

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.lost(ProgrammerError("the request was dropped without an answer"))
